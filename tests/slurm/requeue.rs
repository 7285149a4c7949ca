//! Runs that are interrupted, by the time, by a more urgent job, by a death, and end with the same file as one that was not.

use std::fs::read;

use crate::cluster::{Job, example, mpirun, no_rank_is_left, slurm, submit};
use crate::common::{Folder, code, ranks_of, run, side_by_side, signal};

/// A run of the example heat, by `checkpoint_requeue.sbatch`, that saves every ten steps.
pub(crate) struct Heat {
    pub(crate) name: &'static str,
    pub(crate) steps: u32,
    /// Milliseconds after each step.
    pub(crate) rest: u32,
}

const SIZE: &str = "70x50";

impl Heat {
    pub(crate) fn submit(&self, folder: &Folder, options: &[&str], more: &[(&str, &str)]) -> Job {
        let (program, output) = (example("heat"), format!("{}.h5", self.name));
        let (steps, rest) = (self.steps.to_string(), self.rest.to_string());
        let settings = [
            ("PROGRAM", &*program),
            ("SIZE", SIZE),
            ("EVERY", "10"),
            ("OUTPUT", &output),
            ("STEPS", &steps),
            ("REST", &rest),
        ];
        submit(folder, options, "checkpoint_requeue.sbatch", &[&settings, more].concat())
    }

    /// The checkpoint after that step.
    pub(crate) fn checkpoint(&self, step: u32) -> String {
        format!("{}.h5.saved/step-{step:012}.h5", self.name)
    }

    /// Goes on without Slurm from what is saved, to the end.
    pub(crate) fn finish_by_mpirun(&self, folder: &Folder, ranks: usize) {
        self.by_mpirun(folder, self.name, ranks);
    }

    /// The file that such a run writes when nothing happens.
    pub(crate) fn undisturbed(&self, folder: &Folder) -> Vec<u8> {
        let name = format!("{}-undisturbed", self.name);
        self.by_mpirun(folder, &name, 2);
        read(folder.file(&format!("{name}.h5"))).expect("written")
    }

    fn by_mpirun(&self, folder: &Folder, name: &str, ranks: usize) {
        let (output, saved) = (folder.file(&format!("{name}.h5")), folder.file(&format!("{name}.h5.saved")));
        let steps = self.steps.to_string();
        let args =
            ["--size", SIZE, "--steps", &steps, "--every", "1000", "-o", &output, "--checkpoints", &saved];
        let ended = run(ranks, "heat", &args);
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    }

    /// The job has gone on after an interruption, and its file is as if there had been none.
    #[track_caller]
    pub(crate) fn went_on(&self, folder: &Folder, job: &Job) -> String {
        let text = job.success();
        let state = job.end();
        assert!(state.restarts > 0, "it was not interrupted: {state:?}\n{text}");
        assert!(text.contains("goes on after step "), "{text}");
        let file = read(folder.file(&format!("{}.h5", self.name))).expect("written");
        assert!(file == self.undisturbed(folder), "not the same file\n{text}");
        no_rank_is_left("heat", &format!("{}.h5", self.name));
        text
    }
}

/// The way that it goes on a cluster: Slurm's own warning, some time before the limit.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_run_that_is_longer_than_its_time_is_queued_again() {
    let folder = Folder::new("slurm-time");
    let heat = Heat { name: "time", steps: 200, rest: 100 };
    let job = heat.submit(&folder, &["--ntasks-per-node=2", "--time=1", "--signal=B:USR1@20"], &[]);
    let text = heat.went_on(&folder, &job);
    assert!(text.contains("told to stop: saved after step "), "{text}");
    assert!(text.contains(": queued again"), "{text}");
}

/// The warning by hand: to the ranks, and to the script, which passes it on to srun or mpirun, and they to the ranks.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_run_that_is_warned_saves_and_is_queued_again() {
    let (to_ranks, to_script) = (vec!["--signal=USR1"], vec!["--batch", "--signal=USR1"]);
    let cases = [
        ("to-ranks", to_ranks, None),
        ("to-script", to_script.clone(), None),
        ("by-mpirun", to_script, Some(mpirun())),
    ];
    side_by_side(&cases, |&(name, ref whom, ref launch)| {
        let folder = Folder::new(&format!("slurm-{name}"));
        let heat = Heat { name, steps: 150, rest: 60 };
        let more: Vec<_> = launch.as_ref().map(|launch| ("LAUNCH", &**launch)).into_iter().collect();
        let job = heat.submit(&folder, &["--ntasks-per-node=3"], &more);
        job.writes(&heat.checkpoint(30));
        slurm(&[vec!["scancel"], whom.clone(), vec![&job.id]].concat());
        let text = heat.went_on(&folder, &job);
        assert_eq!(text.matches("told to stop: saved after step ").count(), 1, "{name}: {text}");
    });
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_run_with_a_killed_rank_goes_on_from_its_checkpoint() {
    let folder = Folder::new("slurm-killed");
    let heat = Heat { name: "killed", steps: 150, rest: 60 };
    let job = heat.submit(&folder, &["--ntasks-per-node=3"], &[]);
    job.writes(&heat.checkpoint(40));
    let ranks = ranks_of("heat", "killed.h5");
    assert_eq!(ranks.len(), 3);
    signal(ranks[1], "KILL");
    heat.went_on(&folder, &job);
}

/// What fails by itself is not tried again and again, and the job has its exit code.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_run_that_fails_is_not_queued_again() {
    let folder = Folder::new("slurm-fails");
    let heat = Heat { name: "no-such-folder/fails", steps: 10, rest: 0 };
    let job = heat.submit(&folder, &["--ntasks-per-node=2"], &[("SAVED", "saved")]);
    let text = job.failure(Some(1));
    assert_eq!(job.end().restarts, 0);
    assert!(text.contains(": not queued again"), "{text}");
    // Another kind of wrong: told so, and no more.
    let job = heat.submit(&folder, &["--ntasks-per-node=2"], &[("SIZE", "no size")]);
    assert!(job.failure(Some(2)).contains("no size is no size"));
}
