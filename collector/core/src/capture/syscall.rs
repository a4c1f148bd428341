//! Single system calls: what differs from the last one of the same number on the same thread.

use hashbrown::HashMap;

use super::bytes::{Bad, Result};
use super::columns::{
    Columns, Cursors, RAW, RAW_TEXT, SINGLE, SYSCALL_ARG_0, SYSCALL_ARG_1, SYSCALL_ARG_2,
    SYSCALL_ARG_3, SYSCALL_ARG_4, SYSCALL_ARG_5, SYSCALL_FD, SYSCALL_FILE, SYSCALL_RESULT,
    SYSCALL_TIME, TEXT,
};
use super::dictionaries::Dictionaries;
use super::dictionary::{SingleKind, Values, entry};
use super::ints::{unzigzag, zigzag};
use crate::input::full::{ARGS, SyscallRecord, TextKind, Texts};
use crate::input::record::{FileId, Head};

/// Texts that are longer are not in the dictionary.
const TEXT_MAX: usize = 512;

/// The columns of arguments.
const COLUMNS: [u32; ARGS] = [
    SYSCALL_ARG_0,
    SYSCALL_ARG_1,
    SYSCALL_ARG_2,
    SYSCALL_ARG_3,
    SYSCALL_ARG_4,
    SYSCALL_ARG_5,
];

/// What an argument is; two bits each.
mod arg {
    /// That of the last such call.
    pub(super) const SAME: u32 = 0;
    pub(super) const ZERO: u32 = 1;
    /// That before the last other one.
    pub(super) const OLDER: u32 = 2;
    /// Its difference from that of the last call follows.
    pub(super) const STORED: u32 = 3;
}

/// What a result is; three bits.
mod result {
    pub(super) const ZERO: u32 = 0;
    /// The third argument: all that was asked for was read or written.
    pub(super) const ASKED: u32 = 1;
    /// That of the last such call.
    pub(super) const SAME: u32 = 2;
    /// It follows.
    pub(super) const STORED: u32 = 3;
    /// Its difference from that of the last call follows.
    pub(super) const NEAR: u32 = 4;
    /// Where its bits are.
    pub(super) const AT: u32 = 12;
}

/// What a descriptor is; four bits. From 1 on it is an argument.
mod fd {
    pub(super) const NONE: u32 = 0;
    pub(super) const RESULT: u32 = 7;
    pub(super) const STORED: u32 = 8;
    pub(super) const AT: u32 = 15;
}

/// The file is not the last of that descriptor, and follows.
const FILE: u32 = 1 << 19;
/// Texts follow, in the dictionary.
const IN_DICTIONARY: u32 = 1 << 20;
/// They follow as they are.
const AS_THEY_ARE: u32 = 1 << 21;

/// The last call of a number on a thread.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    args: [u64; ARGS],
    older: [u64; ARGS],
    result: u64,
}

impl Last {
    fn took(&mut self, args: &[u64; ARGS], result: u64) {
        for ((last, older), now) in self.args.iter_mut().zip(&mut self.older).zip(args) {
            if last != now {
                *older = *last;
                *last = *now;
            }
        }
        self.result = result;
    }
}

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What is expected of system calls, in one block.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last: Map<(u32, u32), Last>,
    /// The thread that was the last to begin with calls of a number.
    threads: Map<u32, u32>,
    /// One more than the file of a process's descriptor.
    files: Map<(u32, i32), u32>,
}

impl Calls {
    pub(super) fn begin(&mut self) {
        self.last.clear();
        self.threads.clear();
        self.files.clear();
    }

    /// The last call of that number. That of another thread, where this one has made none.
    fn last(&mut self, thread: u32, nr: u32) -> &mut Last {
        if !self.last.contains_key(&(thread, nr)) {
            let other = self.threads.insert(nr, thread);
            let like = other.and_then(|other| self.last.get(&(other, nr)));
            let like = like.copied().unwrap_or_default();
            self.last.insert((thread, nr), like);
        }
        self.last.entry((thread, nr)).or_default()
    }

    fn file(&mut self, pid: u32, fd: i32) -> Option<&mut u32> {
        (fd != -1).then(|| self.files.entry((pid, fd)).or_default())
    }
}

/// Whether all of it can be stored.
pub(super) fn is_known(call: &SyscallRecord, behind: usize) -> bool {
    call.reserved == 0 && usize::from(call.texts) == behind
}

fn put_args(call: &SyscallRecord, last: &Last, to: &mut Columns) -> u32 {
    let mut set = 0;
    let lasts = last.args.iter().zip(&last.older);
    let args = call.args.iter().zip(COLUMNS);
    for (at, ((now, column), (last, older))) in (0..).zip(args.zip(lasts)) {
        let what = match *now {
            now if now == *last => arg::SAME,
            0 => arg::ZERO,
            now if now == *older => arg::OLDER,
            now => {
                to.push(column, zigzag(now, *last));
                arg::STORED
            }
        };
        set |= what << (2 * at);
    }
    set
}

fn put_result(call: &SyscallRecord, last: &Last, to: &mut Columns) -> u32 {
    let result = call.result.cast_unsigned();
    let what = match result {
        0 => result::ZERO,
        now if now == call.args[2] => result::ASKED,
        now if now == last.result => result::SAME,
        now => {
            let (whole, near) = (zigzag(now, 0), zigzag(now, last.result));
            to.push(SYSCALL_RESULT, whole.min(near));
            if whole <= near {
                result::STORED
            } else {
                result::NEAR
            }
        }
    };
    what << result::AT
}

/// The low half, as descriptors are passed.
const fn as_fd(n: u64) -> i32 {
    (n as u32).cast_signed()
}

fn put_fd(call: &SyscallRecord, to: &mut Columns) -> u32 {
    let of_args = || call.args.iter().position(|n| as_fd(*n) == call.fd);
    let what = match of_args() {
        _ if call.fd == -1 => fd::NONE,
        Some(at) => at as u32 + 1,
        None if as_fd(call.result.cast_unsigned()) == call.fd => fd::RESULT,
        None => {
            let fd = i64::from(call.fd).cast_unsigned();
            to.push(SYSCALL_FD, zigzag(fd, 0));
            fd::STORED
        }
    };
    what << fd::AT
}

/// Stores a call and what follows it.
pub(super) fn put(
    call: &SyscallRecord,
    texts: &[u8],
    thread: u32,
    expected: &mut Calls,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    let last = expected.last(thread, call.nr);
    let mut set = put_args(call, last, to) | put_result(call, last, to) | put_fd(call, to);
    last.took(&call.args, call.result.cast_unsigned());
    to.push(SYSCALL_TIME, call.time);
    let file = match call.file {
        FileId::NONE => 0,
        file => dictionaries.file(&file, to) + 1,
    };
    let known = expected.file(call.head.pid, call.fd);
    if known.as_deref().copied().unwrap_or_default() != file {
        to.push(SYSCALL_FILE, file);
        set |= FILE;
    }
    if let Some(known) = known {
        *known = file;
    }
    let mut all = Texts::of(texts);
    if texts.is_empty() {
    } else if texts.len() > TEXT_MAX || all.any(|text| text.kind == Some(TextKind::Data)) {
        to.push(RAW, texts.len() as u64);
        to.text(RAW_TEXT, texts);
        set |= AS_THEY_ARE;
    } else {
        let number = dictionaries.text(texts, to);
        to.push(TEXT, number);
        set |= IN_DICTIONARY;
    }
    let kind = SingleKind { nr: call.nr, set };
    let kind = dictionaries.single(&kind, to);
    to.push(SINGLE, kind);
}

fn get_args(set: u32, last: &Last, from: &mut Cursors<'_>) -> Result<[u64; ARGS]> {
    let mut args = last.args;
    let lasts = args.iter_mut().zip(&last.older);
    for (at, (column, (now, older))) in (0..).zip(COLUMNS.into_iter().zip(lasts)) {
        match set >> (2 * at) & 3 {
            arg::SAME => {}
            arg::ZERO => *now = 0,
            arg::OLDER => *now = *older,
            _ => *now = unzigzag(from.number(column)?, *now),
        }
    }
    Ok(args)
}

fn get_fd(set: u32, call: &SyscallRecord, from: &mut Cursors<'_>) -> Result<i32> {
    let of = match set >> fd::AT & 15 {
        fd::NONE => return Ok(-1),
        fd::RESULT => call.result.cast_unsigned(),
        fd::STORED => {
            let fd = unzigzag(from.number(SYSCALL_FD)?, 0).cast_signed();
            return i32::try_from(fd).map_err(|_| Bad::NoRecord);
        }
        more => *call.args.get(more as usize - 1).ok_or(Bad::NoRecord)?,
    };
    Ok(as_fd(of))
}

/// Reads a call with this head; its texts are appended to `texts`.
pub(super) fn get(
    head: Head,
    texts: &mut Vec<u8>,
    (thread, cpu): (u32, u16),
    expected: &mut Calls,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<SyscallRecord> {
    let &SingleKind { nr, set } = entry(&values.singles, from.number(SINGLE)?)?;
    let last = expected.last(thread, nr);
    let args = get_args(set, last, from)?;
    let result = match set >> result::AT & 7 {
        result::ZERO => 0,
        result::ASKED => args[2],
        result::SAME => last.result,
        result::STORED => unzigzag(from.number(SYSCALL_RESULT)?, 0),
        result::NEAR => unzigzag(from.number(SYSCALL_RESULT)?, last.result),
        _ => return Err(Bad::NoRecord),
    };
    last.took(&args, result);
    let mut call = SyscallRecord {
        head,
        time: from.number(SYSCALL_TIME)?,
        result: result.cast_signed(),
        args,
        file: FileId::NONE,
        nr,
        fd: -1,
        cpu,
        texts: 0,
        reserved: 0,
    };
    call.fd = get_fd(set, &call, from)?;
    let known = expected.file(head.pid, call.fd);
    let file = match set & FILE {
        0 => known.as_deref().copied().unwrap_or_default(),
        _ => from.small(SYSCALL_FILE)?,
    };
    if let Some(known) = known {
        *known = file;
    }
    if let Some(number) = file.checked_sub(1) {
        call.file = *entry(&values.files, number.into())?;
    }
    if set & IN_DICTIONARY != 0 {
        texts.extend_from_slice(entry(&values.texts, from.number(TEXT)?)?);
    } else if set & AS_THEY_ARE != 0 {
        let len = from.number(RAW)?;
        texts.extend_from_slice(from.text(RAW_TEXT, len)?);
    }
    call.texts = u16::try_from(texts.len()).map_err(|_| Bad::NoRecord)?;
    Ok(call)
}
