//! Which processes are followed.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{Ordering, fence};

use aya::maps::{Array, HashMap, MapData, MapError};

use super::error::EbpfError;

/// The followed processes. The kernel adds their children and removes the dead.
pub(super) struct Members {
    members: HashMap<MapData, u32, u32>,
    /// Those that wrote markers, followed or not.
    processes: HashMap<MapData, u32, u32>,
    /// `.bss` of the kernel programs, which is `nt_generation` alone.
    generation: Array<MapData, u32>,
    /// How many members the kernel programs added, less those they removed.
    forked: Array<MapData, i64>,
    /// The same of this process.
    added: i64,
    own: u32,
    /// This process is one of them.
    own_is_member: bool,
}

/// Where a member that is there already is not replaced.
const NO_EXIST: u64 = 1;

impl Members {
    /// `own` is this process's id as the kernel programs see it.
    pub(super) fn new(
        members: HashMap<MapData, u32, u32>,
        processes: HashMap<MapData, u32, u32>,
        generation: Array<MapData, u32>,
        forked: Array<MapData, i64>,
        own: u32,
    ) -> Self {
        Self {
            members,
            processes,
            generation,
            forked,
            added: 0,
            own,
            own_is_member: false,
        }
    }

    pub(super) fn own(&self) -> u32 {
        self.own
    }

    /// Threads remember whether they are followed: they must ask again.
    fn changed(&mut self) -> Result<(), EbpfError> {
        // Whoever sees the new generation must see the new members.
        fence(Ordering::SeqCst);
        let generation = self.generation.get(&0, 0)?;
        self.generation.set(0, generation.wrapping_add(1), 0)?;
        Ok(())
    }

    pub(super) fn add(&mut self, pid: u32) -> Result<(), EbpfError> {
        match self.members.insert(pid, pid, NO_EXIST) {
            Ok(()) => self.added += 1,
            // The kernel was first: its parent is a member.
            Err(_) if self.members.get(&pid, 0).is_ok() => {}
            Err(error) => return Err(error.into()),
        }
        self.own_is_member |= pid == self.own;
        self.changed()
    }

    pub(super) fn remove(&mut self, pid: u32) -> Result<(), EbpfError> {
        match self.members.remove(&pid) {
            Ok(()) => self.added -= 1,
            Err(MapError::KeyNotFound) => {}
            Err(error) => return Err(error.into()),
        }
        self.own_is_member &= pid != self.own;
        self.changed()
    }

    /// Adds a process and all its descendants. The kernel follows those that are born meanwhile;
    /// looking again until nothing is new finds those that were born before.
    pub(super) fn add_tree(&mut self, root: u32) -> Result<(), EbpfError> {
        self.add(root)?;
        let mut known = HashSet::from([root]);
        loop {
            let new: Vec<u32> = parents()
                .into_iter()
                .filter(|(pid, parent)| known.contains(parent) && !known.contains(pid))
                .map(|(pid, _)| pid)
                .collect();
            if new.is_empty() {
                return Ok(());
            }
            for pid in new {
                known.insert(pid);
                self.add(pid)?;
            }
        }
    }

    /// Whether the kernel programs have lost, or never had, what they know of a process from its facts on until
    /// it ends. `false` where the maps cannot be read, so that it is not known.
    pub(super) fn is_unknown(&self, pid: u32) -> bool {
        [&self.processes, &self.members]
            .into_iter()
            .all(|map| matches!(map.get(&pid, 0), Err(MapError::KeyNotFound)))
    }

    /// How many are alive, this process not counted; `None` where the kernel does not let it be read. They are
    /// counted as they come and go: to look for them would take as long as there are many.
    pub(super) fn alive(&self) -> Option<usize> {
        let forked = self.forked.get(&0, 0).ok()?;
        let alive = forked + self.added - i64::from(self.own_is_member);
        Some(usize::try_from(alive).unwrap_or(0))
    }
}

/// Every process and its parent, as /proc has them now.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name stands in parentheses and may hold any character.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}
