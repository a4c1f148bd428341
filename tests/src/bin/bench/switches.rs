//! What a context switch costs: two threads on one CPU that wake each other.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use nulltrace_tests::marks;
use rustix::thread::{CpuSet, futex, sched_setaffinity};
use rustix::time::ClockId;

use crate::measure::{clock, first_and_last_cpu, low};

const BATCHES: usize = 200;
const STOP: u32 = 2;

/// One of the two: 1 when it is its turn.
#[derive(Default)]
struct Side(AtomicU32);

impl Side {
    fn wake(&self, why: u32) {
        self.0.store(why, Ordering::Release);
        futex::wake(&self.0, futex::Flags::PRIVATE, 1).expect("a futex");
    }

    /// Waits for its turn; why it was woken.
    fn wait(&self) -> u32 {
        loop {
            match self.0.swap(0, Ordering::Acquire) {
                // An interrupted wait is looked at anew like any other.
                0 => drop(futex::wait(&self.0, futex::Flags::PRIVATE, 0, None)),
                why => return why,
            }
        }
    }
}

/// CPU ns of a switch with its calls, and the number of those calls. Each of the two threads writes
/// `marker` first.
pub(crate) fn cost(rounds: u32, marker: Option<&str>) -> io::Result<[f64; 2]> {
    let mut cpus = CpuSet::new();
    // The same one each time, and not the first, where most interrupts are.
    cpus.set(first_and_last_cpu()?.1);
    let begin = || {
        sched_setaffinity(None, &cpus)?;
        waking_does_not_preempt()?;
        if let Some(marker) = marker {
            marks::write(&mut marks::null(), marker);
        }
        io::Result::Ok(())
    };
    let (left, right) = (Side::default(), Side::default());
    let play = || {
        begin()?;
        let mut cpu = Vec::new();
        let before = switches()?;
        for _ in 0..BATCHES {
            let began = clock(ClockId::ProcessCPUTime);
            for _ in 0..rounds {
                right.wake(1);
                left.wait();
            }
            cpu.push((clock(ClockId::ProcessCPUTime) - began) as f64);
        }
        let each = (switches()? - before) as f64 / BATCHES as f64;
        // In a round, both wake and both wait.
        Ok([low(cpu) / each, 4.0 * f64::from(rounds) / each])
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let begun = begin();
            while right.wait() != STOP {
                left.wake(1);
            }
            begun
        });
        let player = scope.spawn(|| {
            let played = play();
            right.wake(STOP);
            played
        });
        let played = player.join().expect("no panic");
        other.join().expect("no panic")?;
        played
    })
}

/// A thread of this policy that is woken waits until the running one waits.
fn waking_does_not_preempt() -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: reads `none`; 0 is this thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const none) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How often a thread of this process was switched out.
fn switches() -> io::Result<u64> {
    // SAFETY: plain numbers, of which zeros are values.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes to `usage`.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((usage.ru_nvcsw + usage.ru_nivcsw).cast_unsigned())
}
