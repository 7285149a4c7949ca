//! The picture: for each number of coordinates, time over the number of samples, a line for each way. SVG, so that the viewer's fonts do.

use std::fmt::Write;

use crate::Args;
use crate::record::{Case, Record};
use crate::table::{duration, grouped};

/// The beginning of a name, and the colour of what is done alike (after Okabe and Ito, so that the colour-blind can tell them apart).
const COLOURS: [(&str, &str); 12] = [
    ("ours, direct, f64", "#0072b2"),
    ("ours, direct, f32", "#56b4e9"),
    ("ours, tree, rtol 0", "#006d4b"),
    ("ours, tree", "#2fbf8f"),
    ("ours, spectral", "#d55e00"),
    ("C++ -Ofast, libmvec, f64", "#0072b2"),
    ("C++", "#56b4e9"),
    ("scipy", "#777777"),
    ("sklearn, rtol 0", "#006d4b"),
    ("sklearn", "#2fbf8f"),
    ("KDEpy", "#cc79a7"),
    ("finufft", "#d55e00"),
];

const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 250.0;
const COLUMNS: usize = 2;
const LEFT: f64 = 70.0;
const TOP: f64 = 78.0;
const GAP: [f64; 2] = [70.0, 78.0];
const LEGEND: f64 = 230.0;

fn colour(name: &str) -> &'static str {
    COLOURS.iter().find(|(begin, _)| name.starts_with(begin)).map_or("#000000", |(_, colour)| colour)
}

/// Ours are drawn through, peers are dashed.
fn line(name: &str) -> String {
    let (dashes, width) =
        if name.starts_with("ours") { ("", 2.5) } else { (" stroke-dasharray=\"6 4\"", 1.8) };
    format!("fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"{dashes}", colour(name))
}

fn mark(name: &str, x: f64, y: f64) -> String {
    if name.starts_with("ours") {
        return format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.6\" fill=\"{}\"/>\n", colour(name));
    }
    format!(
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\" fill=\"white\" stroke=\"{}\" stroke-width=\"1.8\"/>\n",
        colour(name)
    )
}

pub(crate) fn svg(args: &Args, record: &Record, conditions: &[String]) -> String {
    let (least, most) = record
        .timed()
        .filter(|one| one.case.ranks == 1)
        .fold((f64::INFINITY, 0.0f64), |(a, b), one| (a.min(one.seconds()), b.max(one.seconds())));
    // Whole powers of ten, so that all panels have the same lines.
    let decades = (least.log10().floor() as i32, most.log10().ceil() as i32);
    let mut body = String::new();
    for (place, &d) in args.dimensions.iter().enumerate() {
        let x = LEFT + (place % COLUMNS) as f64 * (WIDTH + GAP[0]);
        let y = TOP + (place / COLUMNS) as f64 * (HEIGHT + GAP[1]);
        body += &panel((x, y), d, decades, args, record);
    }
    let columns = args.dimensions.len().min(COLUMNS) as f64;
    let rows = args.dimensions.len().div_ceil(COLUMNS) as f64;
    let right = LEFT + columns * (WIDTH + GAP[0]) - 30.0;
    let mut bottom = TOP + rows * (HEIGHT + GAP[1]) - 8.0;
    body += &legend(right, record);
    for condition in conditions {
        body += &text((LEFT - 50.0, bottom), "start", 11, "#555555", condition);
        bottom += 15.0;
    }
    let width = right + LEGEND;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {bottom}\" width=\"{width}\" height=\"{bottom}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}{body}</svg>\n",
        text(
            (20.0, 32.0),
            "start",
            17,
            "#000000",
            "Densities at 100 000 points: time on one core, over the number of samples"
        )
    )
}

fn legend(x: f64, record: &Record) -> String {
    let (mut drawn, mut y) = (String::new(), TOP + 6.0);
    for (title, ours) in [("rankwise", true), ("others", false)] {
        drawn += &text((x, y), "start", 13, "#000000", title);
        y += 22.0;
        for name in record.names().into_iter().filter(|name| name.starts_with("ours") == ours) {
            let _ = writeln!(drawn, "<path d=\"M{x} {:.1}h34\" {}/>", y - 4.0, line(name));
            drawn += &mark(name, x + 17.0, y - 4.0);
            drawn += &text((x + 42.0, y), "start", 12, "#000000", name.trim_start_matches("ours, "));
            y += 20.0;
        }
        y += 12.0;
    }
    drawn
}

fn panel((left, top): (f64, f64), d: usize, (low, high): (i32, i32), args: &Args, record: &Record) -> String {
    let numbers = args.samples.iter().map(|&n| n as f64);
    let (first, last) = numbers.fold((f64::INFINITY, 0.0f64), |(a, b), n| (a.min(n), b.max(n)));
    let across = |n: usize| {
        let part = if last > first { (n as f64 / first).ln() / (last / first).ln() } else { 0.5 };
        left + 16.0 + (WIDTH - 32.0) * part
    };
    let up = |seconds: f64| {
        top + HEIGHT * (1.0 - (seconds.log10() - f64::from(low)) / f64::from((high - low).max(1)))
    };
    let plural = if d == 1 { "" } else { "s" };
    let mut drawn = text((left, top - 10.0), "start", 14, "#000000", &format!("{d} coordinate{plural}"));
    for decade in low..=high {
        let y = up(10f64.powi(decade));
        let _ = writeln!(drawn, "<path d=\"M{left} {y:.1}h{WIDTH}\" stroke=\"#dddddd\"/>");
        let label = duration(10f64.powi(decade)).replace(".00", "").replace(".0", "");
        drawn += &text((left - 7.0, y + 4.0), "end", 11, "#333333", &label);
    }
    for &n in &args.samples {
        let _ = writeln!(drawn, "<path d=\"M{:.1} {top}v{HEIGHT}\" stroke=\"#eeeeee\"/>", across(n));
        drawn += &text((across(n), top + HEIGHT + 17.0), "middle", 11, "#333333", &grouped(n));
    }
    drawn += &text((left + WIDTH / 2.0, top + HEIGHT + 34.0), "middle", 11, "#333333", "samples");
    // Ours last, above the others.
    let mut names = record.names();
    names.sort_by_key(|name| name.starts_with("ours"));
    for name in names {
        let found = args.samples.iter().filter_map(|&n| {
            let one = record.find(Case { d, n, ranks: 1, weak: false }, name)?;
            Some((across(n), up(one.seconds())))
        });
        let points: Vec<(f64, f64)> = found.collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(drawn, "<polyline points=\"{}\" {}/>", path.join(" "), line(name));
        points.iter().for_each(|&(x, y)| drawn += &mark(name, x, y));
    }
    drawn
}

fn text((x, y): (f64, f64), anchor: &str, height: u32, colour: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{height}\" fill=\"{colour}\">{words}</text>\n"
    )
}
