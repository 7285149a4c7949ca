//! What exact sums cost, beside plain ones; and what a random number costs.
//!
//! Run:   make bench-sums                   (or: mpirun -n 2 target/…/release/sums)
//! Shows: nanoseconds an element, medians of rounds in which all ways take turns; writes target/bench/sums.json.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use rand::{Rng, RngExt};
use rankwise::Comm;
use rankwise::random::stream;
use rankwise::sum::{ExactDot, ExactSum, Moments};
use serde_json::json;

const LEN: usize = 4_000_000;
const ROUNDS: usize = 15;

/// A way to do it, and how many elements it takes in one go.
type Way<'a> = (&'static str, usize, Box<dyn Fn() + 'a>);

/// Nanoseconds an element of each way, medians.
fn measure(ways: &[Way]) -> Vec<f64> {
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for ((_, len, act), times) in ways.iter().zip(&mut times) {
            // Short work is repeated until the clock can see it.
            let repeats = (LEN / 10 / len).max(1);
            let start = Instant::now();
            (0..repeats).for_each(|_| act());
            times.push(start.elapsed().as_secs_f64() * 1e9 / (repeats * len) as f64);
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

/// The accumulator of the textbook, one term at a time, finite terms only.
struct Textbook([i64; 68]);

impl Textbook {
    #[inline]
    fn add(&mut self, x: f64) {
        let bits = x.to_bits();
        let exponent = (bits >> 52) as usize & 0x7ff;
        let mantissa = (bits & ((1 << 52) - 1)) | (u64::from(exponent != 0) << 52);
        let shift = exponent.saturating_sub(1);
        let wide = u128::from(mantissa) << (shift % 32);
        let sign = 1 - 2 * (bits >> 63) as i64;
        for (k, limb) in self.0[shift / 32..][..3].iter_mut().enumerate() {
            *limb += sign * i64::from((wide >> (32 * k)) as u32);
        }
    }
}

fn textbook(terms: &[f64]) {
    let mut sum = Textbook([0; 68]);
    terms.iter().for_each(|&x| sum.add(x));
    black_box(&sum.0);
}

fn left_to_right(terms: &[f64]) {
    black_box(terms.iter().sum::<f64>());
}

fn eight_lanes(terms: &[f64]) {
    let mut lanes = [0.0; 8];
    for chunk in terms.as_chunks::<8>().0 {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x);
    }
    black_box(lanes.iter().sum::<f64>());
}

fn exact(terms: &[f64]) {
    let mut sum = ExactSum::new();
    sum.add_slice(terms);
    black_box(&sum);
}

fn exact_dot(a: &[f64], b: &[f64]) {
    let mut dot = ExactDot::new();
    dot.add_products(a, b);
    black_box(&dot);
}

fn plain_dot(a: &[f64], b: &[f64]) {
    black_box(a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>());
}

fn numbers(make: impl Fn(&mut rankwise::random::Stream) -> f64) -> Vec<f64> {
    let mut stream = stream(1, 0);
    (0..LEN).map(|_| make(&mut stream)).collect()
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let rows = measure_all(world);
        if !world.is_root() {
            return Ok(());
        }
        println!("{:45} {:>8} {:>8} {:>6}  peer", "case", "ours/ns", "peer/ns", "ratio");
        let mut list = Vec::new();
        for (case, ours, peer_name, peer, aim) in rows {
            let ratio = peer / ours;
            println!("{case:45} {ours:8.2} {peer:8.2} {ratio:6.2}  {peer_name}");
            list.push(json!({
                "case": case, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": "ns",
                "ratio": ratio, "aim": aim, "met": aim.map(|aim| ours <= aim),
            }));
        }
        std::fs::create_dir_all("target/bench")?;
        std::fs::write("target/bench/sums.json", serde_json::to_string_pretty(&list)?)?;
        Ok(())
    })
}

/// Case, ours, name of the peer, peer, and what ours is to be at most.
type Row = (String, f64, &'static str, f64, Option<f64>);

fn measure_all(world: &Comm) -> Vec<Row> {
    let calm = numbers(|stream| stream.random::<f64>() - 0.5);
    let other = numbers(|stream| stream.random::<f64>() + 0.5);
    let wild = numbers(|stream| (stream.random::<f64>() - 0.5) * 2f64.powi(stream.random_range(-300..300)));
    let narrow: Vec<f32> = calm.iter().map(|&x| x as f32).collect();
    let (calm, other, wild, narrow) = (&calm[..], &other[..], &wild[..], &narrow[..]);
    let mut rows: Vec<Row> = Vec::new();
    // The first way is ours; each of the others is a peer.
    let mut case = |name: &str, aim: Option<f64>, ways: Vec<Way>| {
        let times = measure(&ways);
        for (way, time) in ways.iter().zip(&times).skip(1) {
            rows.push((name.to_owned(), times[0], way.0, *time, aim));
        }
    };

    for (name, terms, aim) in [("calm", calm, Some(1.5)), ("wild", wild, None)] {
        case(
            &format!("exact sum of 4·10⁶, {name}"),
            aim,
            vec![
                ("", LEN, Box::new(|| exact(black_box(terms)))),
                ("left to right", LEN, Box::new(|| left_to_right(black_box(terms)))),
                ("eight lanes", LEN, Box::new(|| eight_lanes(black_box(terms)))),
                ("textbook accumulator", LEN, Box::new(|| textbook(black_box(terms)))),
                (
                    "ExactSum::add, one by one",
                    LEN,
                    Box::new(|| {
                        let mut sum = ExactSum::new();
                        black_box(terms).iter().for_each(|&x| sum.add(x));
                        black_box(&sum);
                    }),
                ),
            ],
        );
    }
    for len in [8, 64, 1024] {
        case(
            &format!("exact sum of {len}, in the cache"),
            None,
            vec![
                ("", len, Box::new(move || exact(black_box(&calm[..len])))),
                ("eight lanes", len, Box::new(move || eight_lanes(black_box(&calm[..len])))),
                ("textbook accumulator", len, Box::new(move || textbook(black_box(&calm[..len])))),
            ],
        );
    }
    case(
        "exact sum of 4·10⁶ f32",
        Some(1.5),
        vec![
            (
                "",
                LEN,
                Box::new(|| {
                    let mut sum = ExactSum::new();
                    sum.add_f32_slice(black_box(narrow));
                    black_box(&sum);
                }),
            ),
            ("left to right", LEN, Box::new(|| _ = black_box(black_box(narrow).iter().sum::<f32>()))),
        ],
    );
    for (name, a, aim) in [("calm", calm, Some(1.5)), ("wild", wild, None)] {
        case(
            &format!("exact dot product of 4·10⁶, {name}"),
            aim,
            vec![
                ("", LEN, Box::new(|| exact_dot(black_box(a), black_box(other)))),
                ("left to right", LEN, Box::new(|| plain_dot(black_box(a), black_box(other)))),
            ],
        );
    }
    case(
        "variance of 4·10⁶, calm",
        None,
        vec![
            (
                "",
                LEN,
                Box::new(|| {
                    let mut moments = Moments::new();
                    moments.add_slice(black_box(calm));
                    black_box(moments.var::<f64>(1));
                }),
            ),
            (
                "two passes, left to right",
                LEN,
                Box::new(|| {
                    let mean = black_box(calm).iter().sum::<f64>() / LEN as f64;
                    black_box(calm.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>());
                }),
            ),
        ],
    );
    case(
        "Comm::sum of 4·10⁶",
        None,
        vec![
            ("", LEN, Box::new(|| _ = black_box(world.sum(black_box(calm))))),
            ("Comm::sum_fast", LEN, Box::new(|| _ = black_box(world.sum_fast(black_box(calm))))),
        ],
    );
    case(
        "Comm::dot of 4·10⁶",
        None,
        vec![
            ("", LEN, Box::new(|| _ = black_box(world.dot(black_box(calm), other)))),
            ("Comm::dot_fast", LEN, Box::new(|| _ = black_box(world.dot_fast(black_box(calm), other)))),
        ],
    );
    let few = &calm[..1000];
    case(
        "Comm::sum of 1000, an element",
        None,
        vec![
            ("", 1000, Box::new(|| _ = black_box(world.sum(black_box(few))))),
            ("Comm::sum_fast", 1000, Box::new(|| _ = black_box(world.sum_fast(black_box(few))))),
        ],
    );
    case(
        "random: one number of each stream",
        None,
        vec![
            ("", LEN, Box::new(|| (0..LEN as u64).for_each(|i| _ = black_box(stream(1, i).next_u64())))),
            (
                "one stream, number after number",
                LEN,
                Box::new(|| {
                    let mut stream = stream(1, 0);
                    (0..LEN).for_each(|_| _ = black_box(stream.next_u64()));
                }),
            ),
        ],
    );
    rows
}
