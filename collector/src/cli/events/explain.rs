//! Where each part of a filter is decided.

use std::fmt::Write as _;

use nulltrace_core::query::filter::Filter;

use super::args::EventsArgs;
use crate::text::safe;

/// What `--explain` says.
pub(super) fn text(filter: Option<&Filter>, is_file: bool, args: &EventsArgs) -> String {
    let mut out = String::new();
    let mut line = |place: &str, what: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{place:<8}{what}");
    };
    if !is_file {
        match args.selection.is_given() || !args.command.is_empty() {
            true => line(
                "kernel",
                "the processes: those of CMD, --pid, --uid or --cgroup",
            ),
            false => line(
                "kernel",
                "nothing: all processes are seen; CMD, --pid, --uid and --cgroup select some",
            ),
        }
    }
    for (clause, of_ends) in filter.into_iter().flat_map(Filter::clauses) {
        let clause = safe(clause.as_bytes());
        match of_ends {
            true => line(
                "end",
                &format!("{clause}: when its span ends; until then it waits"),
            ),
            false => line("event", &clause),
        }
    }
    if is_file && (args.from.is_some() || args.to.is_some()) {
        line("event", "--from, --to");
    }
    out
}
