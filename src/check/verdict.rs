//! Who can go on, and who waits for ever: plain logic on what the ranks tell of themselves.
//!
//! A rank in a call can go on when someone it waits for can, or has done already what it waits for. From those that compute,
//! one finds step by step all that can go on; the rest is stuck. Where a rank waits for several others and not all of them
//! are stuck, it is taken for one that can go on: so a slow rank is never called stuck.
//!
//! A call that sends and receives needs both, and one of them may be done already, which nobody sees. So messages are counted, from
//! each rank to each: where none is under way, nothing has come; where one is too long for MPI to keep it and has not been received,
//! it has not gone.

use super::state::{Message, On, State, Waiting};

/// How sure one wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// A message may be under way that has not been counted as received: it has time to come.
    Nearly,
    /// Nothing is under way to those that are stuck.
    Quite,
}

/// The ranks that wait for ever. A rank that is not known may do anything.
pub(super) fn stuck(states: &[Option<State>], sure: Sure) -> Vec<usize> {
    let waits = |rank: usize| states[rank].as_ref().is_some_and(|state| state.ended || state.waits.is_some());
    let mut free: Vec<bool> = (0..states.len()).map(|rank| !waits(rank)).collect();
    loop {
        let mut found = false;
        for rank in 0..states.len() {
            if !free[rank] && can_go_on(states, &free, rank, sure) {
                free[rank] = true;
                found = true;
            }
        }
        if !found {
            break;
        }
    }
    let stuck = |rank: &usize| !free[*rank] && states[*rank].as_ref().is_some_and(|state| !state.ended);
    (0..states.len()).filter(stuck).collect()
}

fn can_go_on(states: &[Option<State>], free: &[bool], rank: usize, sure: Sure) -> bool {
    let Some(state) = &states[rank] else { return true };
    let Some(waiting) = &state.waits else { return false };
    let comes = |message: &Message| comes(states, free, (rank, waiting), message, sure) != Comes::Never;
    match &waiting.on {
        On::Call { .. } => {
            let mut missing = missing(states, rank).peekable();
            missing.peek().is_none() || missing.any(|other| is_free(free, other))
        }
        On::Messages(halves) => match &halves[..] {
            [sent @ Message::To { rank: to, .. }, received @ Message::From { .. }] => {
                let goes = || comes(sent) || has_come(states, rank, *to as usize) != Some(false);
                match (self::comes(states, free, (rank, waiting), received, Sure::Quite), sure) {
                    (Comes::Never, _) => false,
                    // It may be long on its way.
                    (_, Sure::Quite) => !waiting.long || goes(),
                    (Comes::Later, Sure::Nearly) => true,
                    // It has come by now.
                    (Comes::Soon, Sure::Nearly) => goes(),
                }
            }
            _ => halves.iter().all(comes),
        },
        On::Any(messages) => messages.iter().any(comes),
    }
}

/// Whether a message of a rank that waits goes or comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// The other one is there, or was.
    Soon,
    /// The other one may do anything.
    Later,
    Never,
}

/// Not known: another program's, or out of range.
fn is_free(free: &[bool], rank: usize) -> bool {
    free.get(rank).copied().unwrap_or(true)
}

fn comes(
    states: &[Option<State>],
    free: &[bool],
    (rank, waiting): (usize, &Waiting),
    message: &Message,
    sure: Sure,
) -> Comes {
    match message {
        Message::To { rank: to, tag } => {
            let to = *to as usize;
            let takes = |(of, theirs): (u64, &Message)| match theirs {
                Message::From { ranks, tag: wanted } => {
                    of == waiting.group
                        && wanted.is_none_or(|wanted| wanted == *tag)
                        && ranks.iter().any(|from| from == rank)
                }
                Message::To { .. } => false,
            };
            match open(states, to, takes) {
                true => Comes::Soon,
                false if is_free(free, to) => Comes::Later,
                false => Comes::Never,
            }
        }
        Message::From { ranks, tag } => {
            let gives = |(of, theirs): (u64, &Message)| match theirs {
                Message::To { rank: to, tag: given } => {
                    of == waiting.group && *to as usize == rank && tag.is_none_or(|tag| tag == *given)
                }
                Message::From { .. } => false,
            };
            let mut from = ranks.iter();
            let under_way = match (from.next(), from.next()) {
                _ if sure == Sure::Nearly => false,
                (Some(from), None) => under_way(states, from, rank),
                _ => any_under_way(states, rank),
            };
            if under_way || ranks.iter().any(|from| open(states, from, gives)) {
                Comes::Soon
            // From any rank it may be itself, which is in no other call meanwhile.
            } else if ranks.iter().any(|from| from != rank && is_free(free, from)) {
                Comes::Later
            } else {
                Comes::Never
            }
        }
    }
}

/// Whether what a rank sends to another, in a call that goes on, has been received; `None` where nobody knows.
fn has_come(states: &[Option<State>], from: usize, to: usize) -> Option<bool> {
    let (sender, receiver) = (states.get(from)?.as_ref()?, states.get(to)?.as_ref()?);
    let (sent, received) = (sender.sent_to.of(to)?, receiver.received_from.of(from)?);
    match received > sent {
        true => Some(true),
        // It may have been received from any rank.
        false => (!receiver.received_from.others).then_some(false),
    }
}

/// Whether a message may be under way from a rank to another, which waits for it.
fn under_way(states: &[Option<State>], from: usize, to: usize) -> bool {
    let (Some(Some(sender)), Some(Some(receiver))) = (states.get(from), states.get(to)) else { return true };
    match (sender.sent_to.of(to), receiver.received_from.of(from)) {
        (Some(sent), Some(received)) if sent + sends_and_receives(sender, to) <= received => false,
        (Some(_), Some(_)) if !receiver.received_from.others => true,
        // It may be among those from any rank.
        _ => any_under_way(states, to),
    }
}

/// Whether a message may be under way to a rank, from whomever.
fn any_under_way(states: &[Option<State>], to: usize) -> bool {
    let Some(Some(receiver)) = states.get(to) else { return true };
    let sent = states.iter().map(|state| {
        let state = state.as_ref()?;
        Some(state.sent_to.of(to)? + sends_and_receives(state, to))
    });
    match sent.sum::<Option<u64>>() {
        Some(sent) => sent > receiver.received,
        None => !nothing_under_way(states),
    }
}

/// 1 if it is in a call that sends to that rank and receives: it may have sent, which is not counted before both are done.
fn sends_and_receives(state: &State, to: usize) -> u64 {
    let halves = match state.waits.as_ref().map(|waiting| &waiting.on) {
        Some(On::Messages(halves)) if halves.len() > 1 => &halves[..],
        _ => return 0,
    };
    let sends = |half: &Message| matches!(half, Message::To { rank, .. } if *rank as usize == to);
    u64::from(halves.iter().any(sends))
}

/// Whether `rank` is in a call, or has started one, for which `fits` holds.
fn open(states: &[Option<State>], rank: usize, fits: impl Fn((u64, &Message)) -> bool) -> bool {
    let Some(Some(state)) = states.get(rank) else { return true };
    let in_call = state.waits.iter().flat_map(|waiting| match &waiting.on {
        On::Messages(messages) | On::Any(messages) => {
            messages.iter().map(|message| (waiting.group, message)).collect()
        }
        On::Call { .. } => Vec::new(),
    });
    state.more_open || in_call.chain(state.open.iter().map(|(of, message)| (*of, message))).any(fits)
}

/// The members of the group that have not begun the collective call that `rank` is in.
fn missing(states: &[Option<State>], rank: usize) -> impl Iterator<Item = usize> {
    let waiting = states[rank].as_ref().and_then(|state| state.waits.as_ref());
    waiting.into_iter().flat_map(move |waiting| match &waiting.on {
        On::Call { number, members } => {
            let begun = |other: usize| match states.get(other).and_then(Option::as_ref) {
                // Who has made all its calls may have dropped the communicator.
                Some(state) => {
                    let begun = state.begun.iter().find(|(group, _)| *group == waiting.group);
                    begun.is_none_or(|(_, n)| n >= number)
                }
                // Who is not known may come.
                None => false,
            };
            members.iter().filter(|&other| other != rank && !begun(other)).collect::<Vec<_>>()
        }
        On::Messages(_) | On::Any(_) => Vec::new(),
    })
}

/// Of stuck ranks, one that `rank` waits for: stuck itself, or ended.
fn waits_for(states: &[Option<State>], rank: usize) -> Option<usize> {
    match &states[rank].as_ref()?.waits.as_ref()?.on {
        On::Call { .. } => missing(states, rank).next(),
        On::Messages(messages) | On::Any(messages) => match &messages[..] {
            [Message::To { rank, .. }] => Some(*rank as usize),
            [Message::From { ranks, .. }] | [Message::To { .. }, Message::From { ranks, .. }] => {
                let mut ranks = ranks.iter();
                ranks.next().filter(|_| ranks.next().is_none())
            }
            // Any of several.
            _ => None,
        },
    }
}

/// Why: a circle, somebody who has ended, or that nobody is left.
pub(super) fn why(states: &[Option<State>], stuck: &[usize]) -> String {
    for &start in stuck {
        let mut path = vec![start];
        while let Some(next) = path.last().and_then(|&rank| waits_for(states, rank)) {
            if states.get(next).and_then(Option::as_ref).is_some_and(|state| state.ended) {
                let last = path[path.len() - 1];
                return format!("rank {last} waits for rank {next}, which has ended its program");
            }
            if let Some(place) = path.iter().position(|&rank| rank == next) {
                if place + 1 == path.len() {
                    return format!("rank {next} waits for itself");
                }
                let circle: Vec<_> = path[place..].iter().chain([&next]).map(usize::to_string).collect();
                let path = match circle.len() {
                    0..=10 => circle.join(" -> "),
                    n => format!("{} -> … -> {} ({} ranks)", circle[..4].join(" -> "), circle[n - 1], n - 1),
                };
                return format!("ranks wait for each other in a circle: {path}");
            }
            path.push(next);
        }
    }
    "every rank that could help waits itself".into()
}

/// Whether all messages that were sent have been received, so that none is under way.
pub(super) fn nothing_under_way(states: &[Option<State>]) -> bool {
    let all: Option<Vec<_>> = states.iter().map(Option::as_ref).collect();
    all.is_some_and(|all| {
        all.iter().map(|state| state.sent).sum::<u64>() == all.iter().map(|state| state.received).sum::<u64>()
    })
}

/// Ranks that are in the same collective call by number, but not by name.
pub(super) fn mismatched(states: &[Option<State>]) -> Option<Vec<usize>> {
    let calls: Vec<_> = states
        .iter()
        .enumerate()
        .filter_map(|(rank, state)| {
            let waiting = state.as_ref()?.waits.as_ref()?;
            match &waiting.on {
                On::Call { number, .. } => Some((waiting.group, *number, &waiting.call, rank)),
                On::Messages(_) | On::Any(_) => None,
            }
        })
        .collect();
    calls.iter().find_map(|&(group, number, call, _)| {
        let same = || calls.iter().filter(move |other| (other.0, other.1) == (group, number));
        same().any(|other| other.2 != call).then(|| same().map(|other| other.3).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::super::state::{Counted, Runs};
    use super::*;

    /// Where nothing but single messages is waited for, and none may be under way, both ways to look at it agree.
    fn stuck(states: &[Option<State>]) -> Vec<usize> {
        let quite = super::stuck(states, Sure::Quite);
        assert_eq!(quite, super::stuck(states, Sure::Nearly));
        quite
    }

    const WORLD: u64 = 0;
    const NOBODY: [usize; 0] = [];

    fn computing() -> Option<State> {
        Some(State::computing())
    }

    fn ended() -> Option<State> {
        computing().map(|state| State { ended: true, ..state })
    }

    fn waiting(on: On, call: &str) -> Option<State> {
        let begun = match on {
            On::Call { number, .. } => vec![(WORLD, number)],
            On::Messages(_) | On::Any(_) => vec![(WORLD, 0)],
        };
        let (call, at, group_name) = (call.to_owned(), "main.rs:1:1".to_owned(), "world".to_owned());
        let waits = Some(Waiting { call, at, group: WORLD, group_name, on, long: false });
        computing().map(|state| State { waits, begun, ..state })
    }

    fn to(rank: u32, tag: i32) -> Message {
        Message::To { rank, tag }
    }

    fn from(ranks: &[u32], tag: i32) -> Message {
        Message::From { ranks: Runs::of(ranks), tag: Some(tag) }
    }

    fn messages(of: &[Message]) -> Option<State> {
        waiting(On::Messages(of.to_vec()), "a message")
    }

    fn barrier(number: u64, size: u32) -> Option<State> {
        waiting(On::Call { number, members: Runs::of(&(0..size).collect::<Vec<_>>()) }, "barrier")
    }

    #[test]
    fn who_waits_for_a_rank_that_computes_is_not_stuck() {
        assert_eq!(stuck(&[barrier(1, 3), barrier(1, 3), computing()]), NOBODY);
        assert_eq!(stuck(&[messages(&[from(&[1], 0)]), messages(&[from(&[2], 0)]), computing()]), NOBODY);
        // Nor for one that nobody knows.
        assert_eq!(stuck(&[barrier(1, 3), None, messages(&[from(&[1], 0)])]), NOBODY);
        assert_eq!(stuck(&[messages(&[from(&[7], 0)])]), NOBODY);
    }

    #[test]
    fn a_collective_call_that_all_have_begun_goes_on() {
        assert_eq!(stuck(&[barrier(4, 2), barrier(4, 2)]), NOBODY);
        // One has done it and goes on to the next: it waits for the others, who are not stuck.
        assert_eq!(stuck(&[barrier(5, 2), barrier(4, 2)]), NOBODY);
        // Nor is it missing when it has dropped the communicator.
        let gone = computing().map(|state| State { begun: Vec::new(), ended: true, ..state });
        assert_eq!(stuck(&[barrier(1, 2), gone]), NOBODY);
    }

    #[test]
    fn circles_are_found() {
        let ring = |n: u32| (0..n).map(|rank| messages(&[from(&[(rank + 1) % n], 0)])).collect::<Vec<_>>();
        for n in [1, 2, 5] {
            let states = ring(n);
            assert_eq!(stuck(&states), (0..n as usize).collect::<Vec<_>>());
        }
        assert!(why(&ring(3), &[0, 1, 2]).ends_with("0 -> 1 -> 2 -> 0"));
        assert!(why(&ring(99), &[0, 1, 2]).ends_with("0 -> 1 -> 2 -> 3 -> … -> 0 (99 ranks)"));
        assert!(why(&ring(1), &[0]).contains("waits for itself"));
        // Through a collective call, and with one that is not in it.
        let states = [barrier(1, 4), messages(&[from(&[0], 0)]), barrier(1, 4), computing()];
        assert_eq!(stuck(&states), NOBODY, "rank 3 may come, and then rank 1 is missing only");
        let states = [barrier(1, 3), messages(&[from(&[0], 0)]), barrier(1, 3)];
        assert_eq!(stuck(&states), [0, 1, 2]);
    }

    #[test]
    fn a_message_that_fits_goes_on() {
        let sends = messages(&[to(1, 7)]);
        for (receives, goes_on) in [
            (messages(&[from(&[0], 7)]), true),
            (messages(&[from(&[0], 8)]), false),
            (messages(&[from(&[0, 1], 7)]), true),
            (messages(&[Message::From { ranks: Runs::of(&[0]), tag: None }]), true),
            (messages(&[to(0, 7)]), false),
        ] {
            let states = [sends.clone(), receives];
            assert_eq!(stuck(&states).is_empty(), goes_on, "{states:?}");
        }
        // Also one that was started before, by a rank that waits or has ended.
        for state in [messages(&[from(&[1], 9)]), ended()] {
            let started = state.map(|state| State { open: vec![(WORLD, to(1, 7))], ..state });
            assert_eq!(stuck(&[started.clone(), messages(&[from(&[0], 7)])]), NOBODY);
            assert_eq!(stuck(&[started.clone(), messages(&[from(&[0], 6)])]).last(), Some(&1));
            let many = started.map(|state| State { more_open: true, open: Vec::new(), ..state });
            assert_eq!(stuck(&[many, messages(&[from(&[0], 6)])]), NOBODY);
        }
    }

    #[test]
    fn a_call_that_sends_and_receives_waits_for_what_it_receives() {
        let quite = |states: &[Option<State>]| super::stuck(states, Sure::Quite);
        let shift = |rank: u32| messages(&[to((rank + 1) % 3, 8), from(&[(rank + 2) % 3], 8)]);
        let counting = |state: Option<State>, sent: &[(u32, u64)], received: &[(u32, u64)]| {
            let of = |some: &[(u32, u64)]| Counted { some: some.to_vec(), others: false };
            let all = |some: &[(u32, u64)]| some.iter().map(|(_, count)| count).sum();
            state.map(|state| State {
                sent: all(sent),
                received: all(received),
                sent_to: of(sent),
                received_from: of(received),
                ..state
            })
        };
        assert_eq!(quite(&[shift(0), shift(1), shift(2)]), NOBODY);
        assert_eq!(quite(&[shift(0), shift(1), computing()]), NOBODY);
        // One does not take part. The second has got its message, and goes on if MPI keeps what it sends.
        let states = [shift(0), shift(1), barrier(1, 3)];
        assert_eq!(quite(&states), NOBODY);
        assert_eq!(super::stuck(&states, Sure::Nearly), [0, 1, 2]);
        let long = |state: Option<State>| {
            state.map(|mut state| {
                state.waits.iter_mut().for_each(|waiting| waiting.long = true);
                state
            })
        };
        let states = [shift(0), long(shift(1)), barrier(1, 3)];
        assert_eq!(quite(&states), [0, 1, 2]);
        assert_eq!(why(&states, &[0, 1, 2]), "ranks wait for each other in a circle: 0 -> 2 -> 0");
        assert_eq!(quite(&[shift(0), long(shift(1)), computing()]), NOBODY);
        // What it sends may have been received, although it still waits for what comes.
        let got = counting(messages(&[from(&[1], 1)]), &[(0, 1)], &[(1, 1)]);
        assert_eq!(quite(&[computing(), long(shift(1)), got.clone()]), NOBODY);
        assert_eq!(quite(&[shift(0), long(shift(1)), got]), NOBODY);
        // The second has done it, since MPI has kept what it sent.
        let done = counting(barrier(1, 3), &[(2, 1)], &[(0, 1)]);
        assert_eq!(quite(&[shift(0), done.clone(), barrier(1, 3)]), [0, 1, 2]);
        // What the third has sent may be under way, or have come while the first still sends.
        let sent = counting(barrier(1, 3), &[(0, 1)], &[]);
        assert_eq!(quite(&[shift(0), shift(1), sent.clone()]), NOBODY);
        let got = counting(shift(0), &[], &[(2, 1)]);
        assert_eq!(quite(&[got, done, sent]), [0, 1, 2]);
        // A rank that is in a call of two halves may have sent, too.
        let other = messages(&[to(0, 9), from(&[1], 9)]);
        assert_eq!(quite(&[shift(0), messages(&[from(&[0], 1)]), other]), NOBODY);
        // Of messages from any rank the sum is known.
        let any = || {
            counting(shift(0), &[], &[(1, 1)]).map(|mut state| {
                (state.received, state.received_from.others) = (2, true);
                state
            })
        };
        for (sent, free) in [(1, false), (2, true)] {
            let third = counting(barrier(1, 3), &[(0, sent)], &[]);
            let second = counting(barrier(1, 3), &[(0, 1)], &[]);
            assert_eq!(quite(&[any(), second, third]).is_empty(), free, "{sent}");
        }
    }

    #[test]
    fn who_has_ended_does_not_come() {
        let states = [barrier(1, 2), ended()];
        assert_eq!(stuck(&states), [0]);
        assert_eq!(why(&states, &[0]), "rank 0 waits for rank 1, which has ended its program");
        assert_eq!(stuck(&[ended(), ended()]), NOBODY);
    }

    #[test]
    fn any_rank_may_be_the_one() {
        let any = |n: u32| messages(&[from(&(0..n).collect::<Vec<_>>(), 0)]);
        assert_eq!(stuck(&[any(3), any(3), computing()]), NOBODY);
        assert_eq!(stuck(&[any(3), any(3), any(3)]), [0, 1, 2]);
        assert_eq!(stuck(&[any(2), messages(&[to(0, 0)])]), NOBODY);
    }

    #[test]
    fn other_calls_of_the_same_number_do_not_match() {
        assert_eq!(mismatched(&[barrier(1, 2), barrier(1, 2), computing()]), None);
        let gather = barrier(1, 2).map(|mut state| {
            state.waits.as_mut().expect("it waits").call = "gather".into();
            state
        });
        assert_eq!(mismatched(&[barrier(1, 2), gather.clone()]), Some(vec![0, 1]));
        assert_eq!(mismatched(&[barrier(2, 2), gather]), None);
    }

    #[test]
    fn messages_under_way_are_counted() {
        let with = |sent, received| computing().map(|state| State { sent, received, ..state });
        assert!(nothing_under_way(&[with(3, 0), with(0, 3)]));
        assert!(!nothing_under_way(&[with(3, 0), with(0, 2)]));
        assert!(!nothing_under_way(&[with(0, 0), None]));
    }
}
