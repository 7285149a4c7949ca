//! Who is in which call: mistakes that MPI answers with silence or with a hang are found and named.
//!
//! Every operation of [`Comm`](crate::Comm) notes, for as long as it lasts, what it is and for whom it waits. A thread of each
//! rank leaves word of that where the others of its node can read it; rank 0's reads it all, and ends the job with a report when
//! some ranks wait for ever. In full mode every collective call is also compared on all ranks before data moves.

mod board;
mod call;
mod compare;
mod group;
mod level;
mod nodes;
mod now;
mod report;
mod state;
mod verdict;
mod watch;

use std::sync::OnceLock;
use std::time::Duration;

pub(crate) use call::{Call, hashed};
pub(crate) use compare::{grouped, pairs};
pub(crate) use group::Group;
pub(crate) use now::Here;

use crate::sys::collectives::broadcast;
use crate::sys::{Communicator, Failure, Outcome, Received, label};
use level::Level;

/// The exit code after a mistake that was found here.
pub(crate) const MISTAKE: i32 = 3;

/// How the job is ended, and how something is said.
static END: OnceLock<Ways> = OnceLock::new();

#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    /// Ends the job with a code and a message.
    pub(crate) end: fn(i32, &str) -> !,
    /// Says something, and goes on.
    pub(crate) say: fn(&str),
}

/// Begins to check, as the root's environment asks for. Collective over the world.
pub(crate) fn start(world: &Communicator, host: &str, ways: Ways) -> Outcome {
    let asked = level::asked();
    let stall = watch::Stall::parse(std::env::var("RANKWISE_STALL").ok().as_deref());
    // The root's words hold for all: elsewhere the environment may be another.
    let mut code = [match (&asked, &stall) {
        (Ok(level), Ok(_)) => *level as u8,
        _ => u8::MAX,
    }];
    broadcast(world, 0, Received::new(&mut code)?)?;
    let level = match code[0] {
        0 => Level::Off,
        1 => Level::Light,
        2 => Level::Full,
        _ => {
            let words = asked.err().or(stall.err());
            return Err(Failure::Argument(words.unwrap_or_else(|| "wrong settings on rank 0".into())));
        }
    };
    if level == Level::Off {
        return Ok(());
    }
    let _ = END.set(ways);
    now::start();
    let board = board::Board::open(world)?;
    let nodes = nodes::nodes(world, host)?;
    let link = nodes::Link::open(world, host, &nodes)?;
    level::set(level);
    label::set(level == Level::Full);
    if let Some(board) = board {
        let stall = stall.unwrap_or(watch::Stall { after: None, ends: false });
        watch::start(board, link, world.rank, &nodes, stall);
    }
    Ok(())
}

/// This rank's body has ended well: who still waits for it, waits for ever.
pub(crate) fn ended() {
    now::ended();
}

/// Checks so much from now on.
pub(crate) fn set(level: &str) -> Result<(), String> {
    let level = level::parse(level)?;
    level::set(level);
    label::set(level == Level::Full);
    Ok(())
}

/// Ends the checks, before MPI ends.
pub(crate) fn stop() {
    level::set(Level::Off);
    watch::stop();
}

/// Ends the job with a report; who does not speak waits for the one that does. Returns without [`start`].
fn end(speaks: bool, report: &str) {
    let Some(ways) = END.get() else { return };
    if !speaks {
        std::thread::sleep(Duration::from_secs(2));
    }
    (ways.end)(MISTAKE, report)
}

/// Says something in passing.
fn say(report: &str) {
    if let Some(ways) = END.get() {
        (ways.say)(report);
    }
}
