//! `nulltrace report FILE`: the views of what was recorded.

use std::ffi::OsString;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use nulltrace_core::capture::{Damage, Read};
use nulltrace_core::input::event::What;
use nulltrace_core::input::layout::{self, Reader};
use nulltrace_core::query::Query;
use zerocopy::IntoBytes;

use super::captures::{Joint, Step, begins_late, files_and_filter};
use super::options::Views;
use super::output::Output;
use super::progress::Progress;
use super::range::Range;
use crate::clock::Moment;
use crate::config::Config;
use crate::consumers::check;
use crate::error::{Error, Kind};
use crate::log;
use crate::memory::Budget;
use crate::outlet::End;
use crate::pipeline::{Limits, Outcome, Pipeline, no_thread};
use crate::source::capture::{self, Ran};
use crate::text::safe;
use crate::when::When;

/// Options of `report`.
#[derive(Debug, Args)]
#[command(
    override_usage = "nulltrace report [OPTIONS] FILE... [FILTER]...",
    after_help = "The view is printed to stdout. What of the capture cannot be read is told on stderr; the rest is shown.

Examples:
  nulltrace report shop.ntc
  nulltrace report shop.ntc --view time
  nulltrace report shop.ntc 'span.duration>5ms and span.arg.cart=7'
  nulltrace report shop.ntc fd.type=file --by fd.name --sum bytes
  nulltrace report shop.*.ntc --view slowest
  nulltrace report shop.ntc --from 90s --to 100s
  nulltrace report shop.ntc --format json -o shop.json"
)]
pub(super) struct ReportArgs {
    /// The capture, as `nulltrace record` writes it; - is stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// More files of a recording that was split, and after them a filter: show only what it holds for, like
    /// span.duration>5ms and span.arg.cart=7. Short for --where.
    ///
    /// Files follow each other in the order of their numbers. A word that ends with .ntc, or is the name of a file, is a
    /// file. A filter with spaces may be several words; what means something to the shell needs quotes.
    #[arg(value_name = "FILTER", conflicts_with = "only")]
    more: Vec<OsString>,
    /// Show only spans that end, and calls that are made, after this time: 13:05:00, 2026-11-29T13:05:00Z, or +5s after
    /// the beginning.
    ///
    /// A time without a date is one of the host's zone where it was recorded, the first after the recording began.
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// Show only what was so at this time: spans that ended until then.
    #[arg(long, value_name = "TIME")]
    to: Option<When>,
    /// Use at most this much memory for what a capture makes grow, like open spans and rows [default: 1GiB].
    #[arg(long, value_name = "SIZE", value_parser = Budget::new)]
    memory: Option<Budget>,
    /// Print no messages, only the reason if the capture cannot be read.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    views: Views,
}

pub(super) fn run(args: &ReportArgs) -> Result<ExitCode, Error> {
    if args.quiet {
        log::be_quiet();
    }
    log::start().map_err(no_thread)?;
    let mut config = Config::default();
    config.memory = args.memory.unwrap_or(config.memory);
    let (files, words) = files_and_filter(&args.file, &args.more)?;
    let filter = match &words[..] {
        [] => Vec::new(),
        words => vec![words.join(" ")],
    };
    let query = args.views.query((&filter, "FILTER"))?;
    let output = Output::open_or_stdout(args.views.destination())?;
    let mut replay = Replay {
        config: &config,
        query: &query,
        narrowed: None,
        of_kept: &|kept| args.views.query_of(&filter, kept),
        ran: Ran::default(),
        reader: Reader::default(),
        layout: Vec::new(),
        pipeline: None,
        range: Range::new(args.from, args.to),
        progress: Progress::of(&files, args.quiet),
        joint: Joint::default(),
    };
    let mut notes = Vec::new();
    let mut lost = 0;
    for (n, path) in files.iter().enumerate() {
        if n > 0 {
            replay.joint.begin(path, &replay.ran);
        }
        let read = replay.read(path)?;
        lost += read.lost;
        let name = (files.len() > 1).then(|| name(path));
        replay.progress.next();
        notes.extend(flaws(&read, name.as_deref()));
    }
    notes.extend(begins_late(&replay.ran));
    notes.append(&mut replay.joint.notes);
    notes.extend(without_names(&replay.ran));
    notes.extend(kept_only(&replay.ran.filter));
    let is_part = args.from.is_some() || args.to.is_some();
    notes.extend(replay.range.missed(&replay.ran));
    let narrowed = replay.narrowed.clone();
    let outcome = replay.end()?;
    notes.extend(match is_part {
        true => lost_in_all(lost),
        false => lost_more(lost, outcome.measured.ledger.lost.sum()),
    });
    // In a text they stand with the view.
    let aside: &[String] = if output.is_text() { &[] } else { &notes };
    aside.iter().for_each(log::say);
    let end = &End::new(None, false);
    let shown = (args.views.view(), narrowed.as_ref().unwrap_or(&query));
    let output = Some(output);
    Output::write(output, &outcome.measured, &notes, shown, true, end)?;
    Ok(ExitCode::SUCCESS)
}

/// Takes in what was recorded.
struct Replay<'a> {
    config: &'a Config,
    query: &'a Query,
    /// The same of what the recording keeps, where that is not all.
    narrowed: Option<Query>,
    /// Makes that, if it can be.
    of_kept: &'a dyn Fn(&str) -> Option<Query>,
    ran: Ran,
    reader: Reader,
    /// The first record, until there is a pipeline.
    layout: Vec<u64>,
    /// In a box, as it is taken out for each record.
    pipeline: Option<Box<Pipeline>>,
    range: Range,
    progress: Progress,
    joint: Joint,
}

impl Replay<'_> {
    /// Takes in a file.
    fn read(&mut self, path: &Path) -> Result<Read, Error> {
        let mut failed = None;
        if self.range.has_end() && self.pipeline.is_none() {
            // It must be known when it began, to leave out what is not needed.
            let ran = capture::begins(path).ok().flatten();
            ran.map_or(Ok(()), |ran| self.range.settle(&ran))?;
        }
        let until = self.range.last();
        let mut progress = mem::take(&mut self.progress);
        let mut take = |record: &[u8]| {
            if failed.is_none() {
                failed = self.take(record).err();
            }
        };
        let read = capture::read(path, until, &mut take, &mut |bytes| progress.at(bytes));
        self.progress = progress;
        let remedy = "name a file that `nulltrace record` wrote";
        let read =
            read.map_err(|error| Error::io("cannot read the capture", error, name(path), remedy))?;
        if let Some(error) = failed {
            return Err(error);
        }
        match read.refused {
            Some(refused) => {
                let what = format!("not a capture ({refused})");
                Err(Error::new(Kind::Usage, what, name(path), remedy))
            }
            None => Ok(read),
        }
    }

    fn take(&mut self, record: &[u8]) -> Result<(), Error> {
        if let Ok(event) = self.reader.read(record) {
            match self.joint.step(&event, record)? {
                Step::Take => {}
                Step::Pass => return Ok(()),
                Step::Instead(known) => {
                    if let Some(pipeline) = &mut self.pipeline {
                        pipeline.replay(known);
                    }
                    return Ok(());
                }
            }
            self.ran.learn(&event);
            if matches!(event.what, What::Layout) && self.pipeline.is_none() {
                self.layout = record
                    .chunks_exact(8)
                    .filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes))
                    .collect();
                return Ok(());
            }
        }
        let ts = record.first_chunk().map_or(0, |ts| u64::from_ne_bytes(*ts));
        self.pipeline()?;
        if let Some(from) = self.range.begins(ts) {
            self.begin_range(from)?;
        }
        if ts <= self.range.last() {
            self.pipeline()?.replay(record);
        }
        Ok(())
    }

    /// The pipeline, made when the recording has said what it is: whose activity counts must be known before anything
    /// is counted.
    fn pipeline(&mut self) -> Result<&mut Pipeline, Error> {
        let pipeline = match self.pipeline.take() {
            Some(pipeline) => pipeline,
            None => {
                self.range.settle(&self.ran)?;
                if !self.ran.filter.is_empty() {
                    self.narrowed = (self.of_kept)(&self.ran.filter);
                }
                let query = self.narrowed.as_ref().unwrap_or(self.query);
                let mut pipeline = begin(self.config, &self.ran, query)?;
                pipeline.replay(self.layout.as_bytes());
                Box::new(pipeline)
            }
        };
        Ok(self.pipeline.insert(pipeline))
    }

    /// The range begins: what was known then is, and what happened before is not counted.
    fn begin_range(&mut self, from: Moment) -> Result<(), Error> {
        self.pipeline()?;
        let query = self.narrowed.as_ref().unwrap_or(self.query);
        let mut pipeline = begin(self.config, &self.ran, query)?;
        pipeline.replay(layout::own().as_bytes());
        self.pipeline()?
            .known(from.monotonic, &mut |record| pipeline.replay(record));
        pipeline.replay(self.layout.as_bytes());
        self.pipeline = Some(Box::new(pipeline));
        self.ran.began = from;
        Ok(())
    }

    fn end(mut self) -> Result<Outcome, Error> {
        self.pipeline()?;
        if let Some(from) = self.range.begins(u64::MAX) {
            self.begin_range(from)?;
        }
        self.ran.ended = self.ran.ended.min(self.range.last());
        let none = || {
            Error::new(
                Kind::Io,
                "nothing was read",
                "the capture",
                "record it again",
            )
        };
        Ok(self.pipeline.ok_or_else(none)?.replayed(&self.ran))
    }
}

/// A pipeline for what such a recording has.
fn begin(config: &Config, ran: &Ran, query: &Query) -> Result<Pipeline, Error> {
    let inside = ran.inside.parse().unwrap_or(config.inside);
    check(query, inside)?;
    let mut limits: Limits = config.memory.limits(0);
    limits.spans.reach = inside;
    limits.spans.age = u64::MAX;
    Pipeline::new(limits).asking(query, None)
}

/// What the recording lost besides what its records tell of: those for which the recorder had no room.
fn lost_more(in_all: u64, told: u64) -> Option<String> {
    let more = in_all.saturating_sub(told);
    (more > 0).then(|| format!("{more} more were lost while it was recorded: spans may be missing"))
}

/// What a person should know of a recording that was told what to keep.
fn kept_only(filter: &str) -> Option<String> {
    let filter = safe(filter.as_bytes());
    (!filter.is_empty()).then(|| format!("the recording has only what was asked for: {filter}"))
}

/// What the recording lost, where only a part of it is shown.
fn lost_in_all(lost: u64) -> Option<String> {
    (lost > 0).then(|| format!("the whole recording lost {lost}: spans may be missing"))
}

/// What a person should know of a recording of another architecture that does not say how calls are named there.
fn without_names(ran: &Ran) -> Option<String> {
    let here = std::env::consts::ARCH;
    let other = ran.calls.is_empty() && !ran.architecture.is_empty() && ran.architecture != here;
    other.then(|| {
        let architecture = safe(ran.architecture.as_bytes());
        format!(
            "system calls have the names of {here}, and the recording is of {architecture}, whose names it does not have"
        )
    })
}

fn name(path: &Path) -> String {
    safe(path.as_os_str().as_bytes())
}

/// What could not be read of a file, which has a name if there are several.
fn flaws(read: &Read, name: Option<&str>) -> Vec<String> {
    let mut flaws: Vec<_> = read.damage.iter().map(told).collect();
    if !read.ended && flaws.is_empty() {
        flaws.push(
            "the recording did not end as it should: what follows its last block is missing"
                .to_owned(),
        );
    }
    if let Some(name) = name {
        flaws
            .iter_mut()
            .for_each(|flaw| *flaw = format!("{name}: {flaw}"));
    }
    flaws
}

/// A place that cannot be read, in words.
fn told(damage: &Damage) -> String {
    let Damage { at, why } = damage;
    let records = match why.records() {
        0 => String::new(),
        n => format!("; {n} records are lost"),
    };
    format!(
        "bytes {} to {} of the capture cannot be read: {why}{records}",
        at.start, at.end
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_recorder_lost_is_told() {
        assert_eq!((lost_more(0, 0), lost_more(2, 5)), (None, None));
        assert!(lost_more(7, 5).unwrap().starts_with("2 more were lost"));
    }
}
