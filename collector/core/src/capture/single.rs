//! Records of single things: system calls, switches, wake-ups, requests and interrupts. What follows from those
//! before in the same block is not stored.

use zerocopy::{FromBytes, IntoBytes};

use super::bytes::{Bad, Result};
use super::columns::{Columns, Cursors, OTHER_CPU, OTHER_THREAD, SINGLE};
use super::cpus::Cpus;
use super::device::{self, Devices};
use super::dictionaries::Dictionaries;
use super::dictionary::{SingleKind, Values, entry};
use super::syscall::{self, Calls};
use super::threads::Threads;
use crate::input::full::{
    BlockRecord, IrqRecord, KIND_BLOCK, KIND_IRQ, KIND_SWITCH, KIND_SYSCALL, KIND_WAKEUP,
    SwitchRecord, SyscallRecord, WakeupRecord,
};
use crate::input::record::Head;

/// One of them that can be stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Single<'a> {
    /// With its texts.
    Syscall(&'a SyscallRecord, &'a [u8]),
    Switch(&'a SwitchRecord),
    Wakeup(&'a WakeupRecord),
    Block(&'a BlockRecord),
    Irq(&'a IrqRecord),
}

impl<'a> Single<'a> {
    /// What the record is, if all of it can be stored: what a later version puts there cannot.
    pub(super) fn of(kind: u8, record: &'a [u8]) -> Option<Self> {
        Some(match kind {
            KIND_SYSCALL => {
                let (call, texts) = SyscallRecord::ref_from_prefix(record).ok()?;
                syscall::is_known(call, texts.len()).then_some(Self::Syscall(call, texts))?
            }
            KIND_SWITCH => {
                let of = SwitchRecord::ref_from_bytes(record).ok()?;
                (of.reserved == 0).then_some(Self::Switch(of))?
            }
            KIND_WAKEUP => {
                let of = WakeupRecord::ref_from_bytes(record).ok()?;
                (of.reserved == [0; 3]).then_some(Self::Wakeup(of))?
            }
            KIND_BLOCK => Self::Block(BlockRecord::ref_from_bytes(record).ok()?),
            KIND_IRQ => {
                let of = IrqRecord::ref_from_bytes(record).ok()?;
                (of.reserved == 0).then_some(Self::Irq(of))?
            }
            _ => return None,
        })
    }

    /// Its own cpu: where its thread was.
    pub(super) const fn cpu(&self) -> Option<u16> {
        match self {
            Self::Syscall(of, _) => Some(of.cpu),
            Self::Switch(of) => Some(of.cpu),
            Self::Irq(of) => Some(of.cpu),
            Self::Wakeup(_) | Self::Block(_) => None,
        }
    }
}

/// Whether records of that kind have a cpu of their own.
pub(super) const fn has_cpu(kind: u8) -> bool {
    matches!(kind, KIND_SYSCALL | KIND_SWITCH | KIND_IRQ)
}

/// Whether it is the kind of a single thing.
pub(super) const fn is_single(kind: u8) -> bool {
    matches!(kind, KIND_SYSCALL..=KIND_IRQ)
}

/// What is expected of them, in one block.
#[derive(Debug, Default)]
pub(super) struct Singles {
    pub(super) cpus: Cpus,
    calls: Calls,
    devices: Devices,
}

impl Singles {
    pub(super) fn begin(&mut self) {
        self.cpus.begin();
        self.calls.begin();
        self.devices.begin();
    }

    /// A thread was seen on a cpu.
    pub(super) fn seen(&mut self, cpu: u16, thread: u32, threads: &mut Threads) {
        self.cpus.seen(cpu, thread);
        threads.at(thread).cpu = cpu;
    }
}

/// Who a cpu went to; two bits.
mod next {
    /// It follows.
    pub(super) const STORED: u32 = 0;
    /// Nobody.
    pub(super) const IDLE: u32 = 1;
    /// The last one that became runnable there.
    pub(super) const WOKEN: u32 = 2;
    /// The one that was there before this one.
    pub(super) const BEFORE: u32 = 3;
}

/// The thread that became runnable is the last one that this thread woke.
const SAME: u32 = 1;
/// It is to run where it was last.
const THERE: u32 = 2;

/// Stores one, of the thread of that number.
pub(super) fn put(
    of: Single<'_>,
    thread: u32,
    expected: &mut Singles,
    threads: &mut Threads,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    match of {
        Single::Syscall(call, texts) => {
            let calls = &mut expected.calls;
            syscall::put(call, texts, thread, calls, dictionaries, to);
        }
        Single::Switch(of) => {
            put_switch(of, expected, threads, dictionaries, to);
        }
        Single::Wakeup(of) => put_wakeup(of, thread, expected, threads, dictionaries, to),
        Single::Block(of) => device::put_block(of, &mut expected.devices, dictionaries, to),
        Single::Irq(of) => device::put_irq(of, &mut expected.devices, dictionaries, to),
    }
}

fn put_switch(
    of: &SwitchRecord,
    expected: &mut Singles,
    threads: &mut Threads,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    let other = dictionaries.thread(of.next_pid, of.next_tid, to);
    let cpus = &expected.cpus;
    let set = if (of.next_pid, of.next_tid) == (0, 0) {
        next::IDLE
    } else if cpus.woken(of.cpu) == Some(other) {
        next::WOKEN
    } else if cpus.before(of.cpu) == Some(other) {
        next::BEFORE
    } else {
        to.push(OTHER_THREAD, other);
        next::STORED
    };
    let kind = SingleKind { nr: of.state, set };
    let kind = dictionaries.single(&kind, to);
    to.push(SINGLE, kind);
    expected.seen(of.cpu, other, threads);
}

fn put_wakeup(
    of: &WakeupRecord,
    thread: u32,
    expected: &mut Singles,
    threads: &mut Threads,
    dictionaries: &mut Dictionaries,
    to: &mut Columns,
) {
    let other = dictionaries.thread(of.pid, of.tid, to);
    let mut set = 0;
    let woke = &mut threads.at(thread).woke;
    if *woke == other + 1 {
        set |= SAME;
    } else {
        to.push(OTHER_THREAD, other);
        *woke = other + 1;
    }
    let cpu = &mut threads.at(other).cpu;
    if *cpu == of.cpu {
        set |= THERE;
    } else {
        to.push(OTHER_CPU, of.cpu);
        *cpu = of.cpu;
    }
    let kind = SingleKind { nr: 0, set };
    let kind = dictionaries.single(&kind, to);
    to.push(SINGLE, kind);
    expected.cpus.wake(of.cpu, other);
}

/// Reads one with this head, of the thread of that number, and appends what follows the head to `bytes`.
pub(super) fn get(
    head: Head,
    bytes: &mut Vec<u8>,
    (thread, cpu): (u32, u16),
    expected: &mut Singles,
    threads: &mut Threads,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<()> {
    let mut append = |record: &[u8]| {
        let body = record.get(size_of::<Head>()..).unwrap_or_default();
        bytes.extend_from_slice(body);
    };
    match head.kind {
        KIND_SYSCALL => {
            let mut texts = Vec::new();
            let calls = &mut expected.calls;
            let call = syscall::get(head, &mut texts, (thread, cpu), calls, values, from)?;
            append(call.as_bytes());
            bytes.extend_from_slice(&texts);
        }
        KIND_SWITCH => append(get_switch(head, cpu, expected, threads, values, from)?.as_bytes()),
        KIND_WAKEUP => {
            append(get_wakeup(head, thread, expected, threads, values, from)?.as_bytes());
        }
        KIND_BLOCK => {
            append(device::get_block(head, &mut expected.devices, values, from)?.as_bytes());
        }
        KIND_IRQ => {
            append(device::get_irq(head, cpu, &mut expected.devices, values, from)?.as_bytes());
        }
        _ => return Err(Bad::NoRecord),
    }
    Ok(())
}

fn get_switch(
    head: Head,
    cpu: u16,
    expected: &mut Singles,
    threads: &mut Threads,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<SwitchRecord> {
    let &SingleKind { nr, set } = entry(&values.singles, from.number(SINGLE)?)?;
    let other = match set {
        next::STORED => from.small(OTHER_THREAD)?,
        next::IDLE => values.idle.ok_or(Bad::NoRecord)?,
        next::WOKEN => expected.cpus.woken(cpu).ok_or(Bad::NoRecord)?,
        next::BEFORE => expected.cpus.before(cpu).ok_or(Bad::NoRecord)?,
        _ => return Err(Bad::NoRecord),
    };
    let &(next_pid, next_tid) = entry(&values.threads, other.into())?;
    expected.seen(cpu, other, threads);
    Ok(SwitchRecord {
        head,
        next_pid,
        next_tid,
        state: nr,
        cpu,
        reserved: 0,
    })
}

fn get_wakeup(
    head: Head,
    thread: u32,
    expected: &mut Singles,
    threads: &mut Threads,
    values: &Values,
    from: &mut Cursors<'_>,
) -> Result<WakeupRecord> {
    let &SingleKind { set, .. } = entry(&values.singles, from.number(SINGLE)?)?;
    let woke = &mut threads.at(thread).woke;
    if set & SAME == 0 {
        let other = from.small(OTHER_THREAD)?;
        *woke = other.checked_add(1).ok_or(Bad::NoRecord)?;
    }
    let other = woke.checked_sub(1).ok_or(Bad::NoRecord)?;
    let &(pid, tid) = entry(&values.threads, other.into())?;
    let to = &mut threads.at(other).cpu;
    if set & THERE == 0 {
        *to = u16::try_from(from.number(OTHER_CPU)?).map_err(|_| Bad::NoRecord)?;
    }
    let cpu = *to;
    expected.cpus.wake(cpu, other);
    Ok(WakeupRecord {
        head,
        pid,
        tid,
        cpu,
        reserved: [0; 3],
    })
}

#[cfg(test)]
pub(super) mod tests;
