//! A capture that others still write: what is added is read as it comes, and so are the files that it goes on in.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nulltrace_core::capture::{Read, Reader};
use nulltrace_core::input::event::{What, pairs};
use nulltrace_core::input::layout;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;
/// How long to wait before looking again.
const LOOK: Duration = Duration::from_millis(50);

/// What the reader of a growing capture is given.
pub(crate) enum Got<'a> {
    /// A record.
    Record(&'a [u8]),
    /// Nothing more is there yet.
    Idle,
    /// It goes on in this file, after one or more that are missing.
    Missing(&'a Path),
}

/// What a file has said so far.
#[derive(Default)]
struct Seen {
    layout: layout::Reader,
    /// The recording has ended.
    ended: bool,
    /// What was known at its beginning is being said again.
    known: bool,
}

impl Seen {
    /// Takes in a record; says whether it is to be passed on.
    fn take(&mut self, record: &[u8]) -> bool {
        let Ok(event) = self.layout.read(record) else {
            return !self.known;
        };
        if let What::Run { text } = event.what {
            let has = |name: &[u8]| pairs(text).any(|(of, _)| of == name);
            self.ended |= has(b"ended");
            if self.known && has(b"stream") {
                self.known = false;
                return false;
            }
        }
        !self.known || event.what == What::Layout
    }
}

/// Gives each record of the capture at `path` and of the files that follow it, until the recording has ended or `each` says
/// that it is enough.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read(path: &Path, each: &mut dyn FnMut(Got<'_>) -> bool) -> io::Result<Read> {
    let mut path = path.to_owned();
    let mut all = Read::default();
    let mut is_first = true;
    loop {
        let mut seen = Seen {
            known: !is_first,
            ..Seen::default()
        };
        let mut file = File::open(&path)?;
        let (read, go_on) = one(&mut file, &path, &mut seen, each)?;
        let refused = read.refused.is_some();
        add(&mut all, read);
        if refused || !go_on || seen.ended {
            return Ok(all);
        }
        let Some(next) = following(&path, each) else {
            return Ok(all);
        };
        path = next;
        is_first = false;
    }
}

/// Reads a file to its end. Returns whether more is wanted.
fn one(
    file: &mut File,
    path: &Path,
    seen: &mut Seen,
    each: &mut dyn FnMut(Got<'_>) -> bool,
) -> io::Result<(Read, bool)> {
    let mut reader = Reader::default();
    let mut chunk = vec![0; CHUNK];
    let mut go_on = true;
    loop {
        let len = match file.read(&mut chunk) {
            Ok(0) if reader.has_ended() => return Ok((reader.end(), go_on)),
            Ok(0) => {
                // A killed recorder writes no end: where there is a next file, or none of that name, nothing is added.
                if is_left(file, path) {
                    return Ok((reader.end(), go_on));
                }
                if !each(Got::Idle) {
                    return Ok((reader.end(), false));
                }
                thread::sleep(LOOK);
                continue;
            }
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        reader.push(chunk.get(..len).unwrap_or_default(), &mut |record| {
            if go_on && seen.take(record) {
                go_on = each(Got::Record(record));
            }
        });
        if reader.check().is_err() || !go_on {
            return Ok((reader.end(), go_on));
        }
    }
}

/// Whether others write to a file no more though it has no end: they write the next, or it is another's now.
fn is_left(file: &File, path: &Path) -> bool {
    let id = |of: std::fs::Metadata| (of.dev(), of.ino(), of.len());
    let same = file.metadata().map(id).ok() == path.metadata().map(id).ok();
    let replaced = path.exists() && !same && {
        // It may have grown between the two.
        let id = |of: std::fs::Metadata| (of.dev(), of.ino());
        file.metadata().map(id).ok() != path.metadata().map(id).ok()
    };
    replaced || number(path).is_some_and(|_| nth(path, 1).is_some_and(|next| next.exists()))
}

/// The file that follows, once it is there. None if no more is wanted.
fn following(path: &Path, each: &mut dyn FnMut(Got<'_>) -> bool) -> Option<PathBuf> {
    /// So many files that are missing are gone over.
    const AHEAD: u64 = 1000;
    nth(path, 1)?;
    loop {
        let mut next = (1..=AHEAD).filter_map(|by| Some((by, nth(path, by)?)));
        let found = next.find(|(_, path)| path.exists());
        match found {
            Some((1, next)) => return Some(next),
            // The one between may be on its way still: it is made before it is written.
            Some((_, next)) => {
                if nth(path, 1).is_some_and(|path| path.exists()) {
                    continue;
                }
                return each(Got::Missing(&next)).then_some(next);
            }
            None if !each(Got::Idle) => return None,
            None => thread::sleep(LOOK),
        }
    }
}

/// The number in the name of a file of a recording that is split: `shop.0007.ntc` has 7.
fn number(path: &Path) -> Option<(String, u64, usize, String)> {
    let name = path.file_name()?.to_str()?;
    let (rest, extension) = match path.extension()?.to_str()? {
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => (name, String::new()),
        extension => {
            let rest = name.strip_suffix(extension)?.strip_suffix('.')?;
            (rest, format!(".{extension}"))
        }
    };
    let (stem, digits) = rest.rsplit_once('.')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| plain)?;
    Some((stem.to_owned(), number, digits.len(), extension))
}

/// The file so many after this one.
fn nth(path: &Path, by: u64) -> Option<PathBuf> {
    let (stem, at, width, extension) = number(path)?;
    let next = at.checked_add(by)?;
    Some(path.with_file_name(format!("{stem}.{next:0width$}{extension}")))
}

/// What several files were, as one.
fn add(all: &mut Read, one: Read) {
    all.damage.extend(one.damage);
    all.ended = one.ended;
    all.records += one.records;
    all.lost = one.lost;
    all.refused = all.refused.or(one.refused);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered() {
        let of = |path: &str| nth(Path::new(path), 1);
        assert_eq!(of("a/shop.0001.ntc").unwrap(), Path::new("a/shop.0002.ntc"));
        assert_eq!(of("shop.9999.ntc").unwrap(), Path::new("shop.10000.ntc"));
        assert_eq!(of("shop.0009").unwrap(), Path::new("shop.0010"));
        for other in ["shop.ntc", "shop", "0001.ntc", "shop.x1.ntc", "-"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
