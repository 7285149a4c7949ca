//! A program that fails in the way that its argument names, on the rank that its second argument names; for the tests.
#![expect(unsafe_code, reason = "some faults cannot be made in safe code")]

use std::error::Error;

use rankwise::mpi::traits::*;
use rankwise::prelude::*;

#[derive(clap::Parser)]
#[command(name = "faults", version)]
struct Args {
    how: String,
    #[arg(value_parser = for_the_root)]
    rank: usize,
}

/// A file that the runs for another MPI, at the same time, do not use.
fn beside_this_program(name: &str) -> std::path::PathBuf {
    std::env::current_exe().expect("a running program has a path").with_file_name(name)
}

/// An error with a cause.
#[derive(Debug)]
struct Cup(std::io::Error);

impl std::fmt::Display for Cup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot fill the cup")
    }
}

impl Error for Cup {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Sends this process a signal.
fn signal(number: i32) {
    // SAFETY: kill has no memory preconditions.
    assert_eq!(unsafe { libc::kill(libc::getpid(), number) }, 0);
}

/// Whether this process does something about a signal.
fn handles(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a line of it");
    u64::from_str_radix(caught.trim(), 16).expect("a set of bits") >> (signal - 1) & 1 != 0
}

/// The process that somebody has started to have these ranks: the parent, or that of its helper.
fn launcher() -> i32 {
    let number = |id: &str| id.parse::<i32>().expect("a process id");
    let mut id = number(&std::os::unix::process::parent_id().to_string());
    loop {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux has it");
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a line of it").trim();
        match std::fs::read_to_string(format!("/proc/{parent}/comm")) {
            Ok(name) if name.starts_with("mpi") => id = number(parent),
            _ => return id,
        }
    }
}

/// As one that computes, and looks at nothing.
fn go_on() {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

/// Writes where nothing is.
fn segfault() {
    // SAFETY: none; that is the point.
    unsafe { std::hint::black_box(64 as *mut u64).write_volatile(1) };
}

/// Never ends, if the stack does not.
fn deeper(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 100]);
    if std::hint::black_box(depth) == u64::MAX { 0 } else { deeper(depth + 1) + here[7] }
}

/// Takes all the memory that a limit leaves.
fn take_all_memory() {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages: u64 = status.split_whitespace().next().and_then(|pages| pages.parse().ok()).expect("pages");
    let limit = pages * 4096 + (64 << 20);
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: reads a live local.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 10_000]);
    }
}

/// Says when it fails, for the test to see how long the others take.
fn failing() {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later than that");
    println!("failing at {}", now.as_millis());
}

/// A number that only rank 0 can read.
fn for_the_root(text: &str) -> Result<usize, String> {
    let rank = std::env::var("OMPI_COMM_WORLD_RANK").or(std::env::var("PMI_RANK"));
    if text == "7" && rank.is_ok_and(|rank| rank != "0") {
        return Err("no seven here".into());
    }
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn main() -> ExitCode {
    if std::env::args().any(|how| how == "run-twice") {
        let _ = rankwise::run(|_| Ok(()));
        return rankwise::run(|_| Ok(()));
    }
    // What is started in the background of a script ignores SIGINT, and then so does `run`.
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    let mut kept = None;
    let code = rankwise::run_with::<Args>(|world, Args { how, rank }| {
        kept = Some(Comm::wrap(world.as_mpi())?);
        let here = world.rank() == rank;
        if let Some(input) = std::env::var_os("RANKWISE_FAULTS_STAGE") {
            assert!(world.stage(input)?.exists());
        }
        world.barrier()?;
        if here && how != "none" {
            failing();
        }
        match how.as_str() {
            "none" => {}
            "panic" => assert!(!here, "the kettle is empty"),
            "panic-everywhere" => panic!("every kettle is empty"),
            "panic-in-thread" if here => {
                std::thread::spawn(|| panic!("the thread has snapped")).join().expect("it panicked");
            }
            "panic-in-drop" if here => {
                struct Lid;
                impl Drop for Lid {
                    fn drop(&mut self) {
                        panic!("the lid fell off");
                    }
                }
                drop(Lid);
            }
            "panic-in-closure" => {
                world.all_reduce_value(world.rank(), |a, b| {
                    assert!(a + b == usize::MAX, "the sum has boiled over");
                    a + b
                })?;
            }
            "panic-in-agree" => {
                let step = || if here { panic!("no tea, nobody agrees") } else { Ok::<_, String>(()) };
                world.agree(step())?;
            }
            "exit-3" if here => std::process::exit(3),
            "exit-0" if here => std::process::exit(0),
            "exit-in-thread" if here => {
                std::thread::spawn(|| std::process::exit(4)).join().expect("it does not return");
            }
            "exit-everywhere" => std::process::exit(5),
            "abort" if here => std::process::abort(),
            "segfault" if here => segfault(),
            "segfault-everywhere" => segfault(),
            "segfault-in-thread" if here => std::thread::spawn(segfault).join().expect("it does not return"),
            "overflow" if here => println!("{}", deeper(0)),
            "overflow-in-thread" if here => {
                let thread = std::thread::Builder::new().name("recursion".into());
                let sum = thread.spawn(|| deeper(0)).expect("a thread").join().expect("it does not return");
                println!("{sum}");
            }
            "large-allocation" if here => println!("{}", std::hint::black_box(vec![1_u8; 1 << 50]).len()),
            "memory-limit" if here => take_all_memory(),
            "panic-and-segfault" if here => segfault(),
            "panic-and-segfault" => panic!("a kettle is empty, too"),
            "kill" if here => signal(libc::SIGKILL),
            "terminate" if here => {
                signal(libc::SIGTERM);
                go_on();
            }
            "interrupt" if here => {
                signal(libc::SIGINT);
                go_on();
            }
            "sent-signal" if here => signal(libc::SIGFPE),
            "own-handler" => {
                extern "C" fn nothing(_: libc::c_int) {}
                // SAFETY: the handler does nothing.
                unsafe { libc::signal(libc::SIGTERM, nothing as extern "C" fn(libc::c_int) as usize) };
                signal(libc::SIGTERM);
            }
            "child-exits" if here => {
                // SAFETY: the child does nothing but exit, and the parent waits for it.
                unsafe {
                    let child = libc::fork();
                    if child == 0 {
                        libc::exit(0);
                    }
                    assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
                }
            }
            "end-the-launcher" | "interrupt-the-launcher" => {
                if here {
                    let signal = if how == "end-the-launcher" { libc::SIGTERM } else { libc::SIGINT };
                    // SAFETY: kill has no memory preconditions.
                    assert_eq!(unsafe { libc::kill(launcher(), signal) }, 0);
                }
                go_on();
            }
            "truncation" if here => {
                let _ = world.isend(world.rank(), vec![1, 2, 3])?;
                world.recv_into(world.rank(), &mut [0])?;
            }
            "no-such-rank" if here => world.send(99, &[1])?,
            "mpi-crate" if here => {
                let this = world.as_mpi().this_process();
                rankwise::mpi::request::scope(|scope| {
                    let sent = this.immediate_send(scope, &[1, 2, 3]);
                    this.receive_into(&mut [0]);
                    sent.wait();
                });
            }
            "error" if here => return Err("no tea on this rank".into()),
            "error-with-cause" if here => {
                return Err(Cup(std::io::Error::other("the pot is empty")).into());
            }
            "error-everywhere" => return Err("no tea anywhere".into()),
            "error-at-the-end" => {
                world.barrier()?;
                return if here { Err("the last drop".into()) } else { Ok(()) };
            }
            "agree" => {
                world.agree(if here { Err("no tea, all agree") } else { Ok(()) })?;
            }
            "on-root" => {
                world.on_root::<()>(|| Err("the root is out of tea".into()))?;
            }
            "wrong-argument" => {
                let mut result = vec![0; if here { 1 } else { 2 }];
                world.all_reduce_into(&[1, 2], &mut result, Sum)?;
            }
            "resume-unwind" if here => std::panic::resume_unwind(Box::new("past the hook")),
            "other-hook" if here => {
                std::panic::set_hook(Box::new(|_| eprintln!("a hook of its own")));
                panic!("not seen");
            }
            "panic-while-printing" if here => {
                let _held = (std::io::stdout().lock(), std::io::stderr().lock());
                std::thread::spawn(|| panic!("the printer is taken")).join().expect("it panicked");
            }
            "hang" => {
                println!("pid {}", std::process::id());
                go_on();
            }
            "both-send-first" => {
                let other = 1 - world.rank();
                world.send(other, &[1.5])?;
                world.recv::<f64, _>(other)?;
            }
            "error-with-counter" => {
                let _held = (world.counter()?, world.node_shared(10, |_: &mut [f64]| Ok(()))?);
                if here {
                    return Err("no tea, counter held".into());
                }
                world.barrier()?;
            }
            "error-with-requests" => {
                let _held = (
                    world.isend(1 - world.rank(), vec![1.5; 1 << 20])?,
                    world.iall_reduce(vec![1; 1 << 20], Sum)?,
                );
                if here {
                    return Err("no tea, requests held".into());
                }
                world.recv::<u8, _>((1 - world.rank(), 7))?;
            }
            "forgotten-request" => {
                if here {
                    std::mem::forget(world.isend(world.rank(), vec![1.5; 100_000])?);
                }
                println!("rank {} is done", world.rank());
                return Ok(());
            }
            "unreceived-message" if here => world.send(world.rank(), &vec![1.5; 100_000])?,
            "short-unreceived-message" => world.send(((world.rank() + 1) % world.size(), 5), &[1u8])?,
            "forgotten-window" => {
                std::mem::forget(world.node_shared(10, |_: &mut [f64]| Ok(()))?);
            }
            "forgotten-file" => {
                let _file =
                    rankwise::file::File::create(world, beside_this_program("rankwise-forgotten.h5"))?;
            }
            "error-with-open-file" => {
                let path = beside_this_program("rankwise-open.h5");
                let file = rankwise::file::File::create(world, &path)?;
                file.create_dataset::<f64>("x", &[10], &rankwise::file::Storage::default())?;
                if here {
                    return Err("no tea, file open".into());
                }
                world.barrier()?;
                file.close()?;
            }
            "panic-with-open-file" => {
                let path = beside_this_program("rankwise-open-too.h5");
                let file = rankwise::file::File::create(world, &path)?;
                assert!(!here, "no kettle, file open");
                file.close()?;
            }
            "exit-with-open-file" => {
                let path = beside_this_program("rankwise-open-three.h5");
                let file = rankwise::file::File::create(world, &path)?;
                if here {
                    std::process::exit(3);
                }
                file.close()?;
            }
            _ => {}
        }
        // The others wait for the one that fails.
        world.barrier()?;
        println!("rank {} is done", world.rank());
        Ok::<(), Box<dyn Error>>(())
    });
    assert!(code != ExitCode::SUCCESS || !handles(libc::SIGINT), "after a good end signals are as before");
    // A communicator that outlives its world does no harm, and no good.
    if let Some(kept) = kept.filter(|_| code == ExitCode::SUCCESS) {
        assert!(kept.barrier().is_err_and(|error| error.to_string().contains("MPI has ended")));
    }
    code
}
