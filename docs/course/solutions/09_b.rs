//! Solution of exercise 9b.
//!
//! Run:    mpirun -n 4 solution_09_b

use rankwise::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Letter {
    text: String,
    signed: Vec<String>,
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let signature = format!("rank {}", world.rank());
        if world.is_root() {
            let letter = Letter { text: "we need more memory".to_owned(), signed: vec![signature] };
            world.send_value(right, &letter)?;
            let letter: Letter = world.recv_value(left)?;
            println!("{}: {}", letter.text, letter.signed.join(", "));
        } else {
            let mut letter: Letter = world.recv_value(left)?;
            letter.signed.push(signature);
            world.send_value(right, &letter)?;
        }
        Ok(())
    })
}
