//! Each lesson's program, its twins in C and Python, its exercises and their solutions print what the table says.

#[path = "../book.rs"]
mod book;
#[path = "../check.rs"]
mod check;
#[path = "../places.rs"]
mod places;
mod table;

use std::panic::resume_unwind;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use check::check;
use places::{built, course, program, python};
use table::{LESSONS, Lesson, Run};

/// What `look` complains of, for each lesson; as many at a time as launches may run.
fn complaints(look: impl Fn(&Lesson) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let one_by_one = || {
        let lessons = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        lessons.map_while(|place| LESSONS.get(place)).flat_map(&look).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(one_by_one));
        threads.into_iter().flat_map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// What is wrong with these runs of a built program.
fn wrong(name: &str, runs: &[Run]) -> Vec<String> {
    let program = [program(name).display().to_string()];
    runs.iter().filter_map(|run| check(&program, run).err()).collect()
}

fn nothing(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_lesson_prints_what_it_promises() {
    nothing(&complaints(|lesson| {
        [lesson.both, lesson.own].concat().iter().flat_map(|run| wrong(lesson.name, &[*run])).collect()
    }));
}

#[test]
fn every_solution_is_right() {
    nothing(&complaints(|lesson| {
        let number = lesson.number();
        let a = wrong(&format!("solution_{number}_a"), lesson.a);
        a.into_iter().chain(wrong(&format!("solution_{number}_b"), lesson.b)).collect()
    }));
}

/// Else the checks would say nothing.
#[test]
fn no_exercise_is_right_from_the_start() {
    nothing(&complaints(|lesson| {
        let number = lesson.number();
        let exercises = [("a", lesson.a), ("b", lesson.b)];
        let done = exercises.into_iter().filter(|(letter, runs)| {
            let program = [program(&format!("exercise_{number}_{letter}")).display().to_string()];
            runs.iter().all(|run| check(&program, run).is_ok())
        });
        done.map(|(letter, _)| format!("exercise {number}_{letter} is right before anything is written"))
            .collect()
    }));
}

#[test]
fn every_twin_in_c_prints_the_same() {
    let folder = built().join("twins");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let compiler = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    nothing(&complaints(|lesson| {
        let number = lesson.number();
        let source = course().join("twins").join(format!("{number}.c"));
        let program = folder.join(format!("twin_{number}"));
        let mut words = compiler.split_whitespace();
        let mut compile = Command::new(words.next().unwrap_or("mpicc"));
        compile
            .args(words)
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-std=c11", "-o"])
            .arg(&program)
            .arg(&source);
        compile.args(["-pthread", "-lm"]);
        // For lesson 14; where HDF5 is elsewhere, the compiler of this MPI finds it itself.
        if let Ok(folder) = std::env::var("HDF5_DIR") {
            let library = format!("{folder}/lib");
            compile.args([
                format!("-I{folder}/include"),
                format!("-L{library}"),
                format!("-Wl,-rpath,{library}"),
            ]);
        }
        if number == "14" {
            compile.arg("-lhdf5");
        }
        let done = compile.output().unwrap_or_else(|error| panic!("cannot start {compiler}: {error}"));
        if !done.status.success() {
            return vec![format!(
                "{compiler} {}: {}",
                source.display(),
                String::from_utf8_lossy(&done.stderr)
            )];
        }
        let program = [program.display().to_string()];
        lesson.both.iter().filter_map(|run| check(&program, run).err()).collect()
    }));
}

/// Where mpi4py is not there for this MPI, only their grammar is checked, and that is said.
#[test]
fn every_twin_in_python_prints_the_same() {
    let python = python();
    // Made for the other MPI, it would start worlds of one rank.
    let probe = "import sys, mpi4py.MPI as M; sys.exit(0 if sys.argv[1].lower() in M.Get_library_version().lower() else 1)";
    let mpi =
        if std::env::var("MPICC").is_ok_and(|name| name.contains("mpich")) { "mpich" } else { "open mpi" };
    let runs = |program: &str| {
        let ended = Command::new(&python).args(["-c", program, mpi]).output();
        ended.is_ok_and(|ended| ended.status.success())
    };
    let there = runs(probe);
    if !there {
        eprintln!("{python} has no mpi4py for this MPI: the twins in Python are compiled, and not run");
    }
    let files = there && runs("import sys, h5py; sys.exit(0 if h5py.get_config().mpi else 1)");
    if there && !files {
        eprintln!("{python} has no parallel h5py: the twin of lesson 14 is compiled, and not run");
    }
    nothing(&complaints(|lesson| {
        let source = course().join("twins").join(format!("{}.py", lesson.number())).display().to_string();
        if there && (files || lesson.number() != "14") {
            let program = [python.clone(), source];
            return lesson.both.iter().filter_map(|run| check(&program, run).err()).collect();
        }
        let text = "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')";
        let ended =
            Command::new(&python).args(["-c", text, &source]).output().expect("Python can be started");
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        if ended.status.success() { vec![] } else { vec![error] }
    }));
}
