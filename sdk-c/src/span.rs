//! Spans that know how to end.

use core::ffi::c_char;

use nulltrace::raw::Dir;

use crate::borrow;
use crate::mark::{Parent, Tags, is_off, mark};
use crate::nt_unique;
use crate::types::{NT_ID_EMPTY, nt_arg, nt_id, nt_result, nt_span};

/// Begins a span that nt_span_end() ends, on any thread if its id is a number.
///
/// span: overwritten. path: as in nt_enter(); not copied, it must last until the span's end and its
/// children's. If the span is refused, its end writes nothing.
///
/// @code
/// nt_span job;
/// nt_span_begin(&job, nt_unique(), "job", NULL, 0);
/// ...                                       // job may move to another thread
/// nt_span_end(&job, NULL, 0);
/// @endcode
///
/// # Safety
/// `span` is NULL or may be written to; otherwise as [`nt_enter_args`](crate::nt_enter_args).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_span_begin(
    span: *mut nt_span,
    id: nt_id,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    let begun = nt_span {
        id,
        path,
        parent: core::ptr::null(),
        open: 0,
    };
    // SAFETY: the caller vouches for it.
    unsafe { begin(span, begun, Parent::Unnamed, args, count) }
}

/// Begins a span with an id of nt_unique() whose parent is named, as nt_enter_in(): its own id may be named
/// then, and made the context.
///
/// @code
/// nt_span read;
/// nt_span_begin_in(&read, job->span.id, "read", NULL, 0);    // whatever else runs on this thread
/// const nt_id before = nt_context_set(read.id);
/// ...                                                        // asks for nt_context()
/// nt_context_set(before);
/// nt_span_end(&read, NULL, 0);
/// @endcode
///
/// # Safety
/// As [`nt_span_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_span_begin_in(
    span: *mut nt_span,
    parent: nt_id,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    let mut begun = nt_span {
        id: nt_unique(),
        path,
        parent: core::ptr::null(),
        open: 0,
    };
    let Some(parent) = Parent::of(parent) else {
        begun.path = core::ptr::null();
        // SAFETY: the caller vouches for it. It is refused for want of a path, and so its end writes nothing.
        unsafe { begin(span, begun, Parent::Unnamed, core::ptr::null(), 0) };
        return nt_result::NT_E_ID;
    };
    // SAFETY: the caller vouches for it.
    unsafe { begin(span, begun, parent, args, count) }
}

/// Begins a child: with the id of its parent, and the parent's tags and its own.
///
/// parent: must last until the child's end, but may have ended; NULL is refused.
///
/// @code
/// nt_span read;
/// nt_span_child(&read, &job, "read", NULL, 0);      // job.read
/// nt_span_end(&read, NULL, 0);
/// @endcode
///
/// # Safety
/// As [`nt_span_begin`], and `parent` is NULL or was begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_span_child(
    child: *mut nt_span,
    parent: *const nt_span,
    path: *const c_char,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    // SAFETY: the caller vouches for it.
    let id = unsafe { parent.as_ref() }.map_or(NOBODY, |parent| parent.id);
    let begun = nt_span {
        id,
        // Without a parent there is no path either, and the child is refused.
        path: if parent.is_null() {
            core::ptr::null()
        } else {
            path
        },
        parent,
        open: 0,
    };
    // SAFETY: the caller vouches for it.
    unsafe { begin(child, begun, Parent::Unnamed, args, count) }
}

const NOBODY: nt_id = nt_id {
    kind: NT_ID_EMPTY,
    number: 0,
};

/// Ends a span, with arguments or NULL. One that has ended, or never began, is left alone.
///
/// # Safety
/// `span` is NULL or was begun; otherwise as [`nt_mark`](crate::nt_mark).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_span_end(
    span: *mut nt_span,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    // SAFETY: the caller vouches for it.
    let Some(span) = (unsafe { span.as_mut() }) else {
        return nt_result::NT_OK;
    };
    if span.open == 0 {
        return nt_result::NT_OK;
    }
    // SAFETY: the caller vouches for it.
    let result = unsafe { write(Dir::Exit, span, Parent::Unnamed, args, count) };
    // An end whose arguments are refused may be tried again without them.
    if result == nt_result::NT_OK {
        span.open = 0;
    }
    result
}

#[inline(always)]
unsafe fn begin(
    to: *mut nt_span,
    mut span: nt_span,
    parent: Parent,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    if to.is_null() {
        return nt_result::NT_E_TAG_EMPTY;
    }
    let on = !is_off(Dir::Enter);
    let result = match on {
        // SAFETY: the caller vouches for it.
        true => unsafe { write(Dir::Enter, &span, parent, args, count) },
        false => nt_result::NT_OK,
    };
    // One begun while markers are off owes no exit, also not later.
    span.open = u32::from(on && result == nt_result::NT_OK);
    // SAFETY: not NULL, and the caller vouches for it. There is nothing to drop in what it held.
    unsafe { to.write(span) };
    result
}

#[inline(always)]
unsafe fn write(
    dir: Dir,
    span: &nt_span,
    parent: Parent,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    let mut tags = Tags::new();
    // SAFETY: the caller vouches for the spans, paths, elements and their texts.
    unsafe {
        push(&mut tags, span, 0);
        mark(dir, span.id, parent, &tags, borrow::array(args, count))
    }
}

/// The tags of the parents, then the span's own.
unsafe fn push<'a>(tags: &mut Tags<'a>, span: &'a nt_span, depth: u32) {
    // Each has a tag, so what is deeper than 33 is refused whatever it is. Bounds the stack too.
    // SAFETY: the caller vouches for the spans and their paths.
    unsafe {
        if depth < 33
            && let Some(parent) = span.parent.as_ref()
        {
            push(tags, parent, depth + 1);
        }
        tags.push_path(borrow::terminated(span.path));
    }
}
