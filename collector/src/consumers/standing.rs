//! Queries whose answers are counted as things happen, each from the moment it was first asked.
//!
//! That of the command line is there from the beginning and stays. Others are asked while the run goes on: so many at
//! most, and each goes when nobody has asked it for a while. A query that is asked again finds what was counted for it.

use jiff::Timestamp;
use nulltrace_core::activity::Reach;
use nulltrace_core::facts::names::Names;
use nulltrace_core::measure::groups::{self, Groups};
use nulltrace_core::measure::selected::{self, Selected};
use nulltrace_core::measure::slowest::Slowest;
use nulltrace_core::measure::summary;
use nulltrace_core::query::{Query, Show};
use nulltrace_core::spans::consumer::Wants;
use nulltrace_core::view;

use super::counting::{Counting, Now};
use super::grouped::Grouped;
use super::selected::Choosing;
use crate::error::{Error, Kind};
use crate::measured::Measured;

/// Queries that may be asked while the run goes on.
const LIVE: usize = 16;
/// How long each is kept after it was last asked, nanoseconds.
const KEEP_NS: u64 = 60_000_000_000;
/// Each may have this part of what the one of the command line may have.
const PART: usize = 4;

/// Whether a query of a view chooses among spans, or groups them.
fn chooses(query: &Query) -> bool {
    let of_spans = !matches!(query.show(), Show::Groups { .. });
    of_spans && (query.filter().is_some() || !query.by().is_empty())
}

/// Whether a query can be answered where the activity of so many counts toward a span.
///
/// # Errors
/// It cannot.
pub(crate) fn check(query: &Query, reach: Reach) -> Result<(), Error> {
    if !chooses(query) || reach == Reach::Thread {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        "spans cannot be chosen or grouped where the activity of other threads counts toward them",
        format!("--inside {}", reach.name()),
        "leave it out, or the filter and the fields of the view",
    ))
}

/// What counts for a query from now on; `None` where the summary, that is always there, has the answer.
fn counting(query: &Query, limits: Limits) -> Result<Option<Box<dyn Counting>>, Error> {
    let view = match query.show() {
        Show::View { name, .. } => view::find(name),
        Show::Spans { .. } => Ok(&view::VIEWS[0]),
        Show::Groups { .. } => {
            let groups = Groups::new(query.clone(), limits.groups);
            return Ok(Some(Box::new(Grouped::new(groups))));
        }
    };
    let view = view.map_err(|none| Error::new(Kind::Usage, none, "the query", "name a view"))?;
    check(query, limits.reach)?;
    Ok(match (chooses(query), view.single) {
        (false, false) => None,
        (false, true) => Some(Box::new(Slowest::new(limits.single_bytes))),
        (true, single) => {
            let limits = selected::Limits {
                // All of them, and the same by group.
                summary: limits.summary.part(2),
                groups: limits.groups,
                open_bytes: limits.single_bytes / 2,
            };
            let selected = Selected::new(query.clone(), limits, single);
            Some(Box::new(Choosing::new(selected, single)))
        }
    })
}

/// What bounds the memory of what is counted for one query.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of groups.
    pub(crate) groups: groups::Limits,
    /// Of spans by tag path, where a filter chooses among them.
    pub(crate) summary: summary::Limits,
    /// Whose activity counts toward a span.
    pub(crate) reach: Reach,
    /// Bytes for what single spans did while they are open.
    pub(crate) single_bytes: usize,
}

impl Limits {
    /// Those of a query that is asked live.
    fn part(self) -> Self {
        Self {
            groups: groups::Limits {
                groups: self.groups.groups.div_ceil(PART),
                text_bytes: self.groups.text_bytes.div_ceil(PART),
            },
            summary: self.summary.part(PART),
            single_bytes: self.single_bytes.div_ceil(PART),
            ..self
        }
    }
}

/// The queries.
pub(crate) struct Standing {
    limits: Limits,
    kept: Vec<Kept>,
}

struct Kept {
    query: Query,
    counting: Box<dyn Counting>,
    /// `None` for that of the command line.
    live: Option<Live>,
}

/// Of a query that was asked while the run went on.
#[derive(Clone, Copy)]
struct Live {
    since: Timestamp,
    /// When it was last asked, `CLOCK_MONOTONIC` nanoseconds.
    asked: u64,
}

impl Live {
    /// How long it is kept still, nanoseconds.
    const fn left(self, now: u64) -> u64 {
        KEEP_NS.saturating_sub(now.saturating_sub(self.asked))
    }
}

impl Standing {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            kept: Vec::new(),
        }
    }

    /// Counts for the query of the command line, from the beginning to the end.
    pub(super) fn keep(&mut self, query: &Query) -> Result<(), Error> {
        self.begin(query, None)
    }

    /// Counts for a query from now on, if that is needed.
    fn begin(&mut self, query: &Query, live: Option<Live>) -> Result<(), Error> {
        let limits = match live {
            None => self.limits,
            Some(_) => self.limits.part(),
        };
        if let Some(counting) = counting(query, limits)? {
            if let Some(live) = live {
                self.room(live.asked)?;
            }
            let query = query.clone();
            self.kept.push(Kept {
                query,
                counting,
                live,
            });
        }
        Ok(())
    }

    /// Puts the answer to a query into what was measured. One that is not counted for yet begins now.
    pub(super) fn ask(
        &mut self,
        query: &Query,
        now: &Now<'_>,
        names: &mut Names,
        into: &mut Measured,
    ) -> Result<(), Error> {
        self.expire(now.moment.monotonic);
        if !self.kept.iter().any(|of| of.query == *query) {
            let live = Live {
                since: now.moment.wall,
                asked: now.moment.monotonic,
            };
            self.begin(query, Some(live))?;
        }
        let mut kept = self.kept.iter_mut();
        if let Some(of) = kept.find(|of| of.query == *query) {
            if let Some(live) = &mut of.live {
                live.asked = live.asked.max(now.moment.monotonic);
                into.since = Some(live.since);
            }
            of.counting.answer(now, names, into);
        }
        Ok(())
    }

    /// What any of them wants.
    pub(super) fn wants(&self) -> Wants {
        let wants = self.kept.iter().map(|of| of.counting.wants());
        wants.fold(Wants::NOTHING, |all, of| all | of)
    }

    /// Whether one more may be asked.
    fn room(&self, now: u64) -> Result<(), Error> {
        let live = self.kept.iter().filter_map(|of| of.live);
        let left = live.clone().map(|live| live.left(now)).min();
        match left {
            Some(left) if live.count() >= LIVE => Err(Error::new(
                Kind::Io,
                format!("{LIVE} other queries are kept"),
                "the live query",
                format!(
                    "ask one of these, or wait: one goes in {} s if nobody asks it",
                    left.div_ceil(1_000_000_000)
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Those that nobody has asked for a while go.
    pub(super) fn expire(&mut self, now: u64) {
        self.kept
            .retain(|of| of.live.is_none_or(|live| live.left(now) > 0));
    }

    #[inline]
    pub(super) fn each(&mut self, mut give: impl FnMut(&mut dyn Counting)) {
        for of in &mut self.kept {
            give(&mut *of.counting);
        }
    }

    /// Puts the answer to the query of the command line, if there is one, into what was measured.
    pub(super) fn own(&mut self, now: &Now<'_>, names: &mut Names, into: &mut Measured) {
        let mut kept = self.kept.iter_mut();
        if let Some(of) = kept.find(|of| of.live.is_none()) {
            of.counting.answer(now, names, into);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nulltrace_core::activity::{InSpan, Inside, Times, When};
    use nulltrace_core::facts::path::TagPath;
    use nulltrace_core::input::record::CallsRecord;
    use nulltrace_core::query::filter::{Filter, Words};
    use nulltrace_core::query::metric::Metric;
    use nulltrace_core::spans::correlate::Correlator;
    use nulltrace_core::spans::matcher;
    use zerocopy::FromZeros;

    use super::*;
    use crate::clock::Moment;

    const SECOND: u64 = 1_000_000_000;

    fn limits(groups: groups::Limits) -> Limits {
        Limits {
            groups,
            summary: summary::Limits::default(),
            reach: Reach::Thread,
            single_bytes: 1 << 20,
        }
    }

    fn answer(
        standing: &mut Standing,
        query: &Query,
        moment: Moment,
        into: &mut Measured,
    ) -> Result<(), Error> {
        let now = Now {
            moment,
            correlator: &Correlator::new(matcher::Limits::default()),
            ended: false,
        };
        standing.ask(query, &now, &mut Names::default(), into)
    }

    /// At so many seconds by either clock.
    fn at(second: u64) -> Moment {
        Moment {
            wall: Timestamp::from_second(second.cast_signed()).unwrap(),
            monotonic: second * SECOND,
        }
    }

    fn by(fields: &[&str]) -> Query {
        let by = fields.iter().map(|field| field.parse().unwrap()).collect();
        Query::groups(by, vec![Metric::Count])
    }

    /// Different ones.
    fn queries() -> Vec<Query> {
        let by_tag = |n| by(&[&format!("span.tag[{n}]")]);
        (0..=LIVE).map(by_tag).collect()
    }

    /// Calls in a span.
    fn call(standing: &mut Standing, calls: u32) {
        let path = Arc::new(TagPath::new(b"a", ["a"]));
        let mut of = CallsRecord::new_zeroed();
        of.count = calls;
        let inside = Inside {
            pid: 7,
            tid: 7,
            process: None,
            spans: &[InSpan::of_path(&path)],
            wide: false,
            when: When::default(),
            times: &Times::NONE,
            calls: &[of],
            files: &[None],
        };
        standing.each(|counting| counting.inside(&inside, &mut Names::default()));
    }

    /// How many calls, and since which second.
    fn ask(standing: &mut Standing, query: &Query, now: u64) -> Result<(u64, Option<i64>), Error> {
        let mut answer = Measured::nothing();
        self::answer(standing, query, at(now), &mut answer)?;
        let calls = answer.groups().map(|of| of.total().get(Metric::Count));
        let since = answer.since.map(Timestamp::as_second);
        Ok((calls.unwrap_or_default(), since))
    }

    #[test]
    fn each_counts_from_when_it_was_first_asked() {
        let (own, live) = (by(&["proc.pid"]), by(&["evt.type"]));
        let mut standing = Standing::new(limits(groups::Limits::default()));
        standing.keep(&own).unwrap();
        call(&mut standing, 1);
        assert_eq!(ask(&mut standing, &live, 10).unwrap(), (0, Some(10)));
        call(&mut standing, 2);
        assert_eq!(ask(&mut standing, &live, 20).unwrap(), (2, Some(10)));
        assert_eq!(ask(&mut standing, &own, 20).unwrap(), (3, None));
        assert_eq!(standing.kept.len(), 2);
        // The summary has the answer to a view.
        assert_eq!(
            ask(&mut standing, &Query::view("time"), 20).unwrap(),
            (0, None)
        );
        assert_eq!(standing.kept.len(), 2);
    }

    #[test]
    fn one_that_nobody_asks_goes_after_a_minute() {
        let (own, live) = (by(&["proc.pid"]), by(&["evt.type"]));
        let mut standing = Standing::new(limits(groups::Limits::default()));
        standing.keep(&own).unwrap();
        ask(&mut standing, &live, 10).unwrap();
        call(&mut standing, 1);
        // Asked within a minute, it has another.
        assert_eq!(ask(&mut standing, &live, 69).unwrap(), (1, Some(10)));
        standing.expire(128 * SECOND);
        assert_eq!(standing.kept.len(), 2);
        standing.expire(129 * SECOND);
        assert_eq!(standing.kept.len(), 1);
        assert_eq!(ask(&mut standing, &live, 130).unwrap(), (0, Some(130)));
        // Whether or not anybody looks meanwhile.
        call(&mut standing, 1);
        assert_eq!(ask(&mut standing, &live, 190).unwrap(), (0, Some(190)));
        assert_eq!(ask(&mut standing, &own, 1_000_000).unwrap(), (2, None));
    }

    #[test]
    fn one_too_many_is_refused_and_reported_when_another_goes() {
        let mut standing = Standing::new(limits(groups::Limits::default()));
        standing.keep(&by(&["proc.pid"])).unwrap();
        let queries = queries();
        let (last, some) = queries.split_last().unwrap();
        for (query, now) in some.iter().zip(10..) {
            ask(&mut standing, query, now).unwrap();
        }
        let error = ask(&mut standing, last, 30).unwrap_err().to_string();
        assert_eq!(
            error,
            "nulltrace: 16 other queries are kept: the live query; ask one of these, or wait: one goes in 40 s if \
             nobody asks it"
        );
        // Nor does it cost any of those its place; a view needs none.
        for query in some
            .iter()
            .chain([&Query::view("time"), &by(&["proc.pid"])])
        {
            ask(&mut standing, query, 40).unwrap();
        }
        assert!(ask(&mut standing, last, 99).is_err());
        assert_eq!(ask(&mut standing, last, 100).unwrap(), (0, Some(100)));
        assert_eq!(standing.kept.len(), 2);
    }

    #[test]
    fn one_that_is_asked_live_has_a_part_of_the_room() {
        let of_groups = groups::Limits {
            groups: 5,
            text_bytes: 1 << 10,
        };
        let mut standing = Standing::new(limits(of_groups));
        standing.keep(&by(&["evt.type"])).unwrap();
        let live = by(&["evt.type", "proc.pid"]);
        ask(&mut standing, &live, 1).unwrap();
        let calls: Vec<_> = (0..4)
            .map(|nr| {
                let mut of = CallsRecord::new_zeroed();
                (of.nr, of.count) = (nr, 1);
                of
            })
            .collect();
        let path = Arc::new(TagPath::new(b"a", ["a"]));
        let inside = Inside {
            pid: 7,
            tid: 7,
            process: None,
            spans: &[InSpan::of_path(&path)],
            wide: false,
            when: When::default(),
            times: &Times::NONE,
            calls: &calls,
            files: &[None, None, None, None],
        };
        standing.each(|counting| counting.inside(&inside, &mut Names::default()));
        let rows = |standing: &mut Standing, query: &Query| {
            let mut answer = Measured::nothing();
            self::answer(standing, query, at(2), &mut answer).unwrap();
            answer.groups().map(|of| of.rows().len())
        };
        assert_eq!(rows(&mut standing, &by(&["evt.type"])), Some(4));
        // Two, and one for the others.
        assert_eq!(rows(&mut standing, &live), Some(3));
    }

    #[test]
    fn where_others_count_toward_a_span_too_none_is_chosen() {
        let limits = limits(groups::Limits::default());
        let reach = Reach::Process;
        let mut standing = Standing::new(Limits { reach, ..limits });
        let filter = Filter::parse("proc.pid=7", &Words::ANY).unwrap();
        let query = Query::view("time").with_filter(Some(filter));
        let error = ask(&mut standing, &query, 1).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        let error = error.to_string();
        assert!(error.contains("--inside process; leave it out"), "{error}");
        assert!(ask(&mut standing, &Query::view("time"), 1).is_ok());
    }
}
