//! The calls of a segment that may be chosen, by what is known to hold for them.

use std::sync::Arc;

use crate::activity::Inside;
use crate::facts::file::File;
use crate::input::record::{CALLS_AGAIN, CallsRecord};
use crate::query::filter::Holds;

/// Calls and their files, apart where different parts of the filter hold for them.
#[derive(Default)]
pub(super) struct Chosen {
    parts: Vec<Part>,
}

#[derive(Default)]
struct Part {
    holds: Holds,
    calls: Vec<CallsRecord>,
    files: Vec<Option<Arc<File>>>,
}

impl Chosen {
    pub(super) fn push(&mut self, holds: Holds, of: &CallsRecord, file: Option<Arc<File>>) {
        let mut of = *of;
        if of.flags & CALLS_AGAIN != 0 && !self.is_again(holds, of.nr) {
            of.flags &= !CALLS_AGAIN;
        }
        let at = self.parts.iter().position(|part| part.holds == holds);
        let at = at.unwrap_or_else(|| {
            self.parts.push(Part {
                holds,
                ..Part::default()
            });
            self.parts.len() - 1
        });
        self.parts[at].calls.push(of);
        self.parts[at].files.push(file);
    }

    /// Whether the second file of a call counts beside the first, and not for the call: it does where the first is
    /// chosen whenever this is. Where it is the other way around, the first does, and this stands for the call.
    fn is_again(&mut self, holds: Holds, nr: u32) -> bool {
        let first = |of: &&mut CallsRecord| of.nr == nr && of.flags & CALLS_AGAIN == 0;
        for part in &mut self.parts {
            let Some(of) = part.calls.iter_mut().find(first) else {
                continue;
            };
            if part.holds.covers(holds) {
                return true;
            }
            if holds.covers(part.holds) {
                of.flags |= CALLS_AGAIN;
                return false;
            }
        }
        false
    }

    /// Gives a segment with the calls of each part, and what holds for them; first, always, those for which nothing
    /// need hold.
    pub(super) fn each(&self, of: &Inside<'_>, mut f: impl FnMut(Holds, &Inside<'_>)) {
        let nothing = Holds::default();
        let plain = self.parts.iter().find(|part| part.holds == nothing);
        let (calls, files) = plain.map_or((&[][..], &[][..]), |part| (&part.calls, &part.files));
        let with = |calls, files| Inside {
            calls,
            files,
            ..*of
        };
        f(nothing, &with(calls, files));
        for part in self.parts.iter().filter(|part| part.holds != nothing) {
            f(part.holds, &with(&part.calls, &part.files));
        }
    }
}
