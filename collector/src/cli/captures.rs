//! Several captures in a row: the files of one recording that was split.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nulltrace_core::input::event::{Event, What, pairs};
use nulltrace_core::input::record::{Head, KIND_PROCESS};
use nulltrace_core::input::snapshot::FLAG_AGAIN;
use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, Kind};
use crate::source::capture::{Part, Ran};
use crate::text::safe;

/// Files, and behind them a filter in several words: a word is a file as long as it ends with `.ntc`, or is the name of
/// something.
///
/// # Errors
/// A word of the filter is no text.
pub(super) fn files_and_filter(
    first: &Path,
    rest: &[OsString],
) -> Result<(Vec<PathBuf>, Vec<String>), Error> {
    let is_file = |word: &&OsString| {
        let path = Path::new(word);
        path.extension().is_some_and(|of| of == "ntc") || path.exists()
    };
    let files = rest.iter().take_while(is_file).count();
    let (files, words) = rest.split_at(files);
    let words: Result<Vec<_>, _> = words.iter().cloned().map(OsString::into_string).collect();
    let words = words.map_err(|word| {
        let word = safe(word.as_bytes());
        Error::new(Kind::Usage, "a filter is text", word, "write it in UTF-8")
    })?;
    let first = [first.to_owned()].into_iter();
    Ok((
        first.chain(files.iter().map(PathBuf::from)).collect(),
        words,
    ))
}

/// How the files of a recording follow each other. What a file says at its beginning of what was known is passed over if
/// those before it have said so.
#[derive(Debug, Default)]
pub(super) struct Joint {
    /// The file at hand.
    name: String,
    /// The part before it; once it said which it is, that.
    before: Option<Part>,
    at: At,
    words: Vec<u64>,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// Where in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// It has not said yet which part it is.
    Begin,
    /// What is known already is said again.
    Known,
    /// What was known is said, and a part is missing before it.
    Missing,
    /// What happens follows.
    #[default]
    Stream,
}

/// What is to be done with a record.
pub(super) enum Step<'a> {
    /// Take it in: it is also of the recording as a whole.
    Take,
    /// Take this in, in its place: it says what is known.
    Instead(&'a [u8]),
    /// Pass it over.
    Pass,
}

impl Joint {
    /// A file begins that is not the first; what the first says of itself is known.
    pub(super) fn begin(&mut self, path: &Path, first: &Ran) {
        self.name = safe(path.as_os_str().as_bytes());
        self.before = self.before.take().or_else(|| first.part.clone());
        self.at = At::Begin;
    }

    /// Says what to do with a record.
    ///
    /// # Errors
    /// The file does not follow the one before.
    pub(super) fn step<'a>(
        &'a mut self,
        event: &Event<'_>,
        record: &'a [u8],
    ) -> Result<Step<'a>, Error> {
        if self.at == At::Stream {
            return Ok(Step::Take);
        }
        if event.what == What::Layout {
            return Ok(Step::Instead(record));
        }
        if let What::Run { text } = event.what {
            let goes_on = pairs(text).any(|(name, _)| name == b"stream");
            match self.at {
                At::Begin => {
                    let mut head = Ran::default();
                    head.learn(event);
                    self.at = self.follows(head.part)?;
                }
                _ if goes_on => self.at = At::Stream,
                _ => {}
            }
            return Ok(Step::Pass);
        }
        match self.at {
            At::Begin => Err(self.is_apart()),
            At::Missing if event.what.is_fact() => Ok(Step::Instead(self.anew(record))),
            _ => Ok(Step::Pass),
        }
    }

    /// What stands at the beginning of this part, after the one before.
    fn follows(&mut self, part: Option<Part>) -> Result<At, Error> {
        let Some((before, part)) = self.before.take().zip(part) else {
            return Err(self.is_apart());
        };
        if before.series != part.series {
            return Err(self.is_apart());
        }
        let next = before.number.saturating_add(1);
        if part.number < next {
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "part {} after part {} of a recording",
                    part.number, before.number
                ),
                &self.name,
                "name the files in the order of their numbers, each once",
            ));
        }
        if part.number == next {
            self.before = Some(part);
            return Ok(At::Known);
        }
        let missing = match part.number - next {
            1 => format!("part {next} is"),
            _ => format!("parts {next} to {} are", part.number - 1),
        };
        self.notes.push(format!(
            "before {} {missing} missing: what happened then is not seen, and spans that were open may be lost",
            self.name
        ));
        self.before = Some(part);
        Ok(At::Missing)
    }

    fn is_apart(&self) -> Error {
        Error::new(
            Kind::Usage,
            "not a part of the same recording as the file before it",
            &self.name,
            "report each recording by itself",
        )
    }

    /// The record, with a process as one that is new: it may be of the time that is missing.
    fn anew<'a>(&'a mut self, record: &'a [u8]) -> &'a [u8] {
        let is_process =
            Head::ref_from_prefix(record).is_ok_and(|(head, _)| head.kind == KIND_PROCESS);
        if !is_process {
            return record;
        }
        self.words.clear();
        self.words.resize(record.len().div_ceil(8), 0);
        let copy = self.words.as_mut_bytes().get_mut(..record.len());
        let Some(copy) = copy else { return record };
        copy.copy_from_slice(record);
        if let Ok((head, _)) = Head::mut_from_prefix(copy) {
            head.flags &= !FLAG_AGAIN;
        }
        copy
    }
}

/// What is to be known of a recording that begins with a later part.
pub(super) fn begins_late(ran: &Ran) -> Option<String> {
    let number = ran.part.as_ref()?.number;
    (number > 1).then(|| {
        format!("this begins with part {number} of a recording: spans that ended before it are in the parts before")
    })
}

#[cfg(test)]
mod tests {
    use nulltrace_core::input::made::Made;

    use super::*;

    #[test]
    fn words_are_files_and_then_a_filter() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("there").into_os_string();
        std::fs::write(&there, "").unwrap();
        let rest = ["b.ntc".into(), there.clone(), "or".into(), "c.ntc".into()];
        let (files, words) = files_and_filter(Path::new("a"), &rest).unwrap();
        assert_eq!(
            files,
            [Path::new("a"), Path::new("b.ntc"), Path::new(&there)]
        );
        assert_eq!(words, ["or", "c.ntc"]);
        let (files, words) = files_and_filter(Path::new("a"), &["span.hits>1".into()]).unwrap();
        assert_eq!((files.len(), words.len()), (1, 1));
    }

    /// What becomes of a head after part 3 of "s".
    fn after(series: &str, part: &str) -> Result<(Vec<String>, Vec<bool>), String> {
        let part_3 = Part {
            series: "s".to_owned(),
            number: 3,
            late: 0,
        };
        let ran = Ran {
            part: Some(part_3),
            ..Ran::default()
        };
        let mut joint = Joint::default();
        joint.begin(Path::new("x.ntc"), &ran);
        let (mut made, mut taken) = (Made::default(), Vec::new());
        let mut step = |joint: &mut Joint, record: &[u8]| {
            let step = joint.step(&Event::decode(record).unwrap(), record);
            let step = step.map_err(|error| error.to_string())?;
            taken.push(!matches!(step, Step::Pass));
            Ok::<_, String>(())
        };
        step(
            &mut joint,
            made.run(5, [("series", series), ("part", part)]),
        )?;
        step(&mut joint, made.user(5, 1, b"ann"))?;
        step(&mut joint, made.run(5, [("stream", "")]))?;
        step(&mut joint, made.user(6, 1, b"ann"))?;
        Ok((joint.notes, taken))
    }

    #[test]
    fn parts_follow_each_other() {
        let (notes, taken) = after("s", "4").unwrap();
        assert_eq!((notes.len(), taken), (0, vec![false, false, false, true]));
        let (notes, taken) = after("s", "6").unwrap();
        assert!(
            notes[0].contains("x.ntc parts 4 to 5 are missing"),
            "{notes:?}"
        );
        assert_eq!(taken, [false, true, false, true]);
        assert!(after("s", "3").unwrap_err().contains("part 3 after part 3"));
        assert!(after("t", "4").unwrap_err().contains("same recording"));
    }
}
