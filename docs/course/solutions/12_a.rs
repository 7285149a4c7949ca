//! A solution of exercise 12a: `fetch_add` reads and adds in one, and nothing comes between.

use std::time::Duration;

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let machine = world.counter()?;
        let mut mine = Vec::new();
        for _ in 0..3 {
            let ticket = machine.fetch_add(1)?;
            std::thread::sleep(Duration::from_millis(20));
            mine.push(ticket);
        }
        if let Some(mut all) = world.gather(0, &mine)? {
            all.sort();
            println!("tickets {all:?}");
        }
        Ok(())
    })
}
