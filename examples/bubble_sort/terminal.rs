//! Whether a person is looking.

use std::fs;
use std::io::IsTerminal;

/// Whether our standard output (1) or error (2) is a terminal, or the launcher's, who passes on what we write. What a launcher gives us
/// says nothing: Open MPI's gives every rank a terminal of its own, also when its own output goes to a file.
pub(crate) fn person_at(descriptor: u32) -> bool {
    const LAUNCHERS: [&str; 6] = ["mpirun", "mpiexec", "hydra", "orterun", "prterun", "srun"];
    let mut id = std::os::unix::process::parent_id();
    let mut launcher = None;
    // MPICH's launcher is the grandparent.
    for _ in 0..3 {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        if !LAUNCHERS.iter().any(|launcher| name.starts_with(launcher)) {
            break;
        }
        launcher = Some(id);
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        id = parent.and_then(|parent| parent.trim().parse().ok()).unwrap_or(0);
    }
    match launcher {
        Some(id) => {
            let target = fs::read_link(format!("/proc/{id}/fd/{descriptor}")).unwrap_or_default();
            ["/dev/pts", "/dev/tty", "/dev/console"].iter().any(|terminal| target.starts_with(terminal))
        }
        None if descriptor == 1 => std::io::stdout().is_terminal(),
        None => std::io::stderr().is_terminal(),
    }
}
