//! The laws of exact sums.

use super::products::Products;
use super::total::Total;
use super::*;
use crate::kernels::level::Level;

/// Random bits (Marsaglia's xorshift), the same ones as in the Python that the numbers of
/// [`agrees_with_fractions`] come from.
fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Terms over a wide range of exponents, of both signs.
fn wild(n: usize) -> Vec<f64> {
    let mut next = random();
    (0..n).map(|_| next() as i64 as f64 * 2f64.powi((next() % 400) as i32 - 260)).collect()
}

/// What numbers look like: in a range, with zeros, over all finite ones, tiny, huge.
fn kinds(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let of = |make: &dyn Fn(u64) -> f64| {
        let mut next = random();
        (0..n).map(|_| make(next())).collect::<Vec<f64>>()
    };
    let uniform = |bits: u64| (bits >> 11) as f64 * 2f64.powi(-53) - 0.5;
    let any = |bits: u64| Some(f64::from_bits(bits)).filter(|x| x.is_finite()).unwrap_or(0.0);
    vec![
        ("uniform", of(&uniform)),
        ("some zeros", of(&|bits| if bits % 3 == 0 { 0.0 } else { uniform(bits) })),
        ("cubed", of(&|bits| uniform(bits).powi(9))),
        ("wild", wild(n)),
        ("any", of(&any)),
        ("subnormal", of(&|bits| f64::from_bits(bits & ((1 << 63) | ((1 << 52) - 1))))),
        ("around the normal", of(&|bits| uniform(bits) * 2f64.powi(-1010 - (bits % 64) as i32))),
        ("small", of(&|bits| uniform(bits) * 2f64.powi(-480))),
        ("products around 2^-968", of(&|bits| uniform(bits) * 2f64.powi(-470 - (bits % 30) as i32))),
        ("large", of(&|bits| uniform(bits) * 2f64.powi(507))),
        ("huge", of(&|bits| any((bits | 0x7ff << 52) & !(1 << 52)))),
        ("near the last cut", of(&|bits| uniform(bits) * 2f64.powi(1012 + (bits % 4) as i32))),
        ("one large", of(&|bits| if bits % 500 == 0 { 1e30 } else { uniform(bits) })),
    ]
}

const LENGTHS: [usize; 12] = [0, 1, 7, 15, 16, 17, 64, 1023, 1024, 1025, 3000, 20_001];

fn exact(terms: &[f64]) -> f64 {
    terms.iter().copied().collect::<ExactSum>().value()
}

fn exact_dot(a: &[f64], b: &[f64]) -> f64 {
    let mut dot = ExactDot::new();
    dot.add_products(a, b);
    dot.value()
}

#[test]
fn one_term_is_itself() {
    for x in [0.0, 1.0, -1.5, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324, 1e-310, 0.1, -1e300] {
        assert_eq!(exact(&[x]), x);
    }
    for x in wild(1000) {
        assert_eq!(exact(&[x]).to_bits(), x.to_bits());
    }
    for x in [f32::MAX, f32::MIN_POSITIVE, -1e-45, 0.1, -0.0, f32::INFINITY] {
        let mut sum = ExactSum::new();
        sum.add_f32_slice(&[x]);
        assert_eq!(sum.value_f32().to_bits(), x.to_bits());
    }
}

#[test]
fn rounds_once_to_nearest_even() {
    let ulp = f64::EPSILON;
    assert_eq!(exact(&[1.0, ulp / 2.0]), 1.0);
    assert_eq!(exact(&[1.0 + ulp, ulp / 2.0]), 1.0 + 2.0 * ulp);
    assert_eq!(exact(&[1.0, ulp / 2.0, 5e-324]), 1.0 + ulp);
    assert_eq!(exact(&[1.0, ulp / 2.0, -5e-324]), 1.0);
    assert_eq!(exact(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
    assert_eq!(exact(&[f64::MAX, f64::MAX]), f64::INFINITY);
    assert_eq!(exact(&[1e16, 1.0, -1e16, 1e-3]), 1.001);
    // Half a unit above the greatest is the first that is infinite.
    let half = 2f64.powi(970);
    assert_eq!(exact(&[f64::MAX, half]), f64::INFINITY);
    assert_eq!(exact(&[-f64::MAX, -half, 5e-324]), -f64::MAX);
}

#[test]
fn f32_is_not_rounded_twice() {
    // To f64 first, the last term would be gone, and the tie go to the even 1.
    let sum: ExactSum = [1.0, 2f64.powi(-24), 2f64.powi(-60)].into_iter().collect();
    assert_eq!(sum.value() as f32, 1.0);
    assert_eq!(sum.value_f32(), 1.0 + f32::EPSILON);
    let of = |terms: &[f64]| terms.iter().copied().collect::<ExactSum>().value_f32();
    let (greatest, half) = (f64::from(f32::MAX), 2f64.powi(103));
    assert_eq!(of(&[greatest, half]), f32::INFINITY);
    assert_eq!(of(&[greatest, half, -5e-324]), f32::MAX);
    let least = 2f64.powi(-149);
    assert_eq!(of(&[least / 2.0]), 0.0);
    assert_eq!(of(&[least / 2.0, 5e-324]), f32::from_bits(1));
    assert_eq!(of(&[least * 1.5]), f32::from_bits(2));
    assert_eq!(of(&[-least / 4.0]).to_bits(), (-0f32).to_bits());
}

/// In blocks or one by one, for all that the processor may have: the same integers.
#[test]
fn a_slice_is_its_terms() {
    for len in LENGTHS {
        for (kind, terms) in kinds(len) {
            let mut expected: ExactSum = terms.iter().copied().collect();
            for level in Level::available() {
                let mut total = Total::ZERO;
                blocks::add_slice(&mut total, &terms, level);
                assert!(ExactSum(total).parts() == expected.parts(), "{len} {kind}, {level:?}");
            }
            let narrow: Vec<f32> =
                terms.iter().map(|&x| (x * 1e-3) as f32).filter(|x| x.is_finite()).collect();
            let mut sum = ExactSum::new();
            sum.add_f32_slice(&narrow);
            let mut expected: ExactSum = narrow.iter().copied().map(f64::from).collect();
            assert!(sum.parts() == expected.parts(), "{len} {kind} f32");
        }
    }
}

/// With and without rounding errors: the same integers as products of integers.
#[test]
fn a_dot_product_is_its_products() {
    for len in LENGTHS {
        let kinds = kinds(len);
        for (kind, a) in &kinds {
            for (other, b) in &kinds {
                let b: Vec<f64> = b.iter().rev().copied().collect();
                let mut expected = Products::ZERO;
                a.iter().zip(&b).for_each(|(&a, &b)| expected.add_product(a, b));
                let expected = ExactDot(expected).parts();
                for level in Level::available() {
                    let mut total = Products::ZERO;
                    total.add_products(a, &b, level);
                    assert!(ExactDot(total).parts() == expected, "{len} {kind} by {other}, {level:?}");
                }
            }
            let narrow: Vec<f32> = a.iter().map(|&x| x as f32).filter(|x| x.is_finite()).collect();
            let wide: Vec<f64> = narrow.iter().copied().map(f64::from).collect();
            let (mut dot, mut expected) = (ExactDot::new(), ExactDot::new());
            dot.add_f32_products(&narrow, &narrow);
            expected.add_products(&wide, &wide);
            assert!(dot.parts() == expected.parts(), "{len} {kind} f32");
        }
    }
}

/// More than a limb's upper half could count, of all exponents and of a few.
#[test]
fn ten_million_terms_are_not_too_many() {
    let mut next = random();
    let mut any = || Some(f64::from_bits(next())).filter(|x| x.is_finite()).unwrap_or(1.0);
    for keep in [!0, !0 << 63 | 0x3ff_u64 << 52 | ((1 << 52) - 1)] {
        let terms: Vec<f64> = (0..10_000_000).map(|_| f64::from_bits(any().to_bits() & keep)).collect();
        let mut sum = ExactSum::new();
        sum.add_slice(&terms);
        let mut expected: ExactSum = terms.iter().copied().collect();
        assert!(sum.parts() == expected.parts(), "{keep:x}");
    }
}

#[test]
fn order_and_grouping_do_not_matter() {
    let mut terms = wild(5000);
    let value = exact(&terms);
    terms.reverse();
    assert_eq!(exact(&terms).to_bits(), value.to_bits());
    let whole = {
        let mut moments = Moments::new();
        moments.add_slice(&terms);
        moments
    };
    for ranks in [1, 2, 3, 7, 100] {
        let blocks = || terms.chunks(terms.len().div_ceil(ranks));
        let mut total = [0; PARTS];
        for block in blocks() {
            let mut sum: ExactSum = block.iter().copied().collect();
            total.iter_mut().zip(sum.parts()).for_each(|(total, part)| *total += part);
        }
        assert_eq!(ExactSum::from_parts(total).value().to_bits(), value.to_bits(), "{ranks} ranks");
        let mut merged = ExactSum::new();
        let mut moments = [Moments::new(), Moments::new()];
        let mut total = [0; MOMENT_PARTS];
        for block in blocks() {
            merged.merge(block.iter().copied().collect());
            let mut of_block = Moments::new();
            of_block.add_slice(block);
            total.iter_mut().zip(of_block.parts()).for_each(|(total, part)| *total += part);
            moments[0].merge(of_block);
        }
        moments[1] = Moments::from_parts(total);
        assert_eq!(merged.value().to_bits(), value.to_bits(), "{ranks} merged");
        for moments in moments {
            assert_eq!(moments.count(), 5000);
            assert_eq!(moments.mean::<f64>(), whole.mean::<f64>(), "{ranks} ranks");
            assert_eq!(moments.var::<f64>(1), whole.var::<f64>(1), "{ranks} ranks");
        }
    }
    // Everything cancels, whatever the order.
    let opposite: Vec<f64> = terms.iter().map(|x| -x).chain(terms.iter().rev().copied()).collect();
    assert_eq!(exact(&opposite), 0.0);
}

/// Printed by Python's `fractions`, whose conversion to `float` rounds once; to `f32` by hand.
#[test]
fn agrees_with_fractions() {
    let terms = wild(1000);
    let reverse: Vec<f64> = terms.iter().rev().copied().collect();
    let mut moments = Moments::new();
    moments.add_slice(&terms);
    assert_eq!(exact(&terms).to_bits(), 0x4c7c7ae05b5ae3a4);
    assert_eq!(exact_dot(&terms, &reverse).to_bits(), 0x58f088c47aeefca2);
    assert_eq!(moments.mean::<f64>().to_bits(), 0x4bdd29db805d1211);
    assert_eq!(moments.var::<f64>(0).to_bits(), 0x587787fec28a9ec5);
    assert_eq!(moments.var::<f64>(1).to_bits(), 0x58778e06724591dc);

    let calm: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i * i % 1009) / 8.0).collect();
    let mut moments = Moments::new();
    moments.add_slice(&calm);
    assert_eq!(moments.mean::<f64>().to_bits(), 0x41cdcd651fc40419);
    assert_eq!(moments.var::<f64>(1), 1387.0255880724474);

    let mut next = random();
    let narrow: Vec<f32> =
        (0..1000).map(|_| (next() as i64 as f64 * 2f64.powi((next() % 100) as i32 - 100)) as f32).collect();
    let reverse: Vec<f32> = narrow.iter().rev().copied().collect();
    let (mut sum, mut dot, mut moments) = (ExactSum::new(), ExactDot::new(), Moments::new());
    sum.add_f32_slice(&narrow);
    dot.add_f32_products(&narrow, &reverse);
    moments.add_slice(&narrow);
    assert_eq!(sum.value_f32().to_bits(), 0xdf1f534d);
    assert_eq!(dot.value_f32().to_bits(), 0x7abc3764);
    assert_eq!(moments.mean::<f32>().to_bits(), 0xda232632);
    assert_eq!(moments.var::<f32>(1).to_bits(), 0x7996a8fc);
}

/// NaN, infinities and zeros, alone and among enough others for a block.
#[test]
fn special_values_behave_as_ieee() {
    const INF: f64 = f64::INFINITY;
    let cases: [(&[f64], f64); 12] = [
        (&[INF, 1.0], INF),
        (&[-INF, f64::MAX], -INF),
        (&[INF, -INF], f64::NAN),
        (&[f64::NAN, INF], f64::NAN),
        (&[f64::NAN, 0.0], f64::NAN),
        (&[], 0.0),
        (&[0.0], 0.0),
        (&[-0.0], -0.0),
        (&[-0.0, -0.0], -0.0),
        (&[-0.0, 0.0], 0.0),
        (&[1.0, -0.0, -1.0], 0.0),
        (&[-1.0, -0.0], -1.0),
    ];
    for (terms, expected) in cases {
        for others in [0, 1, 100, 5000] {
            // Before zeros another zero of that sign, before special values numbers.
            let before = if expected.is_finite() { 0f64.copysign(expected) } else { 1.0 };
            let mut long = vec![before; others];
            if terms.is_empty() {
                long.clear();
            }
            long.extend(terms);
            let mut sum = ExactSum::new();
            sum.add_slice(&long);
            let same = |x: f64| x.to_bits() == expected.to_bits() || x.is_nan() && expected.is_nan();
            assert!(same(sum.value()), "{terms:?} after {others}: {}", sum.value());
            assert!(same(f64::from(sum.value_f32())), "{terms:?} after {others}, f32");
            assert!(same(ExactSum::from_parts(sum.parts()).value()), "{terms:?} after {others}, from parts");
            let dot = exact_dot(&long, &vec![1.0; long.len()]);
            assert!(same(dot), "{terms:?} after {others}, times 1: {dot}");
        }
    }
}

#[test]
fn products_are_special_as_in_ieee() {
    const INF: f64 = f64::INFINITY;
    for zeros in [0, 100, 5000] {
        let dot = |a: f64, b: f64| {
            let (mut long_a, mut long_b) = (vec![1.0; zeros], vec![0.0; zeros]);
            long_a.push(a);
            long_b.push(b);
            exact_dot(&long_a, &long_b)
        };
        assert!(dot(INF, 0.0).is_nan() && dot(-0.0, INF).is_nan() && dot(f64::NAN, 0.0).is_nan());
        assert_eq!((dot(INF, -2.0), dot(-INF, -5e-324)), (-INF, INF));
        assert_eq!(dot(1e200, 1e200), INF);
        assert_eq!(dot(1e-200, -1e-200).to_bits(), (-0f64).to_bits(), "too small, yet not nothing");
    }
    assert_eq!(exact_dot(&[0.0], &[-1.0]).to_bits(), (-0f64).to_bits());
    assert_eq!(exact_dot(&[0.0, 1.0], &[-1.0, 0.0]).to_bits(), 0);
    assert_eq!(exact_dot(&[], &[]).to_bits(), 0);
    // What overflows may cancel; what underflows may decide a tie.
    assert_eq!(exact_dot(&[f64::MAX, 2.0, f64::MAX], &[f64::MAX, 3.0, -f64::MAX]), 6.0);
    let least = 5e-324;
    assert_eq!(exact_dot(&[least], &[0.5]), 0.0);
    assert_eq!(exact_dot(&[least, least], &[0.5, least]), least);
}

#[test]
fn mean_and_variance_at_their_ends() {
    let of = |numbers: &[f64]| {
        let mut moments = Moments::new();
        moments.add_slice(numbers);
        [moments.mean(), moments.var(0), moments.var(1)].map(|x: f64| if x.is_nan() { -7.0 } else { x })
    };
    let nan = -7.0;
    assert_eq!(of(&[]), [nan, nan, nan]);
    assert_eq!(of(&[3.0]), [3.0, 0.0, nan]);
    assert_eq!(of(&[-0.0, -0.0]), [-0.0, 0.0, 0.0]);
    assert_eq!(of(&[0.1; 1000]), [0.1, 0.0, 0.0]);
    assert_eq!(of(&[f64::MAX; 1000]), [f64::MAX, 0.0, 0.0]);
    assert_eq!(of(&[f64::MAX, -f64::MAX]), [0.0, f64::INFINITY, f64::INFINITY]);
    assert_eq!(of(&[f64::INFINITY, 1.0]), [f64::INFINITY, nan, nan]);
    assert_eq!(of(&[f64::NAN, 1.0]), [nan, nan, nan]);
    assert_eq!(of(&[5e-324, 0.0]), [0.0, 0.0, 0.0]);
    assert_eq!(of(&[5e-324, 1e-323]), [1e-323, 0.0, 0.0]);
    assert_eq!(of(&[1.0, 2.0, 4.0]), [7.0 / 3.0, 14.0 / 9.0, 7.0 / 3.0]);
    // A third of the last term breaks the tie.
    assert_eq!(of(&[3.0, 3.0 * 2f64.powi(-53), 2f64.powi(-63)])[0], 1.0 + f64::EPSILON);
}

#[test]
fn fast_sums_are_near_the_exact_ones() {
    for len in LENGTHS {
        let (_, terms) = &kinds(len)[0];
        let narrow: Vec<f32> = terms.iter().map(|&x| x as f32).collect();
        let bound = len as f64 * f64::EPSILON * terms.iter().map(|x| x.abs()).sum::<f64>();
        let wide: Vec<f64> = narrow.iter().copied().map(f64::from).collect();
        for (fast, exact) in [
            (fast::sum(terms), exact(terms)),
            (fast::sum(&narrow), exact(&wide)),
            (fast::dot(terms, &wide), exact_dot(terms, &wide)),
            (fast::dot(&narrow, &narrow), exact_dot(&wide, &wide)),
        ] {
            assert!((fast - exact).abs() <= bound, "{len}: {fast} for {exact}");
        }
    }
}
