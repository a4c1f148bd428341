//! An even stream instead of bursts that overrun the server's socket buffer.

use std::time::{Duration, Instant};

/// Datagrams that may leave at once; a Linux socket buffer of default size holds about 90.
const BURST: u32 = 32;

/// Says how long to wait before each datagram.
#[derive(Debug)]
pub(super) struct Pace {
    step: Duration,
    due: Option<Instant>,
}

impl Pace {
    /// So many datagrams a second, at least one.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            step: Duration::from_secs(1) / per_second.max(1),
            due: None,
        }
    }

    /// How long the next datagram has to wait. Sleeps are few and long, since each oversleeps by
    /// tens of microseconds: a burst, then its whole time.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        let due = self.due.map_or(now, |due| due.max(now)) + self.step;
        self.due = Some(due);
        let ahead = due - now;
        (ahead > self.step * BURST).then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_and_bursts_are_bounded() {
        let start = Instant::now();
        let mut now = start;
        let mut pace = Pace::new(1_000);
        let mut burst = 0;
        for _ in 0..10_000 {
            burst += 1;
            if let Some(wait) = pace.next(now) {
                assert!(burst <= BURST + 1, "{burst}");
                now += wait;
                burst = 0;
            }
        }
        let took = now - start;
        assert!((9.9..=10.1).contains(&took.as_secs_f64()), "{took:?}");
        // idle time is not saved up
        now += Duration::from_secs(100);
        assert_eq!((0..=BURST).filter(|_| pace.next(now).is_some()).count(), 1);
    }
}
