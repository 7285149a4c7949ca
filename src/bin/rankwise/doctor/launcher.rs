//! Who starts ranks here, and of which MPI.

use super::finding::Finding;
use super::{output, which};

const SECTION: &str = "Launcher";

pub(super) fn findings() -> Vec<Finding> {
    let ours = rankwise::program::mpi_version();
    let mut all = Vec::new();
    if let Some(name) = rankwise::program::launched_by() {
        all.push(Finding::good(SECTION, format!("this was started by {name}")));
    }
    let command = rankwise::testing::launcher(2);
    let name = command.get_program().to_string_lossy().into_owned();
    all.push(match family(&name) {
        Some(family) if ours.starts_with(family) => {
            Finding::good(SECTION, format!("{name} starts ranks ({family}, as the library)"))
        }
        Some(family) => {
            Finding::bad(SECTION, format!("{name} is the launcher of {family}, the library is {ours}"))
                .todo("each rank would be alone: set MPIEXEC to the launcher of the library's MPI")
        }
        None if which(&name).is_some() || name.contains('/') => {
            Finding::doubt(SECTION, format!("{name}: of an MPI that is not known here"))
        }
        None => Finding::bad(SECTION, format!("{name} is not on the PATH"))
            .todo("install it or load its module, or set MPIEXEC to the launcher"),
    });
    if name != "mpirun"
        && let Some(family) = family("mpirun")
        && !ours.starts_with(family)
    {
        let what = format!("mpirun alone is that of {family}, which would start worlds of one rank");
        all.push(Finding::doubt(SECTION, what).todo(format!("type {name}")));
    }
    all
}

/// The MPI that a launcher belongs to.
fn family(name: &str) -> Option<&'static str> {
    let text = output(name, &["--version"])?;
    if ["Open MPI", "OpenRTE", "PRRTE"].iter().any(|word| text.contains(word)) {
        return Some("Open MPI");
    }
    ["HYDRA", "MPICH"].iter().any(|word| text.contains(word)).then_some("MPICH")
}
