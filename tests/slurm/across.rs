//! Three nodes with a network, a host name and shared memory of their own each: ranks on several machines, and nodes that die.
//! One test at a time.

use std::fs::read;
use std::process::Command;
use std::time::Duration;

use crate::cluster::{Dead, example, folder, is_open_mpi, script, slurm, submit, submit_with, until};
use crate::common::{Folder, code, program};
use crate::requeue::Heat;
use crate::scripts::by_mpirun;
use rankwise::testing::run_to_end;

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn hello_says_who_is_where() {
    let folder = Folder::new("across-hello");
    let job = submit(
        &folder,
        &["--nodes=3", "--ntasks-per-node=2"],
        "hello.sbatch",
        &[("PROGRAM", &example("hello"))],
    );
    let text = job.success();
    for node in 0..3 {
        let host = format!("n{}", node + 1);
        let (first, last) = (2 * node, 2 * node + 1);
        assert!(text.contains(&format!("{host}: ranks {first}-{last}, cores ")), "{text}");
        for rank in [first, last] {
            let line =
                format!("rank {rank} of 6 on {host}: node {node}, local rank {} of 2, cores ", rank - first);
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn heat_on_three_nodes_is_that_of_mpirun() {
    let folder = Folder::new("across-heat");
    let tool = crate::common::tool();
    let settings = [
        ("PROGRAM", &*example("heat")),
        ("DOCTOR", tool.to_str().expect("our names are UTF-8")),
        ("SIZE", "70x50"),
        ("STEPS", "40"),
        ("OUTPUT", "job.h5"),
    ];
    let text =
        submit(&folder, &["--nodes=3", "--ntasks-per-node=1"], "multi_node.sbatch", &settings).success();
    assert!(text.contains("3 ranks on 3 nodes"), "{text}");
    let (alone, saved) = (folder.file("alone.h5"), folder.file("saved"));
    by_mpirun(2, "heat", &["--size", "70x50", "--steps", "40", "-o", &alone, "--checkpoints", &saved]);
    assert!(read(folder.file("job.h5")).expect("written") == read(alone).expect("written"));
}

/// Each node makes its own copy, in a folder that the others do not see, and none stays.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn each_node_has_a_staged_copy_of_its_own() {
    let here = Folder::new("across-stage");
    std::fs::write(here.file("input.dat"), "some input").expect("it can be written");
    let local = folder().join("local");
    let local = local.to_str().expect("our names are UTF-8");
    let settings = [
        ("PROGRAM", &*example("faults")),
        ("TMPDIR", local),
        ("RANKWISE_FAULTS_STAGE", &here.file("input.dat")),
    ];
    let step = script("chain_step.sbatch");
    let options = ["--nodes=3", "--ntasks-per-node=2"];
    for (how, well) in [("none", true), ("panic", false)] {
        let job = submit_with(&here, &options, &[&step, how, "3"], &settings);
        if well {
            job.success();
        } else {
            let text = job.failure(None);
            assert!(text.contains("rank 3 of 6 (n2) panicked"), "{text}");
        }
        // What is seen here is not what the nodes see.
        let left = [
            "srun",
            "--quiet",
            "--nodes=3",
            "--ntasks=3",
            "--time=1",
            "find",
            local,
            "-name",
            "rankwise-stage-*",
        ];
        let left = slurm(&left);
        // Of a job that failed, the ranks on other nodes may have been killed before they could.
        assert!(!well || left.is_empty(), "{left}");
    }
}

/// Many commands on all nodes: the farm's counter between machines.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn commands_are_run_on_all_nodes() {
    let folder = Folder::new("across-tasks");
    let commands: String = (0..30).map(|i| format!("echo task {i} on $(hostname)\n")).collect();
    std::fs::write(folder.file("commands.txt"), commands).expect("it can be written");
    let job = submit(
        &folder,
        &["--nodes=3", "--ntasks-per-node=1"],
        "many_tasks.sbatch",
        &[("PROGRAM", &example("command_farm"))],
    );
    let text = job.success();
    assert_eq!(text.matches("task ").count(), 30, "{text}");
    if is_open_mpi() {
        // As Debian sets it: then it says what to do.
        let settings =
            [("PROGRAM", &*example("command_farm")), ("OMPI_MCA_osc", "^ucx,pt2pt"), ("LOG", "second.log")];
        let job = submit(&folder, &["--nodes=3", "--ntasks-per-node=1"], "many_tasks.sbatch", &settings);
        assert!(job.failure(None).contains("the variable OMPI_MCA_osc=^ucx"), "{}", job.text());
    }
}

/// A node is gone, with its daemon and its ranks: first one that is not the job's first, then the first, where the script runs.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_run_whose_node_dies_goes_on_elsewhere() {
    for (name, whole) in [("second", false), ("first", true)] {
        let here = Folder::new(&format!("across-node-{name}"));
        let heat = Heat { name, steps: 120, rest: 60 };
        let job = heat.submit(&here, &["--nodes=2", "--ntasks-per-node=1"], &[]);
        job.writes(&heat.checkpoint(30));
        let nodes = slurm(&["scontrol", "show", "hostnames", &job.states()[0].nodes]);
        let nodes: Vec<&str> = nodes.lines().collect();
        let dead = Dead::now(nodes[usize::from(!whole)]);
        heat.went_on(&here, &job);
        drop(dead);
        until("all nodes are ready again", || {
            slurm(&["sinfo", "-h", "-p", "debug", "-N", "-t", "idle"]).lines().count() == 3
        });
    }
}

/// A job of another partition takes its place: it saves, waits, and goes on.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_preempted_run_goes_on_later() {
    let folder = Folder::new("slurm-preempted");
    let heat = Heat { name: "preempted", steps: 150, rest: 60 };
    let job = heat.submit(&folder, &["--nodelist=n3", "--ntasks-per-node=2", "--cpus-per-task=4"], &[]);
    job.writes(&heat.checkpoint(30));
    let step = script("chain_step.sbatch");
    let options = ["--nodelist=n3", "--partition=urgent", "--exclusive", "--ntasks-per-node=2"];
    let urgent = submit_with(&folder, &options, &[&step], &[("PROGRAM", &example("hello"))]);
    assert!(urgent.success().contains("rank 1 of 2"));
    heat.went_on(&folder, &job);
}

/// Without Slurm: the launchers' own remote start, which enters a node as ssh would.
#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn mpirun_starts_ranks_on_other_machines() {
    let mut command = Command::new(launcher());
    command.args(["-n", "6"]).arg(program("hello")).env("MPI", mpi());
    let ended = run_to_end(command, Duration::from_secs(60));
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    for rank in 0..6 {
        let line = format!("rank {rank} of 6 on n{}\n", rank % 3 + 1);
        assert!(ended.stdout.contains(&line), "{line}{}", ended.stdout);
    }
    // And ends all when one fails.
    let mut command = Command::new(launcher());
    command.args(["-n", "3"]).arg(program("faults")).args(["panic", "1"]).env("MPI", mpi());
    let ended = run_to_end(command, Duration::from_secs(60));
    assert_eq!(code(&ended), Some(101), "{}", ended.stderr);
    assert!(ended.stderr.contains("rank 1 of 3 (n2) panicked at"), "{}", ended.stderr);
}

fn launcher() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/slurm/across.sh")
}

fn mpi() -> &'static str {
    if is_open_mpi() { "openmpi" } else { "mpich" }
}
