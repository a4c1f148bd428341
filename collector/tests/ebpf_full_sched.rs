//! Every switch and wake-up of a program whose threads take turns.
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;
mod ebpf_full_common;

use std::io::{Read, Write, pipe};

use ebpf_full_common::{Call, Traced, edge, options};
use nulltrace_collector::source::{Full, Source};
use nulltrace_core::input::full::SwitchRecord;

const ROUNDS: u32 = 2_000;

/// How often this thread slept, and was preempted, until now.
fn switches() -> [i64; 2] {
    // SAFETY: numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is writable.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    [usage.ru_nvcsw, usage.ru_nivcsw]
}

/// Two threads of one cpu. What the first's counts are is an argument of a call.
#[test]
#[ignore = "run by the other test"]
fn ping_pong() {
    // SAFETY: numbers.
    let mut cpus: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: a set as long as it says.
    unsafe {
        libc::CPU_SET(0, &mut cpus);
        libc::sched_setaffinity(0, size_of_val(&cpus), &raw const cpus);
    }
    let ((mut from_first, mut to_second), (mut from_second, mut to_first)) =
        (pipe().unwrap(), pipe().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..ROUNDS {
                from_first.read_exact(&mut [0]).unwrap();
                to_first.write_all(b"x").unwrap();
            }
        });
        let before = switches();
        edge(1);
        for _ in 0..ROUNDS {
            to_second.write_all(b"x").unwrap();
            from_second.read_exact(&mut [0]).unwrap();
        }
        edge(2);
        let after = switches();
        for (n, (before, after)) in before.iter().zip(after).enumerate() {
            // SAFETY: closes nothing.
            unsafe { libc::close(1_000_000 * (n as i32 + 1) + (after - before) as i32) };
        }
    });
}

/// Those of a thread between two times, by whether it slept.
fn left<'a>(
    all: &'a [SwitchRecord],
    of: &Call,
    until: &Call,
    slept: bool,
) -> Vec<&'a SwitchRecord> {
    let between = |switch: &&SwitchRecord| {
        switch.head.tid == of.tid && (of.ts..until.ts).contains(&switch.head.ts)
    };
    let of = all.iter().filter(between);
    of.filter(|switch| (switch.state != 0) == slept).collect()
}

#[test]
fn switches_and_wake_ups_are_those_that_the_kernel_counts() {
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    traced.run("ping_pong", &[]);
    let at = |n: i32| {
        let is = |call: &&Call| {
            i64::from(call.nr) == libc::SYS_close && call.args[0] == (i32::MAX - n) as u64
        };
        traced.calls.iter().find(is).unwrap()
    };
    let (begin, end) = (at(1), at(2));
    let count = |n: u64| {
        let of =
            |call: &Call| i64::from(call.nr) == libc::SYS_close && call.args[0] / 1_000_000 == n;
        let call = traced.calls.iter().find(|call| of(call)).unwrap();
        (call.args[0] % 1_000_000) as usize
    };
    let (slept, preempted) = (count(1), count(2));
    assert!(slept > 0 && slept + preempted >= ROUNDS as usize / 2);
    let sleeps = left(&traced.switches, begin, end, true);
    assert_eq!(sleeps.len(), slept);
    // It may have been preempted between counting and the edges.
    let seen = left(&traced.switches, begin, end, false).len();
    assert!(
        seen <= preempted && preempted <= seen + 4,
        "{seen} of {preempted}"
    );
    // Each sleep ends with one wake-up, by the other thread.
    let woken: Vec<_> = traced
        .wakeups
        .iter()
        .filter(|(of, _)| of.tid == begin.tid && (begin.ts..end.ts).contains(&of.head.ts))
        .collect();
    assert_eq!(woken.len(), slept);
    for (sleep, (wakeup, new)) in sleeps.iter().zip(&woken) {
        assert!(sleep.head.ts <= wakeup.head.ts && !new);
        assert_eq!(wakeup.pid, begin.pid);
        assert_eq!((sleep.cpu, wakeup.cpu), (0, 0));
    }
    // It leaves the cpu as often as it comes.
    let comes = traced
        .switches
        .iter()
        .filter(|of| of.next_tid == begin.tid && (begin.ts..end.ts).contains(&of.head.ts));
    assert_eq!(comes.count(), slept + seen);
    assert!(
        traced
            .wakeups
            .iter()
            .any(|(of, new)| *new && of.pid == begin.pid)
    );
    assert_eq!(traced.source().lost().call, 0);
}
