//! The study as a picture: speed-up over ranks, and where the time goes. SVG, with what it was of.

use super::study::{Point, Study};

/// Colours that the colour-blind can tell apart (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"];
const INK: &str = "#333333";
const PALE: &str = "#dddddd";

const WIDTH: f64 = 940.0;
const HEIGHT: f64 = 484.0;
const TOP: f64 = 84.0;
const TALL: f64 = 300.0;
const LEFT: f64 = 60.0;
const WIDE: f64 = 370.0;
/// Where the second panel begins.
const SECOND: f64 = 540.0;

pub(super) fn svg(study: &Study, command: &str) -> String {
    let kind = if study.weak { "weak scaling" } else { "strong scaling" };
    let runs = study.points[0].times.len();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let title: String = command.chars().take(110).collect();
    out += &text(LEFT, 26.0, "start", 14, INK, &title);
    out += &text(
        LEFT,
        46.0,
        "start",
        12,
        "#666666",
        &format!("{kind}, medians of {runs}, bars from the least to the most"),
    );
    out += &speedups(study);
    out += &times(study);
    out + "</svg>\n"
}

/// Speed-up over ranks, both doubling from mark to mark.
fn speedups(study: &Study) -> String {
    let (first, last) = (study.points[0].ranks as f64, study.points[study.points.len() - 1].ranks as f64);
    let most = study.points.iter().fold(last, |most, point| most.max(high(point)));
    let least = study.points.iter().fold(first, |least, point| least.min(low(point)));
    let (from, to) = (least.log2().floor(), most.log2().ceil().max(least.log2().floor() + 1.0));
    let across = |ranks: f64| {
        if last > first {
            LEFT + 10.0 + (WIDE - 20.0) * (ranks / first).log2() / (last / first).log2()
        } else {
            LEFT + WIDE / 2.0
        }
    };
    let up = |speedup: f64| TOP + TALL * (1.0 - (speedup.log2() - from) / (to - from));
    let mut out = String::new();
    if let Some(beyond) = study.points.iter().position(|point| point.ranks > study.cores) {
        let edge = if beyond == 0 {
            LEFT
        } else {
            (across(study.points[beyond - 1].ranks as f64) + across(study.points[beyond].ranks as f64)) / 2.0
        };
        out += &format!(
            "<rect x=\"{edge:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{TALL}\" fill=\"#f4f4f4\"/>\n",
            LEFT + WIDE - edge
        );
        out += &text(
            LEFT + WIDE - 6.0,
            TOP + TALL - 8.0,
            "end",
            11,
            "#888888",
            &format!("more ranks than the {} cores", study.cores),
        );
    }
    let steps = (to - from) as i32;
    for step in 0..=steps {
        let value = 2f64.powf(from + f64::from(step));
        out += &format!("<path d=\"M{LEFT} {:.1}h{WIDE}\" stroke=\"{PALE}\"/>\n", up(value));
        out += &text(LEFT - 8.0, up(value) + 4.0, "end", 12, INK, &format!("{value}"));
    }
    for point in &study.points {
        out +=
            &text(across(point.ranks as f64), TOP + TALL + 18.0, "middle", 12, INK, &point.ranks.to_string());
    }
    out += &text(LEFT + WIDE / 2.0, TOP + TALL + 40.0, "middle", 12, INK, "ranks");
    out += &text(LEFT, TOP - 8.0, "start", 13, INK, if study.weak { "scaled speed-up" } else { "speed-up" });
    // The best possible, and the law, if more ranks make it faster at all.
    let lawful = study.law.as_ref().is_some_and(|law| law.serial.0 < 1.0);
    out += &format!(
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#888888\" stroke-dasharray=\"5 4\"/>\n",
        across(first),
        up(first),
        across(last),
        up(last)
    );
    if lawful && last > first {
        let line: Vec<String> = (0..=48)
            .filter_map(|k| {
                let ranks = first * (last / first).powf(f64::from(k) / 48.0);
                let value = fitted(study, ranks)?;
                Some(format!("{:.1},{:.1}", across(ranks), up(value)))
            })
            .collect();
        out += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n",
            line.join(" "),
            COLOURS[1]
        );
    }
    for point in &study.points {
        let (x, colour) = (across(point.ranks as f64), COLOURS[0]);
        out += &format!(
            "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4.5\" fill=\"{colour}\"/>\n",
            up(low(point)),
            up(high(point)),
            up(point.speedup)
        );
    }
    let mut x = LEFT;
    let law = if study.weak { "Gustafson's law, fitted" } else { "Amdahl's law, fitted" };
    for (dash, colour, words) in
        [("", COLOURS[0], "measured"), ("", COLOURS[1], law), ("5 4", "#888888", "best possible")]
    {
        if colour == COLOURS[1] && !lawful {
            continue;
        }
        out += &format!(
            "<path d=\"M{x} {}h22\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\n",
            TOP + TALL + 66.0
        );
        out += &text(x + 27.0, TOP + TALL + 70.0, "start", 12, INK, words);
        x += 50.0 + 6.6 * words.len() as f64;
    }
    out
}

/// The law between the measured numbers of ranks.
fn fitted(study: &Study, ranks: f64) -> Option<f64> {
    // Between whole numbers of ranks it is a line.
    let below = study.predicted(ranks.floor() as usize)?.value;
    let above = study.predicted(ranks.ceil() as usize)?.value;
    Some(below + (above - below) * ranks.fract())
}

fn high(point: &Point) -> f64 {
    point.speedup * point.median / point.least
}

fn low(point: &Point) -> f64 {
    point.speedup * point.median / point.most
}

/// Seconds on each number of ranks, phase on phase.
fn times(study: &Study) -> String {
    let most = study.points.iter().map(total).fold(0.0, f64::max);
    let step = nice(most / 5.0);
    let top = (most / step).ceil() * step;
    let up = |seconds: f64| TOP + TALL * (1.0 - seconds / top);
    let mut out = text(SECOND, TOP - 8.0, "start", 13, INK, "seconds, each phase of its slowest rank");
    let mut mark = 0.0;
    while mark <= top * 1.0001 {
        out += &format!("<path d=\"M{SECOND} {:.1}h{WIDE}\" stroke=\"{PALE}\"/>\n", up(mark));
        let digits = (-step.log10().floor()).max(0.0) as usize;
        out += &text(SECOND - 8.0, up(mark) + 4.0, "end", 12, INK, &format!("{mark:.digits$}"));
        mark += step;
    }
    let place = WIDE / study.points.len() as f64;
    let bar = (place * 0.6).min(60.0);
    for (k, point) in study.points.iter().enumerate() {
        let middle = SECOND + place * (k as f64 + 0.5);
        let mut below = 0.0;
        for (phase, colour) in point.phases.iter().zip(COLOURS.iter().cycle()) {
            out += &format!(
                "<rect x=\"{:.1}\" y=\"{:.2}\" width=\"{bar:.1}\" height=\"{:.2}\" fill=\"{colour}\"><title>{} on {} ranks: {:.4} s</title></rect>\n",
                middle - bar / 2.0,
                up(below + phase.max),
                up(below) - up(below + phase.max),
                escaped(&phase.name),
                point.ranks,
                phase.max
            );
            below += phase.max;
        }
        out += &text(middle, TOP + TALL + 18.0, "middle", 12, INK, &point.ranks.to_string());
    }
    out += &text(SECOND + WIDE / 2.0, TOP + TALL + 40.0, "middle", 12, INK, "ranks");
    let (mut x, mut y) = (SECOND, TOP + TALL + 70.0);
    for (phase, colour) in study.points[0].phases.iter().zip(COLOURS.iter().cycle()) {
        let wide = 32.0 + 6.8 * phase.name.len() as f64;
        if x + wide > WIDTH {
            (x, y) = (SECOND, y + 18.0);
        }
        out += &format!(
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\n",
            y - 10.0
        );
        out += &text(x + 17.0, y, "start", 12, INK, &phase.name);
        x += wide;
    }
    out
}

fn total(point: &Point) -> f64 {
    point.phases.iter().map(|phase| phase.max).sum()
}

/// 1, 2 or 5 times a power of ten, not below `value`.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|times| times * power).find(|&step| step >= value).unwrap_or(10.0 * power)
}

fn text(x: f64, y: f64, anchor: &str, size: u32, colour: &str, words: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{colour}\">{}</text>\n",
        escaped(words)
    )
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round() {
        for (value, expected) in [(0.03, 0.05), (1.0, 1.0), (1.1, 2.0), (7.0, 10.0), (420.0, 500.0)] {
            assert!((nice(value) - expected).abs() < 1e-9 * expected, "{value}");
        }
    }
}
