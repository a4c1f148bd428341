//! What the thread that looks up has found.

use nulltrace_core::facts::names::ContainerId;
use nulltrace_core::input::made::Made;

/// What was found. An answer comes for each want, if only to say that there is nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    User {
        uid: u32,
        name: Box<[u8]>,
    },
    Parent {
        pid: u32,
        /// When it began, its parent and name.
        of: Option<(u64, u32, Box<[u8]>)>,
    },
    Container {
        id: ContainerId,
        name: String,
        image: String,
    },
    Cgroup {
        pid: u32,
        start: u64,
        path: Box<[u8]>,
    },
}

impl Answer {
    /// As a record of the time `now`.
    pub(super) fn record<'a>(&self, now: u64, made: &'a mut Made) -> &'a [u8] {
        match self {
            Self::User { uid, name } => made.user(now, *uid, name),
            Self::Parent { pid, of } => {
                let of = of.as_ref();
                let of = of.map(|(start, ppid, name)| (*start, *ppid, &**name));
                made.parent(now, *pid, of)
            }
            Self::Container { id, name, image } => {
                let id = id.split(|byte| *byte == 0).next().unwrap_or_default();
                made.container(now, id, name.as_bytes(), image.as_bytes())
            }
            Self::Cgroup { pid, start, path } => made.member(now, *pid, *start, path),
        }
    }
}
