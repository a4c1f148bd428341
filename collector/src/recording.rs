//! A recording that goes on: what each of its files begins with, and what the last ends with.

use std::io;

use nulltrace_core::capture::Compress;
use nulltrace_core::input::made::Made;
use nulltrace_core::ledger::Lost;
use nulltrace_core::query::filter::Filter;
use nulltrace_core::spans::consumer::Consumer;

use crate::clock::Moment;
use crate::sink::files::Target;
use crate::sink::recorder::Recorder;
use crate::source::capture::{About, Part, Ran};

/// A recording that is to be made.
pub struct Plan {
    /// Where it is written to.
    pub to: Target,
    /// How it is compressed.
    pub how: Compress,
    /// What of it is kept; all if there is none.
    pub only: Option<Filter>,
    /// Of which calls what they read and wrote is kept; of all if there is none.
    pub data: Option<Filter>,
    /// What is recorded.
    pub about: About,
}

/// A recording that goes on.
pub(crate) struct Recording {
    recorder: Recorder,
    about: About,
    /// Its name in each of its files, where it is split.
    series: Option<String>,
    made: Made,
    /// That it failed was told.
    told: bool,
}

impl Recording {
    /// Starts its thread, with so many bytes of records that may wait for it. Returns also who takes the records, and
    /// has the first already: what the recording is.
    pub(crate) fn start(
        plan: Plan,
        began: Moment,
        room: usize,
    ) -> io::Result<(Box<dyn Consumer>, Self)> {
        let Plan {
            to,
            how,
            only,
            data,
            about,
        } = plan;
        let (mut tap, recorder) = Recorder::start(to, how, room, only, data)?;
        let Moment { monotonic, wall } = began;
        let name = || {
            let pid = std::process::id();
            format!("{monotonic:x}-{pid:x}-{:x}", wall.as_nanosecond())
        };
        let series = recorder.is_split().then(name);
        let mut recording = Self {
            recorder,
            about,
            series,
            made: Made::default(),
            told: false,
        };
        recording.begin(began, 1, 0, &mut |record| tap.record(record));
        Ok((tap, recording))
    }

    /// What was lost by now, in all.
    pub(crate) fn report(&self, lost: u64) {
        self.recorder.report(lost);
    }

    /// Why it takes no more; once, when that is so.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let why = self.recorder.failure().filter(|_| !self.told);
        self.told |= why.is_some();
        why
    }

    /// Whether it is time for the next file: its number.
    pub(crate) fn due(&self) -> Option<u64> {
        self.recorder.due()
    }

    /// Goes on in the next file, of that number, from `now` on. It begins with all that is `known`, so that it can be
    /// read by itself.
    pub(crate) fn next(
        &mut self,
        number: u64,
        (lost, late): (&Lost, u64),
        known: impl FnOnce(u64, &mut dyn FnMut(&[u8])),
    ) {
        let now = Moment::now();
        let mut head = Vec::new();
        self.begin(now, number, late, &mut |record| head.push(record.to_vec()));
        let Self { recorder, made, .. } = self;
        recorder.next(lost.sum(), |out| {
            head.iter().for_each(|record| out(record));
            known(now.monotonic, out);
            out(made.run(now.monotonic, [("stream", "")]));
        });
    }

    /// Gives the record that says what the recording is.
    fn begin(&mut self, began: Moment, part: u64, late: u64, out: &mut dyn FnMut(&[u8])) {
        let Moment { monotonic, wall } = began;
        let part = self.series.as_ref().map(|series| Part {
            series: series.clone(),
            number: part,
            late,
        });
        let about = Ran::begins(monotonic, wall, &self.about, part.as_ref());
        let about = about.iter().map(|(name, value)| (*name, value.as_str()));
        out(self.made.run(monotonic, about));
    }

    /// Gives the last records: what was lost in all, and when it ended.
    pub(crate) fn end(&mut self, now: u64, lost: &Lost, late: u64, out: &mut dyn FnMut(&[u8])) {
        let causes = lost.causes().into_iter();
        let causes = causes.map(|(name, count)| (name, count.known()));
        out(self.made.losses(now, causes));
        let ends = Ran::ends(now, late);
        let ends = ends.iter().map(|(name, value)| (*name, value.as_str()));
        out(self.made.run(now, ends));
    }

    /// Its last records are given, but perhaps not written.
    pub(crate) fn close(self) -> Recorder {
        self.recorder
    }
}
