//! The picture: for each operation, time by C's time over the size. SVG, so that the viewer's fonts do.

use crate::compare::Comparison;
use crate::operation::Operation;
use crate::record::{Record, Variant};
use crate::table::size;

/// Colours that the colour-blind can tell apart (Okabe and Ito); ours are drawn last, above the others.
const LINES: [(Variant, &str); 5] = [
    (Variant::Lower, "#999999"),
    (Variant::Upper, "#e69f00"),
    (Variant::Raw, "#56b4e9"),
    (Variant::Returning, "#009e73"),
    (Variant::Into, "#d55e00"),
];

/// Ratios from bottom to top of a panel, on a logarithmic scale. What is slower still runs out of the panel.
const BOTTOM: f64 = 0.5;
const TOP: f64 = 4.0;
const TICKS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

const COLUMNS: usize = 4;
const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 160.0;
/// Around a panel, for its title and its numbers.
const GAP: [f64; 2] = [50.0, 55.0];

pub(crate) fn svg(conditions: &[String], records: &[(usize, Record)]) -> String {
    let mut body = String::new();
    let mut y = 70.0;
    let width = 20.0 + COLUMNS as f64 * (WIDTH + GAP[0]);
    for (ranks, record) in records {
        let mut operations: Vec<Operation> = record.cases().iter().map(|case| case.0).collect();
        operations.dedup();
        body += &text(
            GAP[0],
            y,
            "start",
            15,
            &format!(
                "{ranks} ranks: time by C's time, over bytes; less is faster, more than {TOP} is not shown"
            ),
        );
        y += 35.0;
        for row in operations.chunks(COLUMNS) {
            for (column, &operation) in row.iter().enumerate() {
                let x = GAP[0] + column as f64 * (WIDTH + GAP[0]);
                body += &panel(x, y, operation, record);
            }
            y += HEIGHT + GAP[1];
        }
    }
    for line in conditions {
        body += &text(GAP[0], y, "start", 11, line);
        y += 15.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {y}\" width=\"{width}\" height=\"{y}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}{body}</svg>\n",
        legend()
    )
}

fn legend() -> String {
    let mut drawn = String::new();
    for (place, (variant, colour)) in LINES.iter().rev().enumerate() {
        let x = GAP[0] + place as f64 * 190.0;
        drawn += &format!(
            "<path d=\"M{x} 25h26\" stroke=\"{colour}\" stroke-width=\"2.5\"/>\n<circle cx=\"{}\" cy=\"25\" r=\"3\" fill=\"{colour}\"/>\n",
            x + 13.0
        );
        drawn += &text(x + 32.0, 29.0, "start", 13, variant.title());
    }
    drawn
}

fn panel(left: f64, top: f64, operation: Operation, record: &Record) -> String {
    let cases: Vec<usize> =
        record.cases().iter().filter(|case| case.0 == operation).map(|case| case.1).collect();
    let (first, last) = (cases[0] as f64, cases[cases.len() - 1] as f64);
    let across = |bytes: usize| {
        let part = if last > first { (bytes as f64 / first).ln() / (last / first).ln() } else { 0.5 };
        left + WIDTH * part
    };
    let up = |ratio: f64| top + HEIGHT * (1.0 - (ratio / BOTTOM).ln() / (TOP / BOTTOM).ln());
    let mut drawn = text(left, top - 8.0, "start", 13, &operation.name());
    for tick in TICKS {
        let (y, colour) = (up(tick), if tick == 1.0 { "#000000" } else { "#dddddd" });
        drawn += &format!("<path d=\"M{left} {y:.1}h{WIDTH}\" stroke=\"{colour}\" stroke-width=\"1\"/>\n");
        drawn += &text(left - 6.0, y + 4.0, "end", 11, &tick.to_string());
    }
    // Every other size has its number, or they would touch.
    for bytes in cases.iter().step_by(2) {
        drawn += &text(across(*bytes), top + HEIGHT + 20.0, "middle", 11, &size(*bytes));
    }
    let clip = operation.name() + &format!("-{top}");
    drawn += &format!(
        "<clipPath id=\"{clip}\"><rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{HEIGHT}\"/></clipPath>\n\
         <g clip-path=\"url(#{clip})\" fill=\"none\" stroke-width=\"2\">\n",
        left - 4.0,
        WIDTH + 8.0
    );
    for (variant, colour) in LINES {
        let points: Vec<[f64; 2]> = cases
            .iter()
            .filter_map(|&bytes| {
                let compared = Comparison::of(record, operation, bytes, variant, Variant::C)?;
                Some([across(bytes), up(compared.ratio)])
            })
            .collect();
        let line: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        drawn += &format!("<polyline points=\"{}\" stroke=\"{colour}\"/>\n", line.join(" "));
        for [x, y] in points {
            drawn += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n");
        }
    }
    drawn + "</g>\n"
}

fn text(x: f64, y: f64, anchor: &str, height: u32, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{height}\">{words}</text>\n"
    )
}
