//! A run that is over: what every rank did when, on one clock, and which message went where.

use std::collections::HashMap;

use super::clocks::on_the_roots;
use super::part::{Members, Part, Site};
use crate::sys::record::{EVENT, Kind};

/// Times are in nanoseconds from the beginning.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    pub(super) ranks: usize,
    pub(super) end: i64,
    pub(super) lanes: Vec<Lane>,
    pub(super) sites: Vec<Site>,
    pub(super) groups: Vec<Members>,
    pub(super) messages: Vec<Message>,
    /// What the reader has to know: what is missing, what was put right.
    pub(super) notes: Vec<String>,
}

/// One rank.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    pub(super) rank: u32,
    pub(super) host: String,
    /// In the order of their beginning. Calls do not overlap; phases and tasks contain others.
    pub(super) blocks: Vec<Block>,
    pub(super) lost: u64,
}

/// Something that takes time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub(super) what: What,
    /// In the run's list.
    pub(super) site: u32,
    pub(super) begin: i64,
    pub(super) end: i64,
    /// It had not ended when the run did.
    pub(super) open: bool,
    /// For so long it waited for a rank that was late.
    pub(super) blocked: i64,
    /// That rank.
    pub(super) on: Option<u32>,
    pub(super) bytes: u64,
    /// In the run's list, for calls.
    pub(super) group: u32,
    /// Of the call among the collective ones of its group; the first of the tasks.
    pub(super) number: u64,
    /// How many tasks.
    pub(super) count: u64,
    pub(super) root: Option<u32>,
    /// For whom a call may wait: to send, to receive.
    pub(super) to: Option<u32>,
    pub(super) from: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum What {
    Call,
    Collective,
    File,
    Wait,
    Phase,
    Tasks,
    Stage,
    Checkpoint,
}

impl What {
    /// Whether it is one of the calls, which do not overlap.
    pub(super) fn is_call(self) -> bool {
        matches!(self, What::Call | What::Collective | What::File | What::Wait)
    }
}

impl Block {
    /// A message of so many bytes goes or comes in it. What MPI is given for a call of all ranks is known already.
    fn add(&mut self, bytes: u64) {
        if matches!(self.what, What::Call | What::Wait) {
            self.bytes += bytes;
        }
    }
}

/// From its sender to its receiver. Ranks are those of the world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Message {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) sent: i64,
    pub(super) got: i64,
    pub(super) bytes: u64,
    pub(super) tag: i32,
    /// The blocks of the sender and the receiver in which it goes and comes, if it does so in one.
    pub(super) sends: Option<u32>,
    pub(super) gets: Option<u32>,
}

/// One end of a message.
struct End {
    rank: u32,
    time: i64,
    bytes: u64,
    posted: u64,
    block: Option<u32>,
}

/// All that can meet: of one communicator, from a rank to a rank, with a tag.
type Way = (u64, u64, u32, u32, i32);

impl Run {
    /// Of the parts of those ranks that could give one.
    pub(super) fn of(parts: &[Part], ranks: usize) -> Self {
        let mut run = Run { ranks, ..Run::default() };
        run.groups.push(Members { id: 0, name: "world".into(), ranks: (0..ranks as u32).collect() });
        let mut numbers = HashMap::from([(0, 0)]);
        for members in parts.iter().flat_map(|part| &part.groups) {
            numbers.entry(members.id).or_insert_with(|| {
                run.groups.push(members.clone());
                run.groups.len() as u32 - 1
            });
        }
        let mut sites: HashMap<Site, u32> = HashMap::new();
        let mut ways: HashMap<Way, [Vec<End>; 2]> = HashMap::new();
        let begin = parts.iter().filter_map(begin_of).min().unwrap_or(0);
        let time = |part: &Part, time: u64| on_the_roots(time, part.start, part.end) - begin;
        for part in parts {
            let mut place: HashMap<u32, u32> = HashMap::new();
            for (number, site) in &part.sites {
                let known = sites.len() as u32;
                let global = *sites.entry(site.clone()).or_insert(known);
                place.insert(*number, global);
            }
            let mut lane =
                Lane { rank: part.rank, host: part.host.clone(), lost: part.lost, ..Lane::default() };
            let until = time(part, part.until);
            run.end = run.end.max(until);
            let mut current: Option<u32> = None;
            for event in &part.events {
                let low = event[0] as u8;
                if low == Kind::Sent as u8 || low == Kind::Got as u8 {
                    let group = numbers.get(&event[3]).map(|&group| &run.groups[group as usize]);
                    let Some(&peer) = group.and_then(|group| group.ranks.get(event[4] as usize)) else {
                        continue;
                    };
                    let block = current.map(|current| lane.blocks[current as usize]);
                    let (sends, at) = (low == Kind::Sent as u8, event[1]);
                    let (at, inside) = match (at, block) {
                        // The call that it was part of is gone.
                        (0, None) => continue,
                        (0, Some(block)) => (if sends { block.begin } else { block.end }, true),
                        (at, block) => {
                            let at = time(part, at);
                            (at, block.is_some_and(|block| at <= block.end))
                        }
                    };
                    let block = current.filter(|_| inside);
                    if let Some(block) = block.filter(|_| sends) {
                        lane.blocks[block as usize].add(event[2]);
                    }
                    let end = End { rank: part.rank, time: at, bytes: event[2], posted: event[5], block };
                    let (from, to) = if sends { (part.rank, peer) } else { (peer, part.rank) };
                    let way = (event[3], event[0] >> 8 & 0xff_ffff, from, to, (event[0] >> 32) as i32);
                    ways.entry(way).or_default()[usize::from(!sends)].push(end);
                    continue;
                }
                let Some(block) = block(event, |at| time(part, at), until, &place, &numbers, &run.groups)
                else {
                    continue;
                };
                if block.what.is_call() {
                    current = Some(lane.blocks.len() as u32);
                }
                lane.blocks.push(block);
            }
            run.end = lane.blocks.iter().map(|block| block.end).max().unwrap_or(0).max(run.end);
            run.lanes.push(lane);
        }
        run.lanes.sort_by_key(|lane| lane.rank);
        let mut names: Vec<(Site, u32)> = sites.into_iter().collect();
        names.sort_by_key(|(_, number)| *number);
        run.sites = names.into_iter().map(|(site, _)| site).collect();
        // What has no number.
        let nowhere = run.sites.len() as u32;
        run.sites.push(Site { what: "call".into(), file: "somewhere".into(), line: 0 });
        for block in run.lanes.iter_mut().flat_map(|lane| &mut lane.blocks) {
            block.site = block.site.min(nowhere);
        }
        run.match_messages(ways);
        super::blocked::find(&mut run);
        run.order();
        run.say_what_is_missing();
        run
    }

    /// The lane of a rank, if it has one.
    pub(super) fn lane(&self, rank: u32) -> Option<&Lane> {
        self.lanes.binary_search_by_key(&rank, |lane| lane.rank).ok().map(|at| &self.lanes[at])
    }

    pub(super) fn lane_mut(&mut self, rank: u32) -> Option<&mut Lane> {
        self.lanes.binary_search_by_key(&rank, |lane| lane.rank).ok().map(|at| &mut self.lanes[at])
    }

    /// `ring.rs:31`.
    pub(super) fn place(&self, site: u32) -> String {
        let Site { file, line, .. } = &self.sites[site as usize];
        format!("{}:{line}", file.rsplit('/').next().unwrap_or(file))
    }

    /// `send`, or `wait for isend`.
    pub(super) fn name(&self, block: &Block) -> String {
        let what = &self.sites[block.site as usize].what;
        match (block.what, block.count) {
            (What::Wait, _) => format!("wait for {what}"),
            (What::Tasks, 1) => format!("{what} {}", block.number),
            (What::Tasks | What::Stage, count) if count > 1 => {
                format!("{what} {}–{}", block.number, block.number + count - 1)
            }
            _ => what.clone(),
        }
    }

    fn match_messages(&mut self, ways: HashMap<Way, [Vec<End>; 2]>) {
        let lost: HashMap<u32, u64> = self.lanes.iter().map(|lane| (lane.rank, lane.lost)).collect();
        let (mut alone, mut backwards, mut most) = (0, 0, 0);
        for ((_, _, from, to, tag), [mut sent, mut got]) in ways {
            // Messages on one way come in the order of the receives.
            got.sort_by_key(|end| end.posted);
            if [from, to].iter().any(|rank| lost.get(rank).is_none_or(|&lost| lost > 0)) {
                // The first ones are gone on one of the ranks: what is left ends together.
                let common = sent.len().min(got.len());
                alone += sent.len() + got.len() - 2 * common;
                sent.drain(..sent.len() - common);
                got.drain(..got.len() - common);
            }
            alone += sent.len().abs_diff(got.len());
            for (sent, got) in sent.iter().zip(&got) {
                if let Some((lane, block)) = self.lane_mut(to).zip(got.block) {
                    lane.blocks[block as usize].add(sent.bytes);
                }
                if got.time < sent.time {
                    (backwards, most) = (backwards + 1, most.max(sent.time - got.time));
                }
                self.messages.push(Message {
                    from: sent.rank,
                    to: got.rank,
                    sent: sent.time,
                    got: got.time.max(sent.time),
                    bytes: sent.bytes,
                    tag,
                    sends: sent.block,
                    gets: got.block,
                });
            }
        }
        self.messages.sort_by_key(|message| (message.sent, message.from, message.to, message.got));
        if alone > 0 {
            let plural = if alone == 1 { "message has" } else { "messages have" };
            self.notes.push(format!("{alone} {plural} only one end here, and no arrow"));
        }
        if backwards > 0 {
            self.notes.push(format!(
                "{backwards} of {} arrows would run backwards, by up to {}: drawn as instantaneous",
                self.messages.len(),
                super::units::time(most)
            ));
        }
    }

    /// Puts blocks in the order of their beginning, the containing ones first.
    fn order(&mut self) {
        for lane in &mut self.lanes {
            let mut order: Vec<u32> = (0..lane.blocks.len() as u32).collect();
            let key = |&i: &u32| {
                let block = &lane.blocks[i as usize];
                (block.begin, block.what.is_call(), -block.end)
            };
            if order.is_sorted_by_key(key) {
                continue;
            }
            order.sort_by_key(key);
            let mut new = vec![0; order.len()];
            order.iter().enumerate().for_each(|(at, &old)| new[old as usize] = at as u32);
            lane.blocks = order.iter().map(|&old| lane.blocks[old as usize]).collect();
            for message in &mut self.messages {
                if message.from == lane.rank {
                    message.sends = message.sends.map(|old| new[old as usize]);
                }
                if message.to == lane.rank {
                    message.gets = message.gets.map(|old| new[old as usize]);
                }
            }
        }
    }

    fn say_what_is_missing(&mut self) {
        let lost: u64 = self.lanes.iter().map(|lane| lane.lost).sum();
        if lost > 0 {
            self.notes.push(format!(
                "the first {lost} events are gone; RANKWISE_TRACE_EVENTS=N keeps the last N of each rank"
            ));
        }
        let silent: Vec<usize> = (0..self.ranks).filter(|&rank| self.lane(rank as u32).is_none()).collect();
        if !silent.is_empty() {
            self.notes.push(format!("nothing is known of {}", super::units::ranks(&silent)));
        }
    }
}

/// When a rank began, on the root's clock.
fn begin_of(part: &Part) -> Option<i64> {
    let first = part.events.iter().map(|event| event[1]).filter(|&time| time > 0).min();
    let start = part.start.map(|start| start.at).filter(|_| part.lost == 0);
    let begin = start.into_iter().chain(first).min()?;
    Some(on_the_roots(begin, part.start, part.end))
}

fn block(
    event: &[u64; EVENT],
    time: impl Fn(u64) -> i64,
    until: i64,
    place: &HashMap<u32, u32>,
    numbers: &HashMap<u64, u32>,
    groups: &[Members],
) -> Option<Block> {
    const KINDS: [(Kind, What); 8] = [
        (Kind::Call, What::Call),
        (Kind::Collective, What::Collective),
        (Kind::File, What::File),
        (Kind::Wait, What::Wait),
        (Kind::Phase, What::Phase),
        (Kind::Tasks, What::Tasks),
        (Kind::Stage, What::Stage),
        (Kind::Checkpoint, What::Checkpoint),
    ];
    let &(_, what) = KINDS.iter().find(|(kind, _)| *kind as u8 == event[0] as u8)?;
    let (begin, open) = (time(event[1]), event[2] == 0);
    let end = if open { until } else { time(event[2]) }.max(begin);
    let site = place.get(&((event[0] >> 32) as u32)).copied().unwrap_or(u32::MAX);
    let mut block = Block {
        what,
        site,
        begin,
        end,
        open,
        blocked: 0,
        on: None,
        bytes: 0,
        group: 0,
        number: 0,
        count: 0,
        root: None,
        to: None,
        from: None,
    };
    if what.is_call() {
        block.group = numbers.get(&event[4]).copied()?;
        block.number = event[5];
        if matches!(what, What::Collective | What::File) {
            block.bytes = event[3].max(event[6]);
        }
        let group = &groups[block.group as usize].ranks;
        let rank = |number: u64| group.get(number.checked_sub(1)? as usize).copied();
        if event[0] >> 8 & 1 == 1 {
            block.root = rank(event[7]);
        } else {
            (block.to, block.from) = (rank(event[7] >> 32), rank(event[7] & u64::from(u32::MAX)));
        }
    } else {
        (block.number, block.count) = (event[4], event[5]);
    }
    Some(block)
}
