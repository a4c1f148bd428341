//! Capabilities of this process: which it has, and giving up those it no longer needs.

use std::io;

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

/// What is needed after everything is attached: reading maps, and reading /proc of other users.
const KEPT: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH);

fn effective() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
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

/// Gives up every capability but CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, and
/// the right to gain any by exec.
///
/// Capabilities belong to a thread: call this when everything is attached and the traced command is
/// started, and before any other thread is.
///
/// # Errors
/// The kernel refused; nothing or a part may have been given up.
pub fn drop_privileges() -> io::Result<()> {
    let sets = capabilities(None)?;
    if sets.effective.contains(CapabilitySet::SETPCAP) {
        for cap in (CapabilitySet::all() - KEPT).iter() {
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
            effective: sets.effective & KEPT,
            permitted: sets.permitted & KEPT,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    set_no_new_privs(true)?;
    Ok(())
}
