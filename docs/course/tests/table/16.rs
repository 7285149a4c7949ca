use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "16_scaling", both: BOTH, own: OWN, a: A, b: B };

const MEAN: &str = "17.2981 is the mean smallest prime";

const BOTH: &[Run] = &[run(1, MEAN).args(&["300000"]), run(4, MEAN).args(&["300000"])];

const OWN: &[Run] = &[
    run(3, MEAN).args(&["300000"]),
    run(2, "17.2981 is the mean smallest prime\nphase…\ntable…\nsearch…\ntogether…\npeak memory…")
        .args(&["300000", "--report", "text"]),
];

const A: &[Run] = &[
    run(
        4,
        " 1 ranks: Amdahl 1.00, Gustafson 1.00
 2 ranks: Amdahl 1.67, Gustafson 1.80
 4 ranks: Amdahl 2.50, Gustafson 3.40
 8 ranks: Amdahl 3.33, Gustafson 6.60",
    )
    .hint("As f64: let p = f64::from(ranks); the formulas are in the text above."),
    run(1, " 1 ranks: Amdahl 1.00, Gustafson 1.00"),
];

const B: &[Run] = &[
    run(4, "25997 primes; no rank has made more than 75001 of 300001 numbers")
        .hint("Partition::even(LIMIT + 1, world.size()).range(world.rank()) is this rank's block."),
    run(1, "25997 primes; no rank has made more than 300001 of 300001 numbers"),
];
