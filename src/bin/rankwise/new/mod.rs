//! `rankwise new`: a small project that builds, runs on ranks and is tested.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes a small project: a program on ranks, a test, a batch script, a README.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rankwise new waves                       a sum over ranks
  rankwise new waves --with hdf5,farm      tasks to whoever is free, and an HDF5 file")]
pub(crate) struct Args {
    /// The new folder; its last part is the name of the program.
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// What it begins with.
    #[arg(long, value_delimiter = ',', value_name = "WHAT,WHAT…")]
    with: Vec<With>,
    /// Where rankwise is, if not where this tool was built.
    #[arg(long, value_name = "FOLDER")]
    rankwise: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum With {
    /// One file from all ranks.
    Hdf5,
    /// Tasks to whichever rank is free.
    Farm,
}

/// The files, and what is in them. Lines between `//[what` and `//]` are there with it, between `//[!what` and `//]` without it.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("project/Cargo.toml")),
    ("README.md", include_str!("project/README.md")),
    ("src/lib.rs", include_str!("project/lib.rs")),
    ("src/main.rs", include_str!("project/main.rs")),
    ("tests/ranks.rs", include_str!("project/ranks.rs")),
    (".gitignore", "/target\n"),
    // The versions with which this tool was built, so that it builds.
    ("Cargo.lock", include_str!("../../../../Cargo.lock")),
    ("env.sh", include_str!("../../../../env.sh")),
    ("setup.sh", include_str!("../../../../setup.sh")),
];

/// The first of the batch scripts, which is made to fit.
const JOB: &str = include_str!("../../../../slurm/hello.sbatch");

pub(crate) fn alone(args: &Args) -> Result<(), Box<dyn Error>> {
    let name = name(&args.path)?;
    if args.path.exists() {
        return Err(format!("{} is there already: give another name", args.path.display()).into());
    }
    let parent = args.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(format!("{} is no folder: make it first", parent.display()).into());
    }
    let dependency = dependency(args)?;
    let mut files: Vec<(&str, String)> = FILES
        .iter()
        .map(|&(file, text)| (file, chosen(text, &args.with).replace("DEPENDENCY", &dependency)))
        .collect();
    files.push(("job.sbatch", job()));
    // Beside it first, so that there is a whole project or none.
    let beside = parent.join(format!(".{name}.partial"));
    fs::remove_dir_all(&beside).ok();
    write(&beside, &files, &name).and_then(|()| fs::rename(&beside, &args.path)).map_err(|error| {
        fs::remove_dir_all(&beside).ok();
        format!("cannot write {}: {error}", args.path.display())
    })?;
    println!(
        "{path} is there: a program on ranks, a test, a batch script. Next:\n\n  cd {path}\n  ./setup.sh openmpi && source ./env.sh openmpi    # or mpich\n  cargo test\n  cargo run                                       # one rank\n  $MPIEXEC -n 4 target/openmpi/debug/{name}",
        path = args.path.display()
    );
    Ok(())
}

/// The name of the program, if cargo takes it.
fn name(path: &Path) -> Result<String, String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let taken = ["test", "core", "std", "alloc", "proc-macro", "rankwise", "mpi"];
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) && !taken.contains(&name)
    {
        return Ok(name.to_owned());
    }
    Err(format!(
        "{name:?} cannot name a program: small letters, digits, - and _, beginning with a letter, and none of {}",
        taken.join(", ")
    ))
}

/// The line of Cargo.toml.
fn dependency(args: &Args) -> Result<String, Box<dyn Error>> {
    let features = if args.with.contains(&With::Hdf5) { "" } else { ", default-features = false" };
    let here = args.rankwise.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    if here.join("Cargo.toml").is_file() {
        let here = here.canonicalize()?;
        let words = here.to_str().ok_or("the folder of rankwise has a name that is not UTF-8")?;
        return Ok(format!("rankwise = {{ path = {words:?}{features} }}"));
    }
    if let Some(wrong) = &args.rankwise {
        return Err(format!("there is no Cargo.toml in {}", wrong.display()).into());
    }
    Ok(format!("rankwise = {{ version = {:?}{features} }}", env!("CARGO_PKG_VERSION")))
}

/// The lines that are wanted, without the marks.
fn chosen(text: &str, with: &[With]) -> String {
    let mut out = String::new();
    let mut keep = true;
    for line in text.lines() {
        match line.trim_start().strip_prefix("//[") {
            Some(mark) => {
                let has = |what: &str| match what {
                    "hdf5" => with.contains(&With::Hdf5),
                    _ => with.contains(&With::Farm),
                };
                keep = mark.strip_prefix('!').map_or_else(|| has(mark), |without| !has(without));
            }
            None if line.trim_start() == "//]" => keep = true,
            None if keep => out += &format!("{line}\n"),
            None => {}
        }
    }
    out
}

/// The batch script of this project for that one.
fn job() -> String {
    let mut out = String::new();
    for line in JOB.lines() {
        let line = line
            .replace("target/openmpi/release/examples/hello", "target/openmpi/release/PROJECT")
            .replace("target/mpich/release/examples/hello", "target/mpich/release/PROJECT")
            .replace("slurm/hello.sbatch", "job.sbatch")
            .replace("--job-name=hello", "--job-name=PROJECT")
            .replace("$LAUNCH \"$PROGRAM\" --verbose", "$LAUNCH \"$PROGRAM\" --report text");
        match line.as_str() {
            line if line.starts_with("# The first job") => out += "# PROJECT as a batch job.\n",
            line if line.starts_with("# Shows:") || line.starts_with("# Next:") => {}
            line if line.starts_with("# --- the same in all scripts: ") => {
                out += &line.replace("the same in all scripts: ", "")
            }
            line => out += line,
        }
        if !out.ends_with('\n') {
            out += "\n";
        }
    }
    out
}

fn write(folder: &Path, files: &[(&str, String)], name: &str) -> std::io::Result<()> {
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, text.replace("PROJECT", name).replace("CRATE", &name.replace('-', "_")))?;
        if file.ends_with(".sh") || file.ends_with(".sbatch") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_there_with_what_they_belong_to() {
        let text = "a\n//[hdf5\nb\n//]\n//[!farm\nc\n    //]\nd\n";
        assert_eq!(chosen(text, &[]), "a\nc\nd\n");
        assert_eq!(chosen(text, &[With::Hdf5]), "a\nb\nc\nd\n");
        assert_eq!(chosen(text, &[With::Hdf5, With::Farm]), "a\nb\nd\n");
    }

    #[test]
    fn the_script_is_of_the_new_project() {
        let job = job();
        assert!(
            !job.contains("hello")
                && job.contains("target/openmpi/release/PROJECT")
                && job.contains("--report text"),
            "{job}"
        );
    }

    #[test]
    fn names_are_those_that_cargo_takes() {
        for good in ["waves", "my-waves_2", "/tmp/x/waves"] {
            assert!(name(Path::new(good)).is_ok(), "{good}");
        }
        for bad in ["", "Waves", "2waves", "wa ves", "test", "..", "rankwise"] {
            assert!(name(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
