//! Solution of exercise 9a.
//!
//! Run:    mpirun -n 4 solution_09_a

use mpi::traits::Equivalence;
use rankwise::prelude::*;

#[derive(Clone, Copy, Equivalence)]
struct Star {
    number: usize,
    mass: f64,
    place: [f64; 3],
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let number = world.rank();
        let mine = Star { number, mass: (1 + 3 * number % 5) as f64, place: [number as f64, 0.5, -1.0] };
        let all = world.gather(0, &[mine])?;

        if let Some(all) = all {
            let star =
                all.iter().max_by(|a, b| a.mass.total_cmp(&b.mass)).expect("there is one of each rank");
            println!("star {}, mass {}, at {:?}", star.number, star.mass, star.place);
        }
        Ok(())
    })
}
