//! The file of a recording, or its files, one after the other.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rustix::thread::CapabilitySet;

use crate::error::{Error, Kind};
use crate::source::caps;
use crate::text::safe;
use crate::units;

/// The smallest size of a file: below it there would be little in it but what is known already.
const LEAST_BYTES: u64 = 64 << 10;
/// The shortest time of a file.
const LEAST_TIME: Duration = Duration::from_secs(1);
/// Digits of a file's number, at least.
const DIGITS: usize = 4;

/// When a recording goes on in the next file.
///
/// ```
/// use nulltrace_collector::sink::files::Rotate;
///
/// let rotate: Rotate = "100M,1h".parse().unwrap();
/// assert_eq!((rotate.bytes, rotate.after.map(|of| of.as_secs())), (Some(100 << 20), Some(3600)));
/// assert!("100".parse::<Rotate>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotate {
    /// The file has at least this size, in bytes.
    pub bytes: Option<u64>,
    /// It is this old.
    pub after: Option<Duration>,
}

impl FromStr for Rotate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rotate = Self::default();
        for part in text.split(',').map(str::trim) {
            let unit = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let twice = match unit.trim() {
                "B" | "K" | "KiB" | "M" | "MiB" | "G" | "GiB" => {
                    let bytes = units::size(part)?;
                    if bytes < LEAST_BYTES {
                        let least = units::size_name(LEAST_BYTES);
                        return Err(format!("{part:?} is too small: write at least {least}"));
                    }
                    rotate.bytes.replace(bytes).is_some()
                }
                "us" | "ms" | "s" | "m" | "h" | "d" => {
                    let after = units::duration(part)?;
                    if after < LEAST_TIME {
                        return Err(format!("{part:?} is too short: write at least 1s"));
                    }
                    rotate.after.replace(after).is_some()
                }
                _ => {
                    return Err(format!(
                        "{part:?} is no size and no time: write for example 100M, 1h or 100M,1h"
                    ));
                }
            };
            if twice {
                return Err(format!(
                    "{text:?} has two sizes or two times: write one of each"
                ));
            }
        }
        Ok(rotate)
    }
}

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file; `-` is stdout. With rotation, each file has its number before the extension.
    pub path: PathBuf,
    /// Overwrite what exists.
    pub force: bool,
    /// When it goes on in another file, if ever.
    pub rotate: Option<Rotate>,
    /// How many of its files are kept, the latest; all of them where this is left out.
    pub keep: Option<NonZeroU32>,
}

/// What a recording is written to now, and where it goes on.
pub struct Target {
    /// The file at hand.
    pub(super) file: Box<dyn Write + Send>,
    /// Those that follow, if any do.
    pub(super) files: Option<Files>,
}

impl Target {
    /// All goes to one place, whatever that is.
    #[must_use]
    pub fn one(file: Box<dyn Write + Send>) -> Self {
        Self { file, files: None }
    }

    /// When it goes on in another file, if ever.
    #[must_use]
    pub fn rotate(&self) -> Option<Rotate> {
        self.files.as_ref().map(|files| files.rotate)
    }
}

/// The files of a recording that is split: this process made them.
#[derive(Debug)]
pub struct Files {
    place: Place,
    rotate: Rotate,
    made: VecDeque<Made>,
    number: u64,
    deleted: u64,
}

/// A file that was made, by which it is known again.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Place {
    /// Opens the file, before anything is traced. Nobody else may read it.
    ///
    /// # Errors
    /// It exists, or cannot be made; or files that follow could not be.
    pub fn open(&self) -> Result<Target, Error> {
        match self.rotate {
            None if self.path.as_os_str() == "-" => stdout().map(Target::one),
            None => {
                let file = create(&self.path, self.force);
                let file = file.map_err(|error| cannot_create(error, &self.path))?;
                Ok(Target::one(Box::new(file)))
            }
            Some(_) if self.path.as_os_str() == "-" => Err(Error::new(
                Kind::Usage,
                "stdout cannot be split into files",
                "--rotate",
                "name a file with -o, or leave out --rotate",
            )),
            Some(rotate) => self.open_first(rotate),
        }
    }

    fn open_first(&self, rotate: Rotate) -> Result<Target, Error> {
        if !self.force
            && let Some(old) = self.of_before()
        {
            return Err(Error::new(
                Kind::Usage,
                "files of an earlier recording are there",
                safe(old.as_os_str().as_bytes()),
                "name another file, or overwrite them with --force",
            ));
        }
        let mut files = Files {
            place: self.clone(),
            rotate,
            made: VecDeque::new(),
            number: 0,
            deleted: 0,
        };
        // Most rights are gone when the others are made.
        let first = caps::without(|| files.next());
        let file = first.map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied if caps::has(CapabilitySet::DAC_OVERRIDE) => Error::io(
                "cannot create the files of a recording without rights that are given up",
                error,
                safe(self.path.as_os_str().as_bytes()),
                "name a directory that belongs to the user who records",
            ),
            _ => cannot_create(error, &self.numbered(1)),
        })?;
        Ok(Target {
            file: Box::new(file),
            files: Some(files),
        })
    }

    /// The name of the file with that number.
    fn numbered(&self, number: u64) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".{number:0DIGITS$}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// A file that has a name as one of these would have it.
    fn of_before(&self) -> Option<PathBuf> {
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let stem = [self.path.file_stem()?.as_bytes(), b"."].concat();
        let end = self
            .path
            .extension()
            .map_or_else(Vec::new, |of| [b".", of.as_bytes()].concat());
        let is_ours = |name: &OsString| {
            let name = name.as_bytes();
            let number = name.strip_prefix(&*stem);
            let number = number.and_then(|rest| rest.strip_suffix(&*end));
            number.is_some_and(|of| of.len() >= DIGITS && of.iter().all(u8::is_ascii_digit))
        };
        let entries = fs::read_dir(directory).ok()?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        let last = names.filter(is_ours).max()?;
        Some(
            self.path
                .with_file_name(OsString::from_vec(last.into_vec())),
        )
    }
}

impl Files {
    /// Makes the next file, and deletes the oldest of those this process made if they are more than are kept.
    pub(super) fn next(&mut self) -> io::Result<File> {
        let number = self.number + 1;
        let path = self.place.numbered(number);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = match number {
            // The caller has a name for it.
            1 => create(&path, self.place.force)?,
            _ => create(&path, self.place.force).map_err(named)?,
        };
        self.number = number;
        let about = file.metadata()?;
        self.made.push_back(Made {
            path,
            device: about.dev(),
            inode: about.ino(),
        });
        let keep = self
            .place
            .keep
            .map_or(usize::MAX, |keep| keep.get() as usize);
        while self.made.len() > keep {
            let oldest = self.made.pop_front();
            self.deleted += u64::from(oldest.is_some_and(|oldest| oldest.delete()));
        }
        Ok(file)
    }

    /// How many were made.
    pub(super) fn made(&self) -> u64 {
        self.number
    }

    /// How many of them were deleted again.
    pub(super) fn deleted(&self) -> u64 {
        self.deleted
    }

    /// The names of the first and the last that are there.
    pub(super) fn names(&self) -> Option<(&Path, &Path)> {
        Some((&self.made.front()?.path, &self.made.back()?.path))
    }
}

impl Made {
    /// Returns whether it was there still: another file of its name is somebody else's.
    fn delete(&self) -> bool {
        let about = fs::symlink_metadata(&self.path);
        let is_ours = about.is_ok_and(|of| (of.dev(), of.ino()) == (self.device, self.inode));
        is_ours && fs::remove_file(&self.path).is_ok()
    }
}

/// A capture is read by its owner only.
fn create(path: &Path, force: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true).custom_flags(libc::O_NOFOLLOW),
    };
    options.open(path)
}

fn cannot_create(error: io::Error, path: &Path) -> Error {
    let remedy = match error.kind() {
        io::ErrorKind::AlreadyExists => "name another file, or overwrite it with --force",
        _ => "name a file that can be written",
    };
    let path = safe(path.as_os_str().as_bytes());
    Error::io("cannot create the capture", error, path, remedy)
}

fn stdout() -> Result<Box<dyn Write + Send>, Error> {
    match io::stdout().is_terminal() {
        false => Ok(Box::new(io::stdout())),
        true => Err(Error::new(
            Kind::Usage,
            "a capture is not for a terminal",
            "-o -",
            "name a file, or send stdout to another program",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_go_on() {
        let of = |text: &str| text.parse::<Rotate>();
        let (mib, hour) = (Some(1 << 20), Some(Duration::from_secs(3600)));
        let rotate = |bytes, after| Ok(Rotate { bytes, after });
        assert_eq!(of("1M"), rotate(mib, None));
        assert_eq!(of("1h"), rotate(None, hour));
        assert_eq!(of("60m, 1MiB"), rotate(mib, hour));
        for (bad, says) in [
            ("", "no size and no time"),
            ("100", "no size and no time"),
            ("1M,", "no size and no time"),
            ("1M,2M", "two sizes"),
            ("1h,2h", "two times"),
            ("1K", "at least 64KiB"),
            ("1ms", "at least 1s"),
            ("1.5M", "not a size"),
        ] {
            let error = of(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }

    fn place(path: &Path, keep: Option<u32>) -> Place {
        Place {
            path: path.to_owned(),
            force: false,
            rotate: Some(Rotate::default()),
            keep: keep.and_then(NonZeroU32::new),
        }
    }

    #[test]
    fn files_are_numbered_before_the_extension() {
        for (path, named) in [
            ("a/shop.ntc", "a/shop.0007.ntc"),
            ("shop", "shop.0007"),
            ("a.b.ntc", "a.b.0007.ntc"),
        ] {
            assert_eq!(place(Path::new(path), None).numbered(7), Path::new(named));
        }
        let path = place(Path::new("a.ntc"), None).numbered(123_456);
        assert_eq!(path, Path::new("a.123456.ntc"));
    }

    #[test]
    fn only_the_latest_of_its_own_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut target = place(&dir.path().join("a.ntc"), Some(2)).open().unwrap();
        let files = target.files.as_mut().unwrap();
        let at = |n: u32| dir.path().join(format!("a.{n:04}.ntc"));
        files.next().unwrap();
        // Somebody put another in the place of the first.
        fs::remove_file(at(1)).unwrap();
        fs::write(at(1), "mine").unwrap();
        fs::write(dir.path().join("a.0000.ntc"), "mine").unwrap();
        files.next().unwrap();
        files.next().unwrap();
        assert_eq!(fs::read_to_string(at(1)).unwrap(), "mine");
        assert!(!at(2).exists() && at(3).exists() && at(4).exists());
        assert!(dir.path().join("a.0000.ntc").exists());
        assert_eq!(
            (files.deleted(), files.names().unwrap()),
            (1, (&*at(3), &*at(4)))
        );
        // Nor is one overwritten that is not its own.
        fs::write(at(5), "mine").unwrap();
        let error = files.next().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("a.0005.ntc"), "{error}");
    }

    #[test]
    fn files_of_an_earlier_recording_are_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(&dir.path().join("a.ntc"), None);
        for other in ["a.12.ntc", "a.001x.ntc", "b.0001.ntc", "a.0001.txt"] {
            fs::write(dir.path().join(other), "").unwrap();
        }
        assert_eq!(place.of_before(), None);
        fs::write(dir.path().join("a.0011.ntc"), "").unwrap();
        let error = place.open().err().unwrap().to_string();
        assert!(
            error.contains("a.0011.ntc") && error.contains("--force"),
            "{error}"
        );
        let force = Place {
            force: true,
            ..place
        };
        assert!(force.open().is_ok());
    }

    #[test]
    fn stdout_is_not_split() {
        let error = place(Path::new("-"), None).open().err().unwrap();
        assert!(error.to_string().contains("leave out --rotate"), "{error}");
    }
}
