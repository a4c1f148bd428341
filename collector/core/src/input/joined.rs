//! Markers as records of their own, joined from what was written. What is kept of a stream has these in place of its
//! writes, so that it is never joined anew, and what was written beside markers is not in it.
//!
//! Mostly a write is one marker, and has one [`KIND_MARKER`]. Any other is [`KIND_WRITE_BEGINS`], its markers with
//! [`FLAG_OF_MANY`], and [`KIND_WRITE_ENDS`]; the first is left out where there is no marker.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::record::Head;

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

/// `Head::kind` of a [`NextSpanRecord`].
pub const KIND_NEXT_SPAN: u8 = 21;

/// `Head::kind` of a [`LeftOutRecord`].
pub const KIND_LEFT_OUT: u8 = 22;

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

/// The marker that follows opens the span of that sequence number: those between were left out of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NextSpanRecord {
    /// The time of that marker.
    pub head: Head,
    /// The sequence number.
    pub seq: u64,
}

/// For so long the thread did what was left out of the stream: it was not in the spans that are open in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct LeftOutRecord {
    /// The thread, and until when.
    pub head: Head,
    /// Nanoseconds.
    pub wall: u64,
}

const _: () = {
    assert!(size_of::<LeftOutRecord>() == 32);
    assert!(size_of::<NextSpanRecord>() == 32);
    assert!(size_of::<RefusedRecord>() == 56);
    assert!(size_of::<WriteEndsRecord>() == 32);
};
