//! What happened, as a picture: what every rank did when, which message went where, and who waited for whom.
//!
//! Each rank records into a ring when a picture is asked for; see [`crate::sys::record`]. Only when a picture is asked for do the ranks compare
//! their clocks, at the start and at the end, and give the root what they have recorded. After a failure whoever is left reads the
//! rings of all ranks of its node from memory that they share.

mod blocked;
mod clocks;
mod html;
mod json;
mod part;
mod run;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod units;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sys::collectives::broadcast;
use crate::sys::point_to_point::{self, From};
use crate::sys::record::{self, Region};
use crate::sys::words as numbers;
use crate::sys::{Channel, Communicator, Failure, Outcome, Received, Sent, node_file};
use part::Part;
use run::Run;
use words::Words;

/// Events that a rank keeps when a picture is asked for. Else nobody would look at them, and they cost a short call some percent.
const KEPT: usize = 1 << 17;
const MOST: usize = 1 << 26;
/// In place of their number: what follows is what is wrong.
const WRONG: usize = usize::MAX;

/// How long others wait for the one that writes after a failure.
const WRITING: Duration = Duration::from_secs(20);

/// The tag of parts on their way to the root.
const PART: i32 = 91;

struct Asked {
    path: PathBuf,
    rank: usize,
    size: usize,
    host: String,
    events: usize,
    /// What the ranks of this node share: a page of their own, and then a region a rank.
    shared: Option<&'static [AtomicU64]>,
}

static ASKED: OnceLock<Asked> = OnceLock::new();
/// All is written, or nothing can be any more.
static OVER: AtomicBool = AtomicBool::new(false);
/// Where ranks share nothing: whether this one writes, and has written.
static ALONE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// What the root is asked for: the file, and how many events a rank keeps.
fn asked(argument: Option<&Path>) -> Result<(Option<PathBuf>, usize), String> {
    let path = argument
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("RANKWISE_TRACE").filter(|path| !path.is_empty()).map(PathBuf::from));
    let path = path.map(|path| std::path::absolute(&path).unwrap_or(path));
    if let Some(path) = &path {
        Format::of(path)?;
        if !path.parent().is_some_and(Path::is_dir) {
            return Err(format!("no folder for the trace {}", path.display()));
        }
    }
    let kept = if path.is_some() { KEPT } else { 0 };
    let Some(text) = std::env::var_os("RANKWISE_TRACE_EVENTS").filter(|text| !text.is_empty()) else {
        return Ok((path, kept));
    };
    let text = text.to_string_lossy();
    match text.parse::<usize>() {
        Ok(0) if path.is_some() => Err("RANKWISE_TRACE_EVENTS=0, and yet a trace is asked for".into()),
        Ok(0) => Ok((None, 0)),
        Ok(events) if events <= MOST => Ok((path, events.next_power_of_two().max(64))),
        _ => Err(format!("RANKWISE_TRACE_EVENTS={text}: it is a number of events, up to {MOST}")),
    }
}

/// Begins to record, as the root is asked to. Collective over the world; one short broadcast when no picture is asked for.
pub(crate) fn start(world: &Communicator, host: &str, argument: Option<&Path>) -> Outcome {
    let mine = if world.rank == 0 { asked(argument) } else { Ok((None, 0)) };
    let wrong = |words: String| Failure::Argument(words);
    // The root's words hold for all, also what is wrong with them: elsewhere the environment may be another.
    let (bytes, events) = match mine {
        Ok((path, events)) => {
            (path.map_or_else(Vec::new, |path| path.into_os_string().into_encoded_bytes()), events)
        }
        Err(words) => (words.into_bytes(), WRONG),
    };
    let mut head = [events, bytes.len()];
    broadcast(world, 0, Received::new(&mut head)?)?;
    let [events, len] = head;
    if events == 0 {
        return Ok(());
    }
    if len == 0 {
        record::begin(Region::over(numbers::own(Region::len(events)), events));
        return Ok(());
    }
    let mut bytes = if world.rank == 0 { bytes } else { vec![0; len] };
    broadcast(world, 0, Received::new(&mut bytes)?)?;
    let path = String::from_utf8(bytes).map_err(|_| wrong("the name of the trace is no UTF-8".into()))?;
    if events == WRONG {
        return Err(wrong(path));
    }
    let (each, file) = (Region::len(events), node_file::open(world)?);
    let first = numbers::PAGE + world.rank * each;
    let shared = file.and_then(|file| {
        let all = numbers::mapped(&file, numbers::PAGE + world.size * each)?;
        let enough = numbers::reserved(&file, 0, numbers::PAGE) && numbers::reserved(&file, first, each);
        // The mapping stays when the file is closed.
        enough.then_some(all)
    });
    let region = shared.map_or_else(|| numbers::own(each), |all| &all[first..first + each]);
    let compared = clocks::compare(world)?;
    record::begin(Region::over(region, events));
    record::compared(false, compared);
    let (rank, size, host) = (world.rank, world.size, host.to_owned());
    let _ = ASKED.set(Asked { path: path.into(), rank, size, host, events, shared });
    look_after_others();
    Ok(())
}

/// Whether this process dies of a fault, and can write nothing itself.
static DYING: AtomicBool = AtomicBool::new(false);
/// The number of the page of all ranks that a dying one sets.
const DIES: usize = 2;

/// Starts a thread that writes for a rank of this node that cannot.
fn look_after_others() {
    const TICK: Duration = Duration::from_millis(50);
    let Some(shared) = ASKED.get().and_then(|asked| asked.shared) else { return };
    let look = move || {
        while !OVER.load(Ordering::Acquire) && !DYING.load(Ordering::Acquire) {
            if shared[DIES].load(Ordering::Acquire) != 0 {
                after_failure();
                return;
            }
            std::thread::sleep(TICK);
        }
    };
    // Without it a rank that dies leaves no picture; the program runs all the same.
    drop(std::thread::Builder::new().name("rankwise trace".into()).spawn(look));
}

/// Waits until another rank of this node has written the picture, for a while. Allocates nothing: this process dies of a fault.
pub(crate) fn leave_to_others() {
    const PATIENCE: Duration = Duration::from_secs(3);
    DYING.store(true, Ordering::Release);
    let Some(Asked { shared: Some(shared), size: 2.., .. }) = ASKED.get() else { return };
    if OVER.load(Ordering::Acquire) {
        return;
    }
    shared[DIES].store(1, Ordering::Release);
    let until = Instant::now() + PATIENCE;
    while shared[1].load(Ordering::Acquire) == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes the picture, if one was asked for, when all ranks have come to their end. On the root: what went wrong. Collective.
pub(crate) fn finish(world: &Communicator) -> Outcome<Option<String>> {
    record::set(false);
    let Some(asked) = ASKED.get() else { return Ok(None) };
    record::compared(true, clocks::compare(world)?);
    let mine = record::recorded();
    let mine = mine.map(|recorded| Part::new(asked.rank, &asked.host, record::now(), recorded));
    let mine = mine.ok_or_else(|| Failure::Argument("nothing was recorded".into()))?;
    let encode = |part: &Part| {
        postcard::to_stdvec(part).map_err(|error| Failure::Argument(format!("a trace: {error}")))
    };
    if world.rank != 0 {
        point_to_point::send(world, Channel::Ours, 0, PART, Sent::new(&encode(&mine)?)?)?;
        OVER.store(true, Ordering::Release);
        return Ok(None);
    }
    let mut parts = vec![mine];
    for rank in 1..world.size {
        let found = point_to_point::find(world, Channel::Ours, From { rank: Some(rank), tag: Some(PART) })?;
        let bytes = found.receive::<u8, _>()?;
        parts.extend(postcard::from_bytes::<Part>(&bytes));
    }
    let written = write(&Run::of(&parts, asked.size), &asked.path);
    OVER.store(true, Ordering::Release);
    Ok(written.err().map(|error| format!("the trace {} cannot be written: {error}", asked.path.display())))
}

/// Writes what the ranks of this node have recorded, or waits for the one that does, for a while. From any thread, when the job is
/// about to be ended. Whether this one has written it.
pub(crate) fn after_failure() -> Option<&'static Path> {
    let asked = ASKED.get()?;
    if OVER.swap(true, Ordering::AcqRel) {
        return None;
    }
    let [writer, written] = match asked.shared {
        Some([writer, written, ..]) => [writer, written],
        _ => ALONE.each_ref(),
    };
    let until = Instant::now() + WRITING;
    if writer.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_err() {
        while written.load(Ordering::Acquire) == 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        return None;
    }
    // A file system that does not answer must not keep the job.
    let (done, wait) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("rankwise trace".into()).spawn(move || {
        let _ = done.send(write(&Run::of(&asked.node_parts(), asked.size), &asked.path));
    });
    let wrote = thread.is_ok() && matches!(wait.recv_timeout(WRITING), Ok(Ok(())));
    written.store(1, Ordering::Release);
    wrote.then_some(&asked.path)
}

impl Asked {
    /// Of the ranks that share memory with this one.
    fn node_parts(&self) -> Vec<Part> {
        let each = Region::len(self.events);
        let read = |rank: usize| {
            if rank == self.rank {
                return record::recorded();
            }
            let first = numbers::PAGE + rank * each;
            Region::over(&self.shared?[first..first + each], self.events).read()
        };
        (0..self.size)
            .filter_map(|rank| Some(Part::new(rank, &self.host, record::now(), read(rank)?)))
            .collect()
    }
}

/// How a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Html,
    Svg,
    Text,
    Json,
}

impl Format {
    fn of(path: &Path) -> Result<Self, String> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("html") => Ok(Format::Html),
            Some("svg") => Ok(Format::Svg),
            Some("txt") => Ok(Format::Text),
            Some("json") => Ok(Format::Json),
            _ => Err(format!("the trace {}: it ends in .html, .svg, .txt or .json", path.display())),
        }
    }
}

/// The file appears when it is whole.
fn write(run: &Run, path: &Path) -> std::io::Result<()> {
    let words = Words::of(run);
    let text = match Format::of(path).map_err(std::io::Error::other)? {
        Format::Html => html::html(run, &words),
        Format::Svg => svg::svg(run, &words),
        Format::Text => text::text(run, &words),
        Format::Json => json::json(run),
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        std::fs::rename(&beside, path)
    };
    write().inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
