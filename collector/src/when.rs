//! Moments as people name them: `--from` and `--to`.

use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::units;

/// A moment of a recording.
///
/// ```
/// use nulltrace_collector::when::When;
///
/// assert!("2026-11-29T14:03:05.25Z".parse::<When>().is_ok());
/// assert!("14:03:05".parse::<When>().is_ok() && "14:03".parse::<When>().is_ok());
/// assert!("+5s".parse::<When>().is_ok());
/// assert!("5 o'clock".parse::<When>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Date and time, by RFC 3339.
    At(Timestamp),
    /// A time of day where it was recorded.
    OfDay(Time),
    /// So long after the beginning, nanoseconds.
    After(u64),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(after) = text.strip_prefix('+') {
            let after = units::duration(after)?;
            let ns = u64::try_from(after.as_nanos());
            return ns
                .map(Self::After)
                .map_err(|_| format!("{text:?} is too long"));
        }
        let of_day = |text: &str| {
            let looks = text.contains(':') && !text.contains(['-', 'T', 'Z']);
            looks.then(|| text.parse::<Time>().ok()).flatten()
        };
        if let Some(time) = of_day(text) {
            return Ok(Self::OfDay(time));
        }
        text.parse().map(Self::At).map_err(|_| {
            format!("{text:?} is no time: write 2026-11-29T14:03:05Z, 14:03:05 or +5s")
        })
    }
}

/// Half a day: a time of day that is further back than this is of the next day.
const HALF: i128 = 12 * 3_600 * 1_000_000_000;

impl When {
    /// When that is by `CLOCK_MONOTONIC`, in a recording that began then; `wall` is what is to be added for nanoseconds
    /// since 1970, and `zone` that of the machine.
    #[must_use]
    pub fn monotonic(self, began: u64, wall: i64, zone: &TimeZone) -> u64 {
        let began_wall = i128::from(began) + i128::from(wall);
        let at = match self {
            Self::After(ns) => return began.saturating_add(ns),
            Self::At(at) => at.as_nanosecond(),
            Self::OfDay(time) => {
                let begin = Timestamp::from_nanosecond(began_wall).unwrap_or(Timestamp::MIN);
                let date = begin.to_zoned(zone.clone()).date();
                let at = zone.to_zoned(date.to_datetime(time));
                let ns = |at: &Zoned| at.timestamp().as_nanosecond();
                let at = at.as_ref().map_or(began_wall, ns);
                if began_wall - at > HALF {
                    at + 2 * HALF
                } else {
                    at
                }
            }
        };
        u64::try_from((at - i128::from(wall)).max(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        // 2026-11-29T03:00:00Z, five seconds after the machine began.
        let (began, wall) = (5_000_000_000, 1_795_921_195_000_000_000);
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = |text: &str| {
            let when: When = text.parse().unwrap();
            when.monotonic(began, wall, &zone)
        };
        let second = 1_000_000_000;
        assert_eq!(at("+5s"), began + 5 * second);
        assert_eq!(at("+250ms"), began + second / 4);
        assert_eq!(
            at("2026-11-29T03:00:07.5Z"),
            began + 7 * second + second / 2
        );
        assert_eq!(at("2026-11-29T05:00:07+02:00"), began + 7 * second);
        assert_eq!(at("04:00:09"), began + 9 * second);
        assert_eq!(at("04:01"), began + 60 * second);
        // Before the beginning.
        assert_eq!(at("03:59:59"), began - second);
        assert_eq!(at("1970-01-01T00:00:00Z"), 0);
        // After midnight.
        let late = "00:30".parse::<When>().unwrap();
        let evening = wall + 19 * 3_600 * second as i64;
        assert_eq!(
            late.monotonic(began, evening, &zone),
            began + (90 * 60) * second
        );
        for bad in ["", "+", "+5", "noon", "25:00:00", "2026-11-29", "-5s"] {
            assert!(bad.parse::<When>().is_err(), "{bad}");
        }
    }
}
