//! Names of numbers, from this machine's tables.

use nulltrace_core::facts::syscall::{family, other, other_name};
use nulltrace_core::input::record::CALLS_COMPAT;
use nulltrace_core::view::Names;

/// The tables of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Machine;

impl Names for Machine {
    /// A call of those for 32-bit callers says so.
    fn call(&self, nr: u32) -> String {
        #[cfg(target_arch = "aarch64")]
        use syscalls::arm as compat;
        #[cfg(target_arch = "x86_64")]
        use syscalls::x86 as compat;

        if nr & CALLS_COMPAT != 0 {
            let nr = nr & !CALLS_COMPAT;
            return match compat::Sysno::new(nr as usize) {
                Some(call) => format!("{} (32-bit)", call.name()),
                None => format!("system call {nr} (32-bit)"),
            };
        }
        if let Some(name) = other_name(nr) {
            return name.to_owned();
        }
        match syscalls::Sysno::new(nr as usize) {
            Some(call) => call.name().to_owned(),
            None => format!("system call {nr}"),
        }
    }
}

/// The numbers in `evt.type` that a name in a filter stands for: of a system call, or of another event. None if there
/// is no such name.
#[must_use]
pub fn calls(name: &str) -> Vec<u32> {
    let calls = family(name).into_iter();
    let calls = calls.filter_map(|name| name.parse().ok().map(|call: syscalls::Sysno| call as u32));
    calls.chain(other(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_for_several_calls() {
        use syscalls::Sysno;
        assert!(calls("open").contains(&(Sysno::openat as u32)));
        assert_eq!(calls("openat"), [Sysno::openat as u32]);
        assert_eq!(calls("tracer"), [1 << 30]);
        assert!(calls("opne").is_empty());
    }

    #[test]
    fn calls_have_names() {
        assert_eq!(Machine.call(syscalls::Sysno::read as u32), "read");
        assert_eq!(Machine.call(1 << 30), "tracer");
        assert_eq!(Machine.call(100_000), "system call 100000");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(Machine.call(CALLS_COMPAT | 3), "read (32-bit)");
    }
}
