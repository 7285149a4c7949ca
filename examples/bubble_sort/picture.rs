//! The phases as a picture: places from left to right, time from top to bottom, and the way of every key.

use std::fmt::Write;

use crate::arguments::Algorithm;
use crate::history::History;
use crate::number::Number;

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 110.0;
const TOP: f64 = 96.0;
/// From one stage to the next.
const STEP: f64 = 84.0;
/// More keys than this are not named.
const NAMED: usize = 64;

/// The whole history as SVG.
pub(crate) fn svg<T: Number>(history: &History<T>) -> String {
    let Frame { n, p, stages } = Frame::of(history);
    let height = TOP + STEP * (stages - 1) as f64 + 60.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n",
        width = WIDTH + LEFT + 30.0
    );
    let what = match history.algorithm {
        Algorithm::Bubble => "bubble sort and odd-even transposition",
        _ => "odd-even transposition",
    };
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"28\" font-size=\"18\">{n} keys on {p} ranks: {what}, {} phases</text>\n\
         <text x=\"{LEFT}\" y=\"48\" fill=\"#555\">One line is one key, from small (dark) to great (light); thick where it goes to another rank. Boxes are pairs of ranks that compare.</text>",
        history.walk.phases
    );
    bands(&mut svg, history);
    pairs(&mut svg, history);
    keys(&mut svg, history);
    labels(&mut svg, history);
    svg + "</svg>\n"
}

struct Frame {
    n: usize,
    p: usize,
    stages: usize,
}

impl Frame {
    fn of<T: Number>(history: &History<T>) -> Self {
        Frame { n: history.blocks.len(), p: history.blocks.parts(), stages: history.stages.len() }
    }
}

/// Where the place `k` of all is, and the edge before it. Between ranks there is a gap.
fn x<T: Number>(history: &History<T>, rank: usize, place: f64) -> f64 {
    let Frame { n, p, .. } = Frame::of(history);
    let gap = if p > 100 { 0.0 } else { 14.0 };
    LEFT + (WIDTH - gap * (p - 1) as f64) * place / n.max(1) as f64 + gap * rank as f64
}

fn y(stage: usize) -> f64 {
    TOP + STEP * stage as f64
}

/// A column for each rank.
fn bands<T: Number>(svg: &mut String, history: &History<T>) {
    let Frame { p, stages, .. } = Frame::of(history);
    for rank in 0..p {
        let range = history.blocks.range(rank);
        let (from, to) = (x(history, rank, range.start as f64), x(history, rank, range.end as f64));
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#f1f1f4\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#333\">rank {rank}</text>",
            y(0) - 10.0,
            to - from,
            STEP * (stages - 1) as f64 + 20.0,
            (from + to) / 2.0,
            y(0) - 22.0
        );
    }
}

/// A box around each pair of a phase.
fn pairs<T: Number>(svg: &mut String, history: &History<T>) {
    for stage in 2..history.stages.len() {
        for (left, right) in history.pairs(stage) {
            let from = x(history, left, history.blocks.range(left).start as f64);
            let to = x(history, right, history.blocks.range(right).end as f64);
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\" fill=\"none\" stroke=\"#8a8a95\"/>",
                y(stage - 1) + 6.0,
                to - from,
                STEP - 12.0
            );
        }
    }
}

/// The way of each key.
fn keys<T: Number>(svg: &mut String, history: &History<T>) {
    let Frame { n, stages, .. } = Frame::of(history);
    // For each key, by its place in the input, its place and rank at each stage.
    let mut ways = vec![Vec::with_capacity(stages); n];
    for stage in &history.stages {
        for (place, (_, index)) in stage.keys.iter().enumerate() {
            ways[*index as usize].push((place, history.blocks.owner(place)));
        }
    }
    for way in &ways {
        let last = way.last().map_or(0, |(place, _)| *place);
        let color = colorous::VIRIDIS.eval_continuous((last as f64 + 0.5) / n as f64 * 0.92);
        let (r, g, b) = color.as_tuple();
        let (mut thin, mut thick) = (String::new(), String::new());
        for (stage, step) in way.windows(2).enumerate() {
            let [(from, from_rank), (to, to_rank)] = step else { continue };
            let (x0, x1) =
                (x(history, *from_rank, *from as f64 + 0.5), x(history, *to_rank, *to as f64 + 0.5));
            let (y0, y1) = (y(stage), y(stage + 1));
            let (a, b) = (y0 + STEP * 0.45, y1 - STEP * 0.45);
            let path = format!("M{x0:.1} {y0:.1}C{x0:.1} {a:.1} {x1:.1} {b:.1} {x1:.1} {y1:.1}");
            if from_rank == to_rank { thin += &path } else { thick += &path }
        }
        let _ = writeln!(
            svg,
            "<path d=\"{thin}\" fill=\"none\" stroke=\"#{r:02x}{g:02x}{b:02x}\" stroke-opacity=\"0.55\"/>"
        );
        if !thick.is_empty() {
            let _ = writeln!(
                svg,
                "<path d=\"{thick}\" fill=\"none\" stroke=\"#{r:02x}{g:02x}{b:02x}\" stroke-width=\"2.4\"/>"
            );
        }
    }
}

/// What each row is; and the first and the last row's keys, if they are few.
fn labels<T: Number>(svg: &mut String, history: &History<T>) {
    let Frame { n, stages, .. } = Frame::of(history);
    for stage in 0..stages {
        let label = match stage {
            0 => "given".into(),
            1 => "own sorted".into(),
            _ => format!("phase {}", stage - 1),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333\">{label}</text>",
            LEFT - 12.0,
            y(stage) + 4.0
        );
    }
    if n > NAMED {
        return;
    }
    for (stage, up) in [(0, -2.0), (stages - 1, 22.0)] {
        for (place, (key, _)) in history.stages[stage].keys.iter().enumerate() {
            let at = x(history, history.blocks.owner(place), place as f64 + 0.5);
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"10\">{key}</text>",
                y(stage) + up
            );
        }
    }
}
