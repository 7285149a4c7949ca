//! The run as a drawing for a document.

use std::fmt::Write;

use super::run::{Block, Run, What};
use super::units;
use super::words::Words;

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 74.0;
/// What fits into a line of the sentence above, and how far the next line is below it.
const LETTERS: usize = 118;
const LINE: f64 = 18.0;
/// Lanes and arrows that are drawn.
const LANES: usize = 128;
const ARROWS: usize = 1500;

/// What is computing, a call, a collective call, waiting, a file.
const COLOURS: [(&str, &str); 5] = [
    ("computing", "#e8ecf1"),
    ("message", "#5b8def"),
    ("collective call", "#8b6fd6"),
    ("waiting", "#f2784b"),
    ("file", "#2fa58a"),
];
/// Of phases, by their number.
const PHASES: [&str; 6] = ["#b9cdf0", "#f3d9a4", "#c5e3c1", "#e3c4e0", "#bfe2e6", "#e9c7b8"];

/// The text of a file.
pub(super) fn svg(run: &Run, words: &Words) -> String {
    let lanes = &run.lanes[..run.lanes.len().min(LANES)];
    let pitch = (420.0 / lanes.len().max(1) as f64).clamp(9.0, 46.0);
    let height = TOP + pitch * lanes.len() as f64 + 34.0;
    let scale = (WIDTH - LEFT - 14.0) / run.end.max(1) as f64;
    let x = |time: i64| LEFT + time as f64 * scale;
    let sentence = lines(&words.sentence);
    let lower = LINE * (sentence.len() - 1) as f64;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0:.0}\" width=\"{WIDTH}\" height=\"{0:.0}\" \
         font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        height + lower
    );
    for (line, at) in sentence.iter().zip(0..) {
        let _ = writeln!(
            out,
            "<text x=\"{LEFT}\" y=\"{:.0}\" font-size=\"14\" font-weight=\"600\" fill=\"#1c2733\">{}</text>",
            22.0 + LINE * f64::from(at),
            escaped(line)
        );
    }
    let _ = writeln!(out, "<g transform=\"translate(0 {lower:.0})\">");
    let mut at = LEFT;
    for (name, colour) in COLOURS {
        let _ = writeln!(
            out,
            "<rect x=\"{at}\" y=\"36\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"46\" fill=\"#51606f\">{name}</text>",
            at + 17.0
        );
        at += 34.0 + 7.2 * name.len() as f64;
    }
    ruler(run, height, &x, &mut out);
    for (i, lane) in lanes.iter().enumerate() {
        let top = TOP + pitch * i as f64;
        let band = if pitch > 20.0 { 0.26 * pitch } else { 0.0 };
        let (y, h) = (top + band + 1.0, pitch - band - 4.0);
        if pitch >= 12.0 || i % 4 == 0 {
            let _ = writeln!(
                out,
                "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#51606f\">rank {}</text>",
                LEFT - 10.0,
                y + h / 2.0 + 4.0,
                lane.rank
            );
        }
        let _ = writeln!(
            out,
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{h:.1}\" rx=\"2\" fill=\"{}\"/>",
            run.end as f64 * scale,
            COLOURS[0].1
        );
        let mut drawn = [f64::MIN; 5];
        for block in &lane.blocks {
            let colour = match block.what {
                What::Call | What::Wait => 1,
                What::Collective => 2,
                What::File => 4,
                _ if band > 0.0 => {
                    if (block.end - block.begin) as f64 * scale >= 0.6 {
                        phase(run, block, (x(block.begin), x(block.end)), (top + 1.0, band - 1.0), &mut out);
                    }
                    continue;
                }
                _ => continue,
            };
            let middle = block.begin + block.blocked;
            for (colour, from, to) in [(3, block.begin, middle), (colour, middle, block.end)] {
                // What is much narrower than a dot is drawn once a dot.
                let (from, to) = (x(from).max(drawn[colour]), x(to));
                if to > from && to - drawn[colour] > 0.35 {
                    let width = (to - from).max(0.5);
                    drawn[colour] = from + width;
                    let _ = writeln!(
                        out,
                        "<rect x=\"{from:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{h:.1}\" fill=\"{}\"/>",
                        COLOURS[colour].1
                    );
                }
            }
        }
    }
    let row = |rank: u32| {
        let i = lanes.iter().position(|lane| lane.rank == rank)?;
        let band = if pitch > 20.0 { 0.26 * pitch } else { 0.0 };
        Some(TOP + pitch * i as f64 + band + (pitch - band) / 2.0 - 1.0)
    };
    let step = run.messages.len().div_ceil(ARROWS).max(1);
    out.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 6 6\" refX=\"6\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\">\
         <path d=\"M0 .6 6 3 0 5.4Z\" fill=\"#1c2733\"/></marker></defs>\n<g stroke=\"#1c2733\" stroke-width=\".9\" opacity=\".7\">\n",
    );
    for message in run.messages.iter().step_by(step) {
        if let (Some(from), Some(to)) = (row(message.from), row(message.to)) {
            let _ = writeln!(
                out,
                "<line x1=\"{:.2}\" y1=\"{from:.1}\" x2=\"{:.2}\" y2=\"{to:.1}\" marker-end=\"url(#tip)\"/>",
                x(message.sent),
                x(message.got)
            );
        }
    }
    out.push_str("</g>\n</g>\n</svg>\n");
    out
}

/// The sentence, in lines that are not wider than the drawing; one at least.
fn lines(sentence: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the start");
        if line.is_empty() {
            *line = word.to_owned();
        } else if line.chars().count() + word.chars().count() < LETTERS {
            *line += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn phase(run: &Run, block: &Block, (from, to): (f64, f64), (y, h): (f64, f64), out: &mut String) {
    let colour = PHASES[block.site as usize % PHASES.len()];
    let name = run.name(block);
    let _ = write!(
        out,
        "<rect x=\"{from:.2}\" y=\"{y:.1}\" width=\"{:.2}\" height=\"{h:.1}\" rx=\"1.5\" fill=\"{colour}\"/>",
        to - from
    );
    if to - from > 6.0 * name.len() as f64 + 6.0 {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9.5\" fill=\"#34414e\">{}</text>",
            from + 4.0,
            y + h - 2.0,
            escaped(&name)
        );
    }
    out.push('\n');
}

fn ruler(run: &Run, height: f64, x: &impl Fn(i64) -> f64, out: &mut String) {
    let rough = run.end.max(1) as f64 / 7.0;
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|k| k * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let mut at = 0.0;
    while at <= run.end as f64 {
        let (x, time) = (x(at as i64), units::time(at as i64));
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{:.0}\" x2=\"{x:.1}\" y2=\"{:.0}\" stroke=\"#dfe4ea\"/>\
             <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\" font-size=\"10.5\" fill=\"#7a8896\">{time}</text>",
            TOP - 6.0,
            height - 28.0,
            height - 12.0
        );
        at += step;
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[test]
fn a_long_sentence_is_cut_between_words_and_nothing_is_lost() {
    let long = "most of it in gather ".repeat(20);
    let cut = lines(&long);
    assert!(cut.len() > 1 && cut.iter().all(|line| line.chars().count() < LETTERS + 1), "{cut:?}");
    assert_eq!(cut.join(" "), long.trim_end());
    assert_eq!(lines(""), [""]);
}
