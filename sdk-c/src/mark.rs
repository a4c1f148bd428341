//! From C's arguments to one write.

use core::mem::MaybeUninit;

use nulltrace::__private::Kept;
use nulltrace::Id;
use nulltrace::raw::{self, Buffer, Dir, Refused};

use crate::borrow;
use crate::current::is_unique;
use crate::decimal::Decimal;
use crate::types::{
    NT_ARG_INT, NT_ARG_UINT, NT_ID_EMPTY, NT_ID_GLOBAL, NT_ID_NUMBER, NT_ID_PARENT, NT_ID_PROCESS,
    NT_ID_THREAD, nt_arg, nt_id, nt_result,
};

/// One more than a marker may have: the codec is to see that there are too many.
const TAGS: usize = 33;
const ARGS: usize = 65;
/// The name of the argument that, first in an enter, names the parent.
const PARENT: &[u8] = b"^";

/// A list with room for `N`, on the stack; what does not fit is left out.
struct List<T, const N: usize> {
    items: [MaybeUninit<T>; N],
    len: usize,
}

impl<T: Copy, const N: usize> List<T, N> {
    // Not a constant: the compiler would clear the whole of one.
    #[inline(always)]
    fn new() -> Self {
        Self {
            len: 0,
            items: [const { MaybeUninit::uninit() }; N],
        }
    }

    fn push(&mut self, item: T) {
        if let Some(slot) = self.items.get_mut(self.len) {
            slot.write(item);
            self.len += 1;
        }
    }

    fn as_slice(&self) -> &[T] {
        let items = self.items.get(..self.len).unwrap_or_default();
        // SAFETY: the first `len` were written, and the types have one layout.
        unsafe { &*(core::ptr::from_ref(items) as *const [T]) }
    }
}

/// The tags of a marker: each one tag.
pub(crate) struct Tags<'a>(List<&'a [u8], TAGS>);

impl<'a> Tags<'a> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self(List::new())
    }

    pub(crate) fn push(&mut self, tag: &'a [u8]) {
        self.0.push(tag);
    }

    /// The tags of a path, which dots separate. No path is no tag, and an empty one an empty tag.
    pub(crate) fn push_path(&mut self, path: &'a [u8]) {
        for tag in path.split(|&byte| byte == b'.') {
            self.push(tag);
        }
    }
}

fn id(id: nt_id) -> Option<Id> {
    Some(match id.kind {
        NT_ID_EMPTY => Id::Empty,
        NT_ID_GLOBAL => Id::Global,
        NT_ID_THREAD => Id::Thread,
        NT_ID_PROCESS => Id::Process,
        NT_ID_PARENT => Id::Parent,
        NT_ID_NUMBER => Id::Number(id.number),
        _ => return None,
    })
}

fn result(refused: Refused) -> nt_result {
    match refused {
        Refused::TagEmpty => nt_result::NT_E_TAG_EMPTY,
        Refused::TagDepth => nt_result::NT_E_TAG_DEPTH,
        Refused::ArgName => nt_result::NT_E_ARG_NAME,
        Refused::ArgCount => nt_result::NT_E_ARG_COUNT,
        _ => nt_result::NT_E_OTHER,
    }
}

/// The parent that an enter names.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    /// None: the collector sees how the spans of a thread nest.
    Unnamed,
    /// That the span has none.
    Root,
    Number(i64),
}

impl Parent {
    /// By its id; `None` if that is none that can be named.
    pub(crate) fn of(id: nt_id) -> Option<Self> {
        match id.kind {
            NT_ID_EMPTY => Some(Self::Root),
            _ if is_unique(id) => Some(Self::Number(id.number)),
            _ => None,
        }
    }
}

/// Whether such markers are not written: exits are, also while markers are switched off by a call.
#[inline(always)]
pub(crate) fn is_off(dir: Dir) -> bool {
    match dir {
        Dir::Enter => !raw::on(),
        Dir::Exit => raw::exit_descriptor() < 0,
    }
}

/// Encodes and writes one marker.
///
/// Inlined, so that the function C calls makes the system call itself: behind one, each return is
/// mispredicted on many processors.
///
/// # Safety
/// The addresses in `args` are as [`crate::borrow`] wants them.
#[inline(always)]
pub(crate) unsafe fn mark(
    dir: Dir,
    of: nt_id,
    parent: Parent,
    tags: &Tags<'_>,
    kept: Option<&Kept>,
    args: &[nt_arg],
) -> nt_result {
    let Some(id) = id(of) else {
        return nt_result::NT_E_ID;
    };
    let mut buffer = Buffer::new();
    let tags = tags.0.as_slice();
    let marker = if args.is_empty() && kept.is_none() && matches!(parent, Parent::Unnamed) {
        raw::encode(&mut buffer, dir, id, tags, &[])
    } else {
        // SAFETY: the caller vouches for the addresses.
        unsafe { with_args(&mut buffer, dir, id, parent, tags, kept, args) }
    };
    match marker {
        Ok(marker) => {
            match dir {
                Dir::Enter => raw::write(marker),
                Dir::Exit => raw::write_exit(marker),
            }
            nt_result::NT_OK
        }
        Err(refused) => result(refused),
    }
}

/// The name and the text of an argument; a number is written to `room`.
///
/// # Safety
/// The addresses in `arg` are as [`crate::borrow`] wants them.
pub(crate) unsafe fn pair<'a>(arg: &'a nt_arg, room: &'a mut Decimal) -> (&'a [u8], &'a [u8]) {
    let value = match arg.kind {
        NT_ARG_INT => {
            let number = arg.number as i64;
            room.write(number < 0, number.unsigned_abs())
        }
        NT_ARG_UINT => room.write(false, arg.number),
        // SAFETY: the caller vouches for the addresses.
        _ => unsafe { borrow::text(&arg.value) },
    };
    // SAFETY: as above.
    (unsafe { borrow::text(&arg.name) }, value)
}

/// Apart, so that a marker without arguments needs no stack for them.
#[inline(never)]
unsafe fn with_args<'b>(
    buffer: &'b mut Buffer,
    dir: Dir,
    id: Id,
    parent: Parent,
    tags: &[&[u8]],
    kept: Option<&'b Kept>,
    args: &[nt_arg],
) -> Result<&'b [u8], Refused> {
    let mut parent_number = Decimal::new();
    let mut numbers = [const { Decimal::new() }; ARGS];
    let mut pairs: List<(&[u8], &[u8]), ARGS> = List::new();
    match parent {
        Parent::Unnamed => {}
        Parent::Root => pairs.push((PARENT, b"")),
        Parent::Number(number) => {
            pairs.push((PARENT, parent_number.write(false, number.unsigned_abs())));
        }
    }
    if let Some(kept) = kept {
        kept.pairs().for_each(|pair| pairs.push(pair));
    }
    for (arg, room) in args.iter().zip(&mut numbers) {
        // SAFETY: the caller vouches for the addresses.
        pairs.push(unsafe { pair(arg, room) });
    }
    let own = usize::from(!matches!(parent, Parent::Unnamed));
    let first = pairs.as_slice().get(own);
    let refused = dir == Dir::Enter && matches!(first, Some((b"^", _)));
    match raw::encode(buffer, dir, id, tags, pairs.as_slice()) {
        Ok(_) if refused => Err(Refused::ArgName),
        marker => marker,
    }
}
