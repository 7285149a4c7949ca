//! Exercise 9b. A letter goes round the ring, and everybody signs it. A text has any length, so `Equivalence` is not for it.
//!
//! Let it go round with `send_value` and `recv_value`, which take every type that serde knows. Rank 0 writes it, signs first, and
//! prints it when it is back.
//!
//! Run:    mpirun -n 4 exercise_09_b
//! Check:  make exercise 9b

use rankwise::prelude::*;

// TODO: derive serde::Serialize and serde::Deserialize.
struct Letter {
    text: String,
    signed: Vec<String>,
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let signature = format!("rank {}", world.rank());
        // TODO: all other ranks receive the letter from their left, sign it, and send it to their right.
        if world.is_root() {
            let letter = Letter { text: "we need more memory".to_owned(), signed: vec![signature] };
            // TODO: send it to the right, and receive it from the left.
            println!("{}: {}", letter.text, letter.signed.join(", "));
        }
        Ok(())
    })
}
