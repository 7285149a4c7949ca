//! The watchdog: a thread on each rank that makes no call of MPI, as long as nothing is wrong.
//!
//! Each leaves word of its rank on the board of the node. The one of the lowest rank of the node looks at all of them, and tells
//! rank 0's, if that is on another node. Rank 0's ends the job when some wait for ever.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::board::Board;
use super::nodes::Link;
use super::now::now;
use super::report::{aligned, ranks};
use super::state::State;
use super::verdict::{Sure, mismatched, stuck, why};

/// How often a watchdog wakes up.
const TICK: Duration = Duration::from_millis(250);
/// For how long nothing may have moved before a deadlock is certain: when no message is under way, and when one may be.
const CERTAIN: Duration = Duration::from_secs(1);
const WITH_MESSAGES: Duration = Duration::from_secs(10);
/// A watchdog that has been silent for so long does not run.
const SILENT: Duration = Duration::from_secs(3);

/// After how long a wait is reported, and whether that ends the job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stall {
    pub(super) after: Option<Duration>,
    pub(super) ends: bool,
}

impl Stall {
    /// `60s`, `5min`, `90`, `off`, `60s,end`; 60 s when nothing is said.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, String> {
        let text = text.unwrap_or("").trim();
        let wrong = || format!("RANKWISE_STALL={text}: it is a time as in 60s or 5min, off, or 60s,end");
        let (time, ends) = match text.split_once(',') {
            Some((time, "end")) => (time, true),
            Some(_) => return Err(wrong()),
            None => (text, false),
        };
        let after = match time {
            "off" => None,
            "" => Some(60.0),
            time => {
                let (number, unit) = match (time.strip_suffix("min"), time.strip_suffix('s')) {
                    (Some(number), _) => (number, 60.0),
                    (_, Some(number)) => (number, 1.0),
                    _ => (time, 1.0),
                };
                let number: f64 = number.parse().map_err(|_| wrong())?;
                if !(0.0..1e9).contains(&number) || number == 0.0 {
                    return Err(wrong());
                }
                Some(number * unit)
            }
        };
        Ok(Stall { after: after.map(Duration::from_secs_f64), ends })
    }
}

/// Of each rank, what was seen last, and since when it is so.
struct Seen {
    state: Option<State>,
    /// Since when it has not moved.
    unmoved: Instant,
    /// When its watchdog was last heard of.
    heard: Instant,
}

struct Watch {
    board: Board,
    rank: usize,
    stall: Stall,
    beat: u64,
    /// The ranks of this node.
    here: Vec<usize>,
    /// What is seen of each rank.
    seen: Vec<Option<Seen>>,
    link: Link,
    /// What has been told of each rank of this node: whether it waits, and where it was then.
    told: Vec<Option<(bool, u64)>>,
    moved: u64,
    warned: Option<Instant>,
    looked: Instant,
}

static STOP: AtomicBool = AtomicBool::new(false);
static THREAD: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

/// Starts the watchdog of this rank.
pub(super) fn start(board: Board, link: Link, rank: usize, nodes: &[u64], stall: Stall) {
    let here = (0..nodes.len()).filter(|&other| nodes[other] == nodes[rank]).collect();
    let (seen, told) = (nodes.iter().map(|_| None).collect(), vec![None; nodes.len()]);
    let mut watch = Watch {
        board,
        rank,
        stall,
        beat: 0,
        here,
        seen,
        link,
        told,
        moved: u64::MAX,
        warned: None,
        looked: Instant::now(),
    };
    watch.publish();
    let (ready, wait) = std::sync::mpsc::channel();
    let thread = thread::Builder::new().name("rankwise watch".into()).spawn(move || {
        let _ = ready.send(());
        while !STOP.load(Ordering::Acquire) {
            thread::park_timeout(TICK);
            watch.publish();
            watch.look();
        }
    });
    // Its start takes memory, of which there may be none left later.
    let _ = wait.recv();
    // Without a thread nobody watches; the program runs all the same.
    *THREAD.lock().unwrap_or_else(PoisonError::into_inner) = thread.ok();
}

/// Ends it.
pub(super) fn stop() {
    STOP.store(true, Ordering::Release);
    if let Some(thread) = THREAD.lock().unwrap_or_else(PoisonError::into_inner).take() {
        thread.thread().unpark();
        let _ = thread.join();
    }
}

impl Watch {
    /// Leaves word of this rank.
    fn publish(&mut self) {
        let now = now();
        let still = now.moved == self.moved;
        self.moved = now.moved;
        self.beat += 1;
        self.board.write(self.rank, &State::new(&now, self.beat, still));
    }

    /// Looks at the ranks of this node, if no lower one does.
    fn look(&mut self) {
        let time = Instant::now();
        if time - self.looked > SILENT {
            // This process was stopped, perhaps all were: what did not move meanwhile could not.
            self.seen.iter_mut().flatten().for_each(|seen| seen.unmoved = time);
        }
        self.looked = time;
        for i in 0..self.here.len() {
            let rank = self.here[i];
            let state = self.board.read(rank);
            self.note(rank, state, time);
            let lives = self.seen[rank].as_ref().is_some_and(|seen| time - seen.heard < SILENT);
            if rank < self.rank && lives {
                return;
            }
        }
        for (rank, state) in self.link.hear() {
            let rank = rank as usize;
            if rank < self.seen.len() && !self.here.contains(&rank) {
                self.note(rank, Some(state), time);
            }
        }
        if self.tell() {
            return;
        }
        // Of one whose process does not run nobody knows what it would do.
        let known = |seen: &Seen| seen.state.clone().filter(|_| time - seen.heard < SILENT);
        let states: Vec<_> = self.seen.iter().map(|seen| known(seen.as_ref()?)).collect();
        self.judge(&states, time);
    }

    /// Tells rank 0, if it is on another node: at once who waits and who does no more, and from time to time all.
    fn tell(&mut self) -> bool {
        const ALL: u64 = 4;
        let mut news = Vec::new();
        for &rank in &self.here {
            let Some(state) = self.seen[rank].as_ref().and_then(|seen| seen.state.as_ref()) else { continue };
            let waits = state.waits.is_some() || state.ended;
            let now = Some((waits, if waits { state.moved } else { 0 }));
            if now != self.told[rank] || self.beat.is_multiple_of(ALL) {
                self.told[rank] = now;
                news.push((rank as u32, state.clone()));
            }
        }
        self.link.tell(&news)
    }

    fn note(&mut self, rank: usize, state: Option<State>, time: Instant) {
        let Some(state) = state else {
            if let Some(seen) = &mut self.seen[rank] {
                seen.state = None;
            }
            return;
        };
        match &mut self.seen[rank] {
            Some(seen) => {
                let before = seen.state.as_ref();
                if before.is_none_or(|before| before.moved != state.moved) {
                    seen.unmoved = time;
                }
                if before.is_none_or(|before| before.beat != state.beat) {
                    seen.heard = time;
                }
                seen.state = Some(state);
            }
            none => *none = Some(Seen { state: Some(state), unmoved: time, heard: time }),
        }
    }

    /// For how long none of these ranks has moved.
    fn unmoved(&self, ranks: &[usize], time: Instant) -> Duration {
        let of = |rank: &usize| self.seen[*rank].as_ref().map_or(Duration::ZERO, |seen| time - seen.unmoved);
        ranks.iter().map(of).min().unwrap_or_default()
    }

    fn judge(&mut self, states: &[Option<State>], time: Instant) {
        if let Some(of) = mismatched(states) {
            super::end(true, &self.mismatch(states, &of));
        }
        for (sure, certain) in [(Sure::Quite, CERTAIN), (Sure::Nearly, WITH_MESSAGES)] {
            let stuck = stuck(states, sure);
            let unmoved = self.unmoved(&stuck, time);
            if !stuck.is_empty() && unmoved >= certain {
                let head = format!("DEADLOCK: {} ({})", why(states, &stuck), nothing_moved(unmoved));
                super::end(true, &format!("{head}\n{}", self.table(time)));
            }
        }
        self.warn(states, time);
    }

    /// Says where everyone is, when someone has waited for long.
    fn warn(&mut self, states: &[Option<State>], time: Instant) {
        let Some(after) = self.stall.after else { return };
        let waits = |rank: &usize| states[*rank].as_ref().is_some_and(|state| state.waits.is_some());
        let longest = (0..states.len()).filter(waits).map(|rank| self.unmoved(&[rank], time)).max();
        let Some(longest) = longest.filter(|longest| *longest >= after) else {
            self.warned = None;
            return;
        };
        if self.warned.is_some_and(|warned| time - warned < after) {
            return;
        }
        self.warned = Some(time);
        let report =
            format!("STALL: a rank has waited for {:.0} s\n{}", longest.as_secs_f64(), self.table(time));
        if self.stall.ends {
            super::end(true, &report);
        }
        super::say(&report);
    }

    /// Where every rank is that is known, the same ones together.
    fn table(&self, time: Instant) -> String {
        let mut rows: Vec<([String; 2], Vec<usize>)> = Vec::new();
        for (rank, seen) in self.seen.iter().enumerate() {
            let Some(seen) = seen else { continue };
            let words = seen.words(time);
            match rows.iter_mut().find(|(other, _)| *other == words) {
                Some((_, of)) => of.push(rank),
                None => rows.push((words, vec![rank])),
            }
        }
        let rows: Vec<_> = rows.into_iter().map(|([what, place], of)| [ranks(&of), what, place]).collect();
        aligned(&rows)
    }

    fn mismatch(&self, states: &[Option<State>], of: &[usize]) -> String {
        let waiting = |rank: &usize| states[*rank].as_ref().and_then(|state| state.waits.as_ref());
        let first = of.iter().find_map(waiting);
        let name = first.map_or(String::new(), |waiting| waiting.group_name.clone());
        let (number, members) = match first.map(|waiting| &waiting.on) {
            Some(super::state::On::Call { number, members }) => (*number, members.count()),
            _ => (0, 0),
        };
        let table = self.table(Instant::now());
        format!("COLLECTIVE MISMATCH on '{name}' (its call #{number}, {members} ranks)\n{table}")
    }
}

fn nothing_moved(time: Duration) -> String {
    format!("nothing has moved for {:.1} s", time.as_secs_f64())
}

impl Seen {
    /// What it does, and where.
    fn words(&self, time: Instant) -> [String; 2] {
        let Some(state) = &self.state else { return ["unknown".into(), String::new()] };
        if state.ended {
            return ["at the end of the program".into(), String::new()];
        }
        let silent = time - self.heard;
        if silent > SILENT {
            // Its process is stopped, or gets no time.
            return [
                format!("silent for {:.0} s: its process does not run", silent.as_secs_f64()),
                String::new(),
            ];
        }
        if let Some(waiting) = &state.waits {
            let on = match waiting.group_name.as_str() {
                "world" => String::new(),
                name => format!(" on '{name}'"),
            };
            return [format!("in {}{on}", waiting.call), format!("at {}", waiting.at)];
        }
        match &state.last {
            Some((call, at)) => ["outside of any call".into(), format!("after {call} at {at}")],
            None => ["outside of any call".into(), String::new()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let seconds =
            |text| Stall::parse(Some(text)).map(|stall| (stall.after.map(|t| t.as_secs_f64()), stall.ends));
        assert_eq!(seconds("60s"), Ok((Some(60.0), false)));
        assert_eq!(seconds("5min"), Ok((Some(300.0), false)));
        assert_eq!(seconds("0.5"), Ok((Some(0.5), false)));
        assert_eq!(seconds("2s,end"), Ok((Some(2.0), true)));
        assert_eq!(seconds("off"), Ok((None, false)));
        assert_eq!(Stall::parse(None).map(|stall| stall.after), Ok(Some(Duration::from_secs(60))));
        for wrong in ["soon", "-1", "0", "60s,never", "inf", "NaN"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
