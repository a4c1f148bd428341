//! What a process waited for.

use super::cell::Words;

/// A process was asleep in a system call until its children ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// The name of the system call.
    pub call: String,
    /// Which part of the row's time that was.
    pub share: f64,
    /// How many children lived meanwhile.
    pub children: u64,
    /// There may be more than could be counted.
    pub at_least: bool,
    /// The child that lived the longest, or all that have its name.
    pub most: WaitedChild,
}

/// A child that was waited for, or all that have one name.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitedChild {
    /// The command name, of others.
    pub name: Vec<u8>,
    /// The process id, where it is one.
    pub pid: Option<u32>,
    /// How many have this name.
    pub children: u64,
    /// How long they lived meanwhile, nanoseconds.
    pub alive: u64,
    /// Nanoseconds that their threads were on a cpu.
    pub on_cpu: u64,
    /// Waiting for a cpu.
    pub runnable: u64,
    /// Asleep.
    pub blocked: u64,
    /// The largest parts of that time, the largest first.
    pub parts: Vec<ChildPart>,
}

/// A part of a child's time.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildPart {
    /// On the cpu, runnable, blocked or held.
    pub state: &'static str,
    /// Which part of its time.
    pub share: f64,
    /// In what.
    pub what: Words,
}
