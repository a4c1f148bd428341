//! The structures of the C interface.

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;

use nulltrace::__private::Kept;

/// Whose span it is. Make one with nt_thread(), nt_number() and their like, or nt_unique().
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct nt_id {
    /// One of the NT_ID_ constants; any other is refused as NT_E_ID.
    pub kind: u32,
    /// The number, where kind is NT_ID_NUMBER.
    pub number: i64,
}

/// No id: an exit ends the nearest span of the same tags.
pub const NT_ID_EMPTY: u32 = 0;
/// One id for the whole machine.
pub const NT_ID_GLOBAL: u32 = 1;
/// The calling thread: for spans that begin and end on one thread.
pub const NT_ID_THREAD: u32 = 2;
/// The calling process.
pub const NT_ID_PROCESS: u32 = 3;
/// The parent of the calling process.
pub const NT_ID_PARENT: u32 = 4;
/// A number: nt_unique() gives one that no other span has.
pub const NT_ID_NUMBER: u32 = 5;

/// Bytes with their length, for text that is not NUL-terminated or that holds NULs.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nt_text {
    /// May be NULL, which is empty text.
    pub data: *const c_char,
    /// In bytes; NT_Z if the text ends at its first NUL.
    pub len: usize,
}

/// As a length: the text ends at its first NUL.
pub const NT_Z: usize = usize::MAX;

/// An argument. Make one with nt_str(), nt_bytes(), nt_int(), nt_uint(), nt_bool(), or NT_ARG().
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nt_arg {
    /// Not empty, nor "^" where it is the first of an enter.
    pub name: nt_text,
    /// The value, where kind is NT_ARG_TEXT. The memory is read during the call and never after.
    pub value: nt_text,
    /// The value where kind is NT_ARG_UINT, or, as the bits of an int64_t, NT_ARG_INT.
    pub number: u64,
    /// One of the NT_ARG_ constants; any other is taken as NT_ARG_TEXT.
    pub kind: u32,
}

/// The value is text.
pub const NT_ARG_TEXT: u32 = 0;
/// The value is a signed number; it is written in decimal.
pub const NT_ARG_INT: u32 = 1;
/// The value is an unsigned number; it is written in decimal.
pub const NT_ARG_UINT: u32 = 2;

/// A span that knows how to end, wherever that is: on the stack, or in a job that moves from thread
/// to thread. Its memory is yours; there is nothing to free. The fields are the library's.
#[repr(C)]
#[derive(Debug)]
pub struct nt_span {
    /// The id it began with.
    pub id: nt_id,
    /// The path it began with: not copied.
    pub path: *const c_char,
    /// The span it is a child of, or NULL.
    pub parent: *const nt_span,
    /// Not 0 from its begin to its end.
    pub open: u32,
    /// What nt_span_record() kept.
    pub recorded: [MaybeUninit<u16>; 130],
}

const _: () = assert!(size_of::<Kept>() == 260 && align_of::<Kept>() == 2);

/// What a span with this field keeps.
pub(crate) fn kept(recorded: *mut [MaybeUninit<u16>; 130]) -> *mut Kept {
    recorded.cast()
}

/// As a direction: a span begins.
pub const NT_DIR_ENTER: c_int = 0;
/// As a direction: a span ends.
pub const NT_DIR_EXIT: c_int = 1;

/// What became of a marker. Anything but NT_OK means that nothing was written.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum nt_result {
    /// It was written, or markers are off, or a span had ended already.
    NT_OK = 0,
    /// The kind of the id, or the direction, is none of those defined; or the id of the parent is none that can
    /// be named.
    NT_E_ID = 1,
    /// There is no tag, or an empty one.
    NT_E_TAG_EMPTY = 2,
    /// More than 32 tags.
    NT_E_TAG_DEPTH = 3,
    /// The name of an argument is empty, or that of the first of an enter is "^", which names the parent.
    NT_E_ARG_NAME = 4,
    /// More than 64 arguments.
    NT_E_ARG_COUNT = 5,
    /// Refused for a reason that this version has no code for.
    NT_E_OTHER = 6,
    /// There is no room left for an argument to be kept.
    NT_E_LIMIT = 7,
}
