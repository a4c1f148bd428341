//! [Joined](super::joined) markers as records.
//!
//! ```
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::input::joiner::Joiner;
//!
//! let what = What::Marker { bytes: b">:t:a::", cut: false, of_many: false };
//! let event = Event { ts: 7, pid: 1, tid: 2, number: 1, what };
//! let mut joiner = Joiner::default();
//! let record = joiner.record(&event).unwrap();
//! assert_eq!(Event::decode(record), Ok(event));
//! ```

use super::event::{Event, What};
use super::joined::{
    FLAG_APART, FLAG_BEGAN, FLAG_MARKER_CUT, FLAG_OF_MANY, FLAG_PART, FLAG_WITHIN, KIND_GIVEN_UP,
    KIND_MARKER, KIND_REFUSED, KIND_TIME, KIND_WRITE_BEGINS, KIND_WRITE_ENDS, RefusedRecord,
    WriteEndsRecord,
};
use super::record::Head;
use super::write::{Room, padded};

/// Makes records of such events, each in the same room.
#[derive(Debug, Default)]
pub struct Joiner {
    room: Room,
}

impl Joiner {
    /// The event as a record; `None` if it is another.
    pub fn record(&mut self, event: &Event<'_>) -> Option<&[u8]> {
        let flag = |flag, is| if is { flag } else { 0 };
        let (kind, flags) = match event.what {
            What::Marker { cut, of_many, .. } => {
                let flags = flag(FLAG_MARKER_CUT, cut) | flag(FLAG_OF_MANY, of_many);
                (KIND_MARKER, flags)
            }
            What::Refused { of_many, apart, .. } => {
                let flags = flag(FLAG_OF_MANY, of_many) | flag(FLAG_APART, apart);
                (KIND_REFUSED, flags)
            }
            What::WriteBegins => (KIND_WRITE_BEGINS, 0),
            What::WriteEnds {
                part,
                within,
                began,
                ..
            } => {
                let flags = flag(FLAG_PART, part) | flag(FLAG_WITHIN, within);
                (KIND_WRITE_ENDS, flags | flag(FLAG_BEGAN, began))
            }
            What::GivenUp => (KIND_GIVEN_UP, 0),
            What::Time => (KIND_TIME, 0),
            _ => return None,
        };
        let head = Head {
            flags,
            number: event.number,
            ..Head::of(event.ts, event.pid, event.tid)
        };
        match event.what {
            What::Marker { bytes, .. } => self.room.record(kind, &head, &[bytes]),
            What::Refused { bytes, error, .. } => {
                let refused = RefusedRecord {
                    head,
                    code: padded(error.code.name().as_bytes()),
                    offset: error.offset as u64,
                };
                self.room.record(kind, &refused, &[bytes])
            }
            What::WriteEnds { beyond, .. } => {
                let ends = WriteEndsRecord { head, beyond };
                self.room.record(kind, &ends, &[])
            }
            _ => self.room.record(kind, &head, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use nulltrace_spec::{Code, Error};

    use super::*;
    use crate::input::event::BadRecord;

    #[test]
    fn each_is_read_back() {
        let error = Error {
            code: Code::TagEmpty,
            offset: 4,
        };
        let mut joiner = Joiner::default();
        for is in [false, true] {
            for what in [
                What::Marker {
                    bytes: b">:t:a:k=v",
                    cut: is,
                    of_many: !is,
                },
                What::Refused {
                    bytes: b">:t:::",
                    error,
                    of_many: is,
                    apart: !is,
                },
                What::WriteBegins,
                What::WriteEnds {
                    beyond: 7,
                    part: is,
                    within: !is,
                    began: is,
                },
                What::GivenUp,
                What::Time,
            ] {
                let event = Event {
                    ts: 9,
                    pid: 1,
                    tid: 2,
                    number: 3,
                    what,
                };
                let record = joiner.record(&event).unwrap().to_vec();
                assert_eq!(Event::decode(&record), Ok(event));
            }
        }
        let event = Event {
            ts: 9,
            pid: 1,
            tid: 2,
            number: 3,
            what: What::Gone,
        };
        assert_eq!(joiner.record(&event), None);
    }

    #[test]
    fn an_error_of_a_later_version_is_not_known() {
        let error = Error {
            code: Code::Unfinished,
            offset: 0,
        };
        let what = What::Refused {
            bytes: b">",
            error,
            of_many: false,
            apart: true,
        };
        let event = Event {
            ts: 9,
            pid: 1,
            tid: 2,
            number: 0,
            what,
        };
        let mut joiner = Joiner::default();
        let mut record = joiner.record(&event).unwrap().to_vec();
        record[size_of::<Head>()] = b'?';
        let unknown = BadRecord::Kind(KIND_REFUSED);
        assert_eq!(Event::decode(&record), Err(unknown));
    }
}
