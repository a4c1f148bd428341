//! Which spans are sent when not all are.

/// Keeps a share of what it is asked about, the same ones for the same seed.
#[derive(Debug)]
pub(super) struct Sampler {
    state: u64,
    threshold: u64,
}

impl Sampler {
    /// Keeps `rate` of all, above 0 and below 1.
    pub(super) fn new(rate: f64, seed: u64) -> Self {
        Self {
            state: seed,
            // 2^64 as a float is exact, and the cast saturates
            threshold: (rate * 18_446_744_073_709_551_616.0) as u64,
        }
    }

    /// Whether the next span is sent (SplitMix64: two multiplications, no state but a counter).
    pub(super) fn keep(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) < self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_right_and_repeats() {
        for rate in [0.001, 0.1, 0.5, 0.9] {
            let n = 1_000_000;
            let kept = |seed| {
                let mut sampler = Sampler::new(rate, seed);
                (0..n).filter(|_| sampler.keep()).count()
            };
            let expected = f64::from(n) * rate;
            let deviation = (expected * (1.0 - rate)).sqrt();
            for seed in 0..4 {
                let off = (kept(seed) as f64 - expected).abs();
                assert!(off < 5.0 * deviation, "{rate} {seed}: {off}");
                assert_eq!(kept(seed), kept(seed));
            }
        }
    }
}
