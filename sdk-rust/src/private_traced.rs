//! What `#[traced]` writes calls to. Not for programs.

use core::fmt::{Debug, Display};
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::call::Call;
use crate::context::{PLAIN, leave, swap};
use crate::task::Task;
use crate::within::Within;
use crate::{Args, Value, debug, display, error};

/// Calls the body within the span, and notes its outcome on the exit.
#[inline(always)]
pub fn run<R>(span: Call, body: impl FnOnce() -> R, note: impl Fn(&mut Args<'_>, &R)) -> R {
    let out = body();
    span.exit_with(|args| note(args, &out));
    out
}

/// Calls it, within the span of a task. Makes a closure one that is called once, which may give away what it has
/// captured.
#[inline(always)]
pub fn call<R>(task: &Task<'_>, body: impl FnOnce() -> R) -> R {
    let _within = (task.context() != PLAIN).then(|| Calling {
        context: task.context(),
        outer: swap(task.context()),
    });
    body()
}

/// Puts back what was current before a call.
struct Calling {
    context: i64,
    outer: i64,
}

impl Drop for Calling {
    #[inline(always)]
    fn drop(&mut self) {
        leave(self.context, self.outer);
    }
}

/// Stands for a value of a type where none is ever made.
///
/// # Panics
/// Always.
pub fn never<T>() -> T {
    unreachable!("behind `if false`")
}

/// A future within the span of a task.
#[inline]
pub fn follow<F: Future>(
    task: Task<'static>,
    future: F,
) -> Followed<F, fn(&mut Args<'_>, &F::Output)> {
    follow_noting(task, future, |_, _| ())
}

/// The same; notes the outcome on the exit.
#[inline]
pub fn follow_noting<F: Future, N: Fn(&mut Args<'_>, &F::Output)>(
    task: Task<'static>,
    future: F,
    note: N,
) -> Followed<F, N> {
    Followed {
        future: Within::new(future, task.context()),
        task: Some(task),
        note,
    }
}

/// Made by [`follow`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Followed<F, N> {
    // Dropped first: what lies within the span ends before it.
    future: Within<F>,
    /// Until the span has ended.
    task: Option<Task<'static>>,
    note: N,
}

impl<F: Future, N: Fn(&mut Args<'_>, &F::Output)> Future for Followed<F, N> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of here, only pinned again; the other fields are never
        // pinned, and there is no `Drop` of this type.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: it is part of what is pinned.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let unwound = Unwound(&mut this.task);
        let polled = future.poll(context);
        core::mem::forget(unwound);
        // Where it is: to move it takes the stack of each poll.
        if let Poll::Ready(out) = &polled
            && let Some(task) = &mut this.task
        {
            task.finish_with(|args| (this.note)(args, out));
        }
        polled
    }
}

/// Ends the span while the panic passes: later it would look cancelled.
struct Unwound<'t>(&'t mut Option<Task<'static>>);

impl Drop for Unwound<'_> {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

/// Notes each half of a result by its own function.
#[inline]
pub fn outcome<T, E>(
    args: &mut Args<'_>,
    out: &Result<T, E>,
    ret: impl Fn(&mut Args<'_>, &T),
    err: impl Fn(&mut Args<'_>, &E),
) {
    match out {
        Ok(value) => ret(args, value),
        Err(error) => err(args, error),
    }
}

/// Of the value, nothing.
pub fn ret_nothing<T: ?Sized>(_: &mut Args<'_>, _: &T) {}

/// Of the value, its text as an argument.
#[inline]
pub fn ret_value<T: Value + ?Sized>(args: &mut Args<'_>, value: &T) {
    args.arg("ret", value);
}

/// Of the value, its `Display`.
#[inline]
pub fn ret_display<T: Display + ?Sized>(args: &mut Args<'_>, value: &T) {
    args.arg("ret", display(value));
}

/// Of the value, its `Debug`.
#[inline]
pub fn ret_debug<T: Debug + ?Sized>(args: &mut Args<'_>, value: &T) {
    args.arg("ret", debug(value));
}

/// Of the error, its `Display`, shortened.
#[inline]
pub fn err_display<E: Display + ?Sized>(args: &mut Args<'_>, value: &E) {
    args.arg("error", error(value));
}

/// Of the error, its `Debug`, shortened.
#[inline]
pub fn err_debug<E: Debug + ?Sized>(args: &mut Args<'_>, value: &E) {
    args.arg("error", error(&format_args!("{value:?}")));
}
