//! Futures as spans.

use core::pin::Pin;
use core::task::{Context, Poll};

use crate::raw::Dir;
use crate::task::{CANCELLED, PANICKED};
use crate::{Id, Path, Tracer, device};

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
    /// Each future has a unique id, so it may move between threads and interleave with others. The tags are
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
            future: self,
            tags,
            id: Id::Thread,
            state: State::New,
        }
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
    future: F,
    tags: T,
    /// Of the markers, once it was polled; before, one of choice, or that of the thread for none.
    id: Id,
    state: State,
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
    /// ```
    /// use nulltrace::{Id, TracedExt};
    ///
    /// let request = Id::unique();
    /// let read = async {}.traced("request.read").id(request);
    /// let answer = async {}.traced("request.answer").id(request);
    /// ```
    #[inline]
    pub fn id(mut self, id: Id) -> Self {
        if self.state == State::New {
            self.id = id;
        }
        self
    }

    #[cold]
    fn begin(&mut self) {
        self.state = State::Over;
        if device::on() {
            if self.id == Id::Thread {
                self.id = match self.tags.tracer().span_id() {
                    Id::Thread => Id::unique(),
                    id => id,
                };
            }
            if self.tags.tracer().id(self.id).mark(Dir::Enter) {
                self.state = State::Open;
            }
        }
    }
}

impl<F: Future, T: Tags> Future for Traced<F, T> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of here: it is only pinned again, and `Drop` leaves it. The
        // other fields are never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if this.state == State::New {
            this.begin();
        }
        let open = this.state == State::Open;
        if open {
            this.state = State::Polling;
        }
        // SAFETY: it is part of what is pinned.
        let polled = unsafe { Pin::new_unchecked(&mut this.future) }.poll(context);
        if open {
            this.state = State::Open;
            if polled.is_ready() {
                this.state = State::Over;
                this.tags.tracer().id(this.id).mark(Dir::Exit);
            }
        }
        polled
    }
}

impl<F, T: Tags> Drop for Traced<F, T> {
    fn drop(&mut self) {
        let (name, value) = match self.state {
            State::Open => CANCELLED,
            State::Polling => PANICKED,
            State::New | State::Over => return,
        };
        if device::on() {
            self.tags
                .tracer()
                .id(self.id)
                .mark_with(Dir::Exit, |writer| {
                    writer.arg(name, |writer| writer.text(value));
                });
        }
    }
}
