//! Spans that know how to end.

use core::ffi::c_char;

use nulltrace::__private::Kept;
use nulltrace::raw::Dir;

use crate::borrow;
use crate::decimal::Decimal;
use crate::mark::{Parent, Tags, is_off, mark, pair};
use crate::nt_unique;
use crate::types::{NT_ID_EMPTY, kept, nt_arg, nt_id, nt_result, nt_span};

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
    let begun = Begun {
        id,
        path,
        parent: core::ptr::null(),
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
    let mut begun = Begun {
        id: nt_unique(),
        path,
        parent: core::ptr::null(),
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
    let begun = Begun {
        id,
        // Without a parent there is no path either, and the child is refused.
        path: if parent.is_null() {
            core::ptr::null()
        } else {
            path
        },
        parent,
    };
    // SAFETY: the caller vouches for it.
    unsafe { begin(child, begun, Parent::Unnamed, args, count) }
}

const NOBODY: nt_id = nt_id {
    kind: NT_ID_EMPTY,
    number: 0,
};

/// Keeps an argument for the end of an open span, from any place in the middle of it. The texts are copied: they need
/// not last. Of a name that is recorded twice the last value counts.
///
/// There are 256 bytes for names and values, four more counted for each argument. What has no room is refused as
/// NT_E_LIMIT, and an earlier value of its name is gone.
///
/// @code
/// nt_span_record(&job, nt_int("rows", rows));
/// @endcode
///
/// # Safety
/// `span` is NULL or was begun; the texts are as [`nt_mark`](crate::nt_mark) wants them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nt_span_record(span: *mut nt_span, arg: nt_arg) -> nt_result {
    // SAFETY: the caller vouches for it.
    let Some(span) = (unsafe { span.as_mut() }) else {
        return nt_result::NT_OK;
    };
    if span.open == 0 {
        return nt_result::NT_OK;
    }
    let mut room = Decimal::new();
    // SAFETY: the caller vouches for the texts; the span was begun, which made what it keeps.
    let (kept, (name, value)) = unsafe { (&mut *kept(&mut span.recorded), pair(&arg, &mut room)) };
    if name.is_empty() {
        nt_result::NT_E_ARG_NAME
    } else if kept.set(name, value) {
        nt_result::NT_OK
    } else {
        nt_result::NT_E_LIMIT
    }
}

/// Ends a span, with arguments or NULL behind those of nt_span_record(). One that has ended, or never began, is left
/// alone.
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
    let ended = Begun {
        id: span.id,
        path: span.path,
        parent: span.parent,
    };
    // SAFETY: the caller vouches for it; the span was begun, which made what it keeps.
    let result = unsafe {
        let kept = &*kept(&mut span.recorded);
        let kept = (!kept.is_empty()).then_some(kept);
        write(Dir::Exit, &ended, Parent::Unnamed, kept, args, count)
    };
    // An end whose arguments are refused may be tried again without them.
    if result == nt_result::NT_OK {
        span.open = 0;
    }
    result
}

/// What a span is begun with.
struct Begun {
    id: nt_id,
    path: *const c_char,
    parent: *const nt_span,
}

#[inline(always)]
unsafe fn begin(
    to: *mut nt_span,
    span: Begun,
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
        true => unsafe { write(Dir::Enter, &span, parent, None, args, count) },
        false => nt_result::NT_OK,
    };
    // SAFETY: not NULL, and the caller vouches for it. There is nothing to drop in what it held. Field by field, as most
    // of what it keeps is not written at all.
    unsafe {
        (&raw mut (*to).id).write(span.id);
        (&raw mut (*to).path).write(span.path);
        (&raw mut (*to).parent).write(span.parent);
        // One begun while markers are off owes no exit, also not later.
        (&raw mut (*to).open).write(u32::from(on && result == nt_result::NT_OK));
        kept(&raw mut (*to).recorded).write(Kept::new());
    }
    result
}

#[inline(always)]
unsafe fn write(
    dir: Dir,
    span: &Begun,
    parent: Parent,
    kept: Option<&Kept>,
    args: *const nt_arg,
    count: usize,
) -> nt_result {
    let mut tags = Tags::new();
    // SAFETY: the caller vouches for the spans, paths, elements and their texts.
    unsafe {
        if let Some(parent) = span.parent.as_ref() {
            push(&mut tags, parent, 1);
        }
        tags.push_path(borrow::terminated(span.path));
        let args = borrow::array(args, count);
        mark(dir, span.id, parent, &tags, kept, args)
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
