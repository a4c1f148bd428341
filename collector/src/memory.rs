//! One budget for the memory that markers can make grow, and how it is split among the parts that hold it.
//!
//! Not in it are the spans that a filter chooses or fields group, which are counted beside all spans: they may take as
//! much again as the rows and their texts have here, and one and a half times what the calls have. Nor is what is asked for while a run goes on: each of
//! at most 16 queries may take a quarter of what that of the command line may, and each snapshot that somebody keeps as much again as the rows that changed since.
//! Nor is what each file of a split recording begins with, until it is written: it takes as much again as open spans and
//! their texts do then.
//!
//! ```
//! use nulltrace_collector::memory::{Budget, Part, SHARES};
//!
//! let budget = Budget::new("256MiB").unwrap();
//! assert_eq!(budget.of(Part::OpenSpans), 72 << 20);
//! let sum: u64 = SHARES.iter().map(|share| budget.of(share.part)).sum();
//! assert_eq!(sum, budget.bytes());
//! assert!(Budget::new("1MiB").is_err());
//! ```

use nulltrace_core::measure::{groups, summary};
use nulltrace_core::spans::matcher;

use crate::pipeline::Limits;
use crate::sink::hub::BATCH;
use crate::units;

/// Bytes for all that markers can make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(u64);

/// The smallest budget: below it some parts would hold next to nothing.
const LEAST: u64 = 16 << 20;
/// The largest: more could not be numbered.
const MOST: u64 = 1 << 40;
/// The most that waits for a recorder: more would only hide for longer that the disk is too slow.
const RECORDER_MOST: usize = 32 << 20;
/// What the shares add up to.
const WHOLE: u64 = 1024;

/// What holds memory that markers can make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Spans that are open.
    OpenSpans,
    /// Their tags and arguments.
    OpenTexts,
    /// Tag paths that no open span has.
    IdleTags,
    /// Markers that are not written to their end.
    Fragments,
    /// Records that wait for those of other CPUs.
    Order,
    /// Rows of the summary.
    Rows,
    /// Tags of those rows.
    RowTexts,
    /// System calls and files by span.
    Calls,
    /// Groups of `--by`.
    Groups,
    /// Text in their values.
    GroupTexts,
    /// Spans that wait for exporters.
    Queues,
}

/// What a part has of the budget.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// The part.
    pub part: Part,
    /// What it holds.
    pub holds: &'static str,
    /// Of 1024.
    pub share: u64,
    /// What one of what it holds takes in bytes, measured where that depends on the program, with what the
    /// containers have to spare.
    pub each: u64,
    /// What happens when it is full.
    pub full: &'static str,
}

impl Share {
    /// How many there is room for with a budget, as people write it.
    #[must_use]
    pub fn room(&self, budget: Budget) -> String {
        let count = budget.count(self.part);
        match self.holds.starts_with("bytes of ") {
            true => units::size_name(count),
            false => count.to_string(),
        }
    }
}

/// The split. With the default budget it comes to a million open spans and ten thousand rows and groups.
pub const SHARES: [Share; 11] = [
    Share {
        part: Part::OpenSpans,
        holds: "open spans",
        share: 288,
        each: 300,
        full: "the oldest ends as `evicted`",
    },
    Share {
        part: Part::OpenTexts,
        holds: "bytes of tags and arguments of open spans",
        share: 256,
        each: 1,
        full: "the oldest span ends as `evicted`",
    },
    Share {
        part: Part::IdleTags,
        holds: "tag paths that no open span has",
        share: 32,
        each: 512,
        full: "the oldest is read again when it comes back",
    },
    Share {
        part: Part::Fragments,
        holds: "unfinished markers, one for a thread; of one process a quarter",
        share: 24,
        each: 6 << 10,
        full: "the process with the most loses its oldest, counted as `lost.fragments`",
    },
    Share {
        part: Part::Order,
        holds: "bytes of records that wait for those of other CPUs",
        share: 12,
        each: 3,
        full: "the oldest go on early; what then comes too late is counted as `late`",
    },
    Share {
        part: Part::Rows,
        holds: "rows of the summary",
        share: 98,
        each: 10 << 10,
        full: "further tag paths share one row",
    },
    Share {
        part: Part::RowTexts,
        holds: "bytes of tags of these rows",
        share: 8,
        each: 2,
        full: "further tag paths share one row",
    },
    Share {
        part: Part::Calls,
        holds: "bytes of system calls and files by span",
        share: 128,
        each: 2,
        full: "files that took the least time are summed in one row",
    },
    Share {
        part: Part::Groups,
        holds: "groups of `--by`",
        share: 10,
        each: 1 << 10,
        full: "further groups share one row",
    },
    Share {
        part: Part::GroupTexts,
        holds: "bytes of text in their values",
        share: 8,
        each: 2,
        full: "further groups share one row",
    },
    Share {
        part: Part::Queues,
        holds: "spans queued for exporters; the recorder, as one of them, has at most 32MiB of records",
        share: 160,
        each: 640,
        full: "an exporter loses its newest, counted as `lost.sink`; the recorder too, counted in the capture",
    },
];

const _: () = {
    let (mut sum, mut at) = (0, 0);
    while at < SHARES.len() {
        sum += SHARES[at].share;
        at += 1;
    }
    assert!(sum == WHOLE, "the shares are all of the budget");
};

impl Default for Budget {
    /// 1 GiB.
    fn default() -> Self {
        Self(1 << 30)
    }
}

impl Budget {
    /// A budget as people write it: a [`size`](units::size) of at least 16MiB.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what may be written.
    pub fn new(text: &str) -> Result<Self, String> {
        let bytes = units::size(text)?;
        if (LEAST..=MOST).contains(&bytes) {
            return Ok(Self(bytes));
        }
        let (least, most) = (units::size_name(LEAST), units::size_name(MOST));
        Err(format!("{text:?} is not from {least} to {most}"))
    }

    /// All of it.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// What a part has of it, in bytes.
    #[must_use]
    pub fn of(self, part: Part) -> u64 {
        let share = SHARES.iter().find(|share| share.part == part);
        share.map_or(0, |share| self.0 / WHOLE * share.share)
    }

    /// How many a part can hold.
    #[must_use]
    pub fn count(self, part: Part) -> u64 {
        let share = SHARES.iter().find(|share| share.part == part);
        share.map_or(0, |share| self.of(part) / share.each)
    }

    /// The limits of a pipeline with so many exporters, each of which has a queue of its own; a recorder is one of them.
    #[must_use]
    pub fn limits(self, exporters: usize) -> Limits {
        let count = |part| usize::try_from(self.count(part)).unwrap_or(usize::MAX);
        let batches = count(Part::Queues) / BATCH / exporters.max(1);
        let recorder = self.of(Part::Queues) / exporters.max(1) as u64;
        let recorder = usize::try_from(recorder).unwrap_or(usize::MAX);
        let recorder = recorder.min(RECORDER_MOST);
        Limits {
            order_bytes: count(Part::Order),
            spans: matcher::Limits {
                open: count(Part::OpenSpans),
                bytes: count(Part::OpenTexts),
                tags: count(Part::IdleTags),
                fragments: count(Part::Fragments),
                ..matcher::Limits::default()
            },
            summary: summary::Limits {
                paths: count(Part::Rows),
                text_bytes: count(Part::RowTexts),
                calls_bytes: count(Part::Calls),
                ..summary::Limits::default()
            },
            groups: groups::Limits {
                groups: count(Part::Groups),
                text_bytes: count(Part::GroupTexts),
            },
            queued_batches: batches.max(1),
            recorder_bytes: recorder,
            ..Limits::default()
        }
    }
}

/// [`Budget::new`] for serde: `#[serde(deserialize_with = "memory::text::deserialize")]`.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, de::Error};

    use super::Budget;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Budget, D::Error> {
        Budget::new(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_of_the_budget_and_each_holds_something() {
        for text in ["16MiB", "17MiB", "256MiB", "1GiB", "1024GiB"] {
            let budget = Budget::new(text).unwrap();
            let sum: u64 = SHARES.iter().map(|share| budget.of(share.part)).sum();
            assert!(
                sum <= budget.bytes() && budget.bytes() - sum < WHOLE,
                "{text}"
            );
            for share in SHARES {
                assert!(budget.count(share.part) >= 64, "{text}: {}", share.holds);
            }
            assert!(budget.limits(1000).queued_batches >= 1);
        }
    }

    /// What the limits were before there was a budget, or a little more.
    #[test]
    fn by_default_there_is_room_for_a_million_spans() {
        let Limits {
            order_bytes,
            spans,
            summary,
            groups,
            queued_batches,
            ..
        } = Budget::default().limits(1);
        assert_eq!((spans.open, spans.bytes), (1_006_632, 256 << 20));
        assert_eq!((spans.tags, spans.fragments), (1 << 16, 4096));
        assert_eq!(order_bytes, 4 << 20);
        assert_eq!((summary.paths, summary.text_bytes), (10_035, 4 << 20));
        assert_eq!(summary.calls_bytes, 64 << 20);
        assert_eq!((groups.groups, groups.text_bytes), (10_240, 4 << 20));
        assert_eq!(queued_batches, 256);
    }

    #[test]
    fn a_budget_that_cannot_be_is_refused() {
        for (text, says) in [
            ("15MiB", "not from 16MiB to 1024GiB"),
            ("2000GiB", "not from 16MiB to 1024GiB"),
            ("much", "not a size"),
            ("1TiB", "unknown unit \"TiB\""),
        ] {
            let error = Budget::new(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
