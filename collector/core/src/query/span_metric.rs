//! What is summed of spans.

use std::str::FromStr;

use super::metric::{NoMetric, Unit};

/// What of the spans of a group is summed, or found out of all of them.
///
/// ```
/// use nulltrace_core::query::metric::Unit;
/// use nulltrace_core::query::span_metric::SpanMetric;
///
/// let metric: SpanMetric = "span.p99".parse().unwrap();
/// assert_eq!((metric.name(), metric.unit()), ("span.p99", Unit::Nanoseconds));
/// assert!(!metric.needs_activity() && SpanMetric::Blocked.needs_activity());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanMetric {
    /// Spans that ended by their exit marker.
    Hits,
    /// Spans that failed, by what their arguments say.
    Errors,
    /// How long those that ended by their exit marker took, in all.
    Duration,
    /// The part of it with no child open.
    SelfTime,
    /// Time on the cpu.
    Cpu,
    /// Time waiting for a cpu.
    Runnable,
    /// Time asleep.
    Blocked,
    /// Half of them were quicker.
    P50,
    /// Nine of ten were quicker.
    P90,
    /// 99 of a hundred were quicker.
    P99,
    /// The slowest.
    Max,
}

impl SpanMetric {
    /// Every metric.
    pub const ALL: [Self; 11] = [
        Self::Hits,
        Self::Errors,
        Self::Duration,
        Self::SelfTime,
        Self::Cpu,
        Self::Runnable,
        Self::Blocked,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::Max,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hits => "span.hits",
            Self::Errors => "span.errors",
            Self::Duration => "span.duration",
            Self::SelfTime => "span.self",
            Self::Cpu => "span.cpu",
            Self::Runnable => "span.runnable",
            Self::Blocked => "span.blocked",
            Self::P50 => "span.p50",
            Self::P90 => "span.p90",
            Self::P99 => "span.p99",
            Self::Max => "span.max",
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Hits | Self::Errors => Unit::Spans,
            _ => Unit::Nanoseconds,
        }
    }

    /// Whether it is known only where it is observed what happens inside spans.
    #[must_use]
    pub const fn needs_activity(self) -> bool {
        matches!(self, Self::Cpu | Self::Runnable | Self::Blocked)
    }
}

impl FromStr for SpanMetric {
    type Err = NoMetric;

    fn from_str(text: &str) -> Result<Self, NoMetric> {
        let mut all = Self::ALL.into_iter();
        all.find(|metric| metric.name() == text).ok_or(NoMetric)
    }
}
