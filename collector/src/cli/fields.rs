//! `nulltrace fields`: the table of fields.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nulltrace_core::facts::syscall;
use nulltrace_core::query::field::{self, Info, Subject, Type};
use serde_json::{Value, json};

use super::print::print;
use crate::error::{Error, Kind};
use crate::nearest::nearest;
use crate::text::safe;

/// Options of `fields`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  nulltrace fields fd.")]
pub(super) struct FieldsArgs {
    /// List only the fields whose names begin like this.
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Print a table, or JSON for programs.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(args: &FieldsArgs) -> Result<ExitCode, Error> {
    let prefix = args.prefix.as_str();
    let fields: Vec<_> = field::all()
        .filter(|info| info.to_string().starts_with(prefix))
        .collect();
    if fields.is_empty() {
        return Err(unknown(prefix));
    }
    let text = match args.format {
        Format::Text => {
            let columns = std::io::stdout().is_terminal().then(columns);
            let has_calls = fields.iter().any(|info| info.type_ == Type::Call);
            let calls = if has_calls {
                calls(columns)
            } else {
                String::new()
            };
            table(&fields, columns) + &calls
        }
        Format::Json => json(&fields).to_string() + "\n",
    };
    print(&text)
}

fn unknown(prefix: &str) -> Error {
    let names: Vec<_> = field::all().map(Info::to_string).collect();
    let remedy = match nearest(prefix, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`nulltrace fields` lists all".to_owned(),
    };
    let what = "no field begins with this";
    Error::new(Kind::Usage, what, safe(prefix.as_bytes()), remedy)
}

/// The names in `evt.type` that stand for several calls.
fn calls(columns: Option<usize>) -> String {
    let mut out = "\nThese names of system calls stand for several that do the same:\n".to_owned();
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(INDENT));
    for (name, calls) in syscall::families() {
        let calls = calls.split(' ').collect::<Vec<_>>().join(", ");
        let line = format!("{name}: {calls}");
        let lines = wrapped(&line, room.max(MEANING_MIN)).join(&format!("\n{:INDENT$}  ", ""));
        out += &format!("{:INDENT$}{lines}\n", "");
    }
    out
}

/// The columns of the terminal.
fn columns() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(80, |size| usize::from(size.ws_col))
}

/// A line for each field; on a terminal of so many columns, more where the meaning does not fit.
fn table(fields: &[&Info], columns: Option<usize>) -> String {
    const TITLES: [&str; 4] = ["field", "type", "unit", "of"];
    let row = |info: &&Info| -> [String; 4] {
        [
            info.to_string(),
            info.type_.name().to_owned(),
            info.type_.unit().unwrap_or_default().to_owned(),
            subjects(info),
        ]
    };
    let rows: Vec<_> = fields.iter().map(row).collect();
    let mut widths = TITLES.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let line = |cells: [&str; 4]| -> String {
        let cells = cells.iter().zip(widths);
        cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect()
    };
    let start = line(Default::default()).len();
    // Where no column is left for it, the meaning has lines of its own.
    let beside = columns.is_none_or(|columns| columns >= start + MEANING_MIN);
    let indent = if beside { start } else { INDENT };
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(indent));
    let titles = line(TITLES) + if beside { "meaning" } else { "" };
    let mut out = titles.trim_end().to_owned() + "\n";
    for (info, row) in fields.iter().zip(&rows) {
        let row = line(row.each_ref().map(String::as_str));
        let meaning =
            wrapped(info.meaning, room.max(MEANING_MIN)).join(&format!("\n{:indent$}", ""));
        match beside {
            true => out += &format!("{row}{meaning}\n"),
            false => out += &format!("{}\n{:indent$}{meaning}\n", row.trim_end(), ""),
        }
    }
    out
}

/// The narrowest column that a meaning is readable in, and where it begins otherwise.
const MEANING_MIN: usize = 30;
const INDENT: usize = 4;

/// What has it.
fn subjects(info: &Info) -> String {
    match info.source.subjects() {
        all if all.len() == Subject::ALL.len() => "all".to_owned(),
        some => some
            .iter()
            .map(|of| of.name())
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// The words in lines of at most `room` characters, longer words alone.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn json(fields: &[&Info]) -> Value {
    let field = |info: &&Info| {
        let of = info.source.subjects().iter().map(|of| of.name());
        json!({
            "name": info.name,
            "key": info.key.name(),
            "type": info.type_.name(),
            "unit": info.type_.unit(),
            "of": of.collect::<Vec<_>>(),
            "many": info.source.many().is_some(),
            "meaning": info.meaning,
        })
    };
    let fields: Vec<_> = fields.iter().map(field).collect();
    json!({"nulltrace": 1, "fields": fields})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(prefix: &str) -> Vec<&'static Info> {
        field::all()
            .filter(|info| info.to_string().starts_with(prefix))
            .collect()
    }

    #[test]
    fn all_fields() {
        insta::assert_snapshot!("all", table(&some(""), None));
    }

    #[test]
    fn what_does_not_fit_is_wrapped() {
        for columns in [100, 60, 20] {
            let text = table(&some("span.e"), Some(columns));
            insta::assert_snapshot!(format!("wrapped_{columns}"), text);
        }
    }

    #[test]
    fn for_programs() {
        let fields = some("span.tag[");
        assert_eq!(
            json(&fields),
            json!({"nulltrace": 1, "fields": [{
                "name": "span.tag", "key": "number", "type": "text", "unit": null,
                "of": ["call", "segment", "span", "event"], "many": false,
                "meaning": "one tag of the span: 0 is the first, -1 the last",
            }]})
        );
        let start = &json(&some("span.time"))["fields"][0];
        assert_eq!(
            (&start["unit"], &start["key"]),
            (&json!("ns"), &Value::Null)
        );
        assert_eq!(json(&some("evtin.span.seq"))["fields"][0]["many"], true);
        let all = json(&some(""));
        assert_eq!(
            all["fields"].as_array().unwrap().len(),
            field::all().count()
        );
    }

    #[test]
    fn a_prefix_without_fields() {
        let error = unknown("fd.nam\x1b");
        assert_eq!(error.status(), 2);
        assert_eq!(
            error.to_string(),
            "nulltrace: no field begins with this: fd.nam\\u{1b}; did you mean `fd.name`?"
        );
    }
}
