//! A future in a context.

use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::context::{PLAIN, of_task, swap};

/// Polls and drops a future in a context of its own, and keeps what its code leaves there: it may hold guards
/// across an `.await`, on an executor of one thread.
#[derive(Debug)]
pub(crate) struct Within<F> {
    future: ManuallyDrop<F>,
    /// While it is not polled. `PLAIN` is none: it is in that of the code that polls it.
    context: i64,
}

impl<F> Within<F> {
    #[inline]
    pub(crate) const fn new(future: F, context: i64) -> Self {
        Self {
            future: ManuallyDrop::new(future),
            context,
        }
    }

    /// Before the first poll.
    #[inline]
    pub(crate) fn set(&mut self, context: i64) {
        self.context = context;
    }
}

/// Puts back what was the thread's, by a panic too.
struct Swapped<'c> {
    context: &'c mut i64,
    outer: i64,
}

impl<'c> Swapped<'c> {
    #[inline(always)]
    fn new(context: &'c mut i64) -> Option<Self> {
        (*context != PLAIN).then(|| Self {
            outer: swap(*context),
            context,
        })
    }
}

impl Drop for Swapped<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        *self.context = of_task(swap(self.outer));
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of here: it is pinned again, and dropped where it is. The other
        // field is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let _swapped = Swapped::new(&mut this.context);
        // SAFETY: it is part of what is pinned.
        unsafe { Pin::new_unchecked(&mut *this.future) }.poll(context)
    }
}

impl<F> Drop for Within<F> {
    #[inline]
    fn drop(&mut self) {
        let _swapped = Swapped::new(&mut self.context);
        // SAFETY: once, here, and it is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.future) };
    }
}
