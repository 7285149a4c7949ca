//! What keeps the program from being as many times as fast as there are ranks, in words.

use super::study::{Point, Study};

/// Where the time beyond the best possible goes, from the most to the least.
#[derive(Debug, PartialEq)]
pub(super) struct Lost {
    pub(super) phase: String,
    /// Seconds beyond what the phase would take if it were shared without loss.
    pub(super) seconds: f64,
    /// How many of them the slowest rank has worked on while the others were done.
    pub(super) imbalance: f64,
}

/// What each phase loses on the ranks of `point`.
pub(super) fn lost(study: &Study, point: &Point) -> Vec<Lost> {
    let first = &study.points[0];
    let share = if study.weak { 1.0 } else { first.ranks as f64 / point.ranks as f64 };
    let mut all: Vec<Lost> = std::iter::zip(&point.phases, &first.phases)
        .map(|(now, before)| Lost {
            phase: now.name.clone(),
            seconds: now.max - before.max * share,
            imbalance: (now.max - now.mean).min(now.max - before.max * share).max(0.0),
        })
        .collect();
    all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    all
}

/// Sentences, the ones that matter most first.
pub(super) fn words(study: &Study) -> Vec<String> {
    let mut all = Vec::new();
    let beyond: Vec<String> = study
        .points
        .iter()
        .filter(|point| point.ranks > study.cores)
        .map(|point| point.ranks.to_string())
        .collect();
    if !beyond.is_empty() {
        all.push(format!(
            "! {} ranks share {} cores: they take turns, and their times (*) say nothing of machines with more",
            beyond.join(", "),
            study.cores
        ));
    }
    for pair in study.points.windows(2) {
        let gain = 1.0 - pair[1].median / pair[0].median;
        let noise = pair[0].spread.max(pair[1].spread) / pair[0].median;
        if !study.weak && gain.abs() < noise {
            all.push(format!(
                "! from {} to {} ranks the time changes by {:.1} %, and the runs themselves differ by {:.1} %: repeat more, or take more work",
                pair[0].ranks,
                pair[1].ranks,
                100.0 * gain.abs(),
                100.0 * noise
            ));
        }
    }
    let first = &study.points[0];
    if let Some(point) = study.points.iter().find(|point| point.median < 0.05) {
        all.push(format!(
            "! {} ms on {} rank{} is short: starts and clocks count in it; take more work",
            (point.median * 1e3).round(),
            point.ranks,
            if point.ranks == 1 { "" } else { "s" }
        ));
    }
    let widest = study.widest();
    if widest.ranks > first.ranks {
        all.extend(limit(study, widest));
    }
    all
}

/// The one sentence that matters most.
fn limit(study: &Study, point: &Point) -> Option<String> {
    let first = &study.points[0];
    let best = if study.weak { first.median } else { first.median * first.ranks as f64 / point.ranks as f64 };
    let beyond = point.median - best;
    let noise = point.spread.max(first.spread * best / first.median);
    let ranks = point.ranks;
    if beyond < -noise.max(0.02 * best) {
        return Some(format!(
            "on {ranks} ranks it is faster than {ranks} times as fast as one: a rank's part is cheaper than its share (caches, or work that grows faster than its input)"
        ));
    }
    if beyond <= noise.max(0.02 * best) {
        return Some(format!("on {ranks} ranks nothing is lost that could be told from noise"));
    }
    let lost = lost(study, point);
    let top = lost.first()?;
    let files = point.files - first.files * best / first.median;
    let messages = study.messages.as_ref().and_then(|messages| messages.on(ranks));
    let cause = if point.files > 0.0 && files > 0.5 * beyond {
        "reading and writing files".to_owned()
    } else if top.imbalance > 0.5 * top.seconds {
        "imbalance: one rank works while the others are done".to_owned()
    } else if messages.is_some_and(|on| on.moving > 0.5 * beyond) {
        "messages".to_owned()
    } else if !study.weak
        && top.seconds
            > 0.8
                * (point.phases.iter().find(|phase| phase.name == top.phase)?.max)
                * (1.0 - best / first.median)
    {
        "it is not shared: each rank does all of it, or one does it for all".to_owned()
    } else {
        match messages {
            Some(on) if on.waiting > 0.5 * beyond => "waiting for a rank that is late".to_owned(),
            Some(_) => "memory that the ranks share, or work that is done more than once".to_owned(),
            None => "messages, memory that the ranks share, or work that is done more than once".to_owned(),
        }
    };
    let places: Vec<String> = lost
        .iter()
        .take(3)
        .filter(|lost| lost.seconds > 0.05 * beyond)
        .map(|lost| format!("{} {:.3} s", lost.phase, lost.seconds))
        .collect();
    Some(format!(
        "on {ranks} ranks it takes {:.3} s and could take {best:.3} s; what is lost, by phase: {}. Most of it: {cause}",
        point.median,
        places.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::super::runs::{Phase, Run};
    use super::*;

    fn study(phases: impl Fn(f64) -> Vec<(&'static str, f64, f64)>, weak: bool) -> Study {
        let run = |ranks: usize| Run {
            ranks,
            phases: phases(ranks as f64)
                .into_iter()
                .map(|(name, mean, max)| Phase { name: name.into(), mean, max })
                .collect(),
            files: 0.0,
        };
        let runs: Vec<Run> =
            [1, 2, 4].iter().flat_map(|&ranks| [run(ranks), run(ranks), run(ranks)]).collect();
        Study::of(&runs, &[], weak, 4).unwrap()
    }

    fn says(study: &Study, words: &str) {
        let all = super::words(study).join("\n");
        assert!(all.contains(words), "{words}: {all}");
    }

    #[test]
    fn causes_are_told_apart() {
        says(
            &study(|p| vec![("read", 1.0, 1.0), ("work", 8.0 / p, 8.0 / p)], false),
            "by phase: read 0.750 s. Most of it: it is not shared",
        );
        says(
            &study(|p| vec![("work", 8.0 / p, 8.0 / p + if p > 1.0 { 1.0 } else { 0.0 })], false),
            "Most of it: imbalance",
        );
        says(&study(|p| vec![("work", 8.0 / p + 0.1 * p, 8.0 / p + 0.1 * p)], false), "Most of it: messages");
        says(&study(|p| vec![("work", 8.0 / p, 8.0 / p)], false), "nothing is lost");
        says(&study(|p| vec![("work", 8.0 / p / p, 8.0 / p / p)], false), "faster than 4 times");
        says(&study(|p| vec![("work", 1.0 + p / 4.0, 1.0 + p / 4.0)], true), "could take 1.250 s");
    }

    #[test]
    fn turns_on_a_core_are_told() {
        let mut crowded = study(|p| vec![("work", 8.0 / p, 8.0 / p)], false);
        crowded.cores = 2;
        says(&crowded, "! 4 ranks share 2 cores");
    }

    #[test]
    fn noise_beyond_the_gain_is_told() {
        let run = |ranks, seconds| Run {
            ranks,
            phases: vec![Phase { name: "work".into(), mean: seconds, max: seconds }],
            files: 0.0,
        };
        let runs = [run(1, 1.0), run(1, 1.3), run(1, 1.6), run(2, 1.2), run(2, 1.25), run(2, 1.3)];
        says(&Study::of(&runs, &[], false, 2).unwrap(), "from 1 to 2 ranks the time changes by 3.8 %");
    }
}
