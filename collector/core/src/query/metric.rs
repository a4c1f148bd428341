//! What is summed.

use std::str::FromStr;

/// The unit of a [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// System calls.
    Calls,
    /// Spans.
    Spans,
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Nanoseconds,
}

impl Unit {
    /// The name of the unit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Spans => "spans",
            Self::Bytes => "bytes",
            Self::Nanoseconds => "ns",
        }
    }
}

/// What of system calls is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Metric {
    /// From entry to return.
    Time,
    /// Of which asleep.
    Blocked,
    /// Of which waiting for a cpu.
    Runnable,
    /// How many there were.
    Count,
    /// How many of them failed.
    Errors,
    /// What they say they moved.
    Bytes,
    /// Of which from files, sockets and so on.
    BytesIn,
    /// Of which to them. What one call moves from one file to another is in both.
    BytesOut,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 8] = [
        Self::Time,
        Self::Blocked,
        Self::Runnable,
        Self::Count,
        Self::Errors,
        Self::Bytes,
        Self::BytesIn,
        Self::BytesOut,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Blocked => "blocked",
            Self::Runnable => "runnable",
            Self::Count => "count",
            Self::Errors => "errors",
            Self::Bytes => "bytes",
            Self::BytesIn => "bytes.in",
            Self::BytesOut => "bytes.out",
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Time | Self::Blocked | Self::Runnable => Unit::Nanoseconds,
            Self::Count | Self::Errors => Unit::Calls,
            Self::Bytes | Self::BytesIn | Self::BytesOut => Unit::Bytes,
        }
    }
}

/// No metric has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMetric;

impl FromStr for Metric {
    type Err = NoMetric;

    fn from_str(text: &str) -> Result<Self, NoMetric> {
        let mut all = Self::ALL.into_iter();
        all.find(|metric| metric.name() == text).ok_or(NoMetric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for (at, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert_eq!(metric as usize, at, "its place among the sums");
        }
        assert_eq!("".parse::<Metric>(), Err(NoMetric));
    }
}
