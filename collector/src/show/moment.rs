//! Moments for people and programs, in UTC.

use jiff::Timestamp;

fn at(ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(ns.into()).unwrap_or(Timestamp::MAX)
}

/// The time of day, of nanoseconds since the beginning of 1970.
///
/// ```
/// use nulltrace_collector::show::moment::time_of_day;
///
/// assert_eq!(time_of_day(1_795_921_200_001_500_000), "03:00:00.001Z");
/// ```
#[must_use]
pub fn time_of_day(ns: u64) -> String {
    at(ns).strftime("%H:%M:%S%.3fZ").to_string()
}

/// Date and time by RFC 3339, with all nanoseconds.
///
/// ```
/// use nulltrace_collector::show::moment::rfc_3339;
///
/// assert_eq!(rfc_3339(1_795_921_200_001_500_000), "2026-11-29T03:00:00.001500000Z");
/// ```
#[must_use]
pub fn rfc_3339(ns: u64) -> String {
    format!("{:.9}", at(ns))
}
