//! Where a summary goes when a verb ends.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use crate::error::Error;
use crate::pipeline::Outcome;
use crate::view::{Report, Style, View, json, table};

/// Writes the JSON file that was asked for, and the table on stderr unless `quiet`.
pub(super) fn write(
    outcome: &Outcome,
    notes: &[String],
    view: View,
    json: Option<&Path>,
    quiet: bool,
) -> Result<(), Error> {
    let rows = outcome.rows();
    let report = &Report {
        backend: outcome.backend,
        wall_start: outcome.wall_start,
        elapsed_ns: outcome.elapsed_ns,
        rows: &rows,
        groups: outcome.groups(),
        ledger: &outcome.ledger,
        outside: outcome.outside(),
        notes,
    };
    if !quiet {
        // A closed stderr is no reason to fail the traced command.
        let _ = io::stderr().write_all(table::render(report, view, style()).as_bytes());
    }
    let Some(path) = json else { return Ok(()) };
    let failed = |error: io::Error| {
        Error::new(
            format!("cannot write the JSON summary ({error})"),
            path.display(),
            "name a writable file with --json, or - for stdout",
        )
    };
    let mut out: Box<dyn Write> = if path.as_os_str() == "-" {
        Box::new(io::stdout().lock())
    } else {
        Box::new(BufWriter::new(File::create(path).map_err(failed)?))
    };
    json::write(&mut out, report)
        .and_then(|()| out.flush())
        .map_err(failed)
}

fn style() -> Style {
    let err = io::stderr();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style {
        width: rustix::termios::tcgetwinsize(&err).map_or(120, |size| size.ws_col.max(40).into()),
        color: err.is_terminal() && !plain,
    }
}
