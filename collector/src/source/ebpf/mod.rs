//! Markers seen by the kernel programs of `collector/bpf`.

mod counters;
mod error;
mod full;
mod hook;
mod idle;
mod lowest;
mod members;
mod object;
mod pace;
mod policy;
mod preempt;
mod sampler;

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use aya::{Btf, Ebpf};
use nulltrace_core::input::record::Records;
use nulltrace_core::ledger::Lost;

pub use error::EbpfError;
pub use hook::Hook;
pub use lowest::LOWEST_KERNEL;
pub use object::{Cgroup, Options, Scope};
pub use policy::Policy;

use crate::namespace;
use crate::source::Source;
use counters::Counters;
use idle::IdleThreads;
use members::Members;
use pace::between_reads;
use sampler::Sampler;

/// The live source. Everything is detached when it is dropped.
pub struct EbpfSource {
    ring: RingBuf<MapData>,
    ring_bytes: u32,
    counters: Counters,
    members: Members,
    scope: Scope,
    activity: bool,
    /// None where activity is not observed.
    idle: Option<IdleThreads>,
    /// None there, and where the kernel does not take the program: there threads send parts of long segments themselves.
    sampler: Option<Sampler>,
    hook: Hook,
    refused: Vec<(Hook, EbpfError)>,
    /// Holds the programs and their links.
    ebpf: Ebpf,
}

impl EbpfSource {
    /// Loads and attaches the kernel programs. Markers are seen from here on.
    ///
    /// # Errors
    /// See [`EbpfError`]; nothing stays attached.
    pub fn attach(options: &Options) -> Result<Self, EbpfError> {
        let btf = Btf::from_sys_fs().map_err(|error| EbpfError::Btf(Box::new(error)))?;
        let (mut ebpf, sampler) = Self::load(options, &btf)?;
        hook::attach_process(&mut ebpf)?;
        if let Scope::Cgroup(cgroup) = &options.scope {
            hook::attach_cgroup(&mut ebpf, &btf)?;
            object::find_cgroup(&mut ebpf, cgroup)?;
        }
        let own = object::own_id(&mut ebpf)?;
        let (hook, refused) = hook::attach_markers(&mut ebpf, &btf, options.hook)?;
        if options.activity {
            hook::attach_activity(&mut ebpf, &btf, hook)?;
        }
        if options.full.is_some() {
            full::set_signatures(&mut ebpf, options.snaplen > 0)?;
        }
        let single = hook::attach_single(&mut ebpf, &btf, options.full, options.kernel)?;
        let markers = object::program_fds(&mut ebpf, &hook::marker_programs(hook))?;
        let single = object::program_fds(&mut ebpf, &single)?;
        Ok(Self {
            ring: RingBuf::try_from(object::map(&mut ebpf, "ring")?)?,
            ring_bytes: options.ring_bytes,
            counters: Counters::new(
                object::map(&mut ebpf, "counters")?.try_into()?,
                markers,
                single,
            ),
            members: Members::new(
                object::map(&mut ebpf, "members")?.try_into()?,
                object::map(&mut ebpf, "processes")?.try_into()?,
                object::map(&mut ebpf, ".bss")?.try_into()?,
                object::map(&mut ebpf, ".data.alive")?.try_into()?,
                own,
            ),
            scope: options.scope.clone(),
            activity: options.activity,
            idle: if options.activity {
                let map = object::map_data(&mut ebpf, "idle_threads")?;
                Some(IdleThreads::new(map).map_err(EbpfError::Io)?)
            } else {
                None
            },
            hook,
            refused,
            sampler,
            ebpf,
        })
    }

    /// Makes the maps, and finds out whether the kernel lets threads be sampled: that must be known
    /// before the programs are loaded.
    fn load(options: &Options, btf: &Btf) -> Result<(Ebpf, Option<Sampler>), EbpfError> {
        let apart = !namespace::is_initial();
        let mut ebpf = object::load(options, btf, apart)?;
        if !options.activity {
            return Ok((ebpf, None));
        }
        match Sampler::load(&mut ebpf, btf) {
            Ok(sampler) => Ok((ebpf, Some(sampler))),
            Err(_) if apart => Ok((ebpf, None)),
            Err(_) => Ok((object::load(options, btf, true)?, None)),
        }
    }

    /// The hook that was attached.
    #[must_use]
    pub fn hook(&self) -> Hook {
        self.hook
    }

    /// Why better hooks than [`hook`](Self::hook) could not be attached.
    #[must_use]
    pub fn refused(&self) -> &[(Hook, EbpfError)] {
        &self.refused
    }

    /// While `true`, every process this one starts is followed with all its descendants, from
    /// before its first instruction. Needs [`Scope::Members`].
    ///
    /// # Errors
    /// The map of processes could not be written.
    pub fn follow_children(&mut self, follow: bool) -> Result<(), EbpfError> {
        let own = self.members.own();
        if follow {
            self.members.add(own)
        } else {
            self.members.remove(own)
        }
    }

    /// Follows a running process and all its descendants, those there are and those to come. Needs
    /// [`Scope::Members`].
    ///
    /// # Errors
    /// The map of processes could not be written.
    pub fn follow(&mut self, pid: u32) -> Result<(), EbpfError> {
        self.members.add_tree(pid)
    }

    /// The choice of hook as a sentence for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("hook {}", self.hook);
        for (hook, error) in &self.refused {
            let _infallible = write!(text, "; not {hook}: {error}");
        }
        text
    }
}

/// Whether a program may visit every thread (`iter/task`), so that what a thread that sleeps is doing is known
/// before it wakes up: proven by attaching one.
///
/// # Errors
/// This kernel does not take it.
pub fn can_visit_threads() -> Result<(), EbpfError> {
    let btf = Btf::from_sys_fs().map_err(|error| EbpfError::Btf(Box::new(error)))?;
    let options = Options {
        ring_bytes: 1 << 16,
        scope: Scope::Members,
        activity: true,
        ..Options::default()
    };
    let mut ebpf = object::load(&options, &btf, false)?;
    Sampler::load(&mut ebpf, &btf).map(drop)
}

impl Source for EbpfSource {
    fn name(&self) -> &'static str {
        match self.hook {
            Hook::Fentry => "ebpf:fentry",
            Hook::Auto | Hook::RawTracepoint => "ebpf:raw_tracepoint",
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        let mut records = 0;
        loop {
            let sampler = self.sampler.as_mut();
            let more = sampler.is_some_and(|sampler| sampler.go_on(&mut self.ebpf));
            let mut bytes = 0;
            // A ring that is filled as fast as it is read must not hold the caller for ever.
            while bytes < self.ring_bytes as usize {
                let Some(sample) = self.ring.next() else {
                    break;
                };
                for record in Records::of(&sample) {
                    sink(record);
                    records += 1;
                }
                bytes += sample.len();
            }
            if !more {
                break;
            }
        }
        Ok(records)
    }

    fn wait(&mut self, limit: Duration) {
        std::thread::sleep(between_reads(self.ring_bytes).min(limit));
    }

    fn sees_activity(&self) -> bool {
        self.activity
    }

    fn mark_idle(&mut self, tid: u32, ts: u64) {
        if let Some(idle) = &self.idle {
            idle.mark(tid, ts);
        }
    }

    fn conclude(&mut self) {
        if let Some(idle) = &self.idle {
            idle.clear();
        }
        if let Some(sampler) = &mut self.sampler {
            sampler.last();
        }
    }

    fn lost(&self) -> Lost {
        let mut lost = self.counters.lost();
        // One at least.
        lost.segment += u64::from(self.sampler.as_ref().is_some_and(Sampler::given_up));
        lost
    }

    fn has_lost_sight_of(&self, pid: u32) -> bool {
        // Where it had no room for a state, it never had one.
        self.members.is_unknown(pid) && (namespace::is_initial() || self.lost().storage == 0)
    }

    fn alive(&self) -> Option<usize> {
        let counted = self.scope == Scope::Members;
        counted.then(|| self.members.alive()).flatten()
    }
}
