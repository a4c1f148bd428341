//! Futures as spans.

use core::pin::Pin;
use core::task::{self, Poll};

use crate::dir::Dir;
use crate::panics::PANICKED;
use crate::task::{CANCELLED, Task};
use crate::within::Within;
use crate::{Context, Id, Path, Tracer, context, device};

/// Makes a span of any future.
///
/// ```
/// use nulltrace::TracedExt;
///
/// # #[cfg(feature = "mock")]
/// # let mock = nulltrace::mock::Mock::here();
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// let fetch = async { 7 };
/// let fetch = std::pin::pin!(fetch.traced("api.fetch"));
/// assert_eq!(fetch.poll(&mut context), std::task::Poll::Ready(7));
/// # #[cfg(feature = "mock")]
/// # mock.expect().enter("api.fetch").exit("api.fetch").done();
/// ```
pub trait TracedExt: Future + Sized {
    /// A span from the first poll to the end: ready, or dropped, then with the exit argument
    /// `status=cancelled`.
    ///
    /// Each future has a unique id, so it may move between threads and interleave with others; it is the
    /// [`Context`] of what runs in it. Its parent is what is current where this is called, so that a future made here
    /// and spawned is a child of here; if nothing is, what is current at the first poll; else none. The tags are
    /// a text that dots split, a list, or a [`Tracer`]; they are kept in the future, a `String` too.
    ///
    /// ```
    /// # use nulltrace::TracedExt;
    /// let host = "example.org";
    /// let by_literal = async {}.traced("api.fetch");
    /// let by_string = async {}.traced(format!("api.fetch.{}", 7));
    /// let by_list = async {}.traced(["api", host]);
    /// let by_tracer = async {}.traced(nulltrace::tracer!("api.fetch"));
    /// ```
    #[inline]
    fn traced<T: Tags>(self, tags: T) -> Traced<Self, T> {
        Traced {
            future: Within::new(self, context::PLAIN),
            life: Life {
                tags,
                id: Id::Thread,
                state: State::New,
                parent: context::get(),
                named: false,
            },
        }
    }

    /// Polls the future in a context, wherever that is. For one that is no span itself, or that begins its span
    /// when it is polled, as those of `#[traced] async fn` do.
    ///
    /// ```
    /// use nulltrace::{Context, TracedExt, traced};
    ///
    /// #[traced]
    /// async fn part(n: u32) -> u32 {
    ///     n + 1
    /// }
    ///
    /// fn spawn(future: impl Future + Send + 'static) {}
    ///
    /// async fn all() {
    ///     for n in 0..3 {
    ///         spawn(part(n).in_current_context());
    ///     }
    /// }
    /// spawn(all().in_context(Context::ROOT));
    /// ```
    #[inline]
    fn in_context(self, context: Context) -> InContext<Self> {
        InContext(Within::new(self, context.raw()))
    }

    /// The same with the context where this is called.
    ///
    /// ```
    /// # use nulltrace::TracedExt;
    /// let future = async {}.in_current_context();
    /// # drop(future);
    /// ```
    #[inline]
    fn in_current_context(self) -> InContext<Self> {
        self.in_context(Context::current())
    }
}

impl<F: Future> TracedExt for F {}

/// Tags that a future can keep.
///
/// ```
/// fn fetch(url: &str, tags: impl nulltrace::Tags) -> impl Future<Output = usize> {
///     nulltrace::TracedExt::traced(std::future::ready(url.len()), tags)
/// }
/// # drop((fetch("a", "api.fetch"), fetch("a", ["api", "fetch"])));
/// ```
pub trait Tags {
    /// Them.
    fn tracer(&self) -> Tracer<'_>;
}

impl Tags for &str {
    #[inline]
    fn tracer(&self) -> Tracer<'_> {
        Tracer::new(self)
    }
}

impl Tags for String {
    #[inline]
    fn tracer(&self) -> Tracer<'_> {
        Tracer::new(self)
    }
}

impl Tags for &[&str] {
    #[inline]
    fn tracer(&self) -> Tracer<'_> {
        Tracer::list(self)
    }
}

impl<const N: usize> Tags for [&str; N] {
    #[inline]
    fn tracer(&self) -> Tracer<'_> {
        Tracer::list(self)
    }
}

impl Tags for Path<'_> {
    #[inline]
    fn tracer(&self) -> Tracer<'_> {
        Tracer::of(*self)
    }
}

impl Tags for Tracer<'_> {
    #[inline]
    fn tracer(&self) -> Tracer<'_> {
        *self
    }
}

/// A future that is a span. Made by [`traced`](TracedExt::traced).
///
/// ```
/// use nulltrace::{Traced, TracedExt};
///
/// struct Job {
///     running: Traced<std::future::Ready<()>, &'static str>,
/// }
/// let job = Job { running: std::future::ready(()).traced("job") };
/// # let _ = job.running;
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Traced<F, T: Tags> {
    // Dropped first: what lies within the span ends before it.
    future: Within<F>,
    life: Life<T>,
}

/// The span of a future.
#[derive(Debug)]
struct Life<T: Tags> {
    tags: T,
    /// Of the markers, once it was polled; before, one of choice, or that of the thread for none.
    id: Id,
    state: State,
    /// That of where the future was made, or one of choice.
    parent: i64,
    /// The parent is one of choice.
    named: bool,
}

#[derive(Debug, PartialEq)]
enum State {
    New,
    /// The enter was written.
    Open,
    /// And a poll is running; or it was, and panicked.
    Polling,
    /// Nothing more is to be written.
    Over,
}

impl<F, T: Tags> Traced<F, T> {
    /// Another id than a unique one. Has no effect once the future was polled.
    ///
    /// No parent is named then, unless [`parent`](Self::parent) does.
    ///
    /// ```
    /// use nulltrace::{Id, TracedExt};
    ///
    /// let request = Id::unique();
    /// let read = async {}.traced("request.read").id(request);
    /// let answer = async {}.traced("request.answer").id(request);
    /// ```
    #[inline]
    pub fn id(mut self, id: Id) -> Self {
        if self.life.state == State::New {
            self.life.id = id;
        }
        self
    }

    /// Another parent than what is current. Has no effect once the future was polled.
    ///
    /// ```
    /// use nulltrace::{Context, TracedExt};
    ///
    /// let alone = async {}.traced("refresh").parent(Context::ROOT);
    /// ```
    #[inline]
    pub fn parent(mut self, context: Context) -> Self {
        if self.life.state == State::New {
            self.life.parent = context.raw();
            self.life.named = true;
        }
        self
    }
}

impl<T: Tags> Life<T> {
    /// Writes the enter; gives the context of what runs within.
    #[cold]
    fn begin(&mut self) -> i64 {
        self.state = State::Over;
        if !device::on() {
            return context::PLAIN;
        }
        let mut tracer = self.tags.tracer();
        if self.id != Id::Thread {
            tracer = tracer.id(self.id);
        }
        let outer = match self.parent {
            context::PLAIN => context::get(),
            parent => parent,
        };
        let named = self.named || tracer.span_id() == Id::Thread;
        let task = Task::enter_within(tracer, named.then_some(outer), outer, |_| ());
        let (id, open, context) = task.into_parts();
        self.id = id;
        if open {
            self.state = State::Open;
        }
        context
    }
}

impl<F: Future, T: Tags> Future for Traced<F, T> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of here, only pinned again. The other field is never pinned, and
        // there is no `Drop` of this type.
        let this = unsafe { self.get_unchecked_mut() };
        let life = &mut this.life;
        if life.state == State::New {
            this.future.set(life.begin());
        }
        let open = life.state == State::Open;
        if open {
            life.state = State::Polling;
        }
        // SAFETY: it is part of what is pinned.
        let polled = unsafe { Pin::new_unchecked(&mut this.future) }.poll(context);
        if open {
            life.state = State::Open;
            if polled.is_ready() {
                life.state = State::Over;
                life.tags.tracer().id(life.id).mark(Dir::Exit);
            }
        }
        polled
    }
}

impl<T: Tags> Drop for Life<T> {
    fn drop(&mut self) {
        let (name, value) = match self.state {
            State::Open => CANCELLED,
            State::Polling => PANICKED,
            State::New | State::Over => return,
        };
        let tracer = self.tags.tracer().id(self.id);
        tracer.mark_with(Dir::Exit, |writer| {
            writer.arg(name, |writer| writer.text(value));
        });
    }
}

/// A future in a context. Made by [`in_context`](TracedExt::in_context).
///
/// ```
/// use nulltrace::{TracedExt, InContext};
///
/// let ready: InContext<std::future::Ready<u32>> = std::future::ready(7).in_current_context();
/// # drop(ready);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct InContext<F>(Within<F>);

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: the one field, pinned as the whole is; there is no `Drop` of this type.
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(context)
    }
}
