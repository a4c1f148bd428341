//! `nulltrace parse`: markers from stdin, one per line.

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use clap::Args;
use nulltrace_core::input::record::PAYLOAD_MAX;
use nulltrace_spec::{Dir, Format, Marker, Parent};
use serde_json::{Value, json};

use crate::error::Error;
use crate::show::marker;
use crate::text;

/// Options of `parse`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each marker is printed to stdout as one line of JSON; for each bad line,
«line N, byte M: E_CODE text» is printed to stderr; M counts from 0. The exit status is 1 if
any line is bad.

Example:
  echo '>:42:web.render:page=home:' | nulltrace parse"
)]
pub(super) struct ParseArgs {}

pub(super) fn run(_: &ParseArgs) -> Result<ExitCode, Error> {
    let done = parse(
        &mut io::stdin().lock(),
        &mut BufWriter::new(io::stdout().lock()),
        &mut io::stderr(),
    );
    match done {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        // The reader went away, as `head` does: it has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Error::io(
            "cannot parse",
            error,
            "stdin or stdout",
            "give it a readable stdin and a writable stdout",
        )),
    }
}

/// Returns whether all lines were good.
fn parse(input: &mut impl BufRead, out: &mut impl Write, err: &mut impl Write) -> io::Result<bool> {
    let mut good = true;
    let mut line = Vec::new();
    let mut number = 0_u64;
    while let Some(cut) = read_line(input, &mut line)? {
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let found = nulltrace_spec::markers(&line, cut)
            .next()
            .map_or_else(|| nulltrace_spec::parse(&line), |found| found.marker);
        match found {
            Ok(marker) => {
                serde_json::to_writer(&mut *out, &to_json(&marker))?;
                out.write_all(b"\n")?;
            }
            Err(error) => {
                good = false;
                // Both streams may be one terminal: keep their order.
                out.flush()?;
                let (code, offset) = (error.code, error.offset.min(line.len()));
                writeln!(
                    err,
                    "line {number}, byte {offset}: {} {}",
                    code.name(),
                    code.text()
                )?;
                let (before, after) = line.split_at(offset);
                let before = text::safe(tail(before));
                writeln!(
                    err,
                    "  {before}{}",
                    text::safe(&after[..after.len().min(60)])
                )?;
                writeln!(err, "  {}^", " ".repeat(text::width(&before)))?;
            }
        }
    }
    out.flush()?;
    Ok(good)
}

/// What of a long line is shown before the caret.
fn tail(before: &[u8]) -> &[u8] {
    &before[before.len().saturating_sub(60)..]
}

/// Reads one line without its end into `line`, at most what a marker write may hold. `Some(true)`
/// when it was longer, `None` at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut any = false;
    let mut cut = false;
    loop {
        let chunk = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            return Ok(any.then_some(cut));
        }
        any = true;
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let room = PAYLOAD_MAX - line.len();
        cut |= part.len() > room;
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(cut));
        }
    }
}

fn to_json(marker: &Marker<'_>) -> Value {
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (parent, args) = marker.parent();
    let mut line = json!({
        "dir": match marker.dir { Dir::Enter => ">", Dir::Exit => "<" },
        "id": marker::id(marker.id),
        "tags": marker.tags.iter().map(|tag| show(&tag)).collect::<Vec<_>>(),
        "args": marker::args(args.iter()),
        "format": match marker.format { Format::Simple => "simple", Format::Json => "json" },
        "cut": marker.cut,
    });
    if let Some(parent) = parent {
        line["parent"] = match parent {
            Parent::Root => json!(""),
            Parent::Span(number) => json!(number),
            Parent::Unknown => Value::Null,
        };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &[u8]) -> (bool, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        // A tiny buffer, so that lines come in parts.
        let mut input = io::BufReader::with_capacity(7, input);
        let good = parse(&mut input, &mut out, &mut err).unwrap();
        (
            good,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    }

    #[test]
    fn a_line_of_json_for_each_marker() {
        let (good, out, err) = run(b">:42:a.b:k=v:\n\n[\"<\",\"t\",[\"a\"],[]]");
        assert!(good);
        assert_eq!(err, "");
        assert_eq!(
            out,
            concat!(
                r#"{"dir":">","id":42,"tags":["a","b"],"args":[["k","v"]],"format":"simple","cut":false}"#,
                "\n",
                r#"{"dir":"<","id":"t","tags":["a"],"args":[],"format":"json","cut":false}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_named_parent_is_no_argument() {
        let (good, out, _) = run(b">:t:a:^=4294967297,k=v:\n>:t:a:^=:\n>:t:a:^=x:\n<:t:a:^=:\n");
        assert!(good);
        let line = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let seen: Vec<_> = out
            .lines()
            .map(line)
            .map(|of| (of.get("parent").cloned(), of["args"].clone()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some(json!(4_294_967_297_i64)), json!([["k", "v"]])),
                (Some(json!("")), json!([])),
                (Some(Value::Null), json!([])),
                (None, json!([["^", ""]])),
            ]
        );
    }

    #[test]
    fn a_bad_line_is_named_with_a_caret_and_the_rest_still_read() {
        let (good, out, err) = run(b">:1:a::\n>:1:\x1b[31m,b::\nhello\n>:1:c::\n");
        assert!(!good);
        assert_eq!(out.lines().count(), 2);
        assert!(err.contains("line 2, byte 9: E_TAG_CHAR "), "{err}");
        assert!(
            !err.contains('\x1b'),
            "control characters are shown, not sent: {err}"
        );
        assert!(err.contains("line 3, byte 0: E_DIRECTION "), "{err}");
    }

    #[test]
    fn a_line_longer_than_a_marker_is_cut_as_the_kernel_cuts_it() {
        let long = format!(">:1:a:k=v,x={}:\n>:2:b::\n", "y".repeat(5000));
        let (good, out, _) = run(long.as_bytes());
        assert!(good);
        let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
        assert_eq!(first["cut"], true);
        assert_eq!(first["args"], json!([["k", "v"]]));
        assert_eq!(out.lines().count(), 2);
    }
}
