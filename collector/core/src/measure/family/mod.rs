//! What each process did in the spans of a script: so that a shell's time asleep can be explained by the
//! command that it waited for.
//!
//! ```
//! use std::sync::Arc;
//!
//! use nulltrace_core::activity::{InSpan, Inside, Times, When};
//! use nulltrace_core::facts::path::TagPath;
//! use nulltrace_core::facts::process::Process;
//! use nulltrace_core::input::record::CallsRecord;
//! use nulltrace_core::measure::family::Families;
//! use zerocopy::FromZeros;
//!
//! const WAIT: u32 = 61;
//! let path = Arc::new(TagPath::new(b"report", ["report"]));
//! let mut families = Families::new(1 << 20);
//! let mut did = |pid, ppid, comm: &[u8], calls: &[CallsRecord]| {
//!     let mut process = Process::named(comm);
//!     let known = Arc::make_mut(&mut process);
//!     (known.pid, known.ppid) = (pid, ppid);
//!     families.inside(&Inside {
//!         pid, tid: pid, process: Some(&process), spans: &[InSpan::of_path(&path)], wide: true,
//!         when: When { from: 0, to: 100, ..When::default() },
//!         times: &Times { wall: 100, ..Times::NONE }, calls, files: &[None],
//!     });
//! };
//! let mut wait = CallsRecord::new_zeroed();
//! (wait.nr, wait.count, wait.time, wait.blocked) = (WAIT, 1, 90, 90);
//! did(7, 1, b"sh", &[wait]);
//! did(8, 7, b"sort", &[]);
//! let waited = families.of(&path).and_then(|family| family.waited_for(WAIT)).unwrap();
//! assert_eq!((waited.children, &*waited.most.name, waited.most.pid), (1, &b"sort"[..], Some(8)));
//! ```

mod choice;
mod member;
mod members;
mod paths;

pub use choice::{Child, WaitedFor};
pub use member::Member;
pub use members::Family;
pub use paths::Families;

#[cfg(test)]
mod tests;
