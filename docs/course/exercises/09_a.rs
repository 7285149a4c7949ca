//! Exercise 9a. Each rank has found a star. Rank 0 is to print the heaviest of all.
//!
//! Make `Star` a type that MPI knows, and gather the stars of all ranks.
//!
//! Run:    mpirun -n 4 exercise_09_a
//! Check:  make exercise 9a

use rankwise::prelude::*;

// TODO: `use mpi::traits::Equivalence;` above, and derive it, Clone and Copy.
struct Star {
    number: usize,
    mass: f64,
    place: [f64; 3],
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let number = world.rank();
        let mine = Star { number, mass: (1 + 3 * number % 5) as f64, place: [number as f64, 0.5, -1.0] };
        // TODO: the stars of all ranks, by world.gather(0, …).
        let all = world.is_root().then(|| vec![mine]);

        if let Some(all) = all {
            let star =
                all.iter().max_by(|a, b| a.mass.total_cmp(&b.mass)).expect("there is one of each rank");
            println!("star {}, mass {}, at {:?}", star.number, star.mass, star.place);
        }
        Ok(())
    })
}
