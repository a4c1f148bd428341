//! Who made a process.

use std::sync::{Arc, OnceLock};

/// How far back a chain of ancestors surely goes, as far as it is known; it may go three times as far.
pub const ANCESTORS: usize = 32;

/// A process that another descends from. It made that one, or the next of the chain, by fork: what the
/// kernel puts in a dead parent's place is no ancestor.
///
/// ```
/// use nulltrace_core::facts::ancestor::Ancestor;
///
/// let make = Ancestor::new(70, b"make", None);
/// // Who its parent is may become known later.
/// make.comes_from(&Ancestor::new(1, b"init", None));
/// let chain: Vec<_> = make.chain().map(|of| (of.pid, &*of.name)).collect();
/// assert_eq!(chain, [(70, &b"make"[..]), (1, b"init")]);
/// ```
#[derive(Debug)]
pub struct Ancestor {
    /// Process id.
    pub pid: u32,
    /// Its command name when it forked the next.
    pub name: Box<[u8]>,
    parent: OnceLock<Arc<Self>>,
    /// How many were behind it when it was made.
    behind: usize,
}

impl Ancestor {
    /// The child of `parent`. The oldest of a chain that is too long are forgotten: a program that goes on
    /// by forking and ending leaves no more behind than that.
    #[must_use]
    pub fn new(pid: u32, name: &[u8], parent: Option<&Arc<Self>>) -> Arc<Self> {
        let parent = match parent {
            Some(parent) if parent.behind + 2 > 2 * ANCESTORS => {
                let kept: Vec<_> = parent.chain().take(ANCESTORS).collect();
                let oldest_first = kept.into_iter().rev();
                oldest_first.fold(None, |parent, ancestor| {
                    Some(Self::link(ancestor.pid, &ancestor.name, parent))
                })
            }
            parent => parent.cloned(),
        };
        Self::link(pid, name, parent)
    }

    fn link(pid: u32, name: &[u8], parent: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            pid,
            name: name.into(),
            behind: parent.as_ref().map_or(0, |parent| parent.behind + 1),
            parent: parent.map(OnceLock::from).unwrap_or_default(),
        })
    }

    /// Its parent became known. Nothing happens if that was known before.
    pub fn comes_from(&self, parent: &Arc<Self>) {
        let _ = self.parent.set(Arc::clone(parent));
    }

    /// Who made it, if that is known.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.get()
    }

    /// This one, its parent, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        let all = std::iter::successors(Some(self), |ancestor| {
            ancestor.parent.get().map(|ancestor| &**ancestor)
        });
        all.take(3 * ANCESTORS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_bounded() {
        let mut youngest = Ancestor::new(0, b"0", None);
        for pid in 1..1000 {
            youngest = Ancestor::new(pid, pid.to_string().as_bytes(), Some(&youngest));
            let chain: Vec<_> = youngest.chain().collect();
            let all = pid as usize + 1;
            assert!(chain.len() >= all.min(ANCESTORS) && chain.len() <= 2 * ANCESTORS);
            for (found, want) in chain.iter().zip((0..=pid).rev()) {
                assert_eq!(
                    (found.pid, &*found.name),
                    (want, want.to_string().as_bytes())
                );
            }
        }
    }

    #[test]
    fn no_circle_is_endless() {
        let (a, b) = (Ancestor::new(1, b"a", None), Ancestor::new(2, b"b", None));
        a.comes_from(&b);
        b.comes_from(&a);
        assert_eq!(a.chain().count(), 3 * ANCESTORS);
    }
}
