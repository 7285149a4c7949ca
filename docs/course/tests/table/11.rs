use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "11_heat", both: BOTH, own: OWN, a: A, b: B };

const ROD: &str = "step   0 |..........@@@@@@@@@@@@@@@@@@@@..............................| 100.000
step  80 |:::----===++****########****++===---:::.....................| 78.760
step 160 |=========+++++++********+++++====-----:::::.................| 62.693
step 240 |========+++++++++++++++++++======------:::::::..............| 54.626
step 320 |======+++++++++++++++++==========-------:::::::::...........| 50.522
step 400 |+++++++++++++++++===============--------::::::::::::........| 48.745";

const BOTH: &[Run] = &[run(1, ROD), run(4, ROD)];

const OWN: &[Run] = &[run(3, ROD)];

const A: &[Run] = &[
    run(1, "at rest after 309 steps").hint("Keep the old temperatures: the movement of a point is the difference."),
    run(4, "at rest after 309 steps")
        .hint("Each rank knows only its own points. world.all_reduce_one(moved, Max)? gives all ranks the same number."),
];

const B: &[Run] = &[
    run(1, "hottest 19.2543, mean 8.3333").hint("let mut plate, and fifty times plate = plate.stencil(…)?"),
    run(4, "hottest 19.2543, mean 8.3333"),
];
