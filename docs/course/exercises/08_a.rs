//! Exercise 8a. Every rank has a long message for each of the others: a deadlock, since all of them send first.
//!
//! Mend it: start all sends, receive, then wait for the sends.
//!
//! Run:    mpirun -n 4 exercise_08_a
//! Check:  make exercise 8a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let others = (0..world.size()).filter(|&other| other != world.rank());

        // TODO: isend instead of send, and a Vec of what it gives: the requests.
        for other in others.clone() {
            world.send(other, &vec![world.rank(); 1_000_000])?;
        }
        let mut sum = 0;
        for other in others {
            sum += world.recv::<usize, _>(other)?[0];
        }
        // TODO: rankwise::comm::wait_all(requests)

        world.print_in_order(format!("rank {}: the others sum to {sum}", world.rank()))?;
        Ok(())
    })
}
