//! What a rank tells the others of itself.

use serde::{Deserialize, Serialize};

use super::call::Waits;
use super::group::{Group, groups};
use super::now::{Doing, Now};
use crate::sys::pending::Half;
use crate::sys::point_to_point::{From, synchronous};

/// A rank, as the others see it. Ranks are those of the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Counts up as long as its process runs.
    pub(super) beat: u64,
    pub(super) moved: u64,
    pub(super) ended: bool,
    /// The call that it has been in for a while.
    pub(super) waits: Option<Waiting>,
    /// What it was in before, and where.
    pub(super) last: Option<(String, String)>,
    /// Messages that were started and may still go on.
    pub(super) open: Vec<(u64, Message)>,
    /// And more of them.
    pub(super) more_open: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Those by ranks.
    pub(super) sent_to: Counted,
    pub(super) received_from: Counted,
    /// How many collective calls it has begun, by group.
    pub(super) begun: Vec<(u64, u64)>,
}

/// Messages by the rank that they go to or come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) some: Vec<(u32, u64)>,
    /// And more of others, of whom nothing else is known.
    pub(super) others: bool,
}

impl Counted {
    /// How many are of this rank; `None` where nobody knows.
    pub(super) fn of(&self, rank: usize) -> Option<u64> {
        let known = self.some.iter().find(|(other, _)| *other as usize == rank);
        known.map(|(_, count)| *count).or_else(|| (!self.others).then_some(0))
    }
}

/// A call that a rank is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// `reduce<f64, Sum>[10] root 0`
    pub(super) call: String,
    pub(super) at: String,
    pub(super) group: u64,
    /// `world`
    pub(super) group_name: String,
    pub(super) on: On,
    /// What it sends has not gone before its receiver takes it.
    pub(super) long: bool,
}

/// On whom it waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum On {
    /// All members of its group, to begin their collective call of this number.
    Call { number: u64, members: Runs },
    /// These messages, all of them: a call that sends and receives ends when it has done both.
    Messages(Vec<Message>),
    /// Any of these.
    Any(Vec<Message>),
}

/// A message that is to come or to go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Message {
    To { rank: u32, tag: i32 },
    From { ranks: Runs, tag: Option<i32> },
}

/// Numbers as runs: the first, the step, how many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Runs(Vec<(u32, u32, u32)>);

impl Runs {
    /// How many numbers.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|run| u64::from(run.2)).sum()
    }

    pub(super) fn of(numbers: &[u32]) -> Self {
        let mut runs: Vec<(u32, u32, u32)> = Vec::new();
        for &number in numbers {
            match runs.last_mut() {
                Some((first, step, count @ 1)) if number > *first => {
                    *step = number - *first;
                    *count = 2;
                }
                Some((first, step, count)) if *count > 1 && number == *first + *step * *count => *count += 1,
                _ => runs.push((number, 1, 1)),
            }
        }
        Runs(runs)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|&(first, step, count)| (0..count).map(move |i| (first + i * step) as usize))
    }
}

impl State {
    /// Of what this rank does `now`; `still` when it has been in the same call before.
    pub(super) fn new(now: &Now, beat: u64, still: bool) -> Self {
        let groups = groups();
        let group = |id: u64| groups.iter().find(|group| group.id == id);
        let doing = now.doing.filter(|_| still && now.inside && !now.ended);
        let open = now.open.some.into_iter().flatten();
        State {
            beat,
            moved: now.moved,
            ended: now.ended,
            waits: doing.and_then(|doing| Some(Waiting::new(&doing, &now.any, group(doing.group)?))),
            last: now.doing.map(|doing| (doing.call.to_string(), doing.call.at.to_string())),
            open: open.filter_map(|(of, half)| Some((of, message(half, group(of)?)))).collect(),
            more_open: now.open.many,
            sent: now.sent,
            received: now.received,
            sent_to: now.sent_to.clone(),
            received_from: now.received_from.clone(),
            begun: groups
                .iter()
                .map(|group| (group.id, group.calls.load(std::sync::atomic::Ordering::Relaxed)))
                .collect(),
        }
    }
}

#[cfg(test)]
impl State {
    /// Of a rank that is in no call and has made none.
    pub(super) fn computing() -> Self {
        State {
            beat: 1,
            moved: 1,
            ended: false,
            waits: None,
            last: None,
            open: Vec::new(),
            more_open: false,
            sent: 0,
            received: 0,
            sent_to: Counted::default(),
            received_from: Counted::default(),
            begun: vec![(0, 0)],
        }
    }
}

impl Waiting {
    fn new(doing: &Doing, any: &[Half], group: &Group) -> Self {
        let on = match doing.call.waits {
            Waits::Any => On::Any(any.iter().map(|half| message(*half, group)).collect()),
            Waits::Peers { to, from } => {
                let halves = [to.map(|(rank, tag)| Half::To(rank, tag)), from.map(Half::From)];
                On::Messages(halves.into_iter().flatten().map(|half| message(half, group)).collect())
            }
            _ => On::Call { number: doing.number, members: Runs::of(&group.members) },
        };
        Waiting {
            call: doing.call.to_string(),
            at: doing.call.at.to_string(),
            group: group.id,
            group_name: group.name.clone(),
            on,
            long: doing.call.long || synchronous(),
        }
    }
}

fn message(half: Half, group: &Group) -> Message {
    match half {
        Half::To(rank, tag) => Message::To { rank: group.in_world(rank), tag },
        Half::From(From { rank: Some(rank), tag }) => {
            Message::From { ranks: Runs::of(&[group.in_world(rank)]), tag }
        }
        Half::From(From { rank: None, tag }) => Message::From { ranks: Runs::of(&group.members), tag },
    }
}

#[cfg(test)]
mod tests {
    use super::Runs;

    #[test]
    fn runs_give_the_numbers_back() {
        for numbers in [&[][..], &[7], &[0, 1, 2, 3], &[0, 2, 4, 6, 7, 8], &[5, 3, 1], &[1, 1, 2]] {
            let runs = Runs::of(numbers);
            assert!(runs.iter().eq(numbers.iter().map(|&n| n as usize)), "{numbers:?}: {runs:?}");
        }
        assert_eq!(Runs::of(&(0..1000).collect::<Vec<_>>()).0.len(), 1);
    }
}
