//! Capabilities of this thread: which it has, and giving up those it no longer needs.

use std::io;

use super::lent::confined;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Capabilities that matter here, with the names a person knows.
const NAMED: [(CapabilitySet, &str); 5] = [
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"),
    (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
];

/// What loading and attaching kernel programs takes.
const FOR_BPF: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);

fn effective() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// Whether this thread has all of these in effect.
#[must_use]
pub fn has(these: CapabilitySet) -> bool {
    effective().contains(these)
}

/// The capabilities that matter here and whether this thread has them in effect.
#[must_use]
pub fn rights() -> Vec<(&'static str, bool)> {
    let have = effective();
    NAMED
        .iter()
        .map(|&(cap, name)| (name, have.contains(cap)))
        .collect()
}

/// Which capabilities are missing to load and attach kernel programs; empty if none is.
#[must_use]
pub fn missing_for_bpf() -> Vec<&'static str> {
    let have = effective();
    // CAP_SYS_ADMIN held both rights before they had names, and still does.
    if have.contains(CapabilitySet::SYS_ADMIN) {
        return Vec::new();
    }
    NAMED[..2]
        .iter()
        .filter(|(cap, _)| !have.contains(*cap))
        .map(|&(_, name)| name)
        .collect()
}

/// What passing a signal on takes, to a command that became another user.
pub const TO_SIGNAL: CapabilitySet = CapabilitySet::KILL;

/// What tracing processes of other users takes: their memory, their descriptors, and ending them. Who has
/// not the first may trace only those with no more rights than its own, and so needs them all.
#[must_use]
pub fn to_trace() -> CapabilitySet {
    let have = effective();
    if have.contains(CapabilitySet::SYS_PTRACE) {
        CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH | CapabilitySet::KILL
    } else if confined().is_some() {
        // What a file lends is lost at exec: the command has no rights.
        CapabilitySet::empty()
    } else {
        have
    }
}

/// What this process may use of rights that its file gave it and its user has not: those to load kernel
/// programs. Opening a file is no such thing.
#[must_use]
pub fn of_a_file() -> CapabilitySet {
    if effective().contains(FOR_BPF) {
        FOR_BPF
    } else {
        FOR_BPF | CapabilitySet::SYS_ADMIN
    }
}

/// Does something without the capabilities that this thread has in effect, as it will be when they are given up.
pub fn without<T>(act: impl FnOnce() -> T) -> T {
    let before = capabilities(None).ok();
    if let Some(sets) = before {
        let effective = CapabilitySet::empty();
        let _ = set_capabilities(None, CapabilitySets { effective, ..sets });
    }
    let done = act();
    if let Some(sets) = before {
        let _ = set_capabilities(None, sets);
    }
    done
}

/// Gives up every capability but those in `kept`, as far as it has them.
///
/// Capabilities belong to a thread, and a new one has those of its maker: call this before any other
/// thread is started.
///
/// # Errors
/// The kernel refused; nothing or a part may have been given up.
pub fn keep(kept: CapabilitySet) -> io::Result<()> {
    let sets = capabilities(None)?;
    let kept = sets.permitted & kept;
    if sets.effective.contains(CapabilitySet::SETPCAP) {
        for cap in (CapabilitySet::all() - kept).iter() {
            match remove_capability_from_bounding_set(cap) {
                // The kernel is older than the capability.
                Err(rustix::io::Errno::INVAL) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    clear_ambient_capability_set()?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: sets.effective & kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
}

/// The same, and gives up the right to gain any by exec: for a thread that starts no command any more.
///
/// # Errors
/// As [`keep`].
pub fn keep_for_good(kept: CapabilitySet) -> io::Result<()> {
    keep(kept)?;
    set_no_new_privs(true)?;
    Ok(())
}
