//! Writes and their markers: joined here, or joined before and given as such.

use nulltrace_spec::{Found, Joined, markers};

use super::{Correlator, State};
use crate::input::event::{Event, What};
use crate::spans::consumer::{Consumer, Wants};

/// Tells what happened, if that is wanted.
fn tell(out: &mut impl Consumer, entry: &Event<'_>) {
    if out.wants().any_of(Wants::JOINED) {
        out.joined(entry);
    }
}

/// A joined marker as what happened.
fn told<'a>(joined: &Joined<'a>, of_many: bool, apart: bool) -> What<'a> {
    let bytes = joined.bytes;
    match &joined.marker {
        Ok(marker) => What::Marker {
            bytes,
            cut: marker.cut,
            of_many,
        },
        Err(error) => What::Refused {
            bytes,
            error: *error,
            of_many,
            apart,
        },
    }
}

/// What was told of a write so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    /// All of it.
    Whole,
    Beginning,
}

impl Correlator {
    /// Takes in a write.
    #[inline]
    pub(super) fn write(
        &mut self,
        event: &Event<'_>,
        bytes: &[u8],
        beyond: u64,
        out: &mut impl Consumer,
    ) {
        let Event {
            ts,
            pid,
            tid,
            number,
            ..
        } = *event;
        if out.wants().any_of(Wants::JOINED) {
            return self.write_and_tell(event, bytes, beyond, out);
        }
        let state = &mut self.state;
        state.spans.numbered(pid, tid, number, true);
        let each = |joined: Joined<'_>| state.marker(pid, tid, number, &joined, out);
        let part = self.fragments.push((pid, tid), ts, bytes, beyond > 0, each);
        let within = self.fragments.has((pid, tid));
        self.state.written(event, part, beyond, within, out);
    }

    /// The same, and tells what it was.
    #[cold]
    fn write_and_tell(
        &mut self,
        event: &Event<'_>,
        bytes: &[u8],
        beyond: u64,
        out: &mut impl Consumer,
    ) {
        let Event {
            ts,
            pid,
            tid,
            number,
            ..
        } = *event;
        let state = &mut self.state;
        let alone = beyond == 0 && !self.fragments.has((pid, tid));
        let mut said = Told::Nothing;
        state.spans.numbered(pid, tid, number, true);
        let each = |joined: Joined<'_>| {
            // Behind a marker there may be the end of its line.
            let whole = alone && joined.marker.is_ok() && bytes.len() <= joined.bytes.len() + 1;
            if said == Told::Nothing && !whole {
                let what = What::WriteBegins;
                out.joined(&Event { what, ..*event });
            }
            said = if whole { Told::Whole } else { Told::Beginning };
            let what = told(&joined, !whole, false);
            let ts = joined.ts;
            out.joined(&Event { ts, what, ..*event });
            state.marker(pid, tid, number, &joined, out);
        };
        let part = self.fragments.push((pid, tid), ts, bytes, beyond > 0, each);
        let within = self.fragments.has((pid, tid));
        if said != Told::Whole {
            let what = What::WriteEnds {
                beyond,
                part,
                within,
                began: said == Told::Beginning,
            };
            out.joined(&Event { what, ..*event });
        }
        self.state.written(event, part, beyond, within, out);
    }

    /// Takes in what was joined before.
    #[cold]
    pub(super) fn push_joined(&mut self, event: &Event<'_>, out: &mut impl Consumer) {
        let Event {
            ts,
            pid,
            tid,
            number,
            what,
        } = *event;
        let state = &mut self.state;
        match what {
            What::Marker {
                bytes,
                cut,
                of_many,
            } => {
                let Some(Found {
                    offset: 0,
                    marker: Ok(marker),
                }) = markers(bytes, cut).next()
                else {
                    state.refused = state.refused.saturating_add(1);
                    return;
                };
                let marker = Ok(marker);
                state.one(event, &Joined { ts, bytes, marker }, of_many, out);
            }
            What::Refused {
                bytes,
                error,
                of_many,
                apart,
            } => {
                let marker = Err(error);
                let joined = Joined { ts, bytes, marker };
                match apart {
                    true => {
                        state.within.remove(&(pid, tid));
                        state.marker(pid, tid, 0, &joined, out);
                        state.settle(pid, tid, out);
                    }
                    false => state.one(event, &joined, of_many, out),
                }
            }
            What::WriteBegins => state.spans.numbered(pid, tid, number, true),
            What::WriteEnds {
                beyond,
                part,
                within,
                began,
            } => {
                if !began {
                    state.spans.numbered(pid, tid, number, true);
                }
                match within {
                    // As many as there may be fragments; the one too many is given up next.
                    true if state.within.len() <= self.fragments.max() => {
                        state.within.insert((pid, tid));
                    }
                    true => state.refused = state.refused.saturating_add(1),
                    false => drop(state.within.remove(&(pid, tid))),
                }
                state.written(event, part, beyond, within, out);
            }
            What::GivenUp => {
                state.within.remove(&(pid, tid));
                state.fragments = state.fragments.saturating_add(1);
                state.settle(pid, tid, out);
            }
            _ => {}
        }
    }
}

impl State {
    /// A marker that was joined before.
    fn one(
        &mut self,
        event: &Event<'_>,
        joined: &Joined<'_>,
        of_many: bool,
        out: &mut impl Consumer,
    ) {
        let Event {
            pid, tid, number, ..
        } = *event;
        if of_many {
            return self.marker(pid, tid, number, joined, out);
        }
        self.spans.numbered(pid, tid, number, true);
        self.marker(pid, tid, number, joined, out);
        self.written(event, true, 0, false, out);
    }

    /// A write ended, and its markers were taken in.
    #[inline]
    fn written(
        &mut self,
        event: &Event<'_>,
        part: bool,
        beyond: u64,
        within: bool,
        out: &mut impl Consumer,
    ) {
        let Event { ts, pid, tid, .. } = *event;
        match part {
            true => self.beyond = self.beyond.saturating_add(beyond),
            false => self.markers.not_markers += 1,
        }
        // Within a marker it is not known yet what the thread does.
        if !within {
            self.settle(pid, tid, out);
            if self.spans.check_idle(pid, tid) {
                out.idle(tid, ts);
            }
        }
    }

    /// A marker stayed unfinished, and is refused: at that time, or when it is too old.
    pub(super) fn unfinished(
        &mut self,
        (pid, tid): (u32, u32),
        joined: &Joined<'_>,
        at: Option<u64>,
        out: &mut impl Consumer,
    ) {
        if let Some(ts) = at {
            let what = What::Time;
            let number = 0;
            tell(
                out,
                &Event {
                    ts,
                    pid,
                    tid,
                    number,
                    what,
                },
            );
        }
        let event = Event {
            ts: joined.ts,
            pid,
            tid,
            number: 0,
            what: told(joined, false, true),
        };
        tell(out, &event);
        self.marker(pid, tid, 0, joined, out);
    }

    /// There was no room for an unfinished marker.
    pub(super) fn given_up(&mut self, ts: u64, (pid, tid): (u32, u32), out: &mut impl Consumer) {
        let event = Event {
            ts,
            pid,
            tid,
            number: 0,
            what: What::GivenUp,
        };
        tell(out, &event);
        self.fragments = self.fragments.saturating_add(1);
    }
}
