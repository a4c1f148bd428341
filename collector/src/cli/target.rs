//! The file a view goes to, opened before anything is traced: a mistake costs no work, and what the file held
//! stays until there is something to take its place.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{process, thread};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statfs, statx};

use super::terminal::style;
use crate::outlet::{End, LOOK, Outlet};
use crate::show::Style;
use crate::source::caps;

/// `PROC_SUPER_MAGIC` of the kernel.
const PROC: i64 = 0x9fa0;
/// As many symbolic links as the kernel follows.
const LINKS_MAX: usize = 40;

/// Draws a view.
type Draw<'a> = dyn Fn(&mut dyn Write, Style) -> io::Result<()> + 'a;

/// What was opened.
#[derive(Debug)]
pub(super) enum Target {
    /// Another file that takes the place of the one named when it is complete.
    Replacing(Replacing),
    /// The file itself: a device, or what cannot be replaced.
    Open(File),
    /// One that others may write to as well: it is theirs to empty.
    Shared(File),
    /// A named pipe, which cannot be opened before somebody reads it.
    Pipe(PathBuf),
}

/// A file beside the one it will be. If it comes to nothing it is removed.
#[derive(Debug)]
pub(super) struct Replacing {
    file: File,
    /// Its name until then.
    beside: PathBuf,
    becomes: PathBuf,
}

impl Target {
    /// Opens `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.metadata().is_ok_and(|of| of.file_type().is_fifo()) {
            return Ok(Self::Pipe(path.to_owned()));
        }
        if let Some(becomes) = replaceable(path)? {
            // When it is renamed most rights are gone: a place that takes them is none.
            match caps::without(|| Replacing::beside(becomes)) {
                Ok(replacing) => return Ok(Self::Replacing(replacing)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
                Err(_) => {}
            }
        }
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false).open(path);
        file.map(Self::Open)
    }

    /// Writes what `draw` draws.
    pub(super) fn fill(self, draw: &Draw<'_>, end: &End<'_>) -> io::Result<()> {
        let file = match self {
            Self::Replacing(replacing) => return replacing.fill(draw),
            Self::Open(file) if file.metadata()?.is_file() => {
                file.set_len(0)?;
                return write(&file, draw);
            }
            Self::Shared(file) if file.metadata()?.is_file() => return write(&file, draw),
            Self::Open(file) | Self::Shared(file) => file,
            Self::Pipe(path) => open_pipe(&path, end)?,
        };
        let mut text = Vec::new();
        draw(&mut text, style(&file))?;
        // Its thread may still use the descriptor when this returns.
        let fd = Box::leak(Box::new(file)).as_raw_fd();
        let outlet: &Outlet = Box::leak(Box::new(Outlet::new(fd)));
        outlet.push_last(text);
        outlet.start()?;
        let settled = outlet.settle(end);
        match outlet.take_error() {
            // The reader went away, as `head` does: it has what it wanted.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(error),
            None if settled => Ok(()),
            None => Err(nobody_reads()),
        }
    }
}

fn write(file: &File, draw: &Draw<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    draw(&mut out, style(file))?;
    out.flush()
}

fn nobody_reads() -> io::Error {
    io::Error::other("nobody reads it")
}

impl Replacing {
    fn beside(becomes: PathBuf) -> io::Result<Self> {
        let mode = becomes.metadata().map(|of| of.mode() & 0o777).ok();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        options.mode(mode.unwrap_or(0o666));
        let mut number = 0;
        loop {
            let name = format!(".nulltrace.{}.{number}.tmp", process::id());
            let beside = becomes.with_file_name(name);
            match options.open(&beside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                file => {
                    let this = Self {
                        file: file?,
                        beside,
                        becomes,
                    };
                    if let Some(mode) = mode {
                        this.file.set_permissions(Permissions::from_mode(mode))?;
                    }
                    return Ok(this);
                }
            }
        }
    }

    fn fill(self, draw: &Draw<'_>) -> io::Result<()> {
        write(&self.file, draw)?;
        fs::rename(&self.beside, &self.becomes)
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        // Not there any more if it has its name.
        let _ = fs::remove_file(&self.beside);
    }
}

/// The name of the file that `path` leads to, if another file can take its place unnoticed: there is none yet,
/// or it is a plain file of this user, of one name, and no open file of a process (`/dev/stdout`).
fn replaceable(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Ok(None);
    }
    for _ in 0..LINKS_MAX {
        let parent = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Ok(None),
        };
        if statfs(parent)?.f_type == PROC {
            return Ok(None);
        }
        match fs::read_link(&path) {
            Ok(to) => path = parent.join(to),
            Err(_) if path.file_name().is_none() => return Ok(None),
            Err(_) => break,
        }
    }
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(path)),
        Err(error) => return Err(error),
    };
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    let own = (found.uid(), found.gid(), found.nlink()) == (user, group, 1);
    Ok((found.is_file() && own && !is_mounted(&path)).then_some(path))
}

/// Whether the file itself is mounted there, as into a container.
fn is_mounted(path: &Path) -> bool {
    let found = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty());
    found.is_ok_and(|of| of.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Opens a named pipe for writing once somebody reads it.
fn open_pipe(path: &Path, end: &End<'_>) -> io::Result<File> {
    // Opened otherwise, it would wait with all signals blocked.
    let mut options = File::options();
    options.write(true).custom_flags(libc::O_NONBLOCK);
    end.moved();
    loop {
        match options.open(path) {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {}
            opened => return opened,
        }
        if !end.waits() {
            return Err(nobody_reads());
        }
        thread::sleep(LOOK);
    }
}
