//! A program that fails in the way that its argument names, on the rank that its second argument names; for the tests.

use std::error::Error;

use rankwise::prelude::*;

#[derive(clap::Parser)]
#[command(name = "faults", version)]
struct Args {
    how: String,
    rank: usize,
}

fn main() -> ExitCode {
    if std::env::args().any(|how| how == "run-twice") {
        let _ = rankwise::run(|_| Ok(()));
        return rankwise::run(|_| Ok(()));
    }
    rankwise::run_with::<Args>(|world, Args { how, rank }| {
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
                return Err(std::fs::File::open("/no/such/tea")?.metadata().unwrap_err().into());
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
            "wrong-argument" if here => {
                world.all_reduce_into(&[1, 2], &mut [0], Sum)?;
            }
            "hang" => {
                println!("pid {}", std::process::id());
                loop {
                    std::thread::sleep(std::time::Duration::from_secs(1));
                }
            }
            "forgotten-file" => {
                let _file =
                    rankwise::file::File::create(world, std::env::temp_dir().join("rankwise-forgotten.h5"))?;
            }
            "error-with-open-file" => {
                let path = std::env::temp_dir().join("rankwise-open.h5");
                let file = rankwise::file::File::create(world, &path)?;
                file.create_dataset::<f64>("x", &[10], &rankwise::file::Layout::default())?;
                if here {
                    return Err("no tea, file open".into());
                }
                world.barrier()?;
                file.close()?;
            }
            "panic-with-open-file" => {
                let path = std::env::temp_dir().join("rankwise-open-too.h5");
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
    })
}
