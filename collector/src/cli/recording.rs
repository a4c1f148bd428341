//! A recording that a verb makes: opened before anything is traced, and at the end what it came to.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nulltrace_core::capture::Compress;
use nulltrace_core::ledger::Lost;
use nulltrace_core::query::filter::Filter;
use nulltrace_core::view::losses;

use crate::config::{Config, Record};
use crate::error::Error;
use crate::log;
use crate::outlet::End;
use crate::recording::Plan;
use crate::sink::files::Target;
use crate::sink::recorder::{Recorded, Recorder, Split};
use crate::source::capture::About;
use crate::source::open::Opened;
use crate::text::safe;

/// A recording whose file is open.
pub(super) struct Ready {
    to: Target,
    how: Compress,
}

/// A filter that says what is kept, and its text.
pub(super) struct KeptBy {
    pub(super) text: String,
    pub(super) filter: Filter,
}

/// What is needed to say what a recording came to.
pub(super) struct Begun {
    path: PathBuf,
    since: Instant,
}

/// Opens the file.
pub(super) fn open(record: &Record) -> Result<(Ready, Begun), Error> {
    let to = record.place().open()?;
    let how = record.compress;
    let begun = Begun {
        path: record.file.clone(),
        since: Instant::now(),
    };
    Ok((Ready { to, how }, begun))
}

impl Ready {
    /// With what is recorded.
    pub(super) fn plan(
        self,
        opened: &Opened,
        config: &Config,
        kept: Option<KeptBy>,
        data: Option<Filter>,
    ) -> Plan {
        let (text, only) = kept.map_or((String::new(), None), |of| (of.text, Some(of.filter)));
        let words: Vec<_> = std::env::args_os().collect();
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let about = About {
            backend: opened.source.name().to_owned(),
            activity: opened.source.sees_activity(),
            inside: config.inside.name().to_owned(),
            command: words.join(" "),
            filter: text,
        };
        let Self { to, how } = self;
        Plan {
            to,
            how,
            only,
            data,
            about,
        }
    }
}

impl Begun {
    /// Waits until all is written, and says what it came to when so much was lost before.
    pub(super) fn end(&self, recorder: Recorder, lost: &Lost, end: &End<'_>) -> Result<(), Error> {
        let (recorded, failed) = recorder.close(|| end.waits());
        let seconds = self.since.elapsed().as_secs_f64();
        log::say(told(&recorded, lost, seconds, &self.path));
        log::settle(end);
        let Some(error) = failed else { return Ok(()) };
        let remedy = match recorded.bytes {
            0 => "nothing was written".to_owned(),
            bytes => format!("the first {bytes} bytes are whole and can be read"),
        };
        let path = safe(self.path.as_os_str().as_bytes());
        Err(Error::io("cannot write the capture", error, path, remedy))
    }
}

/// What a recording came to, in one line.
fn told(recorded: &Recorded, lost: &Lost, seconds: f64, path: &Path) -> String {
    let Recorded {
        records,
        bytes,
        kinds,
        ..
    } = recorded;
    let kinds = match kinds.words() {
        none if none.is_empty() => none,
        words => format!(" ({words})"),
    };
    let rate = *records as f64 / seconds.max(1e-9);
    let each = *bytes as f64 / (*records).max(1) as f64;
    format!(
        "recorded {records} records{kinds} in {seconds:.1} s ({rate:.0}/s) to {}: {bytes} bytes, {each:.1} each; {}",
        place(recorded, path),
        all_lost(recorded, lost),
    )
}

/// The file, or the files that are left.
fn place(recorded: &Recorded, path: &Path) -> String {
    let name = |path: &Path| safe(path.as_os_str().as_bytes());
    let Some(Split {
        first,
        last,
        made,
        deleted,
    }) = &recorded.files
    else {
        return name(path);
    };
    let (first, last) = (name(first), name(last));
    let gone = match deleted {
        0 => String::new(),
        n => format!(", and {n} older that were deleted"),
    };
    match made - deleted {
        1 => format!("{last} (1 file{gone})"),
        left => format!("{first} to {last} ({left} files{gone})"),
    }
}

/// What was lost, by cause: records that are not in the file, and what was lost before.
fn all_lost(recorded: &Recorded, lost: &Lost) -> String {
    let mut causes = Vec::new();
    if recorded.lost > 0 {
        causes.push(format!("{} records not in the file", recorded.lost));
    }
    if recorded.held > 0 {
        causes.push(format!(
            "{} records for which it took too long to know whether they are kept",
            recorded.held
        ));
    }
    if lost.any() {
        causes.push(losses(lost));
    }
    let unknown: Vec<_> = lost.unknown().collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ").replace('_', " ");
        causes.push(format!("not known how much by {unknown}"));
    }
    match causes.is_empty() {
        true => "nothing lost".to_owned(),
        false => format!("lost: {}", causes.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use nulltrace_core::count::Count;

    use super::*;
    use crate::sink::kinds::Kinds;

    #[test]
    fn one_line_says_what_it_came_to() {
        let mut kinds = Kinds::default();
        (0..2000).for_each(|_| kinds.count(10));
        let recorded = Recorded {
            records: 2000,
            kinds,
            bytes: 9000,
            ..Recorded::default()
        };
        let path = Path::new("a\x1b.ntc");
        assert_eq!(
            told(&recorded, &Lost::default(), 2.0, path),
            r"recorded 2000 records (2000 markers) in 2.0 s (1000/s) to a\u{1b}.ntc: 9000 bytes, 4.5 each; nothing lost"
        );
        let more = Recorded {
            lost: 5,
            ..recorded
        };
        let lost = Lost {
            slots: 2,
            fault: Count::Unknown,
            ..Lost::default()
        };
        let said = told(&more, &lost, 2.0, path);
        let all = "; lost: 5 records not in the file, slots 2, not known how much by fault";
        assert!(said.ends_with(all), "{said}");
        let nothing = told(&Recorded::default(), &Lost::default(), 0.0, path);
        assert!(nothing.starts_with("recorded 0 records in"), "{nothing}");
    }

    #[test]
    fn files_that_are_left() {
        let of = |made, deleted| {
            let files = Some(Split {
                first: "a.0001".into(),
                last: "a.0009".into(),
                made,
                deleted,
            });
            let recorded = Recorded {
                files,
                ..Recorded::default()
            };
            place(&recorded, Path::new("a"))
        };
        assert_eq!(of(9, 0), "a.0001 to a.0009 (9 files)");
        assert_eq!(
            of(9, 7),
            "a.0001 to a.0009 (2 files, and 7 older that were deleted)"
        );
        assert_eq!(of(9, 8), "a.0009 (1 file, and 8 older that were deleted)");
    }
}
