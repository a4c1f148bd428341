//! Events of a capture.

use std::path::Path;
use std::process::ExitCode;

use nulltrace_core::capture::{Damage, Read};
use nulltrace_core::input::event::What;
use nulltrace_core::input::layout::Reader;
use zerocopy::IntoBytes;

use super::args::EventsArgs;
use super::settled::settle;
use crate::config::Config;
use crate::consumers::{Asked, Stream};
use crate::error::{Error, Kind};
use crate::log;
use crate::outlet::End;
use crate::pipeline::{Limits, Pipeline, no_thread};
use crate::signals::Signals;
use crate::sink::lines::Lines;
use crate::source::capture::{self, Ran};
use crate::source::growing::{self, Got};
use crate::text::safe;

pub(super) fn run(args: &EventsArgs, file: &Path, asked: Asked) -> Result<ExitCode, Error> {
    // What was read until Ctrl-C is shown, where more may come.
    let signals = args.follow.then(Signals::block);
    log::start().map_err(no_thread)?;
    let mut config = Config::default();
    config.memory = args.memory.unwrap_or(config.memory);
    config = args.kernel.over(config);
    let lines = Lines::stdout(true).map_err(no_thread)?;
    let mut replay = Replay {
        config: &config,
        stream: Some(Stream::new(asked, lines)),
        ran: Ran::default(),
        reader: Reader::default(),
        layout: Vec::new(),
        pipeline: None,
        failed: None,
    };
    let read = match &signals {
        None => {
            let mut take = |record: &[u8]| {
                replay.take(record);
            };
            capture::read(file, u64::MAX, &mut take, &mut |_| {})
        }
        Some(signals) => growing::read(file, &mut |got| replay.got(&got, signals)),
    };
    let read = read.map_err(|error| {
        let remedy = "name a file that `nulltrace record` wrote";
        Error::io("cannot read the capture", error, file.display(), remedy)
    })?;
    replay.end(file, &read, signals.is_some())
}

/// Takes in what was recorded.
struct Replay<'a> {
    config: &'a Config,
    /// Until there is a pipeline.
    stream: Option<Stream>,
    ran: Ran,
    reader: Reader,
    /// The first record, until there is a pipeline.
    layout: Vec<u64>,
    /// In a box, as it is taken out for each record.
    pipeline: Option<Box<Pipeline>>,
    failed: Option<Error>,
}

impl Replay<'_> {
    /// Takes a record, and says whether more are wanted.
    fn take(&mut self, record: &[u8]) -> bool {
        if self.is_over() {
            return false;
        }
        if let Ok(event) = self.reader.read(record) {
            self.ran.learn(&event);
            if matches!(event.what, What::Layout) && self.pipeline.is_none() {
                let words = record.chunks_exact(8);
                let words = words.filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes));
                self.layout = words.collect();
                return true;
            }
        }
        match self.pipeline() {
            Ok(pipeline) => pipeline.replay(record),
            Err(error) => self.failed = Some(error),
        }
        !self.is_over()
    }

    /// The same of a capture that grows.
    fn got(&mut self, got: &Got<'_>, signals: &Signals) -> bool {
        let asked = |signals: &Signals| signals.take().is_some_and(|of| of.asks_to_end());
        match got {
            Got::Record(record) => self.take(record),
            Got::Idle => {
                if let Some(pipeline) = &mut self.pipeline {
                    pipeline.pause();
                }
                !self.is_over() && !asked(signals)
            }
            Got::Missing(path) => {
                let path = safe(path.as_os_str().as_encoded_bytes());
                log::say(format_args!(
                    "files are missing before {path}: what happened then is not shown"
                ));
                true
            }
        }
    }

    fn is_over(&self) -> bool {
        self.failed.is_some() || self.pipeline.as_ref().is_some_and(|of| of.is_over())
    }

    /// The pipeline, made when the recording has said what it is.
    fn pipeline(&mut self) -> Result<&mut Pipeline, Error> {
        let pipeline = match self.pipeline.take() {
            Some(pipeline) => pipeline,
            None => {
                let inside = self.ran.inside.parse().unwrap_or(self.config.inside);
                let mut limits: Limits = self.config.memory.limits(0);
                limits.spans.reach = inside;
                limits.spans.age = u64::MAX;
                let mut pipeline = Pipeline::new(limits).since(self.ran.began);
                if let Some(stream) = self.stream.take() {
                    pipeline = pipeline.showing(stream, None)?;
                }
                pipeline.replay(self.layout.as_bytes());
                Box::new(pipeline)
            }
        };
        Ok(self.pipeline.insert(pipeline))
    }

    fn end(mut self, file: &Path, read: &Read, follows: bool) -> Result<ExitCode, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(refused) = read.refused {
            return Err(Error::new(
                Kind::Usage,
                format!("not a capture ({refused})"),
                file.display(),
                "name a file that `nulltrace record` wrote",
            ));
        }
        let was_over = self.is_over();
        self.pipeline()?;
        let outcome = self.pipeline.map(|pipeline| pipeline.replayed(&self.ran));
        let end = &End::new(None, false);
        let stream = outcome.and_then(|outcome| outcome.stream);
        let shown = stream.map(|stream| stream.close(|| end.waits()));
        if !was_over {
            for Damage { at, why } in &read.damage {
                let (from, to) = (at.start, at.end);
                log::say(format_args!(
                    "bytes {from} to {to} of the capture cannot be read: {why}"
                ));
            }
            if !read.ended && read.damage.is_empty() && !follows {
                log::say(
                    "the recording did not end as it should: what follows its last block is missing",
                );
            }
            if read.lost > 0 {
                log::say(format_args!(
                    "{} records were lost while it was recorded: their events are missing",
                    read.lost
                ));
            }
        }
        let settled = shown.map_or(Ok(()), settle);
        log::settle(end);
        settled.map(|()| ExitCode::SUCCESS)
    }
}
