//! Which hook sees the markers, proven by attaching it.

use std::fmt;

use aya::programs::{BtfTracePoint, FEntry, RawTracePoint};
use aya::{Btf, Ebpf};

use super::error::EbpfError;
use super::preempt;
use crate::source::{Full, KernelEvents};

/// How markers are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hook {
    /// The best that can be attached and loses nothing.
    #[default]
    Auto,
    /// The null device's own write functions: other system calls cost nothing. Where the kernel is
    /// preemptible it loses markers of threads that compete for a cpu, and counts them.
    Fentry,
    /// The entry of every system call: works wherever BPF does.
    RawTracepoint,
}

impl Hook {
    /// The name as options and `doctor` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fentry => "fentry",
            Self::RawTracepoint => "raw_tracepoint",
        }
    }
    /// The hooks to try for this choice, best first.
    const fn tiers(self) -> &'static [Self] {
        match self {
            Self::Auto => &[Self::Fentry, Self::RawTracepoint],
            Self::Fentry => &[Self::Fentry],
            Self::RawTracepoint => &[Self::RawTracepoint],
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Programs of each tier and where they go.
const FENTRY: [(&str, &str); 2] = [
    ("nt_write_null", "write_null"),
    ("nt_write_iter_null", "write_iter_null"),
];
const SYS_ENTER: (&str, &str) = ("nt_sys_enter", "sys_enter");
const PROCESS: [(&str, &str); 3] = [
    ("nt_fork", "sched_process_fork"),
    ("nt_exec", "sched_process_exec"),
    ("nt_exit", "sched_process_exit"),
];
/// What observes threads between their markers.
const ACTIVITY: [(&str, &str); 2] = [("nt_sys_exit", "sys_exit"), ("nt_switch", "sched_switch")];
/// With it, where markers are not seen at the entry of system calls.
const CALL_ENTER: (&str, &str) = ("nt_call_enter", "sys_enter");
/// What reports every system call, and every switch and wake-up of its threads.
const FULL: [(&str, &str); 5] = [
    ("nt_full_exit", "sys_exit"),
    ("nt_full_enter", "sys_enter"),
    ("nt_full_switch", "sched_switch"),
    ("nt_full_wakeup", "sched_wakeup"),
    ("nt_full_wakeup_new", "sched_wakeup_new"),
];
/// What reports requests to block devices. First what ends one, so that none is left behind.
const BLOCK: [(&str, &str); 3] = [
    ("nt_block_complete", "block_rq_complete"),
    ("nt_block_issue", "block_rq_issue"),
    ("nt_block_insert", "block_rq_insert"),
];
/// What reports interrupts.
const IRQ: [(&str, &str); 4] = [
    ("nt_irq_exit", "irq_handler_exit"),
    ("nt_irq_enter", "irq_handler_entry"),
    ("nt_softirq_exit", "softirq_exit"),
    ("nt_softirq_enter", "softirq_entry"),
];
/// Where the scope is a cgroup: sees when it is created again.
const CGROUP: (&str, &str) = ("nt_cgroup_made", "cgroup_mkdir");
/// Loaded and only ever test-run.
pub(super) const OWN_ID: &str = "nt_own_id";

/// The programs that see markers, whose skipped runs are losses.
pub(super) fn marker_programs(hook: Hook) -> Vec<&'static str> {
    match hook {
        Hook::Fentry => FENTRY.iter().map(|&(program, _)| program).collect(),
        Hook::Auto | Hook::RawTracepoint => vec![SYS_ENTER.0],
    }
}

/// The programs that report single things, and where they go. Their skipped runs are losses.
fn single(
    full: Option<Full>,
    kernel: KernelEvents,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let full = full.is_some().then_some(&FULL[..]);
    let block = kernel.block.then_some(&BLOCK[..]);
    let irq = kernel.irq.then_some(&IRQ[..]);
    [full, block, irq].into_iter().flatten().flatten().copied()
}

/// Attaches what reports single things, after what observes activity: that reports files first. Returns their names.
pub(super) fn attach_single(
    ebpf: &mut Ebpf,
    btf: &Btf,
    full: Option<Full>,
    kernel: KernelEvents,
) -> Result<Vec<&'static str>, EbpfError> {
    for (program, tracepoint) in single(full, kernel) {
        attach_typed_tracepoint(ebpf, btf, program, tracepoint)?;
    }
    Ok(single(full, kernel).map(|(program, _)| program).collect())
}

/// Attaches what follows processes. Before the marker hook, so that no end of a process whose
/// marker was seen can be missed.
pub(super) fn attach_process(ebpf: &mut Ebpf) -> Result<(), EbpfError> {
    raw_tracepoint(ebpf, OWN_ID)?;
    for (program, tracepoint) in PROCESS {
        attach_raw_tracepoint(ebpf, program, tracepoint)?;
    }
    Ok(())
}

/// Attaches the program that sees a cgroup being created again.
pub(super) fn attach_cgroup(ebpf: &mut Ebpf, btf: &Btf) -> Result<(), EbpfError> {
    attach_typed_tracepoint(ebpf, btf, CGROUP.0, CGROUP.1)
}

/// Attaches what observes activity, after the hook that sees markers.
pub(super) fn attach_activity(ebpf: &mut Ebpf, btf: &Btf, hook: Hook) -> Result<(), EbpfError> {
    for (program, tracepoint) in ACTIVITY {
        attach_typed_tracepoint(ebpf, btf, program, tracepoint)?;
    }
    if hook == Hook::Fentry {
        attach_typed_tracepoint(ebpf, btf, CALL_ENTER.0, CALL_ENTER.1)?;
    }
    Ok(())
}

/// Attaches the best hook of `choice`. Returns it and why better ones failed.
pub(super) fn attach_markers(
    ebpf: &mut Ebpf,
    btf: &Btf,
    choice: Hook,
) -> Result<(Hook, Vec<(Hook, EbpfError)>), EbpfError> {
    let mut refused = Vec::new();
    for &hook in choice.tiers() {
        let tried = match hook {
            Hook::Fentry => attach_fentry(ebpf, btf, choice == Hook::Auto),
            Hook::Auto | Hook::RawTracepoint => {
                attach_typed_tracepoint(ebpf, btf, SYS_ENTER.0, SYS_ENTER.1)
            }
        };
        match tried {
            Ok(()) => return Ok((hook, refused)),
            Err(error) => refused.push((hook, error)),
        }
    }
    // The last tier is the least demanding: why it failed is why there is none.
    match refused.pop() {
        Some((_, error)) => Err(error),
        None => unreachable_tier(),
    }
}

fn unreachable_tier() -> Result<(Hook, Vec<(Hook, EbpfError)>), EbpfError> {
    Err(EbpfError::Io(std::io::ErrorKind::Unsupported.into()))
}

fn raw_tracepoint<'a>(
    ebpf: &'a mut Ebpf,
    name: &'static str,
) -> Result<&'a mut RawTracePoint, EbpfError> {
    let program: &mut RawTracePoint = find(ebpf, name)?;
    program
        .load()
        .map_err(|error| EbpfError::program(name, error))?;
    Ok(program)
}

fn attach_raw_tracepoint(
    ebpf: &mut Ebpf,
    name: &'static str,
    tracepoint: &str,
) -> Result<(), EbpfError> {
    raw_tracepoint(ebpf, name)?
        .attach(tracepoint)
        .map_err(|error| EbpfError::program(name, error))?;
    Ok(())
}

/// A raw tracepoint whose arguments the kernel knows the types of: no call is needed to read them.
fn attach_typed_tracepoint(
    ebpf: &mut Ebpf,
    btf: &Btf,
    name: &'static str,
    tracepoint: &str,
) -> Result<(), EbpfError> {
    let program: &mut BtfTracePoint = find(ebpf, name)?;
    program
        .load(tracepoint, btf)
        .and_then(|()| program.attach().map(drop))
        .map_err(|error| EbpfError::program(name, error))
}

/// With `lossless`, only where the programs cannot be preempted.
fn attach_fentry(ebpf: &mut Ebpf, btf: &Btf, lossless: bool) -> Result<(), EbpfError> {
    let mut tried = Ok(());
    for (name, function) in FENTRY {
        let program: &mut FEntry = find(ebpf, name)?;
        tried = program
            .load(function, btf)
            .and_then(|()| program.attach().map(drop))
            .map_err(|error| EbpfError::program(name, error));
        if tried.is_err() {
            break;
        }
    }
    // Asked last, so that a kernel that has no such hook says that.
    if lossless && tried.is_ok() && preempt::possible() {
        tried = Err(EbpfError::Preemptible);
    }
    if tried.is_err() {
        // Half a tier would see each marker twice together with the next one.
        for (name, _) in FENTRY {
            let program: &mut FEntry = find(ebpf, name)?;
            let _not_loaded = program.unload();
        }
    }
    tried
}

pub(super) fn find<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, EbpfError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or_else(|| EbpfError::program(name, aya::programs::ProgramError::NotLoaded))?
        .try_into()
        .map_err(|error| EbpfError::program(name, error))
}
