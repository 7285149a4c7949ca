//! Programs that must fail under Slurm: soon, with the right words, and no rank is left.

use std::fs::read;
use std::process::Command;

use crate::cluster::{
    Job, example, is_open_mpi, mpirun, no_rank_is_left, plugins, script, slurm, submit_with, try_slurm, until,
};
use crate::common::{Folder, side_by_side};
use crate::requeue::Heat;

/// A job of `chain_step.sbatch`, with three ranks.
fn step(folder: &Folder, name: &str, args: &[&str], launch: Option<&str>) -> Job {
    let program = example(name);
    let mut settings = vec![("PROGRAM", &*program)];
    settings.extend(launch.map(|launch| ("LAUNCH", launch)));
    let script = script("chain_step.sbatch");
    submit_with(folder, &["--ntasks-per-node=3"], &[&[&*script], args].concat(), &settings)
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn an_srun_that_does_not_fit_is_named() {
    let (right, wrong) = plugins();
    let with = |plugin: &str| format!("srun --mpi={plugin} --kill-on-bad-exit=1");
    for launch in [with(wrong), with("none"), "srun --kill-on-bad-exit=1".into()] {
        let folder = Folder::new("slurm-wrong-mpi");
        let job = step(&folder, "hello", &[], Some(&launch));
        // Open MPI ends a program itself, with 1, that was started by pmi2.
        let text = job.failure((!is_open_mpi() || launch != with(wrong)).then_some(2));
        assert_eq!(text.matches(&format!("srun --mpi={right}.")).count(), 1, "{launch}\n{text}");
        assert!(!text.contains("rank 0 of"), "{launch}\n{text}");
    }
}

/// The other MPI's launcher, where it is installed.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_launcher_of_the_other_mpi_does_not_pass_for_success() {
    let other = if is_open_mpi() { "mpirun.mpich" } else { "mpirun.openmpi" };
    if !Command::new(other).arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no {other} here");
        return;
    }
    let folder = Folder::new("slurm-other-launcher");
    let job = step(&folder, "hello", &[], Some(other));
    let text = job.failure(None);
    assert!(!text.contains("the sum of all ranks"), "{text}");
}

struct Failure {
    how: &'static str,
    /// What the program says of it; nothing can be said by one that is killed.
    says: &'static [&'static str],
    /// The job's exit code where mpirun passes it on.
    code: i32,
}

const FAILURES: [Failure; 6] = [
    Failure { how: "panic", says: &["rank 1 of 3", "panicked at", "the kettle is empty"], code: 101 },
    Failure { how: "error", says: &["error on rank 1", "no tea on this rank"], code: 1 },
    Failure { how: "exit-3", says: &["rank 1 of 3", "called exit(3) in the middle"], code: 3 },
    Failure { how: "segfault", says: &["rank 1 of 3", "SIGSEGV"], code: 139 },
    Failure { how: "abort", says: &["rank 1 of 3", "SIGABRT"], code: 134 },
    Failure { how: "kill", says: &[], code: 137 },
];

/// One rank fails while the others wait for it: under srun, and under mpirun inside a job.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn one_rank_that_fails_ends_the_job() {
    let mpirun = mpirun();
    let cases: Vec<_> =
        FAILURES.iter().flat_map(|failure| [(failure, None), (failure, Some(&*mpirun))]).collect();
    side_by_side(&cases, |&(Failure { how, says, code }, launch)| {
        let folder = Folder::new(&format!("slurm-{how}-{}", launch.is_some()));
        let job = step(&folder, "faults", &[how, "1"], launch);
        // What srun makes of an exit code differs by its plugin; MPICH's mpirun has codes of its own for signals.
        let known = launch.is_some() && (is_open_mpi() || *code < 128);
        let text = job.failure(known.then_some(*code));
        for words in *says {
            assert!(text.contains(words), "{how}, {launch:?}: {words}\n{text}");
        }
        assert!(how != &"kill" || text.to_lowercase().contains("killed"), "{how}, {launch:?}\n{text}");
    });
    for Failure { how, .. } in FAILURES {
        no_rank_is_left("faults", how);
    }
}

/// Who does not ask whether to stop is ended at the limit, and the job says so.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_job_that_hangs_ends_with_its_time() {
    let folder = Folder::new("slurm-limit");
    let script = script("chain_step.sbatch");
    let job = submit_with(
        &folder,
        &["--ntasks-per-node=2", "--time=1"],
        &[&script, "hang", "9"],
        &[("PROGRAM", &example("faults"))],
    );
    let state = job.end();
    let text = job.text();
    assert_eq!(state.name, "TIMEOUT", "{state:?}\n{text}");
    assert!(text.contains("DUE TO TIME LIMIT"), "{text}");
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_cancelled_job_has_saved_and_leaves_no_rank() {
    let folder = Folder::new("slurm-cancel");
    let heat = Heat { name: "cancelled", steps: 200, rest: 50 };
    let job = heat.submit(&folder, &["--ntasks-per-node=3"], &[]);
    job.writes(&heat.checkpoint(30));
    slurm(&["scancel", &job.id]);
    let state = job.end();
    assert_eq!(state.name, "CANCELLED", "{state:?}\n{}", job.text());
    assert_eq!(state.restarts, 0);
    no_rank_is_left("heat", "cancelled.h5");
    assert!(!std::path::Path::new(&folder.file("cancelled.h5")).exists());
    // By hand, on other ranks, from what it has saved.
    heat.finish_by_mpirun(&folder, 2);
    assert!(
        read(folder.file("cancelled.h5")).expect("written") == heat.undisturbed(&folder),
        "not the same file"
    );
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn two_jobs_at_once_do_not_meet() {
    let folder = Folder::new("slurm-two");
    let two = [("one", 2), ("two", 3)].map(|(name, ranks)| (Heat { name, steps: 150, rest: 80 }, ranks));
    let jobs = two
        .each_ref()
        .map(|(heat, ranks)| heat.submit(&folder, &[&format!("--ntasks-per-node={ranks}")], &[]));
    until("both run", || jobs.iter().all(|job| job.states().iter().all(|state| state.name == "RUNNING")));
    for ((heat, _), job) in two.iter().zip(&jobs) {
        job.success();
        let output = folder.file(&format!("{}.h5", heat.name));
        assert!(read(output).expect("written") == heat.undisturbed(&folder), "{}: another file", heat.name);
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn scripts_are_accepted_without_being_run() {
    let folder = std::path::Path::new(crate::common::ROOT).join("slurm");
    for file in std::fs::read_dir(folder).expect("it is there") {
        let path = file.expect("readable").path();
        if path.extension().is_some_and(|end| end == "sbatch") {
            let path = path.to_str().expect("our names are UTF-8");
            let (accepted, text) = try_slurm(&["sbatch", "--test-only", "--nodes=1", path]);
            assert!(accepted, "{path}: {text}");
        }
    }
}
