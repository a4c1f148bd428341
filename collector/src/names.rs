//! Names of system calls by their numbers: from this machine's tables, or from those that a capture has.

use std::collections::BTreeMap;
use std::mem;

use nulltrace_core::facts::syscall::{family, other, other_name};
use nulltrace_core::input::event::pairs;
use nulltrace_core::input::made::{Made, TEXT_MAX};
use nulltrace_core::input::record::CALLS_COMPAT;
use nulltrace_core::view::Names;
#[cfg(target_arch = "aarch64")]
use syscalls::arm as compat_table;
#[cfg(target_arch = "x86_64")]
use syscalls::x86 as compat_table;

/// Above all numbers of system calls but those that arm has for itself.
const NUMBERS: u32 = 1024;
/// A table that a capture may have: no machine has more.
const CALLS_MAX: usize = 4096;
/// The longest name of a system call.
const NAME_MAX: usize = 64;

/// The tables of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Machine;

impl Names for Machine {
    fn call(&self, nr: u32) -> String {
        if let Some(name) = other_name(nr) {
            return name.to_owned();
        }
        let name = match nr & CALLS_COMPAT {
            0 => native(nr),
            _ => compat(nr & !CALLS_COMPAT),
        };
        named(nr, name)
    }
}

fn native(nr: u32) -> Option<&'static str> {
    syscalls::Sysno::new(nr as usize).map(|call| plain(call.name()))
}

fn compat(nr: u32) -> Option<&'static str> {
    compat_table::Sysno::new(nr as usize).map(|call| plain(call.name()))
}

/// A name that is a word of Rust has a mark there.
fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// A call of those for 32-bit callers says so.
fn named(nr: u32, name: Option<&str>) -> String {
    let compat = if nr & CALLS_COMPAT == 0 {
        ""
    } else {
        " (32-bit)"
    };
    match name {
        Some(name) => format!("{name}{compat}"),
        None => format!("system call {}{compat}", nr & !CALLS_COMPAT),
    }
}

/// Gives the tables of this machine as records of that time.
pub(crate) fn as_records(made: &mut Made, ts: u64, out: &mut dyn FnMut(&[u8])) {
    let natives = (0..NUMBERS).filter_map(|nr| Some((nr, native(nr)?)));
    let compats = (0..NUMBERS).filter_map(|nr| Some((nr | CALLS_COMPAT, compat(nr)?)));
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut give = |batch: &[(String, &str)]| {
        let names = batch.iter().map(|(nr, name)| (&**nr, *name));
        out(made.call_names(ts, names));
    };
    for (nr, name) in natives.chain(compats) {
        let nr = nr.to_string();
        let size = nr.len() + name.len() + 2;
        if bytes + size > TEXT_MAX {
            give(&mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push((nr, name));
    }
    give(&batch);
}

/// The tables that a capture has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(BTreeMap<u32, Box<str>>);

impl Calls {
    /// Takes in a part of them. What is no name of a call is left out, and what is too much.
    pub fn learn(&mut self, text: &[u8]) {
        for (nr, name) in pairs(text) {
            let text = |bytes| std::str::from_utf8(bytes).ok();
            let is_name = |name: &&str| {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain)
            };
            let nr = text(nr).and_then(|nr| nr.parse().ok());
            let name = text(name).filter(is_name);
            if let (Some(nr), Some(name)) = (nr, name)
                && (self.0.len() < CALLS_MAX || self.0.contains_key(&nr))
            {
                self.0.insert(nr, name.into());
            }
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Names for Calls {
    fn call(&self, nr: u32) -> String {
        let of_others = other_name(nr).map(str::to_owned);
        of_others.unwrap_or_else(|| named(nr, self.0.get(&nr).map(|name| &**name)))
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
    use nulltrace_core::input::event::{Event, What};

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
        assert_eq!(
            [3, 17].map(|nr| Machine.call(CALLS_COMPAT | nr)),
            ["read (32-bit)", "break (32-bit)"]
        );
    }

    #[test]
    fn tables_go_through_records() {
        let (mut calls, mut records) = (Calls::default(), 0);
        as_records(&mut Made::default(), 5, &mut |record| {
            let Ok(Event {
                what: What::CallNames { text },
                ..
            }) = Event::decode(record)
            else {
                panic!("another record");
            };
            calls.learn(text);
            records += 1;
        });
        assert!(records > 1);
        for nr in (0..600).chain((0..600).map(|nr| nr | CALLS_COMPAT)) {
            assert_eq!(calls.call(nr), Machine.call(nr));
        }
    }

    #[test]
    fn hostile_tables_do_no_harm() {
        let mut calls = Calls::default();
        calls.learn(b"1\0evil\x1b[2J\x002\0\0x\0read\x003\0open\0-1\0close\x004");
        assert_eq!((calls.0.len(), calls.call(3)), (1, "open".to_owned()));
        for nr in 0..10_000 {
            calls.learn(format!("{nr}\0call\0").as_bytes());
        }
        assert_eq!(calls.0.len(), CALLS_MAX);
    }
}
