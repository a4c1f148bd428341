//! How long to sleep between looks at the ring.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(16);

/// Doubles the sleep while nothing comes and starts over when something does. Waking for each
/// record would cost the traced program more than the record itself.
pub(super) struct Pace {
    next: Duration,
    longest: Duration,
}

impl Pace {
    /// A small ring must be looked at more often: 1 ms per MiB survives a burst of 1 GiB/s.
    pub(super) fn new(ring_bytes: u32) -> Self {
        Self {
            next: SHORTEST,
            longest: (SHORTEST * (ring_bytes >> 20)).clamp(SHORTEST, LONGEST),
        }
    }

    pub(super) fn drained(&mut self, records: usize) {
        if records > 0 {
            self.next = SHORTEST;
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backs_off_when_idle_and_starts_over() {
        let mut pace = Pace::new(16 << 20);
        let millis: Vec<u128> = (0..6).map(|_| pace.next().as_millis()).collect();
        assert_eq!(millis, [1, 2, 4, 8, 16, 16]);
        pace.drained(0);
        assert_eq!(pace.next().as_millis(), 16);
        pace.drained(1);
        assert_eq!(pace.next().as_millis(), 1);
    }

    #[test]
    fn a_small_ring_is_never_left_long() {
        let mut pace = Pace::new(64 << 10);
        assert!((0..6).all(|_| pace.next() == SHORTEST));
    }
}
