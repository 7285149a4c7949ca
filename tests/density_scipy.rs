//! Densities are those of scipy's `gaussian_kde`, with weights and the full covariance. The reference is a table beside the script that
//! made it.

use approx::assert_relative_eq;
use rankwise::distributed::density::{Bandwidth, Density, Engine, Places, Samples};
use rankwise::kernels::bandwidth::Rule;
use rankwise::testing::on_ranks;

const TABLE: &str = include_str!("references/scipy_kde.csv");

/// The numbers of a line of the table.
fn numbers(d: usize, what: &str) -> Vec<f64> {
    let begin = format!("{d},{what},");
    let line = TABLE.lines().find_map(|line| line.strip_prefix(&begin)).expect("the table has it");
    line.split(',').map(|number| number.parse().expect("a number")).collect()
}

#[test]
fn densities_are_those_of_scipy() {
    on_ranks([1, 2, 3], |world| {
        let mut compared = 0;
        for d in [1, 2, 3] {
            let (rows, points, weights) =
                (numbers(d, "samples"), numbers(d, "points"), numbers(d, "weights"));
            let n = rows.len() / d;
            let mine = Samples::blocks(n, world.size()).range(world.rank());
            for (rule, rule_name) in [(Rule::Scott, "scott"), (Rule::Silverman, "silverman")] {
                for (weighted, name) in [(false, "alike"), (true, "weighted")] {
                    let scipy = numbers(d, &format!("{rule_name} {name}"));
                    for engine in [Engine::Auto, Engine::Direct, Engine::Tree] {
                        let mut samples = Samples::new(world, n, d, &rows[mine.start * d..mine.end * d])?;
                        if weighted {
                            samples = samples.weighted(world, &weights[mine.clone()])?;
                        }
                        let density = Density::builder()
                            .bandwidth(Bandwidth::Covariance(rule))
                            .engine(engine)
                            .fit(world, samples)?;
                        let ours = density.evaluate(Places::Points(&points))?;
                        let logs = density.log_evaluate(Places::Points(&points))?;
                        assert_eq!(ours.len(), scipy.len());
                        for ((ours, log), scipy) in ours.iter().zip(&logs).zip(&scipy) {
                            if *scipy > 1e-200 {
                                assert_relative_eq!(ours, scipy, max_relative = 1e-12);
                                assert_relative_eq!(*log, scipy.ln(), max_relative = 1e-12, epsilon = 1e-12);
                                compared += 1;
                            } else {
                                assert!(*ours < 1.1e-200 && *log < -460.0, "{ours:e} and {scipy:e}");
                            }
                        }
                    }
                }
            }
        }
        // Of 432.
        assert!(compared > 300, "{compared} are above 1e-200");
        Ok(())
    });
}
