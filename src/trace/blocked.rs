//! Who waited for whom, and for how long: found from both ends of a message, and from all ranks of a collective call.
//!
//! A receive that began before its message was sent has waited for a late sender. A send that went on until a later receive began has
//! waited for a late receiver. In a collective call that needs all ranks everyone waits for the last one. Who reaches into the memory of
//! another rank waits, where MPI needs that rank's help, until it makes a call.

use std::collections::HashMap;

use super::run::{Block, Run, What};

pub(super) fn find(run: &mut Run) {
    messages(run);
    collectives(run);
    one_sided(run);
    unanswered(run);
}

impl Block {
    fn waits(&mut self, until: i64, on: u32) {
        let blocked = until.clamp(self.begin, self.end) - self.begin;
        if blocked > self.blocked {
            (self.blocked, self.on) = (blocked, Some(on));
        }
    }
}

fn messages(run: &mut Run) {
    let messages = std::mem::take(&mut run.messages);
    for message in &messages {
        let begin = |rank: u32, block: Option<u32>| {
            run.lane(rank).zip(block).map(|(lane, block)| lane.blocks[block as usize].begin)
        };
        let receives = begin(message.to, message.gets);
        if let (Some(block), Some(lane)) = (message.gets, run.lane_mut(message.to)) {
            lane.blocks[block as usize].waits(message.sent, message.from);
        }
        if let (Some(block), Some(receives), Some(lane)) =
            (message.sends, receives, run.lane_mut(message.from))
        {
            let block = &mut lane.blocks[block as usize];
            // Else MPI has kept the message, and the sender has gone on.
            let alone = block.what == What::Call && block.from.is_none();
            if alone && block.begin < receives && receives <= block.end {
                block.waits(receives, message.to);
            }
        }
    }
    run.messages = messages;
}

/// A call, as one of its ranks makes it: lane, block, rank, beginning.
type Member = (usize, usize, u32, i64);

fn collectives(run: &mut Run) {
    let mut calls: HashMap<(u32, u64), Vec<Member>> = HashMap::new();
    for (l, lane) in run.lanes.iter().enumerate() {
        for (b, block) in lane.blocks.iter().enumerate() {
            if block.what == What::Collective && block.number > 0 {
                calls.entry((block.group, block.number)).or_default().push((l, b, lane.rank, block.begin));
            }
        }
    }
    for ((group, _), members) in calls {
        let Some(&(l, b, last, latest)) = members.iter().max_by_key(|(.., begin)| *begin) else { continue };
        let call = run.lanes[l].blocks[b];
        let what = run.sites[call.site as usize].what.clone();
        let ranks = &run.groups[group as usize].ranks;
        let came = |rank: u32| members.iter().any(|member| member.2 == rank);
        if members.len() < ranks.len() && members.iter().any(|&(l, b, ..)| run.lanes[l].blocks[b].open) {
            // Somebody has not come.
            let missing = ranks.iter().copied().find(|&rank| run.lane(rank).is_some() && !came(rank));
            if let Some(missing) = missing {
                for &(l, b, ..) in &members {
                    let block = &mut run.lanes[l].blocks[b];
                    if block.open {
                        block.waits(block.end, missing);
                    }
                }
                continue;
            }
        }
        let spreads =
            what.contains("broadcast") || what.contains("scatter") && !what.contains("reduce_scatter");
        let scans = what.contains("scan");
        let root = call.root.and_then(|root| members.iter().find(|member| member.2 == root).copied());
        let mut so_far: Option<(u32, i64)> = None;
        for &(l, b, rank, begin) in &members {
            if so_far.is_none_or(|(_, latest)| begin > latest) {
                so_far = Some((rank, begin));
            }
            let until = match root {
                Some((_, _, root, begins)) if spreads => Some((root, begins)).filter(|_| rank != root),
                Some((_, _, root, _)) => Some((last, latest)).filter(|_| rank == root),
                None if scans => so_far,
                None => Some((last, latest)),
            };
            if let Some((on, until)) = until.filter(|(on, _)| *on != rank) {
                run.lanes[l].blocks[b].waits(until, on);
            }
        }
    }
}

/// Calls that reach into the memory of a rank which was in none.
fn one_sided(run: &mut Run) {
    // A collective call that was started has a number.
    let owner = |block: &Block| block.root.filter(|_| block.what == What::Call && block.number == 0);
    // The calls of the ranks that are reached into, in order: tasks come in that of their end.
    let mut calls: HashMap<u32, Vec<(i64, i64)>> = HashMap::new();
    for owner in run.lanes.iter().flat_map(|lane| lane.blocks.iter().filter_map(owner)) {
        calls.entry(owner).or_insert_with(|| {
            let blocks = run.lane(owner).into_iter().flat_map(|lane| &lane.blocks);
            blocks.filter(|block| block.what.is_call()).map(|block| (block.begin, block.end)).collect()
        });
    }
    for lane in &mut run.lanes {
        for block in &mut lane.blocks {
            let Some(owner) = owner(block).filter(|owner| *owner != lane.rank) else { continue };
            let calls = &calls[&owner];
            let after = calls.partition_point(|(begin, _)| *begin <= block.begin);
            // It is served when the other one comes back from its longest time in no call.
            let mut left =
                after.checked_sub(1).map_or(block.begin, |before| calls[before].1.max(block.begin));
            let (mut longest, mut until) = (0, block.begin);
            for &(begin, end) in calls[after..].iter().take_while(|(begin, _)| *begin < block.end) {
                if begin - left > longest {
                    (longest, until) = (begin - left, begin);
                }
                left = end;
            }
            block.waits(until, owner);
        }
    }
}

/// Messages that never came.
fn unanswered(run: &mut Run) {
    for lane in &mut run.lanes {
        for block in &mut lane.blocks {
            if block.open
                && block.on.is_none()
                && let Some(peer) = block.from.or(block.to)
            {
                block.waits(block.end, peer);
            }
        }
    }
}
