//! Functions that write one marker.

use core::ffi::{CStr, c_char, c_int};

use nulltrace::raw::{self, Dir};

use crate::borrow;
use crate::mark::{Parent, Tags, is_off, mark};
use crate::types::{NT_DIR_ENTER, NT_DIR_EXIT, NT_ID_NUMBER, nt_arg, nt_id, nt_result, nt_text};

/// Whether markers are written: false with NULLTRACE=off in the environment (or 0, false, no), after
/// nt_set_enabled(false), or without a null device. Opens the device if that was not done. Ask before you compute
/// costly arguments.
#[unsafe(no_mangle)]
pub extern "C" fn nt_on() -> bool {
    raw::on()
}

/// Switches markers on or off for the whole process, whatever NULLTRACE says in the environment.
///
/// NT_SPAN and an nt_span that were begun while on write their exit also when off, so that none stays open; what is
/// begun while off writes nothing, also not later. NT_EXIT, nt_exit() and nt_exit_args() know nothing of the enter:
/// after a switch they write the exit in any case, and one that has no enter is counted by the collector as
/// unmatched. Where NULLTRACE=off was never overruled they write nothing.
#[unsafe(no_mangle)]
pub extern "C" fn nt_set_enabled(enabled: bool) {
    nulltrace::set_enabled(enabled);
}

/// The descriptor of the device, negative when nt_on() is false: for the macros, which make the
/// system call where they stand. Opens the device if that was not done.
#[unsafe(no_mangle)]
pub extern "C" fn nt_device() -> c_int {
    raw::descriptor()
}

/// The same for the exits of spans: not negative either while nt_set_enabled(false) has switched markers off.
#[unsafe(no_mangle)]
pub extern "C" fn nt_exit_device() -> c_int {
    raw::exit_descriptor()
}

/// A number that no other span has, between 2^32 and 2^48, for spans that may end on another thread, that begin
/// and end among each other on one, or that are named as parents. A child of fork() counts from a start of
/// its own.
#[unsafe(no_mangle)]
pub extern "C" fn nt_unique() -> nt_id {
    nt_id {
        kind: NT_ID_NUMBER,
        number: raw::unique(),
    }
}

/// Begins a span. Dots separate the tags of the path: "checkout.pay" is pay inside checkout. Every
/// other byte stands for itself.
///
/// path: NUL-terminated; NULL is refused as an empty tag.
///
/// @code
/// nt_enter(nt_number(order), "checkout.pay");
/// pay();
/// nt_exit(nt_number(order), "checkout.pay");
/// @endcode
///
/// # Safety
/// `path` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_enter(id: nt_id, path: *const c_char) -> nt_result {
    // SAFETY: the caller vouches for the path; no elements are no memory.
    unsafe { path_mark(Dir::Enter, id, Parent::Unnamed, path, core::ptr::null(), 0) }
}

/// Ends the span that began with this id and path.
///
/// # Safety
/// As [`nt_enter`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_exit(id: nt_id, path: *const c_char) -> nt_result {
    // SAFETY: as in `nt_enter`.
    unsafe { path_mark(Dir::Exit, id, Parent::Unnamed, path, core::ptr::null(), 0) }
}

/// Begins a span with arguments.
///
/// args: count of them; may be NULL, which is none.
///
/// @code
/// const nt_arg args[] = {nt_str("user", name), nt_int("cart", 7)};
/// nt_enter_args(nt_thread(), "checkout.pay", args, 2);
/// @endcode
///
/// # Safety
/// As [`nt_mark`], and `path` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_enter_args(
    id: nt_id,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    // SAFETY: the caller vouches for it.
    unsafe { path_mark(Dir::Enter, id, Parent::Unnamed, path, args, count) }
}

/// Ends a span with arguments: what came out of it, "status", "error", "rows".
///
/// # Safety
/// As [`nt_enter_args`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_exit_args(
    id: nt_id,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    // SAFETY: the caller vouches for it.
    unsafe { path_mark(Dir::Exit, id, Parent::Unnamed, path, args, count) }
}

/// Begins a span whose parent is named, for spans of which several interleave on a thread or that move between
/// threads: the collector would take the innermost span of the thread. nt_exit() ends it.
///
/// id: of nt_unique(). parent: the id of an open span, of nt_unique() too, such as nt_context(); nt_empty()
/// says that there is no parent; any other is refused as NT_E_ID.
///
/// # Safety
/// As [`nt_enter_args`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_enter_in(
    id: nt_id,
    parent: nt_id,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    let Some(parent) = Parent::of(parent) else {
        return nt_result::NT_E_ID;
    };
    // SAFETY: the caller vouches for it.
    unsafe { path_mark(Dir::Enter, id, parent, path, args, count) }
}

/// Writes any marker there can be: each text is one tag, dots and NULs included.
///
/// dir: NT_DIR_ENTER or NT_DIR_EXIT.
///
/// @code
/// const nt_text tags[] = {{"www.example.org", NT_Z}, {"get", NT_Z}};
/// nt_mark(NT_DIR_ENTER, nt_thread(), tags, 2, NULL, 0);
/// @endcode
///
/// # Safety
/// `tags` and `args` are NULL or hold so many elements, and each text is NULL, or has so many bytes,
/// or a NUL where its length is [`NT_Z`](crate::NT_Z).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_mark(
    dir: c_int,
    id: nt_id,
    tags: *const nt_text,
    tag_count: usize,
    args: *const nt_arg,
    arg_count: usize,
) -> nt_result {
    let dir = match dir {
        NT_DIR_ENTER => Dir::Enter,
        NT_DIR_EXIT => Dir::Exit,
        _ => return nt_result::NT_E_ID,
    };
    if is_off(dir) {
        return nt_result::NT_OK;
    }
    let mut list = Tags::new();
    // SAFETY: the caller vouches for the elements and their texts.
    unsafe {
        for tag in borrow::array(tags, tag_count) {
            list.push(borrow::text(tag));
        }
        mark(
            dir,
            id,
            Parent::Unnamed,
            &list,
            None,
            borrow::array(args, arg_count),
        )
    }
}

/// Writes a marker that is whole and right already, such as a literal of the macros. Nothing is
/// checked: `nulltrace parse` shows what is wrong with one. An exit is written also after nt_set_enabled(false).
///
/// # Safety
/// `marker` is NULL or holds `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_write(marker: *const c_char, len: usize) {
    // SAFETY: the caller vouches for the bytes.
    let marker = unsafe { borrow::array(marker.cast(), len) };
    // The first of these bytes is the direction, in both forms.
    match marker.iter().find(|byte| matches!(byte, b'>' | b'<')) {
        Some(b'<') => raw::write_exit(marker),
        _ => raw::write(marker),
    }
}

/// The format's name of a result, "E_TAG_EMPTY"; "OK" for NT_OK.
#[unsafe(no_mangle)]
pub extern "C" fn nt_name(result: c_int) -> *const c_char {
    let name: &'static CStr = match result {
        0 => c"OK",
        1 => c"E_ID",
        2 => c"E_TAG_EMPTY",
        3 => c"E_TAG_DEPTH",
        4 => c"E_ARG_NAME",
        5 => c"E_ARG_COUNT",
        7 => c"E_LIMIT",
        _ => c"E_OTHER",
    };
    name.as_ptr()
}

/// The version of the library that runs, "0.1.0"; NT_VERSION is that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn nt_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// One marker of a dotted path.
#[inline(always)]
unsafe fn path_mark(
    dir: Dir,
    id: nt_id,
    parent: Parent,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    if is_off(dir) {
        return nt_result::NT_OK;
    }
    let mut tags = Tags::new();
    // SAFETY: the caller vouches for the path, the elements and their texts.
    unsafe {
        tags.push_path(borrow::terminated(path));
        mark(dir, id, parent, &tags, None, borrow::array(args, count))
    }
}
