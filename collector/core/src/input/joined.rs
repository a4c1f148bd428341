//! Markers as records of their own, joined from what was written. What is kept of a stream has these in place of its
//! writes, so that it is never joined anew, and what was written beside markers is not in it.
//!
//! Mostly a write is one marker, and has one [`KIND_MARKER`]. Any other is [`KIND_WRITE_BEGINS`], its markers with
//! [`FLAG_OF_MANY`], and [`KIND_WRITE_ENDS`]; the first is left out where there is no marker.
//!
//! ```
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::input::joined::Joiner;
//!
//! let what = What::Marker { bytes: b">:t:a::", cut: false, of_many: false };
//! let event = Event { ts: 7, pid: 1, tid: 2, number: 1, what };
//! let mut joiner = Joiner::default();
//! let record = joiner.record(&event).unwrap();
//! assert_eq!(Event::decode(record), Ok(event));
//! ```

use nulltrace_spec::{Code, Error};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::event::{BadRecord, Event, What};
use super::record::Head;
use super::write::{Room, padded, unpadded};

/// `Head::kind` of a marker, which follows. Its time is that of the write it began in.
pub const KIND_MARKER: u8 = 10;
/// `Head::kind` of a [`RefusedRecord`], which what looked like a marker follows.
pub const KIND_REFUSED: u8 = 11;
/// `Head::kind` of the beginning of a write.
pub const KIND_WRITE_BEGINS: u8 = 12;
/// `Head::kind` of a [`WriteEndsRecord`].
pub const KIND_WRITE_ENDS: u8 = 13;
/// `Head::kind` of an unfinished marker for which there was no room.
pub const KIND_GIVEN_UP: u8 = 14;
/// `Head::kind` of a time until which nothing happened.
pub const KIND_TIME: u8 = 15;

/// The end of the marker was not seen, as its write was too long.
pub const FLAG_MARKER_CUT: u8 = 1;
/// Its write has a beginning and an end of its own.
pub const FLAG_OF_MANY: u8 = 2;
/// Of a refused one: it ended without a write, as it stayed unfinished.
pub const FLAG_APART: u8 = 4;
/// Of the end of a write: it was a marker or a part of one.
pub const FLAG_PART: u8 = 8;
/// Of the end of a write: it ended within a marker.
pub const FLAG_WITHIN: u8 = 16;
/// Of the end of a write: its beginning has a record.
pub const FLAG_BEGAN: u8 = 32;

/// What looked like a marker and was none; it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RefusedRecord {
    /// Who wrote it.
    pub head: Head,
    /// The name of the error, NUL padded.
    pub code: [u8; 24],
    /// Its place in the bytes.
    pub offset: u64,
}

/// A write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct WriteEndsRecord {
    /// Who wrote it.
    pub head: Head,
    /// So many of its bytes were not seen.
    pub beyond: u64,
}

const _: () = {
    assert!(size_of::<RefusedRecord>() == 56);
    assert!(size_of::<WriteEndsRecord>() == 32);
};

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

/// Reads such a record.
pub(super) fn read<'a>(head: &Head, record: &'a [u8]) -> Result<What<'a>, BadRecord> {
    let size = BadRecord::Size { got: record.len() };
    let has = |flag| head.flags & flag != 0;
    Ok(match head.kind {
        KIND_MARKER => What::Marker {
            bytes: record.get(size_of::<Head>()..).ok_or(size)?,
            cut: has(FLAG_MARKER_CUT),
            of_many: has(FLAG_OF_MANY),
        },
        KIND_REFUSED => {
            let (refused, bytes) = RefusedRecord::ref_from_prefix(record).map_err(|_| size)?;
            let name = unpadded(&refused.code);
            let mut codes = Code::ALL.iter();
            let code = codes.find(|code| code.name().as_bytes() == name);
            What::Refused {
                bytes,
                error: Error {
                    code: *code.ok_or(BadRecord::Kind(head.kind))?,
                    offset: usize::try_from(refused.offset).map_err(|_| size)?,
                },
                of_many: has(FLAG_OF_MANY),
                apart: has(FLAG_APART),
            }
        }
        KIND_WRITE_BEGINS => What::WriteBegins,
        KIND_WRITE_ENDS => {
            let (ends, _) = WriteEndsRecord::ref_from_prefix(record).map_err(|_| size)?;
            What::WriteEnds {
                beyond: ends.beyond,
                part: has(FLAG_PART),
                within: has(FLAG_WITHIN),
                began: has(FLAG_BEGAN),
            }
        }
        KIND_GIVEN_UP => What::GivenUp,
        KIND_TIME => What::Time,
        kind => return Err(BadRecord::Kind(kind)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
