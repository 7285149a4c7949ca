//! The study as a table for people, and as CSV.

use super::limits;
use super::study::{Bounds, Law, Study};

pub(super) fn text(study: &Study, command: &str) -> String {
    let (kind, best) = if study.weak {
        ("weak scaling: the work grows with the ranks", "the same time on all")
    } else {
        ("strong scaling: the same work on all", "as many times as fast as there are ranks")
    };
    let runs = study.points[0].times.len();
    let plural = if runs == 1 { "" } else { "s" };
    let mut out = format!("{command}\n{kind}; best is {best}; medians of {runs} run{plural}\n\n");
    out += &format!(
        "{:>6}  {:>10}  {:>21}  {:>8}  {:>10}  {:>15}\n",
        "ranks", "time", "least … most", "speed-up", "efficiency", "serial fraction"
    );
    for point in &study.points {
        let mark = if point.ranks > study.cores { "*" } else { "" };
        let serial = point.serial.map_or_else(|| "–".into(), |serial| format!("{serial:.4}"));
        out += &format!(
            "{:>6}  {:>10}  {:>21}  {:>8.2}  {:>8.1} %  {serial:>15}\n",
            format!("{mark}{}", point.ranks),
            format!("{:.4} s", point.median),
            format!("{:.4} … {:.4} s", point.least, point.most),
            point.speedup,
            100.0 * point.efficiency,
        );
    }
    if study.points[0].phases.len() > 1 {
        out += &phases(study);
    }
    out += "\n";
    if let Some(law) = &study.law {
        out += &lawful(study, law);
    }
    for line in limits::words(study) {
        out += &line;
        out += "\n";
    }
    out
}

/// What the law says, of now and of more ranks.
fn lawful(study: &Study, law: &Law) -> String {
    let name = if study.weak { "Gustafson" } else { "Amdahl" };
    let (serial, error) = law.serial;
    if serial >= 1.0 {
        return format!("{name}: more ranks make it no faster, so there is no part that they share\n");
    }
    let ahead: Vec<String> = [2, 4, 8, 16]
        .into_iter()
        .filter_map(|times| {
            let Bounds { low, value, high } = study.predicted(law.ranks * times)?;
            Some(format!("{} ranks {value:.1} ({low:.1} to {high:.1})", law.ranks * times))
        })
        .collect();
    let (messages, with) = match &study.messages {
        Some(messages) => (messages.words() + "\n", "with those messages, and more of them as they grow"),
        None => (String::new(), "which messages may keep it from"),
    };
    format!(
        "{name}: {:.2} % of the work is serial (± {:.2}, two standard errors), from the runs on up to {} ranks\n\
         {messages}speed-up if it goes on like that, {with}: {}\n",
        100.0 * serial,
        200.0 * error,
        law.ranks,
        ahead.join(", ")
    )
}

/// Seconds of each phase, of its slowest rank, a column for each number of ranks.
fn phases(study: &Study) -> String {
    let mut out = format!("\n{:<20}", "seconds of");
    for point in &study.points {
        out += &format!("{:>12}", format!("{} rank{}", point.ranks, if point.ranks == 1 { "" } else { "s" }));
    }
    for (k, phase) in study.points[0].phases.iter().enumerate() {
        out += &format!("\n{:<20}", phase.name);
        for point in &study.points {
            out += &format!("{:>12.4}", point.phases[k].max);
        }
    }
    out + "\n"
}

pub(super) fn csv(study: &Study) -> String {
    let mut out = "ranks,runs,seconds,least,most,speedup,efficiency,karp_flatt".to_owned();
    if study.messages.is_some() {
        out += ",calls,bytes,seconds_in_messages,seconds_waiting";
    }
    for phase in &study.points[0].phases {
        let name = phase.name.replace([' ', ','], "_");
        out += &format!(",{name}_max,{name}_mean");
    }
    for point in &study.points {
        out += &format!(
            "\n{},{},{:.6},{:.6},{:.6},{:.4},{:.4},{}",
            point.ranks,
            point.times.len(),
            point.median,
            point.least,
            point.most,
            point.speedup,
            point.efficiency,
            point.serial.map_or_else(String::new, |serial| format!("{serial:.5}"))
        );
        if let Some(messages) = &study.messages {
            out += &messages.on(point.ranks).map_or_else(
                || ",,,,".into(),
                |on| {
                    let calls = on.calls + on.collective;
                    format!(",{calls:.0},{:.0},{:.6},{:.6}", on.bytes, on.moving, on.waiting)
                },
            );
        }
        for phase in &point.phases {
            out += &format!(",{:.6},{:.6}", phase.max, phase.mean);
        }
    }
    out + "\n"
}
