//! Names of numbers, from this machine's tables.

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
        match syscalls::Sysno::new(nr as usize) {
            Some(call) => call.name().to_owned(),
            None => format!("system call {nr}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_names() {
        assert_eq!(Machine.call(syscalls::Sysno::read as u32), "read");
        assert_eq!(Machine.call(100_000), "system call 100000");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(Machine.call(CALLS_COMPAT | 3), "read (32-bit)");
    }
}
