//! Running this project's own programs under the launcher.
#![allow(dead_code, reason = "each test program uses its part")]

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rankwise::Comm;
use rankwise::testing::{Ended, run_to_end, test_launcher};

/// Longer than any of these programs takes on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The folder of the project.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The built example of that name.
pub(crate) fn program(name: &str) -> PathBuf {
    built(&format!("examples/{name}"))
}

/// The built program `rankwise`.
pub(crate) fn tool() -> PathBuf {
    built("rankwise")
}

/// What cargo has built, in the folder of its profile.
fn built(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().expect("a running program has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(name);
    assert!(path.is_file(), "{} is not there: cargo build --bins --examples makes it", path.display());
    path
}

/// A command that starts a program of ours on that many ranks.
pub(crate) fn launch(ranks: usize, name: &str, args: &[&str]) -> Command {
    let mut command = test_launcher(ranks);
    command.arg(program(name)).args(args).env_remove("RUST_BACKTRACE");
    // After a failure the launcher of Open MPI 4 otherwise waits up to 2 s for ranks that have ended.
    command.env("OMPI_MCA_odls_base_sigkill_timeout", "0");
    command
}

/// Runs a program of ours on that many ranks.
pub(crate) fn run(ranks: usize, name: &str, args: &[&str]) -> Ended {
    run_to_end(launch(ranks, name, args), LIMIT)
}

/// What `look` finds at each item, in order; as many at a time as launches may run. What it panics with, this one does.
pub(crate) fn side_by_side<T: Sync, R: Send>(items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let one_by_one = || {
        let places = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let mine = places.map_while(|place| Some((place, items.get(place)?)));
        mine.map(|(place, item)| (place, look(item))).collect::<Vec<_>>()
    };
    let mut found: Vec<_> = thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(one_by_one));
        threads.into_iter().flat_map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, what)| what).collect()
}

/// The exit code; 128 and more for a signal is not one.
pub(crate) fn code(ended: &Ended) -> Option<i32> {
    ended.status.and_then(|status| status.code())
}

/// The table in a page of docs/, which begins with `head`, has these rows. With `RANKWISE_WRITE_DOCS` it is written.
pub(crate) fn compare_with_docs(page: &str, head: &str, rows: &str) {
    let path = Path::new(ROOT).join("docs").join(page);
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let (before, after) = text.split_once(head).expect("the page has its table");
    let (_, after) = after.split_once("\n\n").expect("and something behind it");
    let right = format!("{before}{head}{rows}\n{after}");
    if std::env::var_os("RANKWISE_WRITE_DOCS").is_some() {
        std::fs::write(&path, right).expect("the page can be written");
    } else {
        let new: Vec<&str> = rows.lines().filter(|row| !text.contains(row)).collect();
        assert!(text == right, "docs/{page} is not what happens; it says how to write it anew: {new:#?}");
    }
}

/// An empty folder of this test, and the end of it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rankwise-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        Folder(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("our names are UTF-8").to_owned()
    }

    /// The names in it, hidden ones too.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A folder that all ranks use, whichever of them made it.
pub(crate) fn shared(world: &Comm, name: &str) -> rankwise::Result<(Option<Folder>, PathBuf)> {
    let folder = world.is_root().then(|| Folder::new(name));
    let path =
        folder.as_ref().map(|folder| folder.0.to_str().expect("our names are UTF-8").as_bytes().to_vec());
    let path = String::from_utf8(world.broadcast(0, path.as_deref())?).expect("sent as UTF-8");
    Ok((folder, path.into()))
}

/// The processes that run this program of ours with an argument that has `marker` in it: its ranks, not their launcher.
pub(crate) fn ranks_of(name: &str, marker: &str) -> Vec<u32> {
    let ours = program(name);
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == ours))
        .filter(|id| {
            std::fs::read(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
        })
        .collect()
}

/// Runs a command to its end, and disturbs it once `is_time`.
pub(crate) fn run_disturbed(
    command: Command,
    is_time: impl Fn() -> bool + Send + 'static,
    disturb: impl FnOnce() + Send + 'static,
) -> Ended {
    // Not by time: the command waits until others have ended.
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let disturber = std::thread::spawn(move || {
        while is_over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            if is_time() {
                return disturb();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let ended = run_to_end(command, LIMIT);
    drop(over);
    disturber.join().expect("it does not panic");
    ended
}

/// What becomes of three ranks of the program `flow` when one of them is killed while work is under way; and how many are left.
pub(crate) fn killed_under_way(how: &str, rank: usize) -> (Ended, usize) {
    let folder = Folder::new(&format!("flow-{how}-{rank}"));
    let marker = folder.file("under-way");
    let (file, name) = (marker.clone(), marker.clone());
    let is_time = move || Path::new(&file).exists();
    let kill = move || {
        let mut ranks = ranks_of("flow", &name);
        ranks.sort_unstable();
        if let Some(&id) = ranks.get(rank) {
            signal(id, "KILL");
        }
    };
    let ended = run_disturbed(launch(3, "flow", &[how, &marker]), is_time, kill);
    (ended, ranks_of("flow", &marker).len())
}

/// Sends a signal, as KILL, to a process.
pub(crate) fn signal(id: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status();
}

/// The example input that comes with the project.
pub(crate) fn cities() -> &'static str {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/cities.h5");
    assert!(Path::new(path).is_file());
    path
}

/// Writes an HDF5 file, by this process alone.
#[cfg(feature = "h5")]
pub(crate) fn make_h5(path: &str, fill: impl FnOnce(&hdf5::File) -> hdf5::Result<()>) {
    let locked = format!("{path}.locked");
    let file = hdf5::File::create(&locked).expect("the temporary folder can be written");
    fill(&file).expect("a new file has room");
    file.close().expect("it was open");
    // What another test has started meanwhile has the file open, too, and with it HDF5's lock, until it ends: nobody has the copy's.
    std::fs::copy(locked, path).expect("there is room for a copy");
}
