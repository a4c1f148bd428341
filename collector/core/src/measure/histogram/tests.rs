use super::*;
use proptest::prelude::*;

fn of(values: &[u64]) -> Histogram {
    of_at_most(DEFAULT_BUCKETS, values)
}

fn of_at_most(limit: u16, values: &[u64]) -> Histogram {
    let mut all = Histogram::with_buckets(limit);
    for &value in values {
        all.record(value);
    }
    all
}

/// The value the rule of [`Histogram::quantile`] names, from all values.
fn exact_quantile(sorted: &[u64], q: f64) -> u64 {
    sorted[rank(q, sorted.len() as u64) as usize - 1]
}

fn assert_quantiles(mut values: Vec<u64>, error: f64) {
    let all = of(&values);
    values.sort_unstable();
    for q in [
        0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0,
    ] {
        let got = all.quantile(q).unwrap();
        let exact = exact_quantile(&values, q);
        let wrong = got.abs_diff(exact) as f64;
        assert!(
            wrong <= exact as f64 * error,
            "q={q}: {got} for {exact} at scale {}",
            all.scale()
        );
    }
}

/// A fixed sequence, so a failure can be looked at again.
fn random() -> impl FnMut() -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn empty() {
    let none = Histogram::new();
    assert_eq!((none.count(), none.sum(), none.scale()), (0, 0, 8));
    assert_eq!((none.min(), none.max(), none.mean()), (None, None, None));
    assert_eq!(none.quantile(0.5), None);
}

#[test]
fn zeros_have_no_bucket() {
    let all = of(&[0, 0, 5]);
    assert_eq!(
        (all.zero_count(), all.count(), all.counts()),
        (2, 3, &[1][..])
    );
    assert_eq!(all.quantile(0.5), Some(0));
    assert_eq!(all.quantile(1.0), Some(5));
    assert_eq!(all.min(), Some(0));
}

#[test]
fn one_decade_stays_at_scale_8() {
    let all = of(&[1_000_000, 9_999_999]);
    assert_eq!((all.scale(), all.counts().len()), (8, 851));
}

#[test]
fn the_whole_range_fits() {
    let all = of(&[0, 1, u64::MAX]);
    assert_eq!(all.scale(), 3);
    assert_eq!((all.offset(), all.counts().len()), (-1, 513));
    assert_eq!(all.sum(), 1 + u128::from(u64::MAX));
    assert_eq!(all.quantile(1.0), Some(u64::MAX));
    let two = of_at_most(0, &[1, u64::MAX]);
    assert_eq!((two.scale(), two.counts()), (-6, &[1, 1][..]));
}

#[test]
fn a_power_of_two_is_the_top_of_its_bucket() {
    let mut all = of_at_most(2, &[1, u64::MAX]);
    all.merge(&of(&[1 << 32]));
    // At scale −6 the base is 2^64, so everything above 1 is in (1, 2^64].
    assert_eq!((all.offset(), all.counts()), (-1, &[1, 2][..]));
    // At scale 0 the base is 2: 4 is in (2, 4], 5 in (4, 8].
    let values: Vec<u64> = (0..64).map(|bit| 1 << bit).chain([5]).collect();
    let all = of_at_most(64, &values);
    assert_eq!((all.scale(), all.offset(), all.counts().len()), (0, -1, 64));
    assert_eq!((all.counts()[2], all.counts()[3]), (1, 2));
}

#[test]
fn small_values_are_exact() {
    let values: Vec<u64> = (24..=368).collect();
    let all = of(&values);
    assert_eq!(all.scale(), 8);
    for (i, &value) in values.iter().enumerate() {
        let q = (i + 1) as f64 / values.len() as f64;
        assert_eq!(all.quantile(q), Some(value));
    }
}

#[test]
fn a_quantile_is_the_harmonic_mean_of_what_its_bucket_holds() {
    let all = of(&[1_000_000, 5_000_000, 9_000_000]);
    let bucket = index::index(5_000_000);
    let (a, b) = (floor_power(bucket) + 1, floor_power(bucket + 1));
    assert!(a < b && all.scale() == 8);
    let mean = 2.0 * a as f64 * b as f64 / (a + b) as f64;
    assert_eq!(all.quantile(0.5), Some(mean.round() as u64));
}

#[test]
fn quantile_limits_q() {
    let all = of(&[10, 20, 30]);
    assert_eq!(all.quantile(-1.0), Some(10));
    assert_eq!(all.quantile(f64::NAN), Some(10));
    assert_eq!(all.quantile(2.0), Some(30));
    assert_eq!(all.quantile(f64::INFINITY), Some(30));
}

#[test]
fn rank_is_not_one_too_high() {
    for n in [1, 10, 100, 1000, 100_000_000] {
        for percent in 1..=100 {
            if n * percent % 100 == 0 {
                assert_eq!(rank(percent as f64 / 100.0, n), n * percent / 100);
            }
        }
    }
    assert_eq!(rank(0.5, 3), 2);
    assert_eq!(rank(0.999, 1000), 999);
    assert_eq!(rank(0.0, 5), 1);
}

#[test]
fn quantiles_of_distributions() {
    let mut next = random();
    let n = 50_000;
    // Within one decade the promised 0.3 %.
    let uniform = (0..n).map(|_| (1e6 + next() * 8.9e6) as u64).collect();
    assert_quantiles(uniform, 0.003);
    let two_humps = (0..n)
        .map(|_| if next() < 0.95 { 1e6 + next() * 1e4 } else { 5e6 + next() * 1e6 } as u64)
        .collect();
    assert_quantiles(two_humps, 0.003);
    // Over more, the error of the scale it came to: half a bucket, 2^(2^-scale)/2.
    let exponential = (0..n).map(|_| (-next().ln() * 1e6) as u64 + 1).collect();
    assert_quantiles(exponential, 0.012);
    let log_normal = (0..n)
        .map(|_| {
            let normal: f64 = (0..12).map(|_| next()).sum::<f64>() - 6.0;
            (normal * 1.5 + 13.0).exp() as u64
        })
        .collect();
    assert_quantiles(log_normal, 0.012);
    let constant = vec![123_456_789; 1000];
    assert_quantiles(constant, 0.0);
}

#[test]
fn memory_stays_within_the_limit() {
    let mut next = random();
    for limit in [2, 3, 160, 1000, 1024] {
        let mut all = Histogram::with_buckets(limit);
        for _ in 0..2000 {
            all.record((next() * 63.0).exp2() as u64);
            assert!(all.counts.capacity() <= usize::from(limit));
        }
    }
}

/// Values of every magnitude.
fn value() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..=64).prop_map(|(value, shift)| value.checked_shr(shift).unwrap_or(0))
}

fn values() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        prop::collection::vec(value(), 0..40),
        prop::collection::vec(1_000_000_u64..9_000_000, 0..40),
    ]
}

proptest! {
    #[test]
    fn merge_is_the_histogram_of_the_union(a in values(), b in values(), limit in 0_u16..1100) {
        let union = [a.clone(), b.clone()].concat();
        let mut merged = of_at_most(limit, &a);
        merged.merge(&of_at_most(limit, &b));
        prop_assert_eq!(merged, of_at_most(limit, &union));
    }

    #[test]
    fn merge_commutes_and_associates(
        a in values(), b in values(), c in values(),
        limits in [2_u16..1100, 2_u16..1100, 2_u16..1100],
    ) {
        let [a, b, c] = [(a, limits[0]), (b, limits[1]), (c, limits[2])].map(|(v, l)| of_at_most(l, &v));
        let join = |x: &Histogram, y: &Histogram| { let mut x = x.clone(); x.merge(y); x };
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
    }

    #[test]
    fn order_does_not_matter(mut a in values(), limit in 0_u16..200) {
        let there = of_at_most(limit, &a);
        a.reverse();
        prop_assert_eq!(there, of_at_most(limit, &a));
    }

    #[test]
    fn nothing_is_lost(a in values(), limit in 0_u16..200) {
        let all = of_at_most(limit, &a);
        prop_assert_eq!(all.counts().iter().sum::<u64>() + all.zero_count(), a.len() as u64);
        prop_assert_eq!(all.count(), a.len() as u64);
        prop_assert_eq!(all.sum(), a.iter().map(|&v| u128::from(v)).sum::<u128>());
        prop_assert_eq!(all.min(), a.iter().copied().min());
        prop_assert_eq!(all.max(), a.iter().copied().max());
        prop_assert!(all.counts().len() <= usize::from(limit.max(2)));
        prop_assert!(all.counts().first() != Some(&0) && all.counts().last() != Some(&0));
    }

    #[test]
    fn quantiles_are_within_a_bucket(mut a in values(), q in 0.0..=1.0_f64) {
        prop_assume!(!a.is_empty());
        let all = of(&a);
        a.sort_unstable();
        let exact = exact_quantile(&a, q);
        let got = all.quantile(q).unwrap();
        let bucket = |v: u64| if v == 0 { None } else { Some(index::index(v) >> all.shift) };
        prop_assert_eq!(bucket(got), bucket(exact));
        let base = (-f64::from(all.scale())).exp2().exp2();
        // Half a bucket, as the harmonic mean promises, and the rounding; f64 itself is a little off.
        let half = (base - 1.0) / (base + 1.0) * (1.0 + 1e-9);
        prop_assert!(got.abs_diff(exact) as f64 <= exact as f64 * half + 0.5);
        prop_assert!(all.min() <= Some(got) && Some(got) <= all.max());
    }
}
