//! The names that a filter reads of processes.

use crate::facts::names::{Names, Wanted};
use crate::facts::process::Process;
use crate::query::field::{Known, Source};
use crate::query::filter::Filter;

/// The names that a filter reads.
pub(super) fn wanted(filter: &Filter) -> Wanted {
    let fields = filter.fields();
    let needs = |source| fields.iter().any(|field| field.info().source == source);
    Wanted {
        user: needs(Source::User),
        ancestors: needs(Source::Ancestor) || needs(Source::Ancestors),
        cgroup: needs(Source::Cgroup),
        container: needs(Source::Container),
    }
}

/// What is known of a process, as far as it is wanted.
pub(super) fn known<'n>(
    names: &'n mut Names,
    wanted: Wanted,
    process: Option<&Process>,
) -> Known<'n> {
    match process.filter(|_| wanted != Wanted::default()) {
        Some(process) => names.known(process),
        None => Known::default(),
    }
}
