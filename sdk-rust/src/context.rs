//! Which span is current where code runs.

use core::cell::Cell;
use core::marker::PhantomData;

use crate::{Id, unique};

/// No context: code of a thread, outside of any task and any span with a number. Its spans have the id `t`, and
/// the collector sees how they nest.
pub(crate) const PLAIN: i64 = 0;
/// Within a task in which no span with a number is open: a span is a root.
const ROOT: i64 = 1;

thread_local! {
    /// The number of the current span, or one of the two above.
    // Const and without a destructor: a load from a known place, and good in signal handlers.
    static CURRENT: Cell<i64> = const { Cell::new(PLAIN) };
    static ENDED: Ended = const { Ended::new() };
    /// How many there are in it: mostly none.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[inline(always)]
pub(crate) fn get() -> i64 {
    if cfg!(feature = "off") {
        return PLAIN;
    }
    CURRENT.get()
}

/// Whether there is a context: spans have numbers and name their parents then.
#[inline(always)]
#[must_use]
pub fn in_context() -> bool {
    get() != PLAIN
}

/// Makes `context` that of the thread; gives the one before. For what can keep that itself.
#[inline(always)]
pub(crate) fn swap(context: i64) -> i64 {
    if cfg!(feature = "off") {
        return PLAIN;
    }
    CURRENT.replace(context)
}

/// What `^` says of a parent in this context: its number, or nothing for a root.
#[inline(always)]
pub(crate) const fn named(context: i64) -> Option<i64> {
    if context > ROOT { Some(context) } else { None }
}

/// The context of a task that began in this one.
#[inline(always)]
pub(crate) const fn of_task(context: i64) -> i64 {
    if context == PLAIN { ROOT } else { context }
}

/// The same of a number that may have been current before.
#[inline]
pub fn enter(number: i64) -> i64 {
    if cfg!(feature = "off") {
        return PLAIN;
    }
    if COUNT.get() > 0 {
        ENDED.with(|others| others.resolve(number));
    }
    swap(number)
}

/// Ends the life of `number` as the current span, before which `outer` was.
#[inline]
pub fn leave(number: i64, outer: i64) {
    if cfg!(feature = "off") {
        return;
    }
    if CURRENT.get() == number && COUNT.get() == 0 {
        CURRENT.set(outer);
    } else {
        leave_among_others(number, outer);
    }
}

/// The same of a span that may have no number.
#[inline]
pub(crate) fn leave_number(number: i64, outer: i64) {
    if number != PLAIN {
        leave(number, outer);
    }
}

#[cold]
fn leave_among_others(number: i64, outer: i64) {
    ENDED.with(|others| {
        let outer = others.resolve(outer);
        if CURRENT.get() == number {
            CURRENT.set(outer);
        } else if number > ROOT {
            others.add(number, outer);
        }
    });
}

/// Spans that ended while one within them was open still, as guards in a list do. That one, when it ends, must
/// not bring them back.
struct Ended {
    /// Number and what was before it. If there are more, the oldest is forgotten: spans that name it have no
    /// parent then.
    spans: [Cell<(i64, i64)>; 8],
    next: Cell<usize>,
}

impl Ended {
    const fn new() -> Self {
        Self {
            spans: [const { Cell::new((PLAIN, PLAIN)) }; 8],
            next: Cell::new(0),
        }
    }

    fn resolve(&self, mut outer: i64) -> i64 {
        while outer > ROOT
            && let Some(span) = self.spans.iter().find(|span| span.get().0 == outer)
        {
            outer = span.take().1;
            COUNT.set(COUNT.get() - 1);
        }
        outer
    }

    fn add(&self, number: i64, outer: i64) {
        let next = self.next.get();
        self.next.set((next + 1) % self.spans.len());
        if let Some(span) = self.spans.get(next)
            && span.replace((number, outer)).0 == PLAIN
        {
            COUNT.set(COUNT.get() + 1);
        }
    }
}

/// Which span is current where code runs: the parent of the spans that begin there.
///
/// The library keeps it for each thread, and carries it along with futures that are spans: so a span within
/// another is its child without that being said. Only a span with a number of its own can be named as a
/// parent. Those are the futures of [`traced`](crate::TracedExt::traced) and `#[traced]`, all spans that begin
/// within them or in a context, and those of an [`Id::unique`]. Other spans of plain code have the id of their
/// thread, cost less, and are no part of this.
///
/// What the library cannot see, you carry by hand: to threads, to the executor of a pool, into a callback.
///
/// ```
/// use nulltrace::{Context, Id, span};
///
/// # let mock = nulltrace::mock::Mock::everywhere();
/// let _job = span!(id: Id::unique(), "job");
/// let context = Context::current();
/// std::thread::spawn(move || {
///     let _within = context.attach();
///     let _part = span!("part"); // a child of the job
/// })
/// .join()
/// .unwrap();
/// # mock.expect().enter("job").enter("part").child_of("job").exit("part").done();
/// ```
///
/// A child of fork is in the context of its parent process, on whose behalf it works.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Context(i64);

impl Context {
    /// That of the code that calls this. Within spans without a number of their own it is that of the nearest
    /// one that has one, else [`ROOT`](Self::ROOT).
    ///
    /// ```
    /// use nulltrace::{Context, Id, span};
    ///
    /// assert_eq!(Context::current(), Context::ROOT);
    /// let job = span!(id: Id::unique(), "job");
    /// assert_eq!(Context::current().id(), Some(job.id()));
    /// ```
    #[must_use]
    #[inline]
    pub fn current() -> Self {
        Self(of_task(get()))
    }

    /// No span is current: those that begin are roots.
    ///
    /// ```
    /// use nulltrace::{Context, span};
    ///
    /// # let mock = nulltrace::mock::Mock::here();
    /// let _alone = Context::ROOT.in_scope(|| span!("alone"));
    /// # mock.expect().enter("alone").root().done();
    /// ```
    pub const ROOT: Self = Self(ROOT);

    /// That of a span which another part of the program, or another process, began with this id. `None` unless
    /// it is one of those that [`Id::unique`] gives.
    ///
    /// ```
    /// use nulltrace::{Context, Id};
    ///
    /// let id = Id::unique();
    /// assert_eq!(Context::of(id).and_then(Context::id), Some(id));
    /// assert_eq!(Context::of(Id::Number(7)), None);
    /// ```
    #[must_use]
    #[inline]
    pub const fn of(id: Id) -> Option<Self> {
        match id {
            Id::Number(number) if unique::is_one(number) => Some(Self(number)),
            _ => None,
        }
    }

    /// The id of the current span.
    ///
    /// ```
    /// assert_eq!(nulltrace::Context::ROOT.id(), None);
    /// ```
    #[must_use]
    #[inline]
    pub const fn id(self) -> Option<Id> {
        match named(self.0) {
            Some(number) => Some(Id::Number(number)),
            None => None,
        }
    }

    /// Makes it that of this thread until the guard is dropped. Not for futures, which have
    /// [`in_context`](crate::TracedExt::in_context): hold no guard across an `.await`.
    ///
    /// ```
    /// let context = nulltrace::Context::current();
    /// let _within = context.attach();
    /// ```
    #[inline]
    pub fn attach(self) -> ContextGuard {
        ContextGuard {
            outer: enter(self.0),
            context: self.0,
            thread: PhantomData,
        }
    }

    /// Calls it in this context.
    ///
    /// ```
    /// let context = nulltrace::Context::current();
    /// assert_eq!(context.in_scope(|| 7), 7);
    /// ```
    #[inline]
    pub fn in_scope<R>(self, function: impl FnOnce() -> R) -> R {
        let _guard = self.attach();
        function()
    }

    #[inline]
    pub(crate) const fn raw(self) -> i64 {
        self.0
    }
}

impl core::fmt::Debug for Context {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match named(self.0) {
            Some(number) => f.debug_tuple("Context").field(&number).finish(),
            None => f.write_str("Context::ROOT"),
        }
    }
}

/// Holds a context. Made by [`Context::attach`].
///
/// ```
/// fn within(context: nulltrace::Context) -> nulltrace::ContextGuard {
///     context.attach()
/// }
/// # drop(within(nulltrace::Context::ROOT));
/// ```
#[derive(Debug)]
#[must_use = "the context ends when its guard is dropped, which is now; `let _within = …` holds it"]
pub struct ContextGuard {
    context: i64,
    outer: i64,
    /// Neither `Send` nor `Sync`: the context is that of the thread.
    thread: PhantomData<*const ()>,
}

impl Drop for ContextGuard {
    #[inline]
    fn drop(&mut self) {
        leave(self.context, self.outer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: i64 = 1 << 40;

    /// Enters so many, one in the other, and ends them in the order given.
    fn after(ends: &[usize]) -> Vec<i64> {
        let start = swap(PLAIN);
        let numbers: Vec<i64> = (0..ends.len() as i64).map(|n| FIRST + n).collect();
        let outers: Vec<i64> = numbers.iter().map(|&number| swap(number)).collect();
        let mut seen = Vec::new();
        for &end in ends {
            leave(numbers[end], outers[end]);
            seen.push(get());
        }
        swap(start);
        seen.iter()
            .map(|&at| if at > ROOT { at - FIRST } else { -1 })
            .collect()
    }

    #[test]
    fn the_current_one_is_never_one_that_ended() {
        assert_eq!(after(&[2, 1, 0]), [1, 0, -1]);
        assert_eq!(after(&[0, 1, 2]), [2, 2, -1]);
        assert_eq!(after(&[1, 2, 0]), [2, 0, -1]);
        assert_eq!(after(&[1, 0, 2]), [2, 2, -1]);
        assert_eq!(after(&[0, 2, 1]), [2, 1, -1]);
        // A list of guards is dropped from the front.
        let many: Vec<usize> = (0..1000).collect();
        assert_eq!(after(&many).last(), Some(&-1));
        let mut inside_out: Vec<usize> = (0..8).rev().collect();
        inside_out.push(8);
        assert_eq!(after(&inside_out), [8, 8, 8, 8, 8, 8, 8, 8, -1]);
    }

    /// One that ended, was forgotten nowhere, and is current again.
    #[test]
    fn the_same_again() {
        let start = swap(PLAIN);
        let context = Context(FIRST);
        let first = context.attach();
        let other = swap(FIRST + 1);
        drop(first);
        swap(PLAIN);
        let again = context.attach();
        let inner = swap(FIRST + 2);
        leave(FIRST + 2, inner);
        assert_eq!((get(), other), (FIRST, FIRST));
        drop(again);
        assert_eq!(get(), PLAIN);
        swap(start);
    }

    #[test]
    fn an_attached_root_is_left() {
        let start = swap(PLAIN);
        {
            let _root = Context::ROOT.attach();
            assert_eq!(get(), ROOT);
            let _again = Context::current().attach();
        }
        assert_eq!(get(), PLAIN);
        swap(start);
    }
}
