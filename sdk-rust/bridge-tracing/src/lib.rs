//! `tracing` spans as markers: what is instrumented already needs no second instrumentation.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! # let mock = nulltrace::mock::Mock::here();
//! let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::layer());
//! tracing::subscriber::with_default(subscriber, || {
//!     let _span = tracing::info_span!("checkout.pay", cart = 7).entered();
//! });
//! # mock.expect().enter("checkout.pay").arg("cart", "7").exit("checkout.pay").done();
//! ```
//!
//! # What a marker pair is
//!
//! The **life** of a `tracing` span, from its creation until its last handle is dropped, with an id of its
//! own. So it does not matter that such a span may be entered many times, on any thread, and that those of
//! an executor's tasks interleave: a span of an `async fn` lasts until the function is done, however often
//! it waits. This is what [`MarkerLayer::new`] writes.
//!
//! The other choice is each **entry**, [`MarkerLayer::each_entry`]: one marker pair for each time the span
//! is entered, with the id of the thread, so that the times are those it was on a thread.
//!
//! # Parents
//!
//! Each span names its parent, so that tasks on one thread never mix: the parent it was given, or else what was current
//! where it was made, or none. Current is the span that the thread is in, of `tracing` or of `nulltrace`: the spans
//! of both nest in each other. One that a filter hides is passed over. An entry does the same where there is a
//! [`Context`](nulltrace::Context); without, the collector sees how a thread's entries nest.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! # let mock = nulltrace::mock::Mock::here();
//! let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::layer());
//! tracing::subscriber::with_default(subscriber, || {
//!     let request = tracing::info_span!("request");
//!     let refresh = tracing::info_span!(parent: None, "refresh");
//!     let _request = request.entered();
//!     let _query = tracing::info_span!("query").entered();
//!     let _read = nulltrace::span!("read");
//! #   drop(refresh);
//! });
//! # mock.expect()
//! #     .enter("request").root().enter("refresh").root()
//! #     .enter("query").child_of("request").enter("read").child_of("query")
//! #     .exit("refresh").exit("read").exit("query").exit("request").done();
//! ```
//!
//! A child of fork that goes on with its parent's subscriber gives its spans other numbers than the parent process
//! does. Spans that were open then are their process's: what ends them in the child is no exit.
//!
//! # Tags
//!
//! The span's name, split at its dots as all paths are; a name that has an empty tag then, such as `a..b`,
//! is one tag. [`MarkerLayer::with_paths`] puts the names of its parents before it.
//!
//! # Arguments
//!
//! The fields the span is made with are the arguments of its enter. Those it records later are those of its
//! exit; the newest value of a name counts. Values are text as `tracing` shows them: strings as they are,
//! `%` by `Display`, `?` by `Debug`, errors by `Display`. They may be asked for twice: again where a marker
//! turns out to be longer than 1000 bytes, or to have a control character in it. An entry has no arguments.
//!
//! A panic that ends a span, or an entry, is the argument `error=panic` of its exit, unless the span recorded an `error`
//! itself.
//!
//! # Which spans
//!
//! All, or those a filter lets through; events are not written.
//!
//! ```
//! use tracing::{debug_span, info_span, level_filters::LevelFilter};
//! use tracing_subscriber::filter::Targets;
//! use tracing_subscriber::{Layer, layer::SubscriberExt};
//!
//! # let mock = nulltrace::mock::Mock::here();
//! let wanted = Targets::new().with_target("shop", LevelFilter::INFO);
//! let subscriber =
//!     tracing_subscriber::registry().with(nulltrace_tracing::layer().with_filter(wanted));
//! tracing::subscriber::with_default(subscriber, || {
//!     let _pay = info_span!(target: "shop", "pay").entered();
//!     let _detail = debug_span!(target: "shop", "detail").entered();
//!     let _other = info_span!(target: "http", "request").entered();
//! });
//! # mock.expect().enter("pay").exit("pay").done();
//! ```
//!
//! # Cost
//!
//! Two system calls, what `tracing` itself costs, and the formatting of fields, on the stack. Nothing is
//! kept for a span: its id is made from the registry's, and its tags are those of its call site, made once.
//! Only a field that is recorded later is kept with the span, on the heap, and only the spans of such call
//! sites search for one when they end. With `NULLTRACE=off` there is one load and a branch. After
//! [`set_enabled`](nulltrace::set_enabled) a span that begins while markers are not as they were when the layer was made
//! has a note in the registry: so it writes its exit if, and only if, it wrote its enter.
mod bytes;
mod entered;
mod fields;
mod late;
mod line;
mod noted;
mod sites;
mod tags;
#[cfg(test)]
mod tests;

use core::fmt::{self, Debug};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use nulltrace::raw::{self, Buffer, Dir};
use nulltrace::{Context as Current, Id};
use tracing::span::{self, Attributes, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use bytes::Bytes;
use fields::Fields;
use line::Line;
use noted::Noted;
use sites::{Site, Text, is_silent};
use tags::Tags;

/// Writes every span it is shown as two markers. See the [crate's documentation](crate).
///
/// Never panics, blocks or fails; a span that no marker can say is not written: one without a name, with a
/// field without one, or whose first field is `^`, which would name its parent.
///
/// ```
/// use nulltrace_tracing::MarkerLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry().with(MarkerLayer::new().with_paths());
/// # drop(subscriber);
/// ```
pub struct MarkerLayer {
    kind: Kind,
    paths: bool,
    /// Makes the ids of this layer its own; those of the process are so by another.
    seed: u64,
    /// Markers were on when it was made: as long as nobody switches, so they are for all spans.
    began_on: bool,
    /// Of some span something is noted.
    has_noted: AtomicBool,
}

/// What a marker pair is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Life,
    Entry,
}

/// A layer as [`MarkerLayer::new`] makes it.
///
/// ```
/// use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
///
/// tracing_subscriber::registry().with(nulltrace_tracing::layer()).init();
/// # let mock = nulltrace::mock::Mock::here();
/// drop(tracing::info_span!("start"));
/// # mock.expect().enter("start").exit("start").done();
/// ```
#[must_use]
pub fn layer() -> MarkerLayer {
    MarkerLayer::new()
}

impl MarkerLayer {
    /// A layer that makes the life of each span a marker pair, named by the span alone.
    ///
    /// ```
    /// # use tracing_subscriber::layer::SubscriberExt;
    /// # let mock = nulltrace::mock::Mock::here();
    /// # let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::MarkerLayer::new());
    /// # tracing::subscriber::with_default(subscriber, || {
    /// let span = tracing::info_span!("query", table = "users", rows = tracing::field::Empty);
    /// for part in 0..3 {
    ///     span.in_scope(|| part);
    /// }
    /// span.record("rows", 3);
    /// drop(span);
    /// # });
    /// # mock.expect()
    /// #     .enter("query").arg("table", "users")
    /// #     .exit("query").arg("rows", "3")
    /// #     .done();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            kind: Kind::Life,
            paths: false,
            seed: raw::unique() as u64,
            began_on: raw::on(),
            has_noted: AtomicBool::new(false),
        }
    }

    /// Makes each entry of a span a marker pair, instead of its life. It has no arguments.
    ///
    /// ```
    /// # use tracing_subscriber::layer::SubscriberExt;
    /// # let mock = nulltrace::mock::Mock::here();
    /// # let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::layer().each_entry());
    /// # tracing::subscriber::with_default(subscriber, || {
    /// let span = tracing::info_span!("query");
    /// for part in 0..2 {
    ///     span.in_scope(|| part);
    /// }
    /// # });
    /// # mock.expect()
    /// #     .enter("query").id("t").exit("query").id("t")
    /// #     .enter("query").id("t").exit("query").id("t")
    /// #     .done();
    /// ```
    #[must_use]
    pub fn each_entry(self) -> Self {
        Self {
            kind: Kind::Entry,
            ..self
        }
    }

    /// Puts the names of a span's parents before its own, as far as a path may be long: of 32 tags or
    /// more, the innermost 32. Parents that a filter hides are left out. Looks each of them up, twice.
    ///
    /// ```
    /// # use tracing_subscriber::layer::SubscriberExt;
    /// # let mock = nulltrace::mock::Mock::here();
    /// # let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::layer().with_paths());
    /// # tracing::subscriber::with_default(subscriber, || {
    /// let checkout = tracing::info_span!("checkout");
    /// let pay = tracing::info_span!(parent: &checkout, "pay");
    /// # drop((pay, checkout));
    /// # });
    /// # mock.expect()
    /// #     .enter("checkout").enter("checkout.pay").exit("checkout.pay").exit("checkout")
    /// #     .done();
    /// ```
    #[must_use]
    pub fn with_paths(self) -> Self {
        Self {
            paths: true,
            ..self
        }
    }

    /// A number for the life of this span.
    ///
    /// The registry's number, scrambled: nothing need be kept. It is one that may be named as a parent, below 2^48,
    /// and 47 bits of it are as good as random: only spans that are open at the same time could be mistaken for each
    /// other.
    #[inline(always)]
    fn id(&self, id: &span::Id) -> i64 {
        let number = (id.into_u64() ^ self.seed ^ raw::seed()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // 15 digits.
        (number >> 17 | 1 << 47) as i64
    }

    /// The number of the parent of a new span.
    #[inline(always)]
    fn parent<S>(
        &self,
        attributes: &Attributes<'_>,
        id: &span::Id,
        context: &Context<'_, S>,
    ) -> Option<i64>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        if attributes.is_contextual() {
            current()
        } else if attributes.is_root() {
            None
        } else {
            self.given_parent(id, context)
        }
    }

    #[inline(never)]
    fn given_parent<S>(&self, id: &span::Id, context: &Context<'_, S>) -> Option<i64>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let mut ancestors = context.span(id)?.scope().skip(1);
        let parent = ancestors.find(|span| !is_silent(span.metadata()) && self.is_open(span))?;
        Some(self.id(&parent.id()))
    }

    /// The tags of a call site that are enough for its spans.
    #[inline(always)]
    fn tags_of(&self, site: Option<&'static Site>) -> Option<&'static Text> {
        if self.paths { None } else { site?.tags() }
    }

    /// Writes a marker of any tags and arguments; one that no marker can be, not.
    #[cold]
    #[inline(never)]
    fn write<S>(&self, dir: Dir, id: Id, span: &SpanRef<'_, S>, args: &[(&[u8], &[u8])])
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let mut tags = Tags::new();
        if self.paths {
            span.scope().for_each(|span| tags.prepend(span.name()));
        } else {
            tags.prepend(span.name());
        }
        let mut buffer = Buffer::new();
        if let Ok(marker) = raw::encode(&mut buffer, dir, id, tags.get(), args) {
            send(dir, marker);
        }
    }

    /// The enter of a span that is of none of the quick kinds.
    #[cold]
    #[inline(never)]
    fn begin<S>(&self, attributes: &Attributes<'_>, id: &span::Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let parent = Parent::new(self.parent(attributes, id, context));
        let mut fields = Fields::new();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            let own = Id::Number(self.id(id));
            fields.behind(parent.arg(), |args| {
                self.write(Dir::Enter, own, &span, args)
            });
        }
    }

    /// A span's life is current for what begins in it.
    #[inline(always)]
    fn is_in<S>(&self, id: &span::Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        if raw::on() && (self.is_certain() || self.is_seen(id, context)) {
            entered::enter(id.into_u64(), self.id(id));
        }
    }

    /// Whether all spans are written, so that none need be looked up.
    #[inline(always)]
    fn is_certain(&self) -> bool {
        !sites::any_silent() && !self.has_noted()
    }

    /// Whether a span is written, where not all are.
    #[cold]
    #[inline(never)]
    fn is_seen<S>(&self, id: &span::Id, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        context
            .span(id)
            .is_some_and(|span| !is_silent(span.metadata()) && self.is_open(&span))
    }

    /// An entry begins.
    #[cold]
    #[inline(never)]
    fn enter<S>(&self, id: &span::Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        if !raw::on() {
            return;
        }
        let Some(span) = context.span(id).filter(|span| !is_silent(span.metadata())) else {
            return;
        };
        if !nulltrace::__private::in_context() {
            entered::enter(id.into_u64(), entered::PLAIN);
            return self.write(Dir::Enter, Id::Thread, &span, &[]);
        }
        let parent = Parent::new(current());
        let number = raw::unique();
        match entered::enter(id.into_u64(), number) {
            true => self.write(Dir::Enter, Id::Number(number), &span, &[parent.arg()]),
            false => self.write(Dir::Enter, Id::Thread, &span, &[]),
        }
    }

    /// And ends.
    #[cold]
    #[inline(never)]
    fn exit<S>(&self, id: &span::Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        // Of an entry whose enter was not written there is none.
        let Some(number) = entered::exit(id.into_u64()) else {
            return;
        };
        let own = match number {
            entered::PLAIN => Id::Thread,
            number => Id::Number(number),
        };
        if let Some(span) = context.span(id) {
            match std::thread::panicking() && !Noted::of(&span).was_panicking {
                true => self.write(Dir::Exit, own, &span, &[late::PANICKED]),
                false => self.write(Dir::Exit, own, &span, &[]),
            }
        }
    }

    #[inline(always)]
    fn has_noted(&self) -> bool {
        // What is noted of a span comes before its end by whatever makes its end come last.
        self.has_noted.load(Relaxed)
    }

    /// Whether its enter was written, and so its exit is owed.
    #[inline(always)]
    fn is_open<S>(&self, span: &SpanRef<'_, S>) -> bool
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        match self.has_noted() {
            true => self.began_on != Noted::of(span).switched,
            false => self.began_on,
        }
    }

    /// Notes that a span begins otherwise than most do.
    #[cold]
    #[inline(never)]
    fn note<S>(&self, id: &span::Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        if let Some(span) = context.span(id) {
            let noted = Noted {
                switched: raw::on() != self.began_on,
                was_panicking: std::thread::panicking(),
            };
            noted.keep(&span);
            self.has_noted.store(true, Relaxed);
        }
    }
}

/// The number of the current span.
#[inline(always)]
fn current() -> Option<i64> {
    match Current::current().id() {
        Some(Id::Number(number)) => Some(number),
        _ => None,
    }
}

/// The argument that names the parent.
struct Parent(Bytes<20>);

impl Parent {
    fn new(number: Option<i64>) -> Self {
        let mut bytes = Bytes::new();
        if let Some(number) = number {
            bytes.put_number(false, number.unsigned_abs());
        }
        Self(bytes)
    }

    fn arg(&self) -> (&[u8], &[u8]) {
        (b"^", self.0.get())
    }
}

#[inline(always)]
fn send(dir: Dir, marker: &[u8]) {
    #[cfg(test)]
    tests::see(marker);
    match dir {
        Dir::Enter => raw::write(marker),
        Dir::Exit => raw::write_exit(marker),
    }
}

impl Default for MarkerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for MarkerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarkerLayer")
            .field("kind", &self.kind)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for MarkerLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() {
            sites::learn(metadata);
        }
        Interest::always()
    }

    #[inline]
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if !raw::on() {
            if self.began_on {
                self.note(id, &context);
            }
            return;
        }
        if !self.began_on || std::thread::panicking() {
            self.note(id, &context);
        }
        if self.kind != Kind::Life {
            return;
        }
        let site = sites::find(attributes.metadata());
        if site.map_or_else(|| is_silent(attributes.metadata()), Site::is_silent) {
            return;
        }
        if let Some(tags) = self.tags_of(site) {
            let mut line = Line::new();
            line.begin(Dir::Enter, self.id(id), tags);
            line.parent(self.parent(attributes, id, &context));
            attributes.record(&mut line);
            if let Some(marker) = line.end() {
                return send(Dir::Enter, marker);
            }
        }
        self.begin(attributes, id, &context);
    }

    fn on_record(&self, id: &span::Id, values: &Record<'_>, context: Context<'_, S>) {
        if self.kind != Kind::Life || !(self.began_on || self.has_noted()) {
            return;
        }
        if let Some(span) = context.span(id)
            && self.is_open(&span)
        {
            let mut fields = Fields::new();
            values.record(&mut fields);
            late::keep(&span, &fields);
        }
    }

    #[inline]
    fn on_enter(&self, id: &span::Id, context: Context<'_, S>) {
        match self.kind {
            Kind::Life => self.is_in(id, &context),
            Kind::Entry => self.enter(id, &context),
        }
    }

    #[inline]
    fn on_exit(&self, id: &span::Id, context: Context<'_, S>) {
        match self.kind {
            Kind::Life => {
                entered::exit(id.into_u64());
            }
            Kind::Entry => self.exit(id, &context),
        }
    }

    #[inline]
    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        if self.kind != Kind::Life || !(self.began_on || self.has_noted()) {
            return;
        }
        let Some(span) = context.span(&id) else {
            return;
        };
        if !self.is_open(&span) {
            return;
        }
        let number = self.id(&id);
        let site = sites::find(span.metadata());
        if site.map_or_else(|| is_silent(span.metadata()), Site::is_silent) {
            return;
        }
        let panicking = std::thread::panicking();
        // A site that is not known may have recorded fields as well.
        if site.is_some_and(|site| !site.has_late())
            && !panicking
            && let Some(tags) = self.tags_of(site)
        {
            let mut line = Line::new();
            line.begin(Dir::Exit, number, tags);
            if let Some(marker) = line.end() {
                return send(Dir::Exit, marker);
            }
        }
        let panicked = panicking && !Noted::of(&span).was_panicking;
        late::with(&span, panicked, |args| {
            self.write(Dir::Exit, Id::Number(number), &span, args)
        });
    }
}
