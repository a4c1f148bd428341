//! The worker's side of driver.py's protocol: a line `row spans warm-up` in, the CPU time of the
//! spans in ns out.

use std::io::{self, BufRead, Write};

/// Whose CPU time counts.
#[derive(Clone, Copy)]
pub enum Clock {
    /// The calling thread's.
    Thread,
    /// All threads': for what works behind the caller's back.
    Process,
}

impl Clock {
    fn now(self) -> i64 {
        let id = match self {
            Self::Thread => libc::CLOCK_THREAD_CPUTIME_ID,
            Self::Process => libc::CLOCK_PROCESS_CPUTIME_ID,
        };
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `now` is a timespec of our own.
        unsafe { libc::clock_gettime(id, &raw mut now) };
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    }
}

/// A row's name and what makes so many spans of it.
pub type Row = (&'static str, fn(u64));

/// Answers commands until there are no more.
///
/// # Errors
/// Standard input or output failed, or a command was none.
pub fn serve(clock: Clock, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let name = words.next();
        let mut number = || words.next().and_then(|word| word.parse().ok());
        let row = rows.iter().find(|row| Some(row.0) == name);
        let (Some(row), Some(spans), Some(warm)) = (row, number(), number()) else {
            writeln!(out, "! no such row: {line}")?;
            return Ok(());
        };
        row.1(warm);
        let began = clock.now();
        row.1(spans);
        writeln!(out, "{}", clock.now() - began)?;
        out.flush()?;
    }
    Ok(())
}
