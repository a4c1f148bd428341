use proptest::prelude::*;
use zerocopy::Immutable;

use super::*;
use crate::capture::encode::tests::{Aligned, head, number, read, written};
use crate::capture::table::Compress;
use crate::input::full::{ARGS, TextRecord};
use crate::input::record::FileId;

/// A number as arguments are: of few values, or any.
fn arg() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        3..6_u64,
        Just(0x7f00_1000),
        Just(u64::MAX),
        number()
    ]
}

/// Zero, and rarely what a later version puts there.
fn reserved() -> impl Strategy<Value = u16> {
    prop_oneof![9 => Just(0_u16), 1 => any::<u16>()]
}

fn cpu() -> impl Strategy<Value = u16> {
    prop_oneof![9 => 0..3_u16, 1 => any::<u16>()]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        2 => Just(b"/etc/passwd".to_vec()),
        1 => Just(vec![7; 600])
    ]
}

fn thread() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![Just((0, 0)), (1..3_u32, 1..4_u32), any::<(u32, u32)>()]
}

/// A record of that kind, with bytes behind it.
fn record(head: Head, kind: u8, fixed: &(impl IntoBytes + Immutable), behind: &[u8]) -> Aligned {
    let body = [&fixed.as_bytes()[size_of::<Head>()..], behind].concat();
    Aligned::new(Head { kind, ..head }, &body)
}

prop_compose! {
    fn syscall()(
        head in head(),
        nr in 0..4_u32,
        time in number(),
        (result, args) in (arg(), prop::array::uniform6(arg())),
        which in 0..10_usize,
        other in -3..70_000_i32,
        file in prop_oneof![Just(0), 1..4_u64],
        cpu in cpu(),
        (text, kind) in (text(), prop_oneof![Just(1_u8), any::<u8>()]),
        more in prop_oneof![9 => Just(0_usize), 1 => 1..9_usize],
        reserved in reserved(),
    ) -> Aligned {
        let fd = match which {
            at @ 0..ARGS => (args[at] as u32).cast_signed(),
            6 => (result as u32).cast_signed(),
            7 | 8 => -1,
            _ => other,
        };
        let file = match file {
            0 => FileId::NONE,
            ino => FileId { ino, dev: 8, generation: 1 },
        };
        let of = TextRecord { arg: 1, kind, size: text.len() as u16 };
        let texts = if text.is_empty() { vec![] } else { [of.as_bytes(), &text].concat() };
        let call = SyscallRecord {
            head, time, result: result.cast_signed(), args, file, nr, fd, cpu,
            texts: texts.len() as u16, reserved: reserved.into(),
        };
        // What follows the texts is not known.
        record(head, KIND_SYSCALL, &call, &[&texts[..], &vec![1; more]].concat())
    }
}

prop_compose! {
    fn switch()(
        head in head(),
        (pid, tid) in thread(),
        (next_pid, next_tid) in thread(),
        state in 0..3_u32,
        cpu in cpu(),
        reserved in reserved(),
    ) -> Aligned {
        let head = Head { pid, tid, ..head };
        record(head, KIND_SWITCH, &SwitchRecord { head, next_pid, next_tid, state, cpu, reserved }, &[])
    }
}

prop_compose! {
    fn wakeup()(head in head(), (pid, tid) in thread(), cpu in cpu(), last in reserved()) -> Aligned {
        let of = WakeupRecord { head, pid, tid, cpu, reserved: [0, 0, last] };
        record(head, KIND_WAKEUP, &of, &[])
    }
}

prop_compose! {
    fn block()(
        head in head(),
        [time, queued, sector] in prop::array::uniform3(number()),
        dev in 0..3_u32,
        bytes in prop_oneof![Just(4096_u32), any::<u32>()],
        op in 0..3_u32,
        error in prop_oneof![Just(0), any::<i32>()],
    ) -> Aligned {
        let of = BlockRecord { head, time, queued, sector, dev, bytes, op, error };
        record(head, KIND_BLOCK, &of, &[])
    }
}

prop_compose! {
    fn irq()(
        head in head(),
        time in number(),
        irq in 0..3_u32,
        cpu in cpu(),
        reserved in reserved(),
        name in prop_oneof![Just([0; 16]), Just(*b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"), any::<[u8; 16]>()],
        more in prop_oneof![9 => Just(0_usize), 1 => Just(8)],
    ) -> Aligned {
        record(head, KIND_IRQ, &IrqRecord { head, time, irq, cpu, reserved, name }, &vec![0; more])
    }
}

/// Any of them.
pub(in crate::capture) fn single() -> impl Strategy<Value = Aligned> {
    prop_oneof![4 => syscall(), 2 => switch(), 2 => wakeup(), 1 => block(), 1 => irq()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_single_things_are_read_back_to_the_byte(
        blocks in prop::collection::vec(prop::collection::vec(single(), 0..80), 1..6),
    ) {
        let tables = written(&blocks, Compress::None);
        let bytes = |of: &Vec<Aligned>| -> Vec<_> {
            of.iter().map(|record| record.bytes().to_vec()).collect()
        };
        prop_assert_eq!(read(&tables), blocks.iter().map(bytes).collect::<Vec<_>>());
    }
}

/// How many bytes each of so many records takes, of which `make` makes one.
fn each(count: u32, mut make: impl FnMut(u32) -> Vec<Aligned>) -> f64 {
    let records: Vec<_> = (0..count).flat_map(&mut make).collect();
    let tables = written(std::slice::from_ref(&records), Compress::Fast);
    assert_eq!(read(&tables)[0].len(), records.len());
    tables[0].len() as f64 / records.len() as f64
}

/// Steps in time that look like chance.
fn chance(n: u32) -> u64 {
    (n.wrapping_mul(2_654_435_761) >> 20).into()
}

#[test]
fn calls_that_repeat_take_few_bytes() {
    let taken = each(8_000, |n| {
        let head = Head {
            ts: 1_000_000 + u64::from(n) * 5_000 + chance(n),
            pid: 10,
            tid: 10 + n % 4,
            number: 3,
            ..Head::of(0, 0, 0)
        };
        let call = SyscallRecord {
            head,
            time: 300 + chance(n + 7) % 512,
            result: 4096,
            args: [5, 0x7f00_0000_0000, 4096, 0, 0, 0],
            file: FileId {
                ino: 9,
                dev: 1,
                generation: 0,
            },
            nr: n % 2,
            fd: 5,
            cpu: (n % 2) as u16,
            texts: 0,
            reserved: 0,
        };
        vec![record(head, KIND_SYSCALL, &call, &[])]
    });
    // Nearly all of it are the two times.
    assert!(taken < 4.5, "{taken} bytes each");
}

#[test]
fn threads_that_alternate_take_few_bytes() {
    let taken = each(4_000, |n| {
        let (cpu, ts) = ((n % 2) as u16, u64::from(n) * 5_000 + chance(n));
        let me = Head::of(ts, 10, 10 + n % 2);
        let wakeup = WakeupRecord {
            head: Head::of(ts, 0, 0),
            pid: 10,
            tid: 10 + n % 2,
            cpu,
            reserved: [0; 3],
        };
        let switch = |head: Head, next: Head, state| {
            let of = SwitchRecord {
                head,
                next_pid: next.pid,
                next_tid: next.tid,
                state,
                cpu,
                reserved: 0,
            };
            record(head, KIND_SWITCH, &of, &[])
        };
        let (idle, later) = (
            Head::of(ts + 500, 0, 0),
            Head {
                ts: ts + 3000,
                ..me
            },
        );
        vec![
            record(wakeup.head, KIND_WAKEUP, &wakeup, &[]),
            switch(idle, me, 0),
            switch(later, idle, 1),
        ]
    });
    assert!(taken < 2.0, "{taken} bytes each");
}
