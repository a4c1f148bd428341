//! How far reading a long capture is.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nobody needs to see what is over sooner.
const SOON: Duration = Duration::from_secs(1);
const DRAWN: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// A bar on a terminal, or nothing.
#[derive(Default)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// When to show it, as long as it is not.
    due: Option<Instant>,
    /// Bytes of the files before this one.
    before: u64,
}

impl Progress {
    /// Of reading these files. There is none where stderr is no terminal, or how much there is is not known.
    pub(super) fn of(files: &[PathBuf], quiet: bool) -> Self {
        let size = |path: &PathBuf| path.metadata().ok().filter(|of| of.is_file());
        let sizes: Option<u64> = files.iter().map(|path| Some(size(path)?.len())).sum();
        let sizes = sizes.filter(|_| !quiet && io::stderr().is_terminal());
        let bar = |bytes| {
            let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
            match ProgressStyle::with_template(DRAWN) {
                Ok(style) => bar.with_style(style.progress_chars("=> ")),
                Err(_) => bar,
            }
        };
        Self {
            bar: sizes.map(bar),
            due: Instant::now().checked_add(SOON),
            before: 0,
        }
    }

    /// So many bytes of the file at hand were read.
    pub(super) fn at(&mut self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        if self.due.is_some_and(|due| Instant::now() >= due) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            self.due = None;
        }
        bar.set_position(self.before + bytes);
    }

    /// The file at hand is read.
    pub(super) fn next(&mut self) {
        self.before = self.bar.as_ref().map_or(0, ProgressBar::position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
