//! The phases as text: which ranks compare, which keys cross, and what each rank has then.

use std::error::Error;
use std::io::Write;

use rankwise::progress::Show;

use crate::arguments::Algorithm;
use crate::history::History;
use crate::number::Number;

/// A row of keys that is wider than this becomes a line for each rank.
const WIDEST: usize = 150;

/// Prints the whole history.
pub(crate) fn print<T: Number>(history: &History<T>, color: Show) -> Result<(), Box<dyn Error>> {
    let text = Text { history, colored: color.on_stdout(), width: width(history) };
    let mut out = std::io::stdout().lock();
    out.write_all(text.all().as_bytes())?;
    Ok(out.flush()?)
}

fn width<T: Number>(history: &History<T>) -> usize {
    history.stages[0].keys.iter().map(|(key, _)| key.to_string().len()).max().unwrap_or(1)
}

struct Text<'a, T> {
    history: &'a History<T>,
    colored: bool,
    /// Of a key.
    width: usize,
}

/// Whether a key has just come from the left, from the right, or was there.
#[derive(Clone, Copy, PartialEq)]
enum Came {
    FromLeft,
    FromRight,
    WasThere,
}

impl<T: Number> Text<'_, T> {
    fn all(&self) -> String {
        let History { blocks, walk, algorithm, stages, .. } = self.history;
        let (n, p) = (blocks.len(), blocks.parts());
        let each = match blocks.equal() {
            Some(each) => format!("{each} each"),
            None => format!("{} or {} each", n / p, n.div_ceil(p)),
        };
        let mut text = format!("{n} keys on {p} rank{}, {each}\n", if p == 1 { "" } else { "s" });
        text += "> has just come from the rank on the left, < from the one on the right\n";
        text += &format!("\ngiven\n{}", self.row(0));
        text += &match algorithm {
            Algorithm::Bubble => format!("\nEach rank sorts its own by bubble sort: {}\n", self.bubbled()),
            _ => "\nEach rank sorts its own\n".into(),
        };
        text += &self.row(1);
        for stage in 2..stages.len() {
            text += &self.phase(stage);
        }
        let enough = if blocks.equal().is_some() { p } else { usize::MAX };
        let phases = walk.phases;
        text += &match (p, phases) {
            (1, _) => "\nOne rank has nobody to compare with: sorted.\n".into(),
            (_, phases) if phases == enough => {
                format!(
                    "\n{p} ranks with as many keys each are sorted after {p} phases, whatever the keys were.\n"
                )
            }
            _ => format!(
                "\nNothing has crossed in two phases, so no neighbours are out of order: sorted after {phases} phases.\n"
            ),
        };
        text += &self.sum();
        text
    }

    fn bubbled(&self) -> String {
        let words = self.history.bubbled.iter().enumerate().map(|(rank, work)| {
            format!(
                "\n  rank {rank}: {} passes, {} comparisons, {} swaps",
                work.passes, work.comparisons, work.moves
            )
        });
        words.collect()
    }

    /// Which ranks compare, and what comes of it.
    fn phase(&self, stage: usize) -> String {
        let (number, history) = (stage - 1, self.history);
        let pairs: Vec<(usize, usize)> = history.pairs(stage).collect();
        let kind =
            if number % 2 == 1 { "even ranks look to the right" } else { "odd ranks look to the right" };
        let mut text = format!("\nphase {number}: {kind}\n");
        let before = &history.stages[stage - 1].keys;
        let (was, is) = (history.ranks(stage - 1), history.ranks(stage));
        for &(left, right) in &pairs {
            let (low, high) = (&before[history.blocks.range(left)], &before[history.blocks.range(right)]);
            let moved = |from: usize, to: usize, keys: &[(T, u64)]| {
                let keys = keys
                    .iter()
                    .filter(|(_, index)| was[*index as usize] == from && is[*index as usize] == to);
                keys.map(|(key, _)| key.to_string()).collect::<Vec<_>>()
            };
            let (to_right, to_left) = (moved(left, right, low), moved(right, left, high));
            text += &format!("  ranks {left} and {right}: ");
            text += &match (low.last(), high.first()) {
                (Some((greatest, _)), Some((least, _))) if to_right.is_empty() => {
                    format!("{greatest} <= {least}, in order, nothing crosses\n")
                }
                (Some((greatest, _)), Some((least, _))) => format!(
                    "{greatest} > {least}, so {} to the right, {} to the left\n",
                    to_right.join(" "),
                    to_left.join(" ")
                ),
                _ => "one of them has nothing\n".into(),
            };
        }
        if pairs.is_empty() {
            text += "  nobody has a partner\n";
        }
        text + &self.row(stage)
    }

    /// All keys at a stage.
    fn row(&self, stage: usize) -> String {
        let blocks = &self.history.blocks;
        let is = self.history.ranks(stage);
        // What was on another rank before the first phase has not come from a neighbour.
        let was = if stage < 2 { is.clone() } else { self.history.ranks(stage - 1) };
        let keys = &self.history.stages[stage].keys;
        let of_rank = |rank: usize| {
            let words = keys[blocks.range(rank)].iter().map(|(key, index)| {
                let index = *index as usize;
                let came = match was[index].cmp(&is[index]) {
                    std::cmp::Ordering::Less => Came::FromLeft,
                    std::cmp::Ordering::Greater => Came::FromRight,
                    std::cmp::Ordering::Equal => Came::WasThere,
                };
                self.word(*key, came)
            });
            words.collect::<String>()
        };
        let ranks = 0..blocks.parts();
        if blocks.len() * (self.width + 1) + 3 * blocks.parts() <= WIDEST {
            format!(" {}\n", ranks.map(of_rank).collect::<Vec<_>>().join(" |"))
        } else {
            ranks.map(|rank| format!("{rank:>5} |{}\n", of_rank(rank))).collect()
        }
    }

    fn word(&self, key: T, came: Came) -> String {
        let (mark, color) = match came {
            Came::FromLeft => (">", "\x1b[31m"),
            Came::FromRight => ("<", "\x1b[34m"),
            Came::WasThere => ("", ""),
        };
        let word = format!("{:>width$}", format!("{mark}{key}"), width = self.width + 1);
        if self.colored && came != Came::WasThere { format!("{color}{word}\x1b[0m") } else { word }
    }

    /// What was moved, and what could have been.
    fn sum(&self) -> String {
        let last = self.history.stages.len() - 1;
        let (first, end) = (self.history.ranks(1), self.history.ranks(last));
        let away = first.iter().zip(&end).filter(|(was, is)| was != is).count();
        let hops: usize = (2..=last)
            .map(|stage| {
                let (was, is) = (self.history.ranks(stage - 1), self.history.ranks(stage));
                was.iter().zip(&is).filter(|(was, is)| was != is).count()
            })
            .sum();
        let whole: usize = (2..=last)
            .flat_map(|stage| self.history.pairs(stage).collect::<Vec<_>>())
            .map(|(left, right)| self.history.blocks.count(left) + self.history.blocks.count(right))
            .sum();
        let sent = match self.history.algorithm {
            Algorithm::Bubble => {
                format!("The textbook has sent {whole} keys: all of a pair's, in every phase.")
            }
            _ => format!("A program that sends all of a pair's keys in every phase would have sent {whole}."),
        };
        format!(
            "{away} keys ended on another rank than they began on; from neighbour to neighbour that took {hops} moves of a key.\n{sent}\n"
        )
    }
}
