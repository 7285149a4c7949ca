//! Scales: where between two limits a value lies, and which round values get a tick and a label.

use super::text::power_of_ten;

pub(super) struct Scale {
    pub(super) name: String,
    /// Shares of the way from limit to limit, with labels, which are empty for minor ticks.
    pub(super) ticks: Vec<(f64, String)>,
    limits: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    /// Ticks at multiples of a round step, the smallest that fits at most so many times between the limits.
    pub(super) fn linear(name: &str, limits: (f64, f64), most: i32) -> Self {
        let (low, high) = limits;
        let span = high - low;
        let decade = 10f64.powf((span / f64::from(most)).log10().floor());
        let decimal = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
        let angular = [5.0, 10.0, 15.0, 30.0, 60.0, 90.0, 180.0, 360.0];
        let degrees = name.contains("degree") && (40.0..=720.0).contains(&span);
        let steps = if degrees { &angular[..] } else { &decimal };
        let fits = |step: &&f64| span / **step <= f64::from(most) * (1.0 + 1e-9);
        let step = *steps.iter().find(fits).unwrap_or(&span);

        // Very large or small numbers share a power of ten, which goes to the name of the axis.
        let largest = low.abs().max(high.abs());
        let far = !(1e-3..1e5).contains(&largest) && step / largest > 1e-5;
        let exponent = if far { largest.log10().floor() as i32 } else { 0 };
        let unit = 10f64.powi(exponent);
        let decimals = (-(step / unit).log10() - 1e-9).ceil().max(0.0) as usize;
        // Adding zero takes the sign off a negative zero.
        let label = |value: f64| format!("{:.decimals$}", value / unit + 0.0).replace('-', "−");
        let name = if far { format!("{name}  [× {}]", power_of_ten(exponent)) } else { name.into() };
        let first = (low / step - 1e-6).ceil();
        let values = (0..=most).map(|i| (first + f64::from(i)) * step).filter(|v| *v <= high + 1e-6 * step);
        let ticks = values.map(|value| (share(value, limits), label(value))).collect();
        Self { name, ticks, limits, logarithmic: false }
    }

    /// For densities from low to high: linear within one decade, or else logarithmic.
    pub(super) fn densities(name: &str, (low, high): (f64, f64)) -> Self {
        if low * 10.0 > high || high == 0.0 {
            let limits = (if low < high { low } else { 0.0 }, if high > 0.0 { high } else { 1.0 });
            return Self::linear(name, limits, 8);
        }
        // Down to the lowest value, or if that is further to between three and four decades below the peak.
        let (lowest, top) = (low.log10(), high.log10());
        let bottom = lowest.max((top - 4.0).ceil());
        let decades = bottom.floor() as i32..=top.floor() as i32;
        let tick = |(exponent, digit)| {
            let at = f64::from(exponent) + f64::from(digit).log10();
            let label = match digit {
                1 if at == bottom && lowest < bottom => format!("≤ {}", power_of_ten(exponent)),
                1 => power_of_ten(exponent),
                2 | 5 if top - bottom < 2.0 => format!("{digit} × {}", power_of_ten(exponent)),
                _ => String::new(),
            };
            let inside = (bottom - 1e-9..=top + 1e-9).contains(&at);
            inside.then(|| (share(at, (bottom, top)), label))
        };
        let ticks = decades.flat_map(|exponent| (1..10).map(move |digit| (exponent, digit))).filter_map(tick);
        Self { name: name.into(), ticks: ticks.collect(), limits: (bottom, top), logarithmic: true }
    }

    pub(super) fn share(&self, value: f64) -> f64 {
        share(if self.logarithmic { value.log10() } else { value }, self.limits)
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &String> {
        self.ticks.iter().map(|(_, label)| label)
    }
}

/// Where a value lies between limits, from 0 to 1.
fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::text::RAISED;
    use super::*;
    use std::collections::HashSet;

    /// Numbers from 0 to 1 that fill the interval evenly, as multiples of an irrational number do.
    fn spread(irrational: f64) -> impl Iterator<Item = f64> {
        (1..20_000).map(move |i| (f64::from(i) * irrational).fract())
    }

    /// Limits of any size, around zero or far from it.
    fn limits() -> impl Iterator<Item = (f64, f64)> {
        let sizes = spread(2f64.sqrt()).map(|share| 10f64.powf(40.0 * share - 20.0));
        let offsets = spread(3f64.sqrt()).zip(spread(5f64.sqrt()));
        sizes.zip(offsets).map(|(span, (a, b))| {
            let low = span * (a - 0.5) * 10f64.powf(6.0 * b);
            (low, low + span)
        })
    }

    /// The number that a label stands for, given the name of its axis.
    fn number(label: &str, name: &str) -> f64 {
        let level =
            |c| RAISED.iter().position(|&raised| raised == c).map(|i| "0123456789-".as_bytes()[i] as char);
        let power: String = name.chars().filter_map(level).collect();
        let exponent = if power.is_empty() { "0" } else { &power };
        format!("{}e{exponent}", label.replace('−', "-")).parse().unwrap()
    }

    fn assert_ascending(scale: &Scale) {
        assert!(scale.ticks.iter().all(|(share, _)| (0.0..=1.0).contains(share)));
        assert!(scale.ticks.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn linear_ticks_are_few_even_and_distinct() {
        for (limits, most) in limits().zip((8..=10).cycle()) {
            for name in ["x (m)", "x (degrees)"] {
                let scale = Scale::linear(name, limits, most);
                assert_ascending(&scale);
                assert!((3..=most as usize + 1).contains(&scale.ticks.len()), "{limits:?}");
                let step = scale.ticks[1].0 - scale.ticks[0].0;
                assert!(
                    scale.ticks.windows(2).all(|pair| (pair[1].0 - pair[0].0 - step).abs() < 1e-5 * step)
                );
                assert!(scale.labels().collect::<HashSet<_>>().len() == scale.ticks.len(), "{limits:?}");
            }
        }
    }

    #[test]
    fn linear_labels_tell_where_their_ticks_are() {
        for limits in limits() {
            let scale = Scale::linear("x", limits, 8);
            for (share, label) in &scale.ticks {
                assert!(
                    (scale.share(number(label, &scale.name)) - share).abs() < 1e-5,
                    "{limits:?}: {label}"
                );
            }
        }
    }

    #[test]
    fn angles_have_angular_steps() {
        let labels =
            |low, high| Scale::linear("degrees", (low, high), 8).labels().cloned().collect::<Vec<_>>();
        assert_eq!(labels(-180.0, 180.0), ["−180", "−120", "−60", "0", "60", "120", "180"]);
        assert_eq!(labels(-90.0, 90.0), ["−90", "−60", "−30", "0", "30", "60", "90"]);
    }

    #[test]
    fn densities_fill_their_scale_in_order() {
        for ((low, high), depth) in limits().zip(spread(7f64.sqrt())) {
            let high = high - low;
            let low = if depth < 0.1 { 0.0 } else { high * 10f64.powf(-8.0 * (depth - 0.1)) };
            let scale = Scale::densities("density", (low, high));
            assert_ascending(&scale);
            assert_eq!(scale.logarithmic, low * 10.0 <= high);
            assert_eq!((scale.share(0.0), scale.share(high)), (0.0, 1.0));
            assert!(scale.share(high * 0.3) <= scale.share(high * 0.6) && scale.share(high * 0.6) < 1.0);
            let labels: Vec<_> = scale.labels().filter(|label| !label.is_empty()).collect();
            assert!((2..=9).contains(&labels.len()), "{low} {high} {labels:?}");
            assert_eq!(labels.iter().collect::<HashSet<_>>().len(), labels.len());
        }
    }

    #[test]
    fn equal_densities_have_a_scale_from_zero() {
        for (value, high) in [(0.0, 1.0), (0.25, 0.25), (3e-9, 3e-9)] {
            assert_eq!(Scale::densities("density", (value, value)).limits, (0.0, high));
        }
    }
}
