//! Records as they wait.

use zerocopy::IntoBytes;

use super::facts::Record;
use crate::activity::Inside;
use crate::input::record::{
    CALLS_HELD, CallsRecord, FLAG_AT_MARKER, Head, KIND_SEGMENT, SegmentRecord,
};

/// What a thread did as a record, with these calls of it.
pub(super) fn segment(
    inside: &Inside<'_>,
    calls: &[CallsRecord],
    at_marker: bool,
) -> Option<Record> {
    let Inside {
        pid,
        tid,
        times,
        when,
        ..
    } = *inside;
    let held = [times.stops.stopped, times.stops.traced, times.stops.frozen];
    let held = (0..).zip(held).filter(|(_, time)| *time > 0);
    let held = held.map(|(nr, time)| CallsRecord {
        time,
        nr,
        min: u64::MAX,
        flags: CALLS_HELD,
        ..CallsRecord::NONE
    });
    let calls: Vec<_> = calls.iter().copied().chain(held).collect();
    let size = size_of::<SegmentRecord>() + size_of_val(&calls[..]);
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let segment = SegmentRecord {
        head: Head {
            ts: when.to,
            pid,
            tid,
            size: u16::try_from(size).ok()?,
            kind: KIND_SEGMENT,
            flags: if at_marker { FLAG_AT_MARKER } else { 0 },
            number: 0,
        },
        since: when.from,
        kernel: times.kernel,
        runnable: times.runnable,
        blocked: times.blocked,
        fault: times.fault,
        other_time: 0,
        other: 0,
        voluntary: small(times.voluntary),
        involuntary: small(times.involuntary),
        minor: small(times.minor),
        major: small(times.major),
        calls: small(calls.len() as u64),
    };
    Some(copied(&[segment.as_bytes(), calls.as_bytes()].concat()))
}

pub(super) fn copied(bytes: &[u8]) -> Record {
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    if let Some(to) = words.as_mut_bytes().get_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
    }
    (words, bytes.len())
}

pub(super) fn bytes_of((words, len): &Record) -> &[u8] {
    words.as_bytes().get(..*len).unwrap_or_default()
}
