//! What a stream of events says of each.

use crate::activity::{InSpan, Reach};
use crate::facts::syscall::Syscall;

/// What is known of an event by its place in the stream.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its number in the stream, from 1, whatever is filtered.
    pub number: u64,
    /// When the stream began, `CLOCK_MONOTONIC` nanoseconds.
    pub began: u64,
    /// When the event before it happened; the same as its own time if it is the first.
    pub before: u64,
    /// What is to be added to `CLOCK_MONOTONIC` for nanoseconds since 1970.
    pub wall: i64,
    /// What its system call is, if it is one.
    pub syscall: Option<&'a Syscall>,
    /// It is the beginning of the call, not its return.
    pub enter: bool,
    /// The spans that are open in the process, in the script and on the machine, as far as they are asked for.
    pub wide: [&'a [InSpan<'a>]; 3],
}

impl Seen<'static> {
    /// Of an event whose place does not matter.
    pub(crate) const fn alone(ts: u64) -> Self {
        Self {
            number: 0,
            began: 0,
            before: ts,
            wall: 0,
            syscall: None,
            enter: false,
            wide: [&[]; 3],
        }
    }
}

impl<'a> Seen<'a> {
    /// The spans that are open in that reach.
    pub(super) const fn within(&self, reach: Reach) -> &'a [InSpan<'a>] {
        let [process, script, machine] = self.wide;
        match reach {
            Reach::Thread => &[],
            Reach::Process => process,
            Reach::Script => script,
            Reach::Machine => machine,
        }
    }
}
