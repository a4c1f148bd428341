//! A question, once it is understood.

use super::field::{Field, Many, Source, Subject};
use super::filter::Filter;
use super::metric::Metric;
use super::span_metric::SpanMetric;
use crate::facts::names::Wanted;

/// What is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A view of spans, or of what was called inside.
    View {
        /// Its name.
        name: String,
        /// The fields by whose values its rows are grouped.
        by: Vec<Field>,
    },
    /// Sums of spans by the values of fields.
    Spans {
        /// The fields.
        by: Vec<Field>,
        /// The sums that were asked for.
        sums: Vec<SpanMetric>,
        /// The sum that orders the rows, instead of the first of these.
        sort: Option<SpanMetric>,
    },
    /// Sums of system calls by the values of fields.
    Groups {
        /// The fields.
        by: Vec<Field>,
        /// The sums that were asked for.
        sums: Vec<Metric>,
    },
}

/// A question: which subjects count, what is shown of them, in which order and how much of it. It is made of a
/// person's words by [`Asked::read`](super::asked::Asked::read), or of values.
///
/// ```
/// use nulltrace_core::query::Query;
/// use nulltrace_core::query::field::Subject;
/// use nulltrace_core::query::metric::Metric;
///
/// let query = Query::groups(vec!["fd.name".parse().unwrap()], vec![Metric::Bytes]).with_top(Some(10));
/// assert_eq!((query.subject(), query.top()), (Subject::Call, Some(10)));
/// assert!(query.is_of_files());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    subject: Subject,
    filter: Option<Filter>,
    show: Show,
    sort: Option<Metric>,
    top: Option<usize>,
    many: Vec<Many>,
    segments: bool,
    files: bool,
}

impl Query {
    /// System calls, grouped by the values of `by`, with these sums.
    #[must_use]
    pub fn groups(by: Vec<Field>, sums: Vec<Metric>) -> Self {
        Self::new(Show::Groups { by, sums })
    }

    /// Spans, grouped by the values of `by`, with these sums; the rows are ordered by the first of them, or by `sort`.
    #[must_use]
    pub fn spans(by: Vec<Field>, sums: Vec<SpanMetric>, sort: Option<SpanMetric>) -> Self {
        Self::new(Show::Spans { by, sums, sort })
    }

    /// A view of spans.
    #[must_use]
    pub fn view(name: &str) -> Self {
        Self::new(Show::View {
            name: name.to_owned(),
            by: Vec::new(),
        })
    }

    /// Grouped by the values of these fields.
    #[must_use]
    pub fn with_by(self, fields: Vec<Field>) -> Self {
        let show = match self.show {
            Show::View { name, .. } => Show::View { name, by: fields },
            Show::Groups { sums, .. } => Show::Groups { by: fields, sums },
            Show::Spans { sums, sort, .. } => Show::Spans {
                by: fields,
                sums,
                sort,
            },
        };
        let Self {
            filter, sort, top, ..
        } = self;
        let query = Self::new(show).with_filter(filter);
        query.with_sort(sort).with_top(top)
    }

    fn new(show: Show) -> Self {
        let mut query = Self {
            subject: match show {
                Show::View { .. } | Show::Spans { .. } => Subject::Span,
                Show::Groups { .. } => Subject::Call,
            },
            filter: None,
            show,
            sort: None,
            top: None,
            many: Vec::new(),
            segments: false,
            files: false,
        };
        query.many = several(query.by());
        let of_segments = |field: &Field| field.info().is_of(Subject::Segment);
        query.segments = query.by().iter().all(of_segments);
        query.files = query.reads_files();
        query
    }

    /// Only those for which it holds, if there is one.
    #[must_use]
    pub fn with_filter(mut self, filter: Option<Filter>) -> Self {
        self.filter = filter;
        self.files = self.reads_files();
        self
    }

    /// Ordered by this sum, the largest first, instead of by the first that was asked for.
    #[must_use]
    pub fn with_sort(self, sort: Option<Metric>) -> Self {
        Self { sort, ..self }
    }

    /// So many rows; what the others come to is one row.
    #[must_use]
    pub fn with_top(self, top: Option<usize>) -> Self {
        Self { top, ..self }
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// What is shown.
    #[must_use]
    pub const fn show(&self) -> &Show {
        &self.show
    }

    /// The fields by which is grouped.
    #[must_use]
    #[inline]
    pub fn by(&self) -> &[Field] {
        match &self.show {
            Show::Groups { by, .. } | Show::View { by, .. } | Show::Spans { by, .. } => by,
        }
    }

    /// The sums of spans that were asked for, and that which orders the rows.
    #[must_use]
    pub fn span_sums(&self) -> (&[SpanMetric], SpanMetric) {
        match &self.show {
            Show::Spans { sums, sort, .. } => {
                let order = sort.or_else(|| sums.first().copied());
                (sums, order.unwrap_or(SpanMetric::Hits))
            }
            _ => (&[], SpanMetric::Duration),
        }
    }

    /// The sums of calls that were asked for.
    #[must_use]
    pub fn sums(&self) -> &[Metric] {
        match &self.show {
            Show::Groups { sums, .. } => sums,
            Show::View { .. } | Show::Spans { .. } => &[],
        }
    }

    /// Which count; all if there is none.
    #[must_use]
    #[inline]
    pub const fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// What orders the rows, the first first: the largest of it comes first.
    pub fn order(&self) -> impl Iterator<Item = Metric> {
        let asked = self.sort.iter().chain(self.sums());
        asked.chain([&Metric::Count]).copied()
    }

    /// How many rows are wanted; all if that was not said.
    #[must_use]
    pub const fn top(&self) -> Option<usize> {
        self.top
    }

    /// Whether any field is read from there.
    #[must_use]
    pub fn needs(&self, source: Source) -> bool {
        self.fields().any(|field| field.info().source == source)
    }

    /// The names that it needs.
    #[must_use]
    pub fn names(&self) -> Wanted {
        Wanted {
            user: self.needs(Source::User),
            ancestors: self.needs(Source::Ancestor) || self.needs(Source::Ancestors),
            cgroup: self.needs(Source::Cgroup),
            container: self.needs(Source::Container),
        }
    }

    /// What its keys have several values by: a subject is in a group for each. The ends of a socket, which are the
    /// call's and not the segment's, are the last.
    #[must_use]
    #[inline]
    pub fn many(&self) -> &[Many] {
        &self.many
    }

    /// Whether its keys have the same values for all calls of a segment.
    #[must_use]
    #[inline]
    pub const fn is_of_segments(&self) -> bool {
        self.segments
    }

    /// Whether it must be known which file a call is on.
    #[must_use]
    #[inline]
    pub const fn is_of_files(&self) -> bool {
        self.files
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let filtered = self.filter.iter().flat_map(Filter::fields);
        self.by().iter().chain(filtered)
    }

    fn reads_files(&self) -> bool {
        self.needs(Source::File) || self.needs(Source::Ends)
    }
}

/// What these fields have several values by, each once. Fields that are read from the same thing have the value of
/// the same one: a path and the number beside it are one span's.
fn several(by: &[Field]) -> Vec<Many> {
    let mut many = Vec::new();
    for of in by.iter().filter_map(|field| field.info().source.many()) {
        if !many.contains(&of) {
            many.push(of);
        }
    }
    if many.contains(&Many::Spans) {
        many.retain(|of| *of != Many::Paths);
    }
    many.sort_by_key(|of| *of == Many::Ends);
    many
}
