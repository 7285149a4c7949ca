//! Which libraries this program has loaded, and whether another program would find its own.

use std::path::Path;

use super::finding::Finding;
use super::output;

const SECTION: &str = "Libraries";

pub(super) fn findings(program: Option<&Path>) -> Vec<Finding> {
    let version = rankwise::program::mpi_version();
    let mut all = vec![Finding::good(SECTION, format!("rankwise {}", env!("CARGO_PKG_VERSION")))];
    all.push(match loaded(&["libmpi.so", "libmpich.so", "libmpi_cray.so"]) {
        Some(path) => Finding::good(SECTION, format!("MPI: {version}, from {path}")),
        None => Finding::good(SECTION, format!("MPI: {version}")),
    });
    all.push(of_hdf5());
    all.extend(program.into_iter().flat_map(of_program));
    all
}

#[cfg(not(feature = "h5"))]
fn of_hdf5() -> Finding {
    Finding::absent(SECTION, "HDF5: rankwise was built without it")
}

#[cfg(feature = "h5")]
fn of_hdf5() -> Finding {
    let (major, minor, patch) = hdf5::library_version();
    let from = loaded(&["libhdf5"]).map_or(String::new(), |path| format!(", from {path}"));
    // It could not have been built with a serial one, but it may have been exchanged since.
    let hdf5 = format!("HDF5 {major}.{minor}.{patch}{from}");
    if (major, minor) >= (1, 10) {
        Finding::good(SECTION, format!("{hdf5}, parallel"))
    } else {
        Finding::bad(SECTION, hdf5)
            .todo("rankwise needs HDF5 1.10 or later: load another module and build again")
    }
}

/// The file of a library that this process has loaded.
fn loaded(names: &[&str]) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let files = maps.lines().filter_map(|line| line.find('/').map(|start| &line[start..]));
    let named = |file: &&str| {
        let name = file.rsplit('/').next().unwrap_or(file);
        names.iter().any(|wanted| name.starts_with(wanted))
    };
    files.into_iter().find(named).map(str::to_owned)
}

/// The libraries that the loader finds for a program.
fn of_program(program: &Path) -> Vec<Finding> {
    let name = program.display();
    if let Err(error) = std::fs::File::open(program) {
        return vec![Finding::bad(SECTION, format!("{name}: {error}"))];
    }
    let Some(text) = output("ldd", &[&program.to_string_lossy()]) else {
        return vec![Finding::doubt(SECTION, format!("{name}: not looked at, since there is no ldd here"))];
    };
    let missing: Vec<&str> =
        text.lines().filter_map(|line| line.trim().strip_suffix(" => not found")).collect();
    if !missing.is_empty() {
        let todo =
            "load the modules that it was built with, or add the folder of the library to LD_LIBRARY_PATH";
        return vec![
            Finding::bad(SECTION, format!("{name} does not find {}", missing.join(", "))).todo(todo),
        ];
    }
    let mpi = text.lines().find(|line| line.trim_start().starts_with("libmpi"));
    let Some(path) = mpi.and_then(|line| line.split_whitespace().nth(2)) else {
        return vec![Finding::doubt(SECTION, format!("{name} is not linked to any MPI, or statically"))];
    };
    let family = if path.contains("mpich") { "MPICH" } else { "Open MPI" };
    let ours = rankwise::program::mpi_version();
    let found = format!("{name} finds all its libraries; MPI ({family}) from {path}");
    vec![if ours.starts_with(family) {
        Finding::good(SECTION, found)
    } else {
        Finding::doubt(SECTION, found)
            .todo(format!("this tool was built with {ours}: use the one built for {family}"))
    }]
}
