//! From the bytes of a file to its blocks, whatever the pieces in which they come.

use core::ops::Range;

use super::block::{
    Found, HEAD, Head, KIND_FILE, KIND_RECORDS, PART_LAYOUT, PART_VERSION, find, part,
};
use super::bytes::Bad;
use super::damage::{Refused, Why};
use super::writer::VERSION;

/// A part of a file: a block, or a place where none is.
#[derive(Debug)]
pub struct Piece {
    /// Where it is, in bytes from the file's beginning.
    pub at: Range<u64>,
    pub(super) what: Cut,
}

#[derive(Debug)]
pub(super) enum Cut {
    /// The file's first block, of which this is the layout of its records.
    Layout(Vec<u8>),
    /// A block and its bytes.
    Block(Head, Vec<u8>),
    /// It cannot be read; it is perhaps what the next ones need.
    Damaged(Why, bool),
}

impl Piece {
    /// Whether it can be read without those before it, and those after it not without it.
    #[must_use]
    pub const fn is_checkpoint(&self) -> bool {
        matches!(&self.what, Cut::Block(head, _) if head.kind == KIND_RECORDS && head.is_checkpoint())
    }
}

/// Cuts a file into its blocks.
#[derive(Debug, Default)]
pub struct Cutter {
    /// Bytes of a block that is not whole yet.
    waiting: Vec<u8>,
    /// Where they begin in the file.
    at: u64,
    begun: bool,
    refused: Option<Refused>,
}

impl Cutter {
    /// Takes the next bytes of the file; what they are goes to `out`. Nothing does once it was refused.
    pub fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(Piece)) {
        self.waiting.extend_from_slice(bytes);
        let waiting = core::mem::take(&mut self.waiting);
        let mut used = 0;
        while self.refused.is_none() {
            let rest = waiting.get(used..).unwrap_or_default();
            let found = find(rest);
            let len = match found {
                Found::More(_) => break,
                Found::Block(_, body) => HEAD + body.len(),
                Found::Damaged(head) => HEAD + head.len as usize,
                Found::Nothing(by) => by,
            };
            let at = self.at..self.at + len as u64;
            if let Some(what) = self.cut(found) {
                out(Piece { at, what });
            }
            used += len;
            self.at += len as u64;
        }
        self.waiting = waiting;
        self.waiting.drain(..used);
    }

    fn cut(&mut self, found: Found<'_>) -> Option<Cut> {
        match found {
            Found::Block(head, body) if head.kind == KIND_FILE => self.file(&head, body),
            _ if !self.begun => {
                self.refused = Some(Refused::NoCapture);
                None
            }
            Found::Block(head, body) => Some(Cut::Block(head, body.to_vec())),
            Found::Damaged(head) => {
                let needed = head.kind == KIND_RECORDS;
                Some(Cut::Damaged(Why::Checksum(head.count), needed))
            }
            // Whatever was there, it may have been what the next ones need.
            Found::Nothing(_) => Some(Cut::Damaged(Why::NoBlock, true)),
            Found::More(_) => None,
        }
    }

    /// The first block.
    fn file(&mut self, head: &Head, body: &[u8]) -> Option<Cut> {
        let bad = |bad| Some(Cut::Damaged(Why::Contents(bad, head.count), false));
        let (major, minor) = match part(body, PART_VERSION) {
            Ok(&[major, minor]) => (major, minor),
            Ok(_) => return bad(Bad::Short),
            Err(error) => return bad(error),
        };
        if major != VERSION.0 {
            self.refused = Some(Refused::Version(major, minor));
            return None;
        }
        self.begun = true;
        match part(body, PART_LAYOUT) {
            Ok(layout) => Some(Cut::Layout(layout.to_vec())),
            Err(error) => bad(error),
        }
    }

    /// The next bytes are those from this place on. What was not whole is left out.
    pub fn jump(&mut self, at: u64) {
        self.waiting.clear();
        self.at = at;
    }

    /// Whether it is a capture, as far as it was read.
    ///
    /// # Errors
    /// It is none, or none that this build reads.
    pub fn check(&self) -> Result<(), Refused> {
        self.refused.map_or(Ok(()), Err)
    }

    /// The file ended. What was not whole, and why nothing was read.
    #[must_use]
    pub fn end(self) -> (Option<Piece>, Option<Refused>) {
        if self.refused.is_some() {
            return (None, self.refused);
        }
        if !self.begun {
            return (None, Some(Refused::NoCapture));
        }
        let at = self.at..self.at + self.waiting.len() as u64;
        let cut = (!at.is_empty()).then_some(Piece {
            at,
            what: Cut::Damaged(Why::Cut, false),
        });
        (cut, None)
    }
}
