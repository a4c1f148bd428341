//! The program whose system calls are watched: a process that measures itself when told to.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;

use nulltrace_tests::marks;

use crate::measure::{self, numbers};
use crate::program::Program;
use crate::switches;

/// The outer side.
pub(crate) struct Subject(Program);

impl Subject {
    pub(crate) fn start(prefix: &[String]) -> io::Result<Self> {
        let own = std::env::current_exe()?;
        Program::start(prefix, &[own.as_os_str(), "subject".as_ref()]).map(Self)
    }

    pub(crate) fn program(&self) -> &Program {
        &self.0
    }

    /// Says one line of what `obey` knows, and gives the two numbers of the answer.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<[f64; 2]> {
        self.0.tell(line)?;
        let answer = self.0.line()?;
        <[f64; 2]>::try_from(numbers(answer.as_bytes())?)
            .map_err(|_| io::Error::other(format!("{line}: {answer}")))
    }
}

/// The inner side: one answer of two numbers for each line of stdin. The calls are those of this, its
/// only, thread; switches need threads of their own.
///
/// `getppid BATCH`, `read BATCH`, `marker BATCH`: CPU ns and elapsed ns of a call; `switch ROUNDS [MARKER]`: CPU ns of a
/// switch and how many calls belong to it; `mark MARKER`: 0 0.
pub(crate) fn obey() -> io::Result<()> {
    let mut null = marks::null();
    let file = File::open("/proc/self/exe")?;
    for line in io::stdin().lines() {
        let line = line?;
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["getppid", batch] => calls(batch, measure::getppid),
            ["read", batch] => {
                let mut bytes = [0; 64];
                calls(batch, || drop(black_box(file.read_at(&mut bytes, 0))))
            }
            ["marker", batch] => {
                let mut enter = false;
                calls(batch, || {
                    enter = !enter;
                    let lines = [b"<:t:bench.marker::", b">:t:bench.marker::"];
                    marks::write(&mut null, lines[usize::from(enter)]);
                })
            }
            ["switch", rounds] => switches::cost(rounds.parse().expect("rounds"), None)?,
            ["switch", rounds, marker] => {
                switches::cost(rounds.parse().expect("rounds"), Some(marker))?
            }
            ["mark", marker] => {
                marks::write(&mut null, marker);
                [0.0; 2]
            }
            _ => return Err(io::Error::other(format!("no such order: {line}"))),
        };
        println!("{} {}", answer[0], answer[1]);
    }
    Ok(())
}

fn calls(batch: &str, call: impl FnMut()) -> [f64; 2] {
    let cost = measure::cost(batch.parse().expect("a batch"), call);
    [cost.cpu, cost.elapsed]
}
