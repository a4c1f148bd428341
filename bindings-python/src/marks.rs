//! The markers of tags and an id.

use crate::emit::{self, Texts};
use crate::path::Path;
use crate::quick::Quick;
use nulltrace::Id;
use nulltrace::raw::Dir;
use pyo3::prelude::*;
use std::cell::OnceCell;

pub(crate) struct Marks {
    path: Path,
    /// None if what was given is no id: then nothing is written.
    id: Option<Id>,
    /// Both markers without arguments, the exit's behind the enter's; empty if they are refused.
    both: OnceCell<Box<[u8]>>,
}

impl Marks {
    pub(crate) const fn new(path: Path, id: Option<Id>) -> Self {
        Self {
            path,
            id,
            both: OnceCell::new(),
        }
    }

    /// With the id that spans have by default.
    pub(crate) const fn of_thread(path: Path) -> Self {
        Self::new(path, Some(Id::Thread))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn id(&self) -> Option<Id> {
        self.id
    }

    /// The marker without arguments; empty if it is refused.
    #[inline(always)]
    pub(crate) fn bytes(&self, dir: Dir) -> &[u8] {
        let both = match self.both.get() {
            Some(both) => both,
            None => self.make(),
        };
        let (enter, exit) = both.split_at(both.len() / 2);
        match dir {
            Dir::Enter => enter,
            Dir::Exit => exit,
        }
    }

    #[cold]
    #[inline(never)]
    fn make(&self) -> &[u8] {
        self.both.get_or_init(|| {
            let encoded = self.id.and_then(|id| {
                emit::encode(Dir::Enter, id, None, &self.path, &[], |enter| {
                    let mut both = [enter, enter].concat();
                    // They differ in one byte: `>:` and `<:`, or `[">"` and `["<"`.
                    let direction = both.len() / 2 + if enter[0] == b'[' { 2 } else { 0 };
                    both[direction] = b'<';
                    both.into_boxed_slice()
                })
                .ok()
            });
            encoded.unwrap_or_default()
        })
    }

    /// Whether no marker can say this.
    pub(crate) fn refused(&self) -> bool {
        self.bytes(Dir::Enter).is_empty()
    }

    /// Writes a marker without arguments.
    #[inline(always)]
    pub(crate) fn bare(&self, dir: Dir) {
        let marker = self.bytes(dir);
        if !marker.is_empty() {
            emit::write(marker);
        }
    }

    /// Writes a marker with these arguments.
    pub(crate) fn with(&self, dir: Dir, texts: &Texts<'_>) {
        if let Some(id) = self.id {
            // What is refused is not written.
            let _refused = emit::encode(dir, id, None, &self.path, texts.pairs(), emit::write);
        }
    }

    /// Writes a marker with this id in place of its own. An enter may name its parent; 0 stands for none.
    /// Whether it was written.
    pub(crate) fn as_id(&self, dir: Dir, id: Id, parent: Option<i64>, texts: &Texts<'_>) -> bool {
        if let (Id::Number(number), []) = (id, texts.pairs()) {
            let mut quick = Quick::new();
            if let Some(marker) = quick.numbered(self.bytes(dir), number, parent) {
                emit::write(marker);
                return true;
            }
        }
        emit::encode(dir, id, parent, &self.path, texts.pairs(), emit::write).is_ok()
    }

    /// Writes a marker with the arguments of a dict, if that is done at once: nothing in them needs an
    /// escape, nor Python code. Whether it was.
    #[inline]
    pub(crate) fn quick(&self, dir: Dir, args: Borrowed<'_, '_, PyAny>) -> bool {
        let mut quick = Quick::new();
        match quick.marker(self.bytes(dir), args) {
            Some(marker) => emit::write(marker),
            None => return false,
        }
        true
    }
}
