//! Segments. What follows from their calls, and from the thread's marker before, is not stored.

use super::bytes::{Bad, Result};
use super::calls;
use super::columns::{
    Columns, Cursors, SEGMENT, SEGMENT_BLOCKED, SEGMENT_CALLS, SEGMENT_FAULT, SEGMENT_INVOLUNTARY,
    SEGMENT_KERNEL, SEGMENT_MAJOR, SEGMENT_MINOR, SEGMENT_OTHER, SEGMENT_OTHER_TIME,
    SEGMENT_RUNNABLE, SEGMENT_SINCE, SEGMENT_VOLUNTARY,
};
use super::dictionaries::Dictionaries;
use super::dictionary::Values;
use super::ints::{unzigzag, zigzag};
use super::threads::Thread;
use crate::input::record::{CALLS_AGAIN, CALLS_MAX, CallsRecord, Head, SegmentRecord};

/// `since` is not that of the thread's last marker.
const SINCE: u32 = 1;

/// The sums of calls that a segment's fields are compared with.
#[derive(Default)]
struct Sums {
    kernel: u64,
    runnable: u64,
    blocked: u64,
}

impl Sums {
    fn of(calls: &[CallsRecord]) -> Self {
        let mut sums = Self::default();
        for call in calls.iter().filter(|call| call.flags & CALLS_AGAIN == 0) {
            let asleep = call.blocked.wrapping_add(call.runnable);
            let running = call.time.wrapping_sub(asleep);
            sums.kernel = sums.kernel.wrapping_add(running);
            sums.runnable = sums.runnable.wrapping_add(call.runnable);
            sums.blocked = sums.blocked.wrapping_add(call.blocked);
        }
        sums
    }
}

/// The fields that are mostly zero or follow from others, in the order of their bits after [`SINCE`], each with its
/// column.
const FIELDS: [u32; 10] = [
    SEGMENT_KERNEL,
    SEGMENT_RUNNABLE,
    SEGMENT_BLOCKED,
    SEGMENT_FAULT,
    SEGMENT_OTHER_TIME,
    SEGMENT_OTHER,
    SEGMENT_VOLUNTARY,
    SEGMENT_INVOLUNTARY,
    SEGMENT_MINOR,
    SEGMENT_MAJOR,
];

/// Whether all of it can be stored.
pub(super) fn is_known(segment: &SegmentRecord, calls: &[CallsRecord]) -> bool {
    segment.since <= segment.head.ts && calls.iter().all(calls::is_known)
}

pub(super) fn put(
    segment: &SegmentRecord,
    of: &[CallsRecord],
    thread: &mut Thread,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    let sums = Sums::of(of);
    let fields = [
        zigzag(segment.kernel, sums.kernel),
        zigzag(segment.runnable, sums.runnable),
        zigzag(segment.blocked, sums.blocked.wrapping_add(segment.fault)),
        segment.fault,
        segment.other_time,
        segment.other.into(),
        segment.voluntary.into(),
        segment.involuntary.into(),
        segment.minor.into(),
        segment.major.into(),
    ];
    let since = segment.since != thread.marked;
    let some = (1..).zip(fields).filter(|(_, n)| *n != 0);
    let which = some.fold(u32::from(since), |set, (bit, _)| set | 1 << bit);
    to.push(SEGMENT, which);
    if since {
        to.push(SEGMENT_SINCE, segment.head.ts - segment.since);
    }
    for (column, n) in FIELDS.into_iter().zip(fields) {
        if n != 0 {
            to.push(column, n);
        }
    }
    to.push(SEGMENT_CALLS, of.len() as u64);
    for call in of {
        calls::put(call, thread, dictionaries, to);
    }
}

/// Reads a segment with this head, whose size is set; its calls are appended to `of`.
pub(super) fn get(
    head: Head,
    of: &mut Vec<CallsRecord>,
    thread: &mut Thread,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<SegmentRecord> {
    let which = from.number(SEGMENT)?;
    let since = match which & u64::from(SINCE) != 0 {
        true => head.ts.checked_sub(from.number(SEGMENT_SINCE)?),
        false => Some(thread.marked),
    };
    let mut fields = [0; FIELDS.len()];
    for (bit, (column, n)) in (1..).zip(FIELDS.into_iter().zip(&mut fields)) {
        if which >> bit & 1 != 0 {
            *n = from.number(column)?;
        }
    }
    let count = from.number(SEGMENT_CALLS)?;
    if count > CALLS_MAX as u64 + 1 {
        return Err(Bad::TooMuch(count));
    }
    for _ in 0..count {
        of.push(calls::get(thread, values, from)?);
    }
    let sums = Sums::of(of);
    let small = |n| u32::try_from(n).map_err(|_| Bad::NoRecord);
    let [kernel, runnable, blocked, fault, other_time, others @ ..] = fields;
    let [other, voluntary, involuntary, minor, major] = others;
    let size = size_of::<SegmentRecord>() + size_of_val(&of[..]);
    Ok(SegmentRecord {
        head: Head {
            size: size as u16,
            ..head
        },
        since: since.ok_or(Bad::NoRecord)?,
        kernel: unzigzag(kernel, sums.kernel),
        runnable: unzigzag(runnable, sums.runnable),
        blocked: unzigzag(blocked, sums.blocked.wrapping_add(fault)),
        fault,
        other_time,
        other: small(other)?,
        voluntary: small(voluntary)?,
        involuntary: small(involuntary)?,
        minor: small(minor)?,
        major: small(major)?,
        calls: count as u32,
    })
}
