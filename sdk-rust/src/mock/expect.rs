//! What should have been written.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::marker::Marker;
use crate::dir::Dir;
use crate::{Context, Id, Path};

/// The markers that should have been written, one after another. Nothing is compared before
/// [`done`](Self::done).
///
/// ```
/// use nulltrace::{mock::Mock, span};
///
/// let mock = Mock::here();
/// drop(span!("checkout.pay", cart = 7));
/// mock.expect()
///     .enter("checkout.pay").arg("cart", "7")
///     .exit("checkout.pay")
///     .done();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is compared before `done`"]
pub struct Expect {
    written: Vec<Marker>,
    /// The tags of the spans that had a number.
    numbers: HashMap<i64, Vec<String>>,
    wanted: Vec<Wanted>,
}

#[derive(Clone, Debug)]
struct Wanted {
    dir: Dir,
    tags: Vec<String>,
    /// As written; `None` is any.
    id: Option<String>,
    parent: Parent,
    args: Vec<(String, String)>,
    any_args: bool,
}

#[derive(Clone, Debug)]
enum Parent {
    Any,
    Unnamed,
    Root,
    /// The tags.
    Span(Vec<String>),
}

impl Parent {
    fn fits(&self, named: Option<Context>, numbers: &HashMap<i64, Vec<String>>) -> bool {
        match (self, named) {
            (Self::Any, _) | (Self::Unnamed, None) => true,
            (Self::Root, Some(context)) => context == Context::ROOT,
            (Self::Span(tags), Some(context)) => match context.id() {
                Some(Id::Number(number)) => numbers.get(&number) == Some(tags),
                _ => false,
            },
            _ => false,
        }
    }
}

impl Wanted {
    fn fits(&self, marker: &Marker, numbers: &HashMap<i64, Vec<String>>) -> bool {
        self.dir == marker.dir
            && self.tags == marker.tags
            && self.id.as_ref().is_none_or(|id| *id == id_text(marker))
            && self.parent.fits(marker.parent, numbers)
            && (self.any_args || self.args == marker.args)
    }

    fn text(&self) -> String {
        let dir = if self.dir == Dir::Enter {
            "enter"
        } else {
            "exit"
        };
        let mut text = format!("{dir} {}", self.tags.join("."));
        for (name, value) in &self.args {
            let _ = write!(text, ", {}={}", name.escape_debug(), value.escape_debug());
        }
        if self.any_args {
            text += ", any arguments";
        }
        if let Some(id) = &self.id {
            let _ = write!(text, " (id {id})");
        }
        match &self.parent {
            Parent::Any => {}
            Parent::Unnamed => text += " (no parent named)",
            Parent::Root => text += " (a root)",
            Parent::Span(tags) => {
                let _ = write!(text, " (child of {})", tags.join("."));
            }
        }
        text
    }
}

fn id_text(marker: &Marker) -> String {
    match marker.id {
        Id::Number(number) => number.to_string(),
        id => String::from_utf8_lossy(id.letters()).into_owned(),
    }
}

impl Expect {
    pub(super) const fn new(written: Vec<Marker>, numbers: HashMap<i64, Vec<String>>) -> Self {
        Self {
            written,
            numbers,
            wanted: Vec::new(),
        }
    }

    /// An enter of these tags comes next, without arguments unless some are named behind it.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// let _span = nulltrace::span!("a");
    /// mock.expect().enter("a").done();
    /// ```
    pub fn enter<'p>(self, tags: impl Into<Path<'p>>) -> Self {
        self.marker(Dir::Enter, tags.into())
    }

    /// An exit of these tags comes next, without arguments unless some are named behind it.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// drop(nulltrace::span!("a"));
    /// mock.expect().enter("a").exit("a").done();
    /// ```
    pub fn exit<'p>(self, tags: impl Into<Path<'p>>) -> Self {
        self.marker(Dir::Exit, tags.into())
    }

    fn marker(mut self, dir: Dir, path: Path<'_>) -> Self {
        let tags = path.tags().map(str::to_owned).collect();
        self.wanted.push(Wanted {
            dir,
            tags,
            id: None,
            parent: Parent::Any,
            args: Vec::new(),
            any_args: false,
        });
        self
    }

    /// That marker has this argument, behind those named before. Values are compared as text.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// let _span = nulltrace::span!("a", n = 1, ok = true);
    /// mock.expect().enter("a").arg("n", "1").arg("ok", "true").done();
    /// ```
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        if let Some(last) = self.wanted.last_mut() {
            last.args.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// That marker may have any arguments.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// let _span = nulltrace::span!("a", now = std::process::id());
    /// mock.expect().enter("a").any_args().done();
    /// ```
    pub fn any_args(mut self) -> Self {
        if let Some(last) = self.wanted.last_mut() {
            last.any_args = true;
        }
        self
    }

    /// That marker has this id: `"t"`, `"g"`, a number … Any is right if this is not called.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// let _span = nulltrace::span!(id: nulltrace::Id::Number(7), "a");
    /// mock.expect().enter("a").id("7").done();
    /// ```
    pub fn id(mut self, id: &str) -> Self {
        if let Some(last) = self.wanted.last_mut() {
            last.id = Some(id.to_owned());
        }
        self
    }

    /// That marker names its parent, which is a span of these tags. Any is right, or none, if nothing is said of
    /// the parent.
    ///
    /// ```
    /// use nulltrace::{Id, mock::Mock, span};
    ///
    /// let mock = Mock::here();
    /// let _job = span!(id: Id::unique(), "job");
    /// let _part = span!("part");
    /// mock.expect().enter("job").enter("part").child_of("job").done();
    /// ```
    pub fn child_of<'p>(self, tags: impl Into<Path<'p>>) -> Self {
        let tags = tags.into().tags().map(str::to_owned).collect();
        self.parent(Parent::Span(tags))
    }

    /// That marker says that its span has no parent.
    ///
    /// ```
    /// use nulltrace::{Context, mock::Mock, span};
    ///
    /// let mock = Mock::here();
    /// let _alone = Context::ROOT.in_scope(|| span!("alone"));
    /// mock.expect().enter("alone").root().done();
    /// ```
    pub fn root(self) -> Self {
        self.parent(Parent::Root)
    }

    /// That marker names no parent: the collector sees how the spans of its thread nest.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// let _span = nulltrace::span!("plain");
    /// mock.expect().enter("plain").unnamed_parent().done();
    /// ```
    pub fn unnamed_parent(self) -> Self {
        self.parent(Parent::Unnamed)
    }

    fn parent(mut self, parent: Parent) -> Self {
        if let Some(last) = self.wanted.last_mut() {
            last.parent = parent;
        }
        self
    }

    /// Compares: exactly these markers were written, in this order.
    ///
    /// # Panics
    /// They were not. The message shows the first difference, and all that was written.
    ///
    /// ```should_panic
    /// let mock = nulltrace::mock::Mock::here();
    /// drop(nulltrace::span!("a"));
    /// mock.expect().enter("a").done(); // there was an exit, too
    /// ```
    #[track_caller]
    pub fn done(self) {
        if let Some(message) = self.difference() {
            panic!("{message}");
        }
    }

    fn difference(&self) -> Option<String> {
        let longest = self.wanted.len().max(self.written.len());
        let at = (0..longest).find(|&at| match (self.wanted.get(at), self.written.get(at)) {
            (Some(wanted), Some(written)) => !wanted.fits(written, &self.numbers),
            _ => true,
        })?;
        let wanted = self
            .wanted
            .get(at)
            .map_or("nothing more".to_owned(), Wanted::text);
        let written = self
            .written
            .get(at)
            .map_or("nothing more".to_owned(), Marker::to_string);
        let mut text = format!("marker {} is not the expected one\n", at + 1);
        let _ = writeln!(
            text,
            "  expected: {wanted}\n  written:  {written}\nall that was written:"
        );
        for (index, marker) in self.written.iter().enumerate() {
            let hand = if index == at { '>' } else { ' ' };
            let _ = writeln!(text, "{hand} {}: {marker}", index + 1);
        }
        Some(text)
    }
}
