//! The part of a recording that is shown.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::clock::Moment;
use crate::error::{Error, Kind};
use crate::source::capture::Ran;
use crate::when::When;

/// From when to when.
#[derive(Debug, Default)]
pub(super) struct Range {
    from: Option<When>,
    to: Option<When>,
    /// The first moment, until it has come.
    first: Option<Moment>,
    /// The last, `CLOCK_MONOTONIC` nanoseconds.
    last: Option<u64>,
}

/// That moment by both clocks. What the wall clock said is reckoned from the beginning: if it was set meanwhile, it is not
/// what it said then.
fn moment(when: When, ran: &Ran) -> Option<Moment> {
    let Moment { monotonic, wall } = ran.began;
    let ahead = wall.as_nanosecond() - i128::from(monotonic);
    let zone = Offset::from_seconds(ran.utc_offset).unwrap_or(Offset::UTC);
    let at = when.monotonic(
        monotonic,
        i64::try_from(ahead).ok()?,
        &TimeZone::fixed(zone),
    );
    let wall = Timestamp::from_nanosecond(i128::from(at) + ahead).ok()?;
    Some(Moment {
        monotonic: at,
        wall,
    })
}

impl Range {
    pub(super) fn new(from: Option<When>, to: Option<When>) -> Self {
        Self {
            from,
            to,
            ..Self::default()
        }
    }

    /// Says when that is, of this recording.
    ///
    /// # Errors
    /// It is at no time, or ends before it begins.
    pub(super) fn settle(&mut self, ran: &Ran) -> Result<(), Error> {
        let of = |when: Option<When>, option| {
            let moment = when.map(|when| moment(when, ran).ok_or(option));
            moment.transpose().map_err(|option| {
                let remedy = "write a time of the recording";
                Error::new(Kind::Usage, "no clock goes that far", option, remedy)
            })
        };
        let (from, to) = (of(self.from, "--from")?, of(self.to, "--to")?);
        if let (Some(from), Some(to)) = (from, to)
            && to.wall < from.wall
        {
            return Err(Error::new(
                Kind::Usage,
                format!("ends at {}, before it begins at {}", to.wall, from.wall),
                "--from and --to",
                "write the earlier time after --from; a time of another day needs its date",
            ));
        }
        self.first = from.filter(|from| from.monotonic > ran.began.monotonic);
        self.last = to.map(|to| to.monotonic);
        Ok(())
    }

    /// Whether something of the end is left out.
    pub(super) const fn has_end(&self) -> bool {
        self.to.is_some()
    }

    /// Whether it begins with what happened at `ts`: when. Once.
    pub(super) fn begins(&mut self, ts: u64) -> Option<Moment> {
        self.first.take_if(|first| first.monotonic <= ts)
    }

    /// What to say if it did not begin: the recording ended before.
    pub(super) fn missed(&self, ran: &Ran) -> Option<String> {
        let from = self.first?;
        let ns = ran.ended.saturating_sub(ran.began.monotonic);
        let ended = ran.began.wall.checked_add(Duration::from_nanos(ns)).ok()?;
        Some(format!(
            "nothing is shown: the recording ended at {ended}, before --from, which is {}",
            from.wall
        ))
    }

    /// The last of its time.
    pub(super) fn last(&self) -> u64 {
        self.last.unwrap_or(u64::MAX)
    }
}
