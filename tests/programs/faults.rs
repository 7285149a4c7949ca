//! A program that fails in the way that its argument names, on the rank that its second argument names; for the tests.

use std::error::Error;

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
    let mut kept = None;
    let code = rankwise::run_with::<Args>(|world, Args { how, rank }| {
        kept = Some(Comm::wrap(world.as_mpi())?);
        let here = world.rank() == rank;
        world.barrier()?;
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
                loop {
                    std::thread::sleep(std::time::Duration::from_secs(1));
                }
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
                file.create_dataset::<f64>("x", &[10], &rankwise::file::Layout::default())?;
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
            _ => {}
        }
        // The others wait for the one that fails.
        world.barrier()?;
        println!("rank {} is done", world.rank());
        Ok::<(), Box<dyn Error>>(())
    });
    // A communicator that outlives its world does no harm, and no good.
    if let Some(kept) = kept.filter(|_| code == ExitCode::SUCCESS) {
        assert!(kept.barrier().is_err_and(|error| error.to_string().contains("MPI has ended")));
    }
    code
}
