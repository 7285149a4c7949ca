//! Whether Slurm is here, and can start ranks of this MPI.

use super::finding::Finding;
use super::{output, which};

const SECTION: &str = "Slurm";

pub(super) fn findings() -> Vec<Finding> {
    if which("srun").is_none() {
        return vec![Finding::absent(SECTION, "no srun here")];
    }
    let version = output("srun", &["--version"]).unwrap_or_default();
    // Without a configuration it says nothing but errors, whatever it is asked.
    if is_not_set_up(&version) {
        return vec![Finding::absent(SECTION, "srun is installed here, but no Slurm is set up for it")];
    }
    let mut all = vec![Finding::good(SECTION, version.trim().to_owned())];
    let wanted = wanted();
    let list = output("srun", &["--mpi=list"]).unwrap_or_default();
    all.push(plugin(&list, wanted));
    if let Ok(job) = std::env::var("SLURM_JOB_ID") {
        let said = |name: &str| std::env::var(name).unwrap_or_else(|_| "?".into());
        let (nodes, tasks) = (said("SLURM_JOB_NUM_NODES"), said("SLURM_NTASKS"));
        all.push(Finding::good(SECTION, format!("job {job}: nodes {nodes}, tasks {tasks}")));
    }
    all
}

/// Whether these are the words of a client that has found no slurm.conf, nor a server that gives it one.
fn is_not_set_up(version: &str) -> bool {
    version.contains("Could not establish a configuration source")
        || !version.trim_start().starts_with("slurm")
}

/// What `srun --mpi` must name for this MPI.
fn wanted() -> &'static str {
    if rankwise::program::mpi_version().starts_with("Open MPI") { "pmix" } else { "pmi2" }
}

/// What `srun --mpi` must name for this MPI, if the one here has it.
pub(crate) fn srun_plugin() -> Option<&'static str> {
    has(&output("srun", &["--mpi=list"])?, wanted()).then(wanted)
}

/// Whether the list of `srun --mpi=list` has it: a line each, behind "srun:" in older versions; pmix_v4 and its like are pmix, too.
fn has(list: &str, wanted: &str) -> bool {
    let of_version =
        |name: &str| name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with("_v"));
    list.lines().filter_map(|line| line.split_whitespace().next_back()).any(of_version)
}

/// What the list of `srun --mpi=list` says of what is wanted.
fn plugin(list: &str, wanted: &str) -> Finding {
    if has(list, wanted) {
        return Finding::good(SECTION, format!("srun --mpi={wanted} is there: start programs with it"));
    }
    let names = list.split_whitespace().collect::<Vec<_>>().join(" ");
    Finding::bad(SECTION, format!("srun has no --mpi={wanted}, which this MPI needs ({names})"))
        .todo("start programs with mpirun inside the allocation, or ask the site for the plugin")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Mark;
    use super::{is_not_set_up, plugin};

    #[test]
    fn a_client_without_a_configuration_is_told_from_one_that_works() {
        let words = "srun: error: fetch_config: DNS SRV lookup failed\n\
                     srun: fatal: Could not establish a configuration source\n";
        assert!(is_not_set_up(words) && is_not_set_up("") && !is_not_set_up("slurm-wlm 22.05.8\n"));
    }

    #[test]
    fn plugins_are_found_in_the_list() {
        let list = "MPI plugin types are...\n\tnone\n\tpmi2\n\tcray_shasta\n";
        assert_eq!(plugin(list, "pmi2").mark, Mark::Good);
        assert_eq!(plugin(list, "pmix").mark, Mark::Bad);
        for more in ["\tpmix\n", "specific pmix plugin versions available: pmix_v4\n", "srun: pmix_v2\n"] {
            assert_eq!(plugin(&(list.to_owned() + more), "pmix").mark, Mark::Good, "{more}");
        }
    }
}
