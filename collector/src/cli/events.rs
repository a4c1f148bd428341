//! `nulltrace events`: the events themselves, one by one.

mod args;
mod explain;
mod live;
mod replay;
mod settled;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nulltrace_core::query::field::Subject;
use nulltrace_core::query::filter::{Filter, Words};

pub(super) use args::EventsArgs;

use super::meant::meant_field;
use super::no_filter::{no_filter, say_notes};
use super::print::print;
use crate::consumers::Asked;
use crate::error::{Error, Kind};
use crate::log;
use crate::memory::{Budget, Part};
use crate::names;
use crate::show::event::{Data, Drawing, Format, schema};
use crate::text::{safe, width};

pub(super) fn run(args: EventsArgs) -> Result<ExitCode, Error> {
    if args.quiet {
        log::be_quiet();
    }
    let (file, filter) = file_and_filter(&args.words)?;
    let format = format(&args)?;
    if args.json_schema {
        return print(&schema(&format));
    }
    let filter = filter.map(|text| read_filter(&text)).transpose()?;
    if args.explain {
        let is_file = file.is_some();
        return print(&explain::text(filter.as_ref(), is_file, &args));
    }
    let budget = args.memory.unwrap_or_default();
    let asked = asked(&args, filter, format, budget);
    match file {
        Some(file) if !args.command.is_empty() => Err(Error::new(
            Kind::Usage,
            "both a capture and a command",
            safe(file.as_os_str().as_bytes()),
            "leave out one of them",
        )),
        Some(file) => replay::run(&args, &file, asked),
        None if args.follow => Err(Error::new(
            Kind::Usage,
            "no capture to follow",
            "-f",
            "name a file that `nulltrace record` writes; without one, events are live anyway",
        )),
        None => live::run(args, asked),
    }
}

fn asked(args: &EventsArgs, filter: Option<Filter>, format: Format, budget: Budget) -> Asked {
    let data = match (args.ascii, args.hex) {
        (true, _) => Data::Text,
        (_, true) => Data::Hex,
        _ => Data::Inline,
    };
    let time = args.time.unwrap_or_default();
    Asked {
        filter,
        drawing: Drawing::new(format, args.json, time, data),
        count: args.count,
        from: args.from,
        to: args.to,
        enter: args.enter_events,
        waiting: usize::try_from(budget.of(Part::Queues)).unwrap_or(usize::MAX),
    }
}

/// The capture, if the first word is one: it ends with `.ntc`, is `-`, or is the name of something. The others are the
/// filter.
fn file_and_filter(words: &[OsString]) -> Result<(Option<PathBuf>, Option<String>), Error> {
    let is_file = |word: &OsString| {
        let path = Path::new(word);
        word == "-" || path.extension().is_some_and(|of| of == "ntc") || path.exists()
    };
    let (file, words) = match words {
        [first, rest @ ..] if is_file(first) => (Some(PathBuf::from(first)), rest),
        words => (None, words),
    };
    let words: Result<Vec<_>, _> = words.iter().cloned().map(OsString::into_string).collect();
    let words = words.map_err(|word| {
        let word = safe(word.as_bytes());
        Error::new(Kind::Usage, "a filter is text", word, "write it in UTF-8")
    })?;
    let filter = (!words.is_empty()).then(|| words.join(" "));
    Ok((file, filter))
}

fn format(args: &EventsArgs) -> Result<Format, Error> {
    let Some(text) = &args.format else {
        return Ok(Format::default());
    };
    Format::parse(text).map_err(|bad| {
        let what = match bad.name.bytes().all(|byte| byte.is_ascii_digit()) {
            true if !bad.name.is_empty() => format!("too wide: {}", bad.name),
            _ => format!("unknown field of events \"{}\"", safe(bad.name.as_bytes())),
        };
        let remedy = match bad.name.as_str() {
            "" => "write %% for a per cent sign".to_owned(),
            name => meant_field(name),
        };
        Error::new(Kind::Usage, what, marked("-p", text, bad.at), remedy)
    })
}

/// Reads the filter; what is surely not meant so is told.
fn read_filter(text: &str) -> Result<Filter, Error> {
    let words = Words {
        subjects: &[Subject::Event],
        call: &names::calls,
    };
    let filter = Filter::parse(text, &words).map_err(|bad| {
        let (what, remedy) = no_filter(&bad.why);
        Error::new(Kind::Usage, what, marked("FILTER", text, bad.at), remedy)
    })?;
    say_notes(&filter);
    Ok(filter)
}

/// A text, and a mark under the wrong part.
fn marked(option: &str, text: &str, at: std::ops::Range<usize>) -> String {
    let columns = |text: Option<&str>| width(&safe(text.unwrap_or_default().as_bytes()));
    let before = " ".repeat(columns(text.get(..at.start)));
    let mark = "^".repeat(columns(text.get(at)).max(1));
    let text = safe(text.as_bytes());
    format!("{option}\n  {text}\n  {before}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_may_be_a_file() {
        let of = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(OsString::from).collect();
            file_and_filter(&words).unwrap()
        };
        assert_eq!(of(&[]), (None, None));
        assert_eq!(of(&["a.ntc"]), (Some("a.ntc".into()), None));
        assert_eq!(of(&["-"]), (Some("-".into()), None));
        let filter = Some("evt.type=open and evt.dir=<".to_owned());
        assert_eq!(
            of(&["evt.type=open and", "evt.dir=<"]),
            (None, filter.clone())
        );
        assert_eq!(
            of(&["a.ntc", "evt.type=open", "and", "evt.dir=<"]),
            (Some("a.ntc".into()), filter)
        );
    }

    #[test]
    fn mistakes_have_a_place() {
        let error = read_filter("evt.typ=open").unwrap_err().to_string();
        assert!(error.contains("FILTER\n  evt.typ=open\n  ^^^^^^^\n") || error.contains("^^^^^^^"));
        assert!(error.contains("did you mean `evt.type`?"), "{error}");
    }
}
