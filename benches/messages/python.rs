//! mpi4py, measured by messages.py in processes of its own under the same launcher.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rankwise::testing::{launcher, run_to_end};

use crate::operation::Operation;
use crate::record::{Record, Variant};
use crate::{Outcome, Plan, machine};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/messages/messages.py");

/// Far longer than it takes: a launcher and an mpi4py that do not fit together may wait for ever.
const LIMIT: Duration = Duration::from_secs(3600);

/// The interpreter; or why there is nothing to measure.
pub(crate) fn find() -> Result<String, String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    // Without MPI: starting it outside of the launcher is not always possible.
    let mut import = Command::new(&python);
    import.args(["-c", "import mpi4py, numpy"]).stdin(Stdio::null());
    let tried = import.output().map_err(|error| format!("{python} (from $PYTHON) cannot start: {error}"))?;
    if tried.status.success() {
        return Ok(python);
    }
    let stderr = String::from_utf8_lossy(&tried.stderr);
    let why = stderr.lines().last().unwrap_or("it does not say why");
    Err(format!("{python} cannot import mpi4py and numpy: {why}"))
}

/// Adds what mpi4py takes to the record; or that it was skipped, and why. After a failure there is nothing to be found any more.
pub(crate) fn measure(
    python: &mut Result<String, String>,
    plan: &Plan,
    operation: Operation,
    ranks: usize,
    folder: &Path,
    record: &mut Record,
) {
    let measured = match python {
        Ok(python) => run(python, plan, operation, ranks, folder, record),
        Err(_) => Ok(()),
    };
    if let Err(reason) = measured {
        let reason = reason.to_string();
        let reason =
            reason.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason given");
        *python = Err(reason.to_owned());
    }
    if let Err(reason) = python {
        record.skip(operation, Variant::Upper, reason);
        record.skip(operation, Variant::Lower, reason);
    }
}

fn run(
    python: &str,
    plan: &Plan,
    operation: Operation,
    ranks: usize,
    folder: &Path,
    record: &mut Record,
) -> Outcome {
    eprintln!("{ranks} ranks: {} by mpi4py", operation.name());
    let lines = folder.join(format!("{}-python-{ranks}.txt", operation.name()));
    let _ = fs::remove_file(&lines);
    let mut command = launcher(ranks);
    command.arg(python).arg(SCRIPT).args(["--ranks", &ranks.to_string(), "--library", &machine::mpi_line()]);
    command.args(["--operation", &operation.name(), "--bytes", &listed(&plan.bytes)]);
    command.args(["--samples", &plan.samples.to_string()]);
    command.args(["--sample-micros", &plan.sample_micros.to_string()]).arg("--record").arg(&lines);
    if let Some(library) = linked_mpi() {
        // For an mpi4py that looks for its MPI when it is imported; one that was built with an MPI does not read them.
        command.env("LD_LIBRARY_PATH", by_its_usual_name(&library, folder)?);
        command.env("MPI4PY_LIBMPI", library);
    }
    let ended = run_to_end(command, LIMIT);
    match (ended.status, fs::read_to_string(&lines)) {
        (Some(status), Ok(text)) if status.success() => {
            record.read(&text).ok_or_else(|| format!("{} is not understood", lines.display()))?;
            Ok(())
        }
        (None, _) => Err(format!("no end after {LIMIT:?}").into()),
        _ => {
            // The script's own words are what matters, not what the launcher says after them.
            let own = ended.stderr.lines().find(|line| line.contains("mpi4py"));
            Err(own.unwrap_or(&ended.stderr).to_owned().into())
        }
    }
}

/// The file of the MPI library in this process.
fn linked_mpi() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps.lines().filter_map(|line| Some(Path::new(&line[line.find('/')?..])));
    let is_mpi = |path: &&Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libmpi.so") || name.starts_with("libmpich.so")
    };
    paths.find(is_mpi).map(Path::to_path_buf)
}

/// A search path on which mpi4py finds MPICH by the name that all its offspring agree on; Debian calls it otherwise.
fn by_its_usual_name(library: &Path, folder: &Path) -> Outcome<OsString> {
    let links = folder.join("lib");
    fs::create_dir_all(&links)?;
    let link = links.join("libmpi.so.12");
    let _ = fs::remove_file(&link);
    if library.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libmpich.so.12")) {
        std::os::unix::fs::symlink(library, link)?;
    }
    let given = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    Ok(std::env::join_paths([links].into_iter().chain(std::env::split_paths(&given)))?)
}

fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}
