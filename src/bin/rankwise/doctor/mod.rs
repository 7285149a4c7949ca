//! `rankwise doctor`: a list of what was found, and what to do about each.

mod finding;
mod launcher;
mod libraries;
mod machine;
mod ranks;
mod slurm;

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rankwise::Comm;
use rankwise::testing::run_to_end;

use finding::{Finding, Mark};
pub(crate) use ranks::{farthest, rounds};
pub(crate) use slurm::srun_plugin;

/// Looks at this machine, or, under a launcher, at all ranks.
#[derive(clap::Args)]
#[command(after_help = "\
Marks: ✓ right, ! works but might not do what you want, ✗ does not work, – not there and not needed.
The exit code is 1 if something is marked ✗.

Examples:
  rankwise doctor                         this machine, then two ranks by the launcher
  rankwise doctor target/release/solver   and a program: does it find its libraries?
  mpirun -n 8 rankwise doctor             8 ranks, as they are started here
  srun --mpi=pmix -n 64 rankwise doctor   inside an allocation of Slurm")]
pub(crate) struct Args {
    /// A program whose libraries are to be looked at, too.
    program: Option<PathBuf>,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
    /// Look at the ranks only: what the tool starts itself.
    #[arg(long, hide = true)]
    tried: bool,
}

/// What can be found out without MPI.
fn around(args: &Args) -> Vec<Finding> {
    if args.tried {
        return Vec::new();
    }
    let mut all = libraries::findings(args.program.as_deref());
    all.extend(launcher::findings());
    all.extend(slurm::findings());
    all.extend(machine::findings());
    all
}

/// Without a launcher: looks around, and starts two ranks.
pub(crate) fn alone(args: &Args) -> ExitCode {
    let mut all = around(args);
    all.extend(if args.tried { lonely() } else { started() });
    print!("{}", finding::report(&all, args.json));
    ExitCode::from(code(&all))
}

/// Under a launcher: the ranks as they are.
pub(crate) fn on_ranks(world: &Comm, args: &Args) -> Result<(), Box<dyn Error>> {
    let ranks = ranks::findings(world)?;
    let bad = world.on_root(|| {
        let mut all = around(args);
        all.extend(ranks.unwrap_or_default());
        print!("{}", finding::report(&all, args.json));
        Ok(code(&all) != 0)
    })?;
    let mut bad = [bad.unwrap_or(false)];
    world.broadcast_into(0, &mut bad)?;
    if bad[0] { Err("something here does not work: see ✗ in the list".into()) } else { Ok(()) }
}

fn code(all: &[Finding]) -> u8 {
    u8::from(all.iter().any(|finding| finding.mark == Mark::Bad))
}

const SECTION: &str = "Ranks, started for a try";

/// A rank that a launcher has started, and that finds no trace of one.
fn lonely() -> Vec<Finding> {
    let what =
        format!("what the launcher starts is alone: it is not one of {}", rankwise::program::mpi_version());
    vec![Finding::bad(SECTION, what).todo("set MPIEXEC to the launcher of the library's MPI")]
}

/// What two ranks say that the launcher starts.
fn started() -> Vec<Finding> {
    const RANKS: usize = 2;
    let mut command = rankwise::testing::launcher(RANKS);
    let launcher = command.get_program().to_string_lossy().into_owned();
    if which(&launcher).is_none() {
        return vec![
            Finding::bad(SECTION, format!("{launcher} is not on the PATH"))
                .todo("install it, or set MPIEXEC"),
        ];
    }
    let this = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => {
            return vec![Finding::bad(SECTION, format!("this program cannot find itself: {error}"))];
        }
    };
    command.arg(this).args(["doctor", "--tried", "--json"]);
    let ended = run_to_end(command, std::time::Duration::from_secs(60));
    // If each is alone, there are several lists.
    let list = ended.stdout.find('[').and_then(|start| {
        serde_json::Deserializer::from_str(&ended.stdout[start..]).into_iter::<Vec<Finding>>().next()?.ok()
    });
    if let Some(list) = list {
        return list.into_iter().map(|finding| Finding { section: SECTION.into(), ..finding }).collect();
    }
    let said =
        ended.stderr.lines().chain(ended.stdout.lines()).find(|line| line.chars().any(char::is_alphanumeric));
    let how = match ended.status {
        Some(status) => {
            format!("{launcher} -n {RANKS} ended with {status}: {}", said.unwrap_or("without a word"))
        }
        None => format!("{launcher} -n {RANKS} did not end within a minute"),
    };
    vec![Finding::bad(SECTION, how).todo(format!("try it by hand: {launcher} -n {RANKS} hostname"))]
}

/// Where a command is on the PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// What a command prints, on either of its outputs.
fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(std::process::Stdio::null()).output().ok()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    Some(text)
}
