//! Where a summary goes when a verb ends.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nulltrace_core::view::{Data, View};

use crate::error::Error;
use crate::log;
use crate::names::Machine;
use crate::outlet::Outlet;
use crate::pipeline::Outcome;
use crate::show::{self, Answer, Style};
use crate::signals::Signals;

/// The JSON file that was asked for, opened before anything is traced: by then the rights to open it are
/// still there, and a mistake costs no work.
pub(super) struct Json {
    path: PathBuf,
    /// `None` for a named pipe, which cannot be opened before somebody reads it.
    file: Option<File>,
}

/// Who may cut the last words short.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    /// Asks for it.
    pub(super) signals: &'a Signals,
    /// Somebody has already.
    pub(super) asked: bool,
}

impl Json {
    /// What the file holds is left until there is something to take its place.
    pub(super) fn open(path: Option<&Path>) -> Result<Option<Self>, Error> {
        let Some(path) = path else { return Ok(None) };
        let is_pipe = || path.metadata().is_ok_and(|of| of.file_type().is_fifo());
        let file = match path.as_os_str() {
            dash if dash == "-" => Some(io::stdout().as_fd().try_clone_to_owned().map(File::from)),
            _ if is_pipe() => None,
            _ => Some(create(path)),
        };
        let path = path.to_owned();
        let file = file.transpose().map_err(|error| failed(&path, error))?;
        Ok(Some(Self { path, file }))
    }

    fn write(self, answer: &Answer<'_>, end: End<'_>) -> Result<(), Error> {
        let failed = |error| failed(&self.path, error);
        let file = match self.file {
            Some(file) => file,
            None => create(&self.path).map_err(failed)?,
        };
        if file.metadata().map_err(failed)?.is_file() {
            // `-` may be a file that others write to as well: it is theirs to empty.
            if self.path.as_os_str() != "-" {
                file.set_len(0).map_err(failed)?;
            }
            let mut out = BufWriter::new(file);
            return show::json(&mut out, answer)
                .and_then(|()| out.flush())
                .map_err(failed);
        }
        let mut text = Vec::new();
        show::json(&mut text, answer).map_err(failed)?;
        // Its thread may still use the descriptor when this returns.
        let fd = Box::leak(Box::new(file)).as_raw_fd();
        let outlet: &Outlet = Box::leak(Box::new(Outlet::new(fd)));
        outlet.push_last(text);
        outlet.start().map_err(failed)?;
        let settled = outlet.settle(Some(end.signals), end.asked);
        match outlet.take_error() {
            // The reader went away, as `head` does: it has what it wanted.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(failed(error)),
            None if settled => Ok(()),
            None => Err(failed(io::Error::other("nobody reads it"))),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::io(
        "cannot write the JSON summary",
        error,
        path.display(),
        "name a writable file with --json, or - for stdout",
    )
}

/// Writes the JSON file that was asked for, and the table on stderr unless `quiet`. Where stderr takes
/// nothing, that is no reason to fail the traced command.
pub(super) fn write(
    outcome: &Outcome,
    notes: &[String],
    view: &View,
    json: Option<Json>,
    quiet: bool,
    end: End<'_>,
) -> Result<(), Error> {
    let rows = outcome.rows();
    let data = Data {
        backend: outcome.backend,
        elapsed_ns: outcome.elapsed_ns,
        rows: &rows,
        groups: outcome.groups(),
        ledger: &outcome.ledger,
        outside: outcome.outside(),
        notes,
        log_lost: log::lost(),
        names: &Machine,
    };
    let answer = &Answer::new(data, outcome.wall_start, view);
    if !quiet {
        log::last(show::page(answer, style()));
    }
    let written = json.map_or(Ok(()), |json| json.write(answer, end));
    log::settle(Some(end.signals), end.asked);
    written
}

fn style() -> Style {
    let err = io::stderr();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style {
        width: rustix::termios::tcgetwinsize(&err).map_or(120, |size| size.ws_col.max(40).into()),
        color: err.is_terminal() && !plain,
    }
}
