//! Each script, submitted with small inputs: what it writes is what mpirun's ranks write.

use std::fs::read;
use std::process::Command;

use crate::cluster::{Job, LIMIT, example, mpirun, plugins, script, submit, submit_with};
use crate::common::{Folder, cities, code, program, run};
use rankwise::testing::run_to_end;

/// `mpirun -n ranks` of an example has ended well.
#[track_caller]
pub(crate) fn by_mpirun(ranks: usize, name: &str, args: &[&str]) {
    let ended = run(ranks, name, args);
    assert_eq!(code(&ended), Some(0), "{name}: {}", ended.stderr);
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn hello_says_who_is_there() {
    let folder = Folder::new("slurm-hello");
    let job = submit(&folder, &["--ntasks-per-node=3"], "hello.sbatch", &[("PROGRAM", &example("hello"))]);
    let text = job.success();
    for words in ["rank 0 of 3 on ", "rank 1 of 3 on ", "rank 2 of 3 on ", "the sum of all ranks is 3"] {
        assert_eq!(text.matches(words).count(), 1, "{words}\n{text}");
    }
    for words in [&format!("job {}", job.id)[..], "commit ", "by srun --mpi=", "3 tasks on "] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_density_is_that_of_mpirun() {
    let folder = Folder::new("slurm-parzen");
    let settings =
        [("PROGRAM", &*example("parzen")), ("INPUT", cities()), ("GRID", "90x45"), ("BANDWIDTH", "2")];
    let by_srun = submit(
        &folder,
        &["--ntasks-per-node=3"],
        "parzen.sbatch",
        &[&settings[..], &[("OUTPUT", "srun.h5")]].concat(),
    );
    let more = [("OUTPUT", "mpirun.h5"), ("LAUNCH", &mpirun())];
    let in_job = submit(&folder, &["--ntasks-per-node=2"], "parzen.sbatch", &[&settings[..], &more].concat());
    by_mpirun(
        2,
        "parzen",
        &[cities(), "--grid", "90x45", "--bandwidth", "2", "-o", &folder.file("alone.h5")],
    );
    assert!(in_job.success().contains(&format!("by {}", mpirun())));
    by_srun.success();
    let right = read(folder.file("alone.h5")).expect("written");
    for name in ["srun.h5", "mpirun.h5"] {
        assert!(read(folder.file(name)).expect("written") == right, "{name} is another file");
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn sorted_numbers_are_those_of_mpirun() {
    let folder = Folder::new("slurm-sort");
    let settings = [("PROGRAM", &*example("bubble_sort")), ("KEYS", "30000"), ("OUTPUT", "job.npy")];
    let job = submit(&folder, &["--ntasks-per-node=3"], "bubble_sort.sbatch", &settings);
    by_mpirun(2, "bubble_sort", &["--random", "30000", "-o", &folder.file("alone.npy")]);
    job.success();
    assert!(
        read(folder.file("job.npy")).expect("written") == read(folder.file("alone.npy")).expect("written")
    );
}

/// A corpus of so many lines.
fn corpus(folder: &Folder, lines: usize) {
    let text: String = (0..lines).map(|i| format!("line {i} of a corpus {}\n", "x".repeat(i % 17))).collect();
    std::fs::write(folder.file("corpus.txt"), text).expect("it can be written");
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_permutation_is_that_of_mpirun() {
    let folder = Folder::new("slurm-permute");
    corpus(&folder, 3000);
    let settings = [
        ("PROGRAM", &*example("permute_corpus")),
        ("INPUT", "corpus.txt"),
        ("SEED", "5"),
        ("OUTPUT", "job.txt"),
    ];
    let job = submit(&folder, &["--ntasks-per-node=3"], "permute_corpus.sbatch", &settings);
    by_mpirun(
        2,
        "permute_corpus",
        &[&folder.file("corpus.txt"), "--copies", "4", "--seed", "5", "-o", &folder.file("alone.txt")],
    );
    job.success();
    assert!(
        read(folder.file("job.txt")).expect("written") == read(folder.file("alone.txt")).expect("written")
    );
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn ranks_with_threads_have_the_sum_of_one() {
    let folder = Folder::new("slurm-hybrid");
    let settings = [("PROGRAM", &*example("hybrid")), ("POINTS", "1000000")];
    let options = ["--ntasks-per-node=2", "--cpus-per-task=3"];
    let text = submit(&folder, &options, "hybrid.sbatch", &settings).success();
    assert!(text.contains("2 ranks with 3 threads each"), "{text}");
    let alone = run(1, "hybrid", &["--points", "1000000", "--threads", "1"]);
    let pi = alone.stdout.lines().find(|line| line.starts_with("π")).expect("it says so");
    assert!(text.contains(pi), "{pi}\n{text}");
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn ranks_that_share_cores_are_told() {
    let folder = Folder::new("slurm-crowded");
    let (hello, step) = (example("hello"), script("chain_step.sbatch"));
    let srun = format!("srun --mpi={} --kill-on-bad-exit=1", plugins().0);
    let on_one_core = format!("{srun} taskset --cpu-list 0");
    let with_threads = format!("env OMP_NUM_THREADS=4 {srun}");
    let cases = [
        (on_one_core, "yes", Some("all 2 ranks are bound to core 0, and take turns: srun --cpu-bind=cores")),
        (with_threads.clone(), "yes", Some("2 ranks with 4 threads each on 2 cores, and take turns: fewer")),
        (with_threads, "no", None),
        (srun, "yes", None),
    ];
    for (launch, places, warning) in cases {
        let settings = [("PROGRAM", &*hello), ("LAUNCH", &launch), ("RANKWISE_PLACES", places)];
        let text = submit_with(&folder, &["--ntasks-per-node=2"], &[&step], &settings).success();
        assert_eq!(text.matches("warning: ").count(), usize::from(warning.is_some()), "{launch}\n{text}");
        assert!(warning.is_none_or(|words| text.contains(words)), "{launch}\n{text}");
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn commands_are_run_once_and_their_failure_is_that_of_the_job() {
    let folder = Folder::new("slurm-tasks");
    let commands: String = (0..20).map(|i| format!("echo {i} >>ran; echo task {i}\n")).collect();
    std::fs::write(folder.file("commands.txt"), commands + "test -e ready\n").expect("it can be written");
    let settings = [("PROGRAM", &*example("command_farm"))];
    let job = submit(&folder, &["--ntasks-per-node=3"], "many_tasks.sbatch", &settings);
    let text = job.failure(Some(1));
    let ran = || std::fs::read_to_string(folder.file("ran")).expect("written").lines().count();
    assert_eq!((ran(), text.matches("task ").count()), (20, 20), "{text}");
    std::fs::write(folder.file("ready"), "").expect("it can be written");
    submit(&folder, &["--ntasks-per-node=2"], "many_tasks.sbatch", &settings).success();
    assert_eq!(ran(), 20, "what had ended well was run again");
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn an_array_is_collected_when_it_is_complete() {
    let folder = Folder::new("slurm-array");
    std::fs::write(folder.file("widths.txt"), "1\n2\n3\n4\n").expect("it can be written");
    let settings = [
        ("PROGRAM", &*example("parzen")),
        ("INPUT", cities()),
        ("GRID", "30x15"),
        ("PARAMETERS", "widths.txt"),
    ];
    let sweep = submit(&folder, &["--array=1-4%2"], "array_sweep.sbatch", &settings);
    let after = format!("--dependency=afterok:{}", sweep.id);
    let collect = submit(
        &folder,
        &[&after],
        "array_collect.sbatch",
        &[("PARAMETERS", "widths.txt"), ("SWEEP", &sweep.id)],
    );
    assert!(collect.success().contains("4 tasks, all there"));
    let table = std::fs::read_to_string(folder.file(&format!("sweep-{}.csv", sweep.id))).expect("written");
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 5, "{table}");
    for (width, row) in (1..=4).zip(&rows[1..]) {
        assert!(row.starts_with(&format!("{width},{width},{width}.h5,")), "{table}");
        let alone = folder.file(&format!("alone-{width}.h5"));
        by_mpirun(
            1,
            "parzen",
            &[cities(), "--grid", "30x15", "--bandwidth", &width.to_string(), "-o", &alone],
        );
        let job = folder.file(&format!("sweep-{}/{width}.h5", sweep.id));
        assert!(read(job).expect("written") == read(alone).expect("written"), "bandwidth {width}");
    }
    // A line that is not there: that task fails, and what waits for all is told that it never comes.
    let sweep = submit(&folder, &["--array=4-5"], "array_sweep.sbatch", &settings);
    let after = format!("--dependency=afterok:{}", sweep.id);
    let collect = submit(&folder, &[&after], "array_collect.sbatch", &[("SWEEP", &sweep.id)]);
    let state = collect.end();
    assert_eq!((&*state.name, &*state.reason), ("CANCELLED", "DependencyNeverSatisfied"), "{state:?}");
}

/// The three jobs of chain.sh.
fn chain(folder: &Folder, input: &str) -> Vec<Job> {
    let programs = program("hello").parent().expect("of a file").to_owned();
    let mut command = Command::new(script("chain.sh"));
    command.arg("--ntasks-per-node=2").current_dir(&folder.0);
    command.env("PROGRAMS", programs).env("INPUT", input).env("OUTPUT", "permuted.txt");
    let ended = run_to_end(command, LIMIT);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    ended.stdout.split_whitespace().map(|id| Job::known(folder, id)).collect()
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn jobs_of_a_chain_wait_for_each_other() {
    let folder = Folder::new("slurm-chain");
    corpus(&folder, 500);
    let jobs = chain(&folder, "corpus.txt");
    assert!(jobs[2].success().contains("2000 corpus"), "{}", jobs[2].text());
    jobs[0].success();
    jobs[1].success();
    // Where the first one fails, the others never start.
    let jobs = chain(&folder, "no-such-corpus.txt");
    jobs[0].failure(Some(1));
    for job in &jobs[1..] {
        assert_eq!(job.end().name, "CANCELLED");
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn scaling_gives_a_table_and_a_picture() {
    let folder = Folder::new("slurm-scaling");
    let settings =
        [("PROGRAM", &*example("bubble_sort")), ("KEYS", "2000"), ("REPEATS", "1"), ("OUTPUT", "scaling")];
    for (name, columns) in [
        ("scaling_strong.sbatch", "ranks,seconds,speedup,efficiency"),
        ("scaling_weak.sbatch", "ranks,seconds,efficiency"),
    ] {
        let text = submit(&folder, &["--ntasks-per-node=4"], name, &settings).success();
        let table = std::fs::read_to_string(folder.file("scaling.csv")).expect("written");
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(rows[0], columns);
        let ranks: Vec<&str> = rows[1..].iter().filter_map(|row| row.split(',').next()).collect();
        assert_eq!(ranks, ["1", "2", "4"], "{text}");
        let picture = std::fs::read_to_string(folder.file("scaling.svg")).expect("written");
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        assert_eq!(picture.matches("<circle").count(), 3);
        assert!(!picture.contains("nan") && !picture.contains("inf"), "{picture}");
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn rankwise_scaling_starts_steps_of_its_allocation() {
    let folder = Folder::new("slurm-rankwise-scaling");
    let tool = crate::common::tool();
    let tool = tool.to_str().expect("our names are UTF-8");
    // Each rank says in which step of the job it is.
    let rank = "echo step $SLURM_STEP_ID of $SLURM_STEP_NUM_TASKS >> steps; exec $0 $@";
    let run =
        format!("{tool} scaling --repeat 2 -- sh -c '{rank}' {} --random 20000", example("bubble_sort"));
    // What the tests are started with would go before srun.
    let job = submit_with(
        &folder,
        &["--nodes=1", "--ntasks-per-node=4", "--output=scaling-%j.out"],
        &["--wrap", &format!("unset MPIEXEC; {run}")],
        &[],
    );
    let text = job.success();
    let table = std::fs::read_to_string(folder.file("scaling.csv")).expect("written");
    let ranks: Vec<&str> = table.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert_eq!(ranks, ["1", "2", "4"], "{table}\n{text}");
    assert!(text.contains("strong scaling"), "{text}");
    let steps = std::fs::read_to_string(folder.file("steps")).expect("written");
    for ranks in [1, 2, 4] {
        let of: Vec<&str> = steps.lines().filter(|line| line.ends_with(&format!(" of {ranks}"))).collect();
        assert!(of.len() >= 2 * ranks && of.len().is_multiple_of(ranks), "{ranks}: {steps}");
        let numbered = |line: &&str| line.split(' ').nth(1).is_some_and(|step| step.parse::<u32>().is_ok());
        assert!(of.iter().all(numbered), "{steps}");
    }
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn a_course_runs_all_its_exercises() {
    let folder = Folder::new("slurm-course");
    corpus(&folder, 200);
    let programs =
        program("hello").parent().expect("of a file").to_str().expect("our names are UTF-8").to_owned();
    let settings = [("PROGRAMS", &*programs), ("TEXT", "corpus.txt"), ("KEYS", "1000")];
    let text = submit(&folder, &["--ntasks-per-node=3"], "course.sbatch", &settings).success();
    for words in ["the sum of all ranks is 3", "3.1415926", "starmap: ", "sample", "200 corpus"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert_eq!(text.matches("\n=== ").count(), 7, "{text}");
    // An exercise that fails does not keep the rest, and yet the job has failed.
    let settings = [("PROGRAMS", &*programs), ("TEXT", "no-such-text"), ("KEYS", "1000")];
    submit(&folder, &["--ntasks-per-node=2"], "course.sbatch", &settings).failure(Some(1));
}

#[test]
#[ignore = "needs a cluster: make test-slurm"]
fn any_program_is_started_with_its_arguments() {
    let folder = Folder::new("slurm-step");
    let hello = example("hello");
    let step = script("chain_step.sbatch");
    let job = submit_with(&folder, &["--ntasks-per-node=2"], &[&step, "--verbose"], &[("PROGRAM", &hello)]);
    assert!(job.success().contains("rank 1 of 2"));
    let job = submit_with(&folder, &[], &[&step], &[("PROGRAM", "target/no-such-program")]);
    assert!(job.failure(Some(2)).contains("no program target/no-such-program here"));
    // No program on ranks: the script does not guess.
    let job = submit_with(&folder, &[], &[&step], &[("PROGRAM", "/bin/true")]);
    assert!(job.failure(Some(2)).contains("uses no MPI that is known here: set LAUNCH"));
}
