//! When trouble that goes on is reported: at once, then after 1 s, 10 s, 100 s …, and once that it is over.

use std::time::{Duration, Instant};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(1000);
/// After so long without trouble, at least, the next is another one.
const WELL: Duration = Duration::from_secs(60);
/// So many checks without trouble in a row, and data taken meanwhile, mean that it is over: a refusal
/// may be heard only at the next look.
const CALM: u32 = 2;

/// What is to be reported, with what was lost since the last report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Trouble { lost: u64 },
    Over { lost: u64 },
}

/// The trouble of one server.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// It was reported, and not yet that it is over.
    reported: bool,
    /// Not to be reported again before then.
    next: Option<Instant>,
    wait: Duration,
    /// When it was seen last.
    seen: Option<Instant>,
    calm: u32,
    /// What had been taken by the server when trouble was seen last, and lost at the last report.
    taken: u64,
    lost: u64,
}

impl Trouble {
    /// It was reported, and is not over as far as is known.
    pub(super) fn goes_on(&self) -> bool {
        self.reported
    }

    /// One look: whether there was trouble since the last, and what was taken and lost so far.
    pub(super) fn look(
        &mut self,
        now: Instant,
        trouble: bool,
        taken: u64,
        lost: u64,
    ) -> Option<Said> {
        if !trouble {
            self.calm += 1;
            if !self.reported || self.calm < CALM || taken <= self.taken {
                return None;
            }
            self.reported = false;
            return Some(Said::Over {
                lost: self.since_reported(lost),
            });
        }
        let quiet = self.seen.map_or(Duration::MAX, |seen| now - seen);
        (self.calm, self.taken, self.seen) = (0, taken, Some(now));
        if quiet > (self.wait * 10).max(WELL) {
            // It was well for so long that this is another trouble.
            (self.wait, self.next) = (Duration::ZERO, None);
        }
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        self.wait = (self.wait * 10).clamp(FIRST_WAIT, LONGEST_WAIT);
        self.next = Some(now + self.wait);
        self.reported = true;
        Some(Said::Trouble {
            lost: self.since_reported(lost),
        })
    }

    fn since_reported(&mut self, lost: u64) -> u64 {
        lost - std::mem::replace(&mut self.lost, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said, with the second of it, of checks twice a second.
    fn said(checks: impl IntoIterator<Item = bool>) -> Vec<(u64, Said)> {
        let begin = Instant::now();
        let (mut trouble, mut taken, mut lost) = (Trouble::default(), 0, 0);
        let mut all = Vec::new();
        for (at, bad) in checks.into_iter().enumerate() {
            lost += u64::from(bad);
            taken += u64::from(!bad);
            let now = begin + Duration::from_millis(500) * u32::try_from(at).unwrap();
            if let Some(said) = trouble.look(now, bad, taken, lost) {
                all.push((at as u64 / 2, said));
            }
        }
        all
    }

    #[test]
    fn it_is_reported_ever_less_often_and_its_end_once() {
        let checks = [false; 2].into_iter().chain([true; 400]).chain([false; 8]);
        let (trouble, over) = (|lost| Said::Trouble { lost }, |lost| Said::Over { lost });
        assert_eq!(
            said(checks),
            [
                (1, trouble(1)),
                (2, trouble(2)),
                (12, trouble(20)),
                (112, trouble(200)),
                (201, over(177)),
            ]
        );
    }

    #[test]
    fn one_that_comes_and_goes_is_no_more_talkative() {
        let flaps = [true, false, false, false].into_iter().cycle().take(2000);
        let said = said(flaps);
        let at: Vec<_> = said.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [0, 1, 2, 3, 12, 13, 112, 113], "{said:?}");
        // After a time that was long enough, the next is reported at once.
        let checks = [true].into_iter().chain([false; 200]).chain([true]);
        let said: Vec<_> = self::said(checks).into_iter().map(|(at, _)| at).collect();
        assert_eq!(said, [0, 1, 100]);
    }

    #[test]
    fn it_is_not_over_where_nothing_was_taken() {
        let mut trouble = Trouble::default();
        let now = Instant::now();
        assert!(trouble.look(now, true, 7, 0).is_some());
        for _ in 0..10 {
            assert_eq!(trouble.look(now, false, 7, 0), None);
        }
        assert_eq!(trouble.look(now, false, 8, 0), Some(Said::Over { lost: 0 }));
    }
}
