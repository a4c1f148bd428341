//! What is tried to see markers, best first. `run` and `agent` take the first that works and `doctor` tries
//! them all, so that none can say what the others do not do.

use super::ebpf::{EbpfError, EbpfSource, Options};
use super::{Activity, Backend, Observed};

/// One way to see markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// As people are shown it.
    pub name: &'static str,
    /// By what means.
    pub way: Way,
}

/// By what means markers are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The kernel programs, by the best hook that attaches.
    Ebpf {
        /// With those that observe threads between their markers.
        activity: bool,
    },
    /// ptrace: only a command, and only spans.
    Ptrace,
}

/// All of them, in the order in which they are tried.
pub const ATTEMPTS: [Attempt; 3] = [
    Attempt {
        name: "eBPF with activity",
        way: Way::Ebpf { activity: true },
    },
    Attempt {
        name: "eBPF, spans only",
        way: Way::Ebpf { activity: false },
    },
    Attempt {
        name: "ptrace",
        way: Way::Ptrace,
    },
];

/// Those that a choice of backend, and of what is observed, leaves.
///
/// ```
/// use nulltrace_collector::source::attempt::attempts;
/// use nulltrace_collector::source::{Activity, Backend, Full, Observed};
///
/// let names = |backend, activity| {
///     let observed = Observed { activity, ..Observed::default() };
///     attempts(backend, observed).map(|of| of.name).collect::<Vec<_>>()
/// };
/// assert_eq!(names(Backend::Auto, Activity::Off), ["eBPF, spans only", "ptrace"]);
/// assert_eq!(names(Backend::Fentry, Activity::Segments), ["eBPF with activity", "eBPF, spans only"]);
/// assert_eq!(names(Backend::Ptrace, Activity::Segments), ["ptrace"]);
/// assert_eq!(names(Backend::Auto, Activity::Full(Full::All)), ["eBPF with activity"]);
/// ```
pub fn attempts(backend: Backend, observed: Observed) -> impl Iterator<Item = Attempt> {
    let Observed { activity, .. } = observed;
    ATTEMPTS
        .into_iter()
        .filter(move |attempt| match attempt.way {
            Way::Ebpf { activity: true } if activity == Activity::Off => false,
            // Who asks for every call has no use for none.
            Way::Ebpf { activity: false } if activity.full().is_some() => false,
            Way::Ptrace if observed.only_ebpf().is_some() => false,
            Way::Ebpf { .. } => backend != Backend::Ptrace,
            Way::Ptrace => matches!(backend, Backend::Auto | Backend::Ptrace),
        })
}

/// The kernel programs, attached as `options` say but for the activity.
///
/// # Errors
/// They cannot be.
pub fn ebpf(activity: bool, options: &Options) -> Result<EbpfSource, EbpfError> {
    let source = EbpfSource::attach(&Options {
        activity,
        ..options.clone()
    });
    give_back_memory();
    source
}

/// Reading the kernel's types takes and frees some 13 MiB, which the allocator would keep.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, may be called at any time.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// What is missing because better attempts failed, and why; `None` if none did.
#[must_use]
pub fn note(taken: Way, refused: &[EbpfError]) -> Option<String> {
    match (taken, refused) {
        (_, []) => None,
        (Way::Ebpf { .. }, [error, ..]) => Some(format!(
            "spans only, what happens inside them is not seen: {error}"
        )),
        // The last one asked for least: why it failed is why there is no eBPF.
        (Way::Ptrace, [.., error]) => Some(format!(
            "using ptrace, which is slow and does not see what happens inside spans: {error}"
        )),
    }
}
