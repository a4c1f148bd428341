//! What is grouped, and how.

use super::condition::Condition;
use super::field::{Field, Source};
use super::metric::Metric;
use crate::facts::names::Wanted;

/// What is grouped, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    by: Vec<Field>,
    only: Vec<Condition>,
    sums: Vec<Metric>,
    enclosing: bool,
    files: bool,
}

impl Plan {
    /// A plan: calls for which all of `only` hold, grouped by the values of `by`, of which fields of
    /// [`Source::Ancestors`] and [`Source::Ends`] have none. `sums` says what a person asked for, the first of which orders the
    /// rows.
    #[must_use]
    pub fn new(by: Vec<Field>, only: Vec<Condition>, sums: Vec<Metric>) -> Self {
        let is = |field: &Field, source| field.info().source == source;
        let file = |field: &Field| is(field, Source::File) || is(field, Source::Ends);
        Self {
            enclosing: by.iter().any(|field| is(field, Source::Enclosing)),
            files: by.iter().any(file) || only.iter().any(|of| file(of.field())),
            by,
            only,
            sums,
        }
    }

    /// The fields.
    #[must_use]
    pub fn by(&self) -> &[Field] {
        &self.by
    }

    /// The sums asked for.
    #[must_use]
    pub fn sums(&self) -> &[Metric] {
        &self.sums
    }

    /// Whether any field is read from there.
    #[must_use]
    pub fn needs(&self, source: Source) -> bool {
        let mut fields = self.by.iter().chain(self.only.iter().map(Condition::field));
        fields.any(|field| field.info().source == source)
    }

    /// The names that it needs.
    #[must_use]
    pub fn names(&self) -> Wanted {
        Wanted {
            user: self.needs(Source::User),
            ancestors: self.needs(Source::Ancestor) || self.needs(Source::Ancestors),
            cgroup: self.needs(Source::Cgroup),
        }
    }

    /// The conditions.
    #[must_use]
    pub fn only(&self) -> &[Condition] {
        &self.only
    }

    /// Whether a field has a value for each span that a call was made in.
    #[must_use]
    pub const fn is_enclosing(&self) -> bool {
        self.enclosing
    }

    /// Whether it must be known which file a call is on.
    #[must_use]
    pub const fn is_of_files(&self) -> bool {
        self.files
    }
}
