//! Where a view goes when a verb ends, and in what format.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use nulltrace_core::query::Query;
use nulltrace_core::view::View;

use super::target::Target;
use super::terminal::style;
use crate::error::Error;
use crate::log;
use crate::measured::Measured;
use crate::outlet::End;
use crate::show::{self, Answer};

/// Options that say where a view goes.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Write the view in this format: text, json or csv [default: text].
    ///
    /// Text goes to stderr, JSON and CSV to stdout, unless -o names a file.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write the view to a file; - is stdout.
    ///
    /// Text in a file has no colours. The file is opened before anything is traced.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the view as JSON to a file: short for --format json -o FILE.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "output"])]
    json: Option<PathBuf>,
}

/// A way to write a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// For a person.
    #[default]
    Text,
    /// The whole summary, for a program.
    Json,
    /// The rows of the view, for a spreadsheet or a database.
    Csv,
}

impl Format {
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("text", Self::Text),
        ("json", Self::Json),
        ("csv", Self::Csv),
    ];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, format)| *format)
            .ok_or_else(|| format!("unknown format {text:?}: write text, json or csv"))
    }
}

/// Where a view goes, if not to stderr as text.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) format: Format,
    /// `-` is stdout.
    pub(super) path: PathBuf,
}

impl OutputArgs {
    /// `None` where they do not say.
    pub(super) fn destination(&self) -> Option<Destination> {
        let (format, path) = match (&self.json, self.format, &self.output) {
            (Some(path), ..) => (Format::Json, path.clone()),
            (None, format, Some(path)) => (format.unwrap_or_default(), path.clone()),
            (None, Some(Format::Text) | None, None) => return None,
            (None, Some(format), None) => (format, "-".into()),
        };
        Some(Destination { format, path })
    }
}

/// Where a view goes, opened before anything is traced.
pub(super) struct Output {
    format: Format,
    path: PathBuf,
    target: Target,
}

impl Output {
    pub(super) fn open(destination: Option<Destination>) -> Result<Option<Self>, Error> {
        destination.map(Self::open_at).transpose()
    }

    fn open_at(destination: Destination) -> Result<Self, Error> {
        let Destination { format, path } = destination;
        let target = match path.as_os_str() {
            dash if dash == "-" => {
                let stdout = io::stdout().as_fd().try_clone_to_owned();
                stdout.map(|fd| Target::Shared(fd.into()))
            }
            _ => Target::open(&path),
        };
        let target = target.map_err(|error| failed(&path, error))?;
        Ok(Self {
            format,
            path,
            target,
        })
    }

    /// The same; stdout as text, if nothing else was asked for.
    pub(super) fn open_or_stdout(destination: Option<Destination>) -> Result<Self, Error> {
        let destination = destination.unwrap_or(Destination {
            format: Format::Text,
            path: "-".into(),
        });
        Self::open_at(destination)
    }

    /// Whether it is for a person.
    pub(super) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Writes the view to the file that was asked for, and as text to stderr unless `quiet` or that is in the
    /// file. Where stderr takes nothing, that is no reason to fail the traced command.
    pub(super) fn write(
        output: Option<Self>,
        measured: &Measured,
        notes: &[String],
        (view, query): (&View, &Query),
        quiet: bool,
        end: &End<'_>,
    ) -> Result<(), Error> {
        let text = output.as_ref().is_some_and(|of| of.format == Format::Text);
        // On stderr they stand above, as they were said when tracing began.
        let said = if text { notes } else { &[] };
        let notes = [&measured.notes, said].concat();
        let written = measured.with_data(query, &notes, |data| {
            let answer = &Answer::new(*data, measured.wall_start, view);
            if !quiet && !text {
                log::last(show::page(answer, style(&io::stderr())));
            }
            output.map_or(Ok(()), |output| output.put(answer, end))
        });
        log::settle(end);
        written
    }

    fn put(self, answer: &Answer<'_>, end: &End<'_>) -> Result<(), Error> {
        let Self {
            format,
            path,
            target,
        } = self;
        let draw = |out: &mut dyn Write, style| match format {
            Format::Text => out.write_all(show::page(answer, style).as_bytes()),
            Format::Json => show::json(out, answer),
            Format::Csv => out.write_all(&show::csv(&answer.model)),
        };
        target
            .fill(&draw, end)
            .map_err(|error| failed(&path, error))
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::io(
        "cannot write the summary",
        error,
        path.display(),
        "name a writable file with -o, or - for stdout",
    )
}
