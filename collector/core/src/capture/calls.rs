//! The calls of a segment. What follows from the other fields is not stored.

use super::bytes::{Bad, Result};
use super::columns::{
    CALL, CALL_BLOCKED, CALL_BUCKETS, CALL_BYTES, CALL_COUNT, CALL_ERROR, CALL_ERRORS, CALL_FILE,
    CALL_MAX, CALL_MIN, CALL_RUNNABLE, CALL_TIME, Columns, Cursors,
};
use super::dictionaries::Dictionaries;
use super::dictionary::{CallKind, Values, entry};
use super::ints::{unzigzag, zigzag};
use super::threads::{RECENT, Thread};
use crate::input::record::{BUCKETS, CallsRecord, FileId, bucket};

/// The file is none of the thread's last.
pub(super) const NEW: u8 = RECENT as u8 + 1;

const BLOCKED: u8 = 1;
const RUNNABLE: u8 = 2;
const BYTES: u8 = 4;
const COUNT: u8 = 8;
const ERRORS: u8 = 16;
/// `min` and `max` are stored.
const EXTREMES: u8 = 32;
/// All `buckets` are stored.
const ALL_BUCKETS: u8 = 64;
/// More of `time` was blocked and runnable than there is: all of it is stored.
const TIME: u8 = 128;

/// `min` and `max` of so many calls as they must be, where they must.
fn extremes(count: u32, time: u64, min: Option<u64>) -> Option<(u64, u64)> {
    match count {
        0 => Some((0, 0)),
        1 => Some((time, time)),
        2 => min.map(|min| (min, time.wrapping_sub(min))),
        _ => None,
    }
}

/// The buckets between which the durations are, where they may be found from the others.
fn span(call: &CallsRecord) -> Option<(usize, usize)> {
    let (first, last) = (bucket(call.min), bucket(call.max));
    let within = |at: usize, n: u32| n == 0 || (call.count > 0 && first <= at && at <= last);
    let usual = (0..).zip(call.buckets).all(|(at, n)| within(at, n));
    let sum: u64 = call.buckets.iter().map(|&n| u64::from(n)).sum();
    let few = match call.count {
        1 => call.buckets[first] == 1,
        2 => call.buckets == of_two(first, last),
        _ => true,
    };
    (usual && few && sum == u64::from(call.count) && first <= last).then_some((first, last))
}

/// The buckets of two calls.
fn of_two(first: usize, last: usize) -> [u32; BUCKETS] {
    let mut buckets = [0; BUCKETS];
    buckets[first] += 1;
    buckets[last] += 1;
    buckets
}

/// Whether `call` can be stored at all: what a later version puts there cannot.
pub(super) const fn is_known(call: &CallsRecord) -> bool {
    call.reserved == 0
}

pub(super) fn put(
    call: &CallsRecord,
    thread: &mut Thread,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    let place = match call.file {
        FileId::NONE => 0,
        file => {
            let file = dictionaries.file(&file, to);
            match thread.file(file) {
                Some(place) => place as u8 + 1,
                None => {
                    to.push(CALL_FILE, file);
                    NEW
                }
            }
        }
    };
    let held = call.blocked.checked_add(call.runnable);
    let net = held.and_then(|held| call.time.checked_sub(held));
    let usual = extremes(call.count, call.time, Some(call.min));
    let explicit = usual.is_some_and(|usual| usual != (call.min, call.max));
    let span = span(call);
    let mut fields = 0;
    for (field, is) in [
        (BLOCKED, call.blocked != 0),
        (RUNNABLE, call.runnable != 0),
        (BYTES, call.bytes != 0),
        (COUNT, call.count != 1),
        (ERRORS, call.errors.iter().any(|&n| n != 0)),
        (EXTREMES, explicit),
        (ALL_BUCKETS, span.is_none()),
        (TIME, net.is_none()),
    ] {
        fields |= if is { field } else { 0 };
    }
    let kind = CallKind {
        nr: call.nr,
        flags: call.flags,
        fields,
        place,
    };
    let kind = dictionaries.kind(&kind, to);
    to.push(CALL, kind);
    to.push(CALL_TIME, net.unwrap_or(call.time));
    if call.blocked != 0 {
        to.push(CALL_BLOCKED, call.blocked);
    }
    if call.runnable != 0 {
        to.push(CALL_RUNNABLE, call.runnable);
    }
    if call.bytes != 0 {
        to.push(CALL_BYTES, call.bytes);
    }
    if call.count != 1 {
        to.push(CALL_COUNT, call.count);
    }
    if explicit || call.count >= 2 {
        to.push(CALL_MIN, call.min);
    }
    if explicit || call.count >= 3 {
        to.push(CALL_MAX, zigzag(call.max, call.min));
    }
    if fields & ERRORS != 0 {
        let which = (0..).zip(call.errors).filter(|(_, n)| *n != 0);
        to.push(CALL_ERRORS, which.fold(0_u32, |set, (at, _)| set | 1 << at));
        let some = call.errors.iter().filter(|n| **n != 0);
        some.for_each(|&n| to.push(CALL_ERROR, n));
    }
    match span {
        None => call.buckets.iter().for_each(|&n| to.push(CALL_BUCKETS, n)),
        Some((first, last)) if call.count >= 3 => {
            let all = call.buckets[first..last].iter();
            all.for_each(|&n| to.push(CALL_BUCKETS, n));
        }
        Some(_) => {}
    }
}

pub(super) fn get(
    thread: &mut Thread,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<CallsRecord> {
    let kind = *entry(&values.kinds, from.number(CALL)?)?;
    let has = |field| kind.fields & field != 0;
    let file = match kind.place {
        0 => FileId::NONE,
        NEW => {
            let file = from.small(CALL_FILE)?;
            thread.file(file);
            *entry(&values.files, file.into())?
        }
        place => {
            let file = thread.file_at(usize::from(place) - 1);
            *entry(&values.files, file.ok_or(Bad::NoRecord)?.into())?
        }
    };
    let net = from.number(CALL_TIME)?;
    let mut field = |field, column| match kind.fields & field != 0 {
        true => from.number(column),
        false => Ok(0),
    };
    let blocked = field(BLOCKED, CALL_BLOCKED)?;
    let runnable = field(RUNNABLE, CALL_RUNNABLE)?;
    let bytes = field(BYTES, CALL_BYTES)?;
    let time = match has(TIME) {
        true => net,
        false => net.wrapping_add(blocked).wrapping_add(runnable),
    };
    let count = if has(COUNT) {
        from.small(CALL_COUNT)?
    } else {
        1
    };
    let stored = match has(EXTREMES) || count >= 2 {
        true => Some(from.number(CALL_MIN)?),
        false => None,
    };
    let usual = if has(EXTREMES) {
        None
    } else {
        extremes(count, time, stored)
    };
    let (min, max) = match usual {
        Some(usual) => usual,
        None => {
            let min = stored.unwrap_or_default();
            (min, unzigzag(from.number(CALL_MAX)?, min))
        }
    };
    let mut errors = [0; crate::input::record::ERRORS];
    if has(ERRORS) {
        let which = from.number(CALL_ERRORS)?;
        for (at, n) in (0..).zip(&mut errors) {
            if which >> at & 1 != 0 {
                *n = from.small(CALL_ERROR)?;
            }
        }
    }
    let (first, last) = (bucket(min), bucket(max));
    let mut buckets = [0; BUCKETS];
    match count {
        _ if has(ALL_BUCKETS) => {
            for n in &mut buckets {
                *n = from.small(CALL_BUCKETS)?;
            }
        }
        0 => {}
        1 => buckets[first] = 1,
        2 => buckets = of_two(first, last),
        _ => {
            let mut left = count;
            for n in buckets.iter_mut().take(last).skip(first) {
                *n = from.small(CALL_BUCKETS)?;
                left = left.checked_sub(*n).ok_or(Bad::NoRecord)?;
            }
            buckets[last] = left;
        }
    }
    Ok(CallsRecord {
        file,
        time,
        blocked,
        runnable,
        bytes,
        min,
        max,
        nr: kind.nr,
        count,
        errors,
        buckets,
        flags: kind.flags,
        reserved: 0,
    })
}
