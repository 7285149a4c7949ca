//! Whether the launcher and the MPI library belong together.
//!
//! The launcher of one MPI starts programs of another without a word, as N worlds of one rank; so does `srun` without the
//! right `--mpi`. What the environment says is compared with what the library says, before and after it starts; and then, whether
//! all ranks run the same program.

use std::env;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::check;
use crate::comm::Comm;

/// The MPI library this program is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    OpenMpi,
    Mpich,
    Other,
}

/// Which one it is; may be asked before MPI is started.
pub(crate) fn library() -> Library {
    let version = version();
    if version.contains("Open MPI") {
        Library::OpenMpi
    } else if version.contains("MPICH") {
        Library::Mpich
    } else {
        Library::Other
    }
}

/// The library's name and version in a few words.
fn version() -> String {
    let text = mpi::environment::library_version().unwrap_or_default();
    // "Open MPI v4.1.4, package: …", "MPICH Version:\t4.0.2\nMPICH Release date: …"
    let line = text.lines().next().unwrap_or_default().split(',').next().unwrap_or_default();
    line.replace("Version:", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What was started by what, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    message: String,
    /// This process's number among those that the launcher started.
    id: usize,
}

/// What a launcher has left in the environment.
struct Launcher {
    name: &'static str,
    processes: usize,
    id: usize,
}

fn number(name: &str, get: &impl Fn(&str) -> Option<String>) -> Option<usize> {
    get(name)?.trim().parse().ok()
}

/// The launcher that started this process, and how many with it. Not SLURM_NTASKS: under other launchers it counts other
/// things.
fn launcher(get: &impl Fn(&str) -> Option<String>) -> Option<Launcher> {
    [
        ("the mpirun of Open MPI", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
        ("the mpirun of MPICH (or srun --mpi=pmi2)", "PMI_SIZE", "PMI_RANK"),
        ("srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    ]
    .into_iter()
    .find_map(|(name, size, id)| {
        Some(Launcher { name, processes: number(size, get)?, id: number(id, get).unwrap_or(0) })
    })
}

/// The launcher that started this process, if one did: `the mpirun of Open MPI`, `srun`. From what it has left in the
/// environment; may be asked before [`run`](crate::run).
///
/// ```
/// assert_eq!(rankwise::program::launched_by(), None); // documentation examples run without one
/// ```
pub fn launched_by() -> Option<&'static str> {
    launcher(&|name| env::var(name).ok()).map(|launcher| launcher.name)
}

/// Name and version of the MPI library that this program has loaded: `Open MPI v4.1.4`, `MPICH 4.0.2`. May be asked before
/// [`run`](crate::run).
///
/// ```
/// let version = rankwise::program::mpi_version();
/// assert!(version.starts_with("Open MPI") || version.starts_with("MPICH"), "{version}");
/// ```
pub fn mpi_version() -> String {
    version()
}

/// Before MPI starts: Open MPI ends the program inside MPI_Init when `srun` gives it no way to find the others.
pub(super) fn before_start() -> Result<(), Wrong> {
    let get = |name: &str| env::var(name).ok();
    if let Some(note) = doubtful(&get, library()) {
        eprintln!("{note}");
    }
    no_pmi(&get)
}

/// Open MPI under `srun --mpi=pmi2` works only if it was built for it, and most are not. That cannot be found out, and Open MPI
/// ends the program while it starts, with a page for each rank; so this is said before. Once for all processes.
fn doubtful(get: &impl Fn(&str) -> Option<String>, library: Library) -> Option<String> {
    let srun_pmi = number("SLURM_STEP_NUM_TASKS", get)? > 1 && get("SLURM_MPI_TYPE")?.starts_with("pmi2");
    let doubt = srun_pmi && library == Library::OpenMpi && number("PMI_RANK", get) == Some(0);
    let version = version();
    doubt.then(|| {
        format!(
            "note: srun --mpi=pmi2 starts this program, which uses {version}. If it does not start: that Open MPI was not \
             built for pmi2.\n{}",
            advice(library)
        )
    })
}

fn no_pmi(get: &impl Fn(&str) -> Option<String>) -> Result<(), Wrong> {
    let tasks = number("SLURM_STEP_NUM_TASKS", get).unwrap_or(1);
    let found = ["PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"].iter().any(|name| get(name).is_some());
    if tasks <= 1 || found {
        return Ok(());
    }
    let asked =
        get("SLURM_MPI_TYPE").map_or("without --mpi (or none)".into(), |name| format!("with --mpi={name}"));
    let message = format!(
        "srun started this program {tasks} times {asked}, which gives {} no way to find the other ranks.\n\
         {}",
        version(),
        advice(library())
    );
    Err(Wrong { message, id: number("SLURM_PROCID", get).unwrap_or(0) })
}

/// After MPI has started with a world of this size.
pub(super) fn after_start(world_size: i32) -> Result<(), Wrong> {
    singletons(usize::try_from(world_size).unwrap_or(0), &|name| env::var(name).ok(), &version(), library())
}

fn singletons(
    world_size: usize,
    get: &impl Fn(&str) -> Option<String>,
    version: &str,
    library: Library,
) -> Result<(), Wrong> {
    let Some(Launcher { name, processes, id }) = launcher(get) else { return Ok(()) };
    if processes == world_size {
        return Ok(());
    }
    let message = format!(
        "this program uses {version}, but {name} started it: {processes} processes, each of which sees a world of \
         {world_size}.\n{}",
        advice(library)
    );
    Err(Wrong { message, id })
}

fn advice(library: Library) -> &'static str {
    match library {
        Library::OpenMpi => {
            "Start it with Open MPI's own launcher (mpirun.openmpi on Debian; else the mpirun of the module it was built \
             with), or with srun --mpi=pmix."
        }
        Library::Mpich => {
            "Start it with MPICH's own launcher (mpirun.mpich on Debian; else the mpirun of the module it was built \
             with), or with srun --mpi=pmi2."
        }
        Library::Other => "Start it with the mpirun of the MPI it was built with (see also srun --mpi=list).",
    }
}

/// After MPI's end, which all ranks began together and which took so long. A rank of Open MPI says goodbye to its launcher, waits two
/// seconds for the answer, and goes. A launcher that first sees it gone says "exiting improperly" and makes a failure of the job: on a
/// machine that stood still, both come at once.
pub(super) fn wait_for_launcher(took: Duration) {
    const LATE: Duration = Duration::from_secs(2);
    if took >= LATE && library() == Library::OpenMpi && launched_by().is_some() {
        std::thread::sleep(LATE);
    }
}

/// Words about ranks that do not run the same program with the same arguments, on all ranks, if there are some. One all-reduce of
/// 16 bytes. `RANKWISE_MIXED=yes`, on rank 0, says that it is meant.
pub(super) fn mixed(world: &Comm) -> crate::Result<Option<String>> {
    let meant = env::var_os("RANKWISE_MIXED").is_some_and(|how| how == "yes");
    let words = identity();
    let [greatest, complement] = world.greatest([check::hashed(&words), !check::hashed(&words)])?;
    if greatest == !complement {
        return Ok(None);
    }
    let mut meant = [meant];
    world.broadcast_into(0, &mut meant)?;
    if meant[0] {
        return Ok(None);
    }
    let all = world.all_gather_values(&words)?;
    Ok(Some(format!(
        "error: the ranks do not run the same program:\n{}\nStart all with one command and the same files on all nodes; if it is \
         meant, RANKWISE_MIXED=yes says so.",
        check::grouped(&all)
    )))
}

/// What must be the same on all ranks, in words: the program with its arguments, and on a second line what tells one build from
/// another.
fn identity() -> String {
    /// Holds the build id, and the sizes of all parts.
    const HEAD: usize = 4096;
    let path = env::current_exe().unwrap_or_default();
    let build = std::fs::File::open(&path).and_then(|mut file| {
        let (mut head, mut read) = (vec![0; HEAD], 0);
        while let n @ 1.. = file.read(&mut head[read..])? {
            read += n;
        }
        Ok((file.metadata()?.len(), check::hashed(&head[..read])))
    });
    let build =
        build.map_or("unknown build".into(), |(bytes, head)| format!("{bytes} bytes, build {head:016x}"));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let command: Vec<_> = std::iter::once(name).chain(arguments).collect();
    format!("running {}\n({build}; rankwise {}; {})", command.join(" "), env!("CARGO_PKG_VERSION"), version())
}

/// Prints the message once for all processes and gives the exit code.
pub(super) fn refuse(wrong: &Wrong) -> ExitCode {
    crate::sys::signals::leaving();
    if wrong.id == 0 {
        let _ = std::io::stderr().lock().write_all(format!("error: {}\n", wrong.message).as_bytes());
    } else {
        // These processes cannot talk to each other, and a launcher ends all of them at the first that fails: leave time
        // for the one that speaks.
        std::thread::sleep(Duration::from_millis(500));
    }
    ExitCode::from(super::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    /// The environments that launchers were seen to leave, with the size of the world and whether that is as it should be.
    #[test]
    fn singletons_are_told_from_worlds() {
        type Environment = [(&'static str, &'static str)];
        let cases: [(&str, &Environment, usize, bool); 9] = [
            ("no launcher", &[], 1, true),
            ("mpirun of Open MPI", &[("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_RANK", "2")], 4, true),
            ("mpirun of Open MPI, other library", &[("OMPI_COMM_WORLD_SIZE", "4")], 1, false),
            ("mpirun of MPICH", &[("PMI_SIZE", "3"), ("PMI_RANK", "0")], 3, true),
            ("mpirun of MPICH, other library", &[("PMI_SIZE", "3"), ("PMI_RANK", "1")], 1, false),
            ("srun with pmix", &[("SLURM_STEP_NUM_TASKS", "8"), ("PMIX_RANK", "0")], 8, true),
            ("srun without", &[("SLURM_STEP_NUM_TASKS", "8"), ("SLURM_PROCID", "3")], 1, false),
            ("plain, in a batch script", &[("SLURM_NTASKS", "8")], 1, true),
            (
                "mpirun of Open MPI on 3 nodes of Slurm: one daemon a node",
                &[("OMPI_COMM_WORLD_SIZE", "6"), ("SLURM_STEP_NUM_TASKS", "3"), ("SLURM_NTASKS", "3")],
                6,
                true,
            ),
        ];
        for (what, set, size, right) in cases {
            let outcome = singletons(size, &with(set), "Open MPI v4.1.4", Library::OpenMpi);
            assert_eq!(outcome.is_ok(), right, "{what}: {outcome:?}");
        }
    }

    #[test]
    fn open_mpi_under_pmi2_is_doubtful() {
        let pmi2 = [("SLURM_STEP_NUM_TASKS", "4"), ("SLURM_MPI_TYPE", "pmi2"), ("PMI_RANK", "0")];
        assert!(
            doubtful(&with(&pmi2), Library::OpenMpi).is_some_and(|note| note.contains("srun --mpi=pmix"))
        );
        assert_eq!(doubtful(&with(&pmi2), Library::Mpich), None);
        assert_eq!(doubtful(&with(&[pmi2[0], pmi2[1], ("PMI_RANK", "1")]), Library::OpenMpi), None);
        assert_eq!(doubtful(&with(&[pmi2[0], ("SLURM_MPI_TYPE", "pmix"), pmi2[2]]), Library::OpenMpi), None);
        assert_eq!(doubtful(&with(&[]), Library::OpenMpi), None);
    }

    #[test]
    fn srun_without_pmi_is_found_before_mpi_starts() {
        let bare = [("SLURM_STEP_NUM_TASKS", "4"), ("SLURM_PROCID", "2")];
        let wrong = no_pmi(&with(&bare)).unwrap_err();
        assert_eq!(wrong.id, 2);
        assert!(
            wrong.message.contains("srun started this program 4 times without --mpi"),
            "{}",
            wrong.message
        );
        for name in ["PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"] {
            assert_eq!(no_pmi(&with(&[bare[0], (name, "0")])), Ok(()), "{name}");
        }
        assert_eq!(no_pmi(&with(&[("SLURM_STEP_NUM_TASKS", "1")])), Ok(()));
        assert_eq!(no_pmi(&with(&[("SLURM_NTASKS", "4")])), Ok(()));
    }
}
