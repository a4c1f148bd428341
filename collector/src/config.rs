//! The agent's configuration: TOML, every key checked, errors with line, caret and remedy.
//!
//! ```
//! use nulltrace_collector::config::Config;
//! let config = Config::parse("ring_size = \"4MiB\"\n[scope]\nuid = 1000\n", "agent.toml").unwrap();
//! assert_eq!((config.ring_size, config.scope.uid), (Some(4 << 20), Some(1000)));
//! let error = Config::parse("[scope]\npid = [1]\n", "agent.toml").unwrap_err();
//! assert!(error.to_string().contains("did you mean `pids`?"));
//! ```

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs};

use nulltrace_core::activity::Reach;
use nulltrace_core::capture::Compress;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Kind};
use crate::memory::{self, Budget};
use crate::nearest::nearest;
use crate::sink::files::{Place, Rotate};
use crate::sink::statsd::StatsdConfig;
use crate::source::{Activity, Backend, SNAPLEN_MAX, Scope};
use crate::units;

/// Every setting of the agent; a flag of the same name overrides it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `auto`, `ebpf`, `ebpf:fentry` or `ebpf:raw_tracepoint`.
    pub backend: Backend,
    /// Size of the kernel's ring buffer, a power of two of pages, if not the default.
    #[serde(deserialize_with = "units::ring_size_text::deserialize")]
    pub ring_size: Option<u32>,
    /// How much memory markers can make grow, at most; [`memory`] splits it.
    #[serde(deserialize_with = "memory::text::deserialize")]
    pub memory: Budget,
    /// `off`, `segments`, `full` or `full=spans`: whether what threads do inside spans is observed.
    pub activity: Activity,
    /// How many bytes of what each call read or wrote are kept, with `activity = "full"`: at most 4096, 0 where this
    /// is left out.
    pub snaplen: Option<u32>,
    /// `thread`, `process`, `script` or `machine`: whose activity counts toward a span.
    #[serde(deserialize_with = "reach")]
    pub inside: Reach,
    /// Which spans, or system calls, count: a filter, or several of which all must hold.
    #[serde(rename = "where", deserialize_with = "texts")]
    pub filters: Vec<String>,
    /// Whose markers count; all when empty.
    pub scope: Scope,
    /// Bounds of the open spans.
    pub spans: Spans,
    /// Bounds of the summary.
    pub summary: Summary,
    /// Where span latencies go: `[statsd]`, or `[[statsd]]` for each of several servers.
    #[serde(deserialize_with = "one_or_more")]
    pub statsd: Vec<StatsdConfig>,
    /// The capture that is written; none where this is left out.
    pub record: Option<Record>,
    /// The log on stderr.
    pub log: Log,
    /// Where the JSON summary goes when the agent ends; `-` is stdout.
    pub json: Option<PathBuf>,
}

fn reach<'de, D: Deserializer<'de>>(from: D) -> Result<Reach, D::Error> {
    String::deserialize(from)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// A text, or an array of texts.
fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Texts;

    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, or an array of texts")
        }

        fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<String>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    from.deserialize_any(Texts)
}

/// A table, or an array of tables.
fn one_or_more<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMore<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table, or an array of tables")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    from.deserialize_any(OneOrMore(PhantomData))
}

/// `[spans]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spans {
    /// How many spans may be open at once, instead of what the memory is for; the oldest makes room for the
    /// next.
    pub max_open: Option<u32>,
    /// How long a span may stay open; as long as it likes where this is left out.
    #[serde(deserialize_with = "units::duration_text::deserialize")]
    pub expire: Option<Duration>,
}

/// `[summary]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Summary {
    /// How many distinct tag paths get a row of their own, instead of what the memory is for.
    pub max_paths: Option<usize>,
}

/// `[record]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The file; with `rotate` each has a number before the extension.
    pub file: PathBuf,
    /// When it goes on in a new file, as `100M`, `1h` or both.
    #[serde(default, deserialize_with = "rotate")]
    pub rotate: Option<Rotate>,
    /// How many of these files are kept, the latest.
    pub keep: Option<NonZeroU32>,
    /// How it is compressed.
    #[serde(default, deserialize_with = "compress")]
    pub compress: Compress,
    /// Overwrite files that exist.
    #[serde(default)]
    pub force: bool,
}

fn rotate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Rotate>, D::Error> {
    let rotate = String::deserialize(from)?.parse();
    rotate.map(Some).map_err(serde::de::Error::custom)
}

fn compress<'de, D: Deserializer<'de>>(from: D) -> Result<Compress, D::Error> {
    units::compress(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

impl Record {
    /// Where it goes.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            path: self.file.clone(),
            force: self.force,
            rotate: self.rotate,
            keep: self.keep,
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Malformed markers shown in a second, at most; all are counted.
    pub malformed_per_second: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            malformed_per_second: 5,
        }
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has a key or value that does not exist.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| {
            Error::io(
                "cannot read the configuration",
                error,
                path.display(),
                "name a readable file with --config",
            )
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Checks `text`; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let wrong = |error: toml::de::Error| {
            let remedy = expected(error.message()).map_or_else(
                || "fix this line".to_owned(),
                |key| format!("did you mean `{key}`?"),
            );
            let place = format!("{name}\n{}", error.to_string().trim_end());
            let what = "the configuration is wrong";
            Error::new(Kind::Usage, what, place, remedy).because(error)
        };
        let config: Self = toml::from_str(text).map_err(wrong)?;
        config.check_snaplen(name)?;
        if config.spans.max_open == Some(0) {
            return Err(Error::new(
                Kind::Usage,
                "the configuration is wrong: spans.max_open must be at least 1",
                name,
                "write at least 1, or leave the key out: --memory limits them too",
            ));
        }
        if config
            .record
            .as_ref()
            .is_some_and(|of| of.keep.is_some() && of.rotate.is_none())
        {
            return Err(Error::new(
                Kind::Usage,
                "the configuration is wrong: record.keep is of files that record.rotate makes",
                name,
                "write rotate too, for example rotate = \"100M\", or leave out keep",
            ));
        }
        Ok(config)
    }
}

impl Config {
    /// Whether what is to be kept of what calls read and wrote can be. `place` is where that was said.
    ///
    /// # Errors
    /// Too much is, or single calls are not reported.
    pub fn check_snaplen(&self, place: &str) -> Result<(), Error> {
        let wrong = |what: &str, remedy: &str| {
            let what = format!("{what}: snaplen");
            Err(Error::new(Kind::Usage, what, place, remedy))
        };
        match self.snaplen {
            Some(1..) if self.activity.full().is_none() => wrong(
                "what calls read and write is kept with single calls only",
                "ask for them with --full or activity = \"full\"",
            ),
            Some(n) if n > SNAPLEN_MAX => wrong("too many bytes of a call", "write 4096 at most"),
            _ => Ok(()),
        }
    }
}

/// The expected name most like the unknown one, from serde's "unknown field `a`, expected one of `b`, `c`".
fn expected(message: &str) -> Option<&str> {
    let mut names = message
        .strip_prefix("unknown ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = names.next()?;
    nearest(unknown, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_line_and_remedy() {
        let error = Config::parse("backend = \"auto\"\n\n[statsd]\naddres = \"x\"\n", "a.toml")
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 4, column 1"), "{error}");
        assert!(error.contains("did you mean `address`?"), "{error}");
        let two = "[[statsd]]\naddress = \"a\"\n[[statsd]]\nadress = \"b\"\n";
        let error = Config::parse(two, "a.toml").unwrap_err().to_string();
        assert!(error.contains("line 4, column 1"), "{error}");
        assert!(error.contains("did you mean `address`?"), "{error}");
        let error = Config::parse("[spans]\nexpire = \"1 fortnight\"\n", "a.toml").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        assert_eq!(error.kind(), Kind::Usage);
        let cause = std::error::Error::source(&error).unwrap();
        assert!(cause.is::<toml::de::Error>(), "{cause}");
        assert!(Config::parse("[spans]\nmax_open = 0\n", "a.toml").is_err());
        assert!(Config::parse("backend = \"dtrace\"\n", "a.toml").is_err());
        assert!(Config::parse("= = =", "a.toml").is_err());
    }

    #[test]
    fn a_wrong_size_of_the_ring_is_pointed_at() {
        for (size, remedy) in [("5KiB", "write 4KiB or 8KiB"), ("3x", "unknown unit \"x\"")] {
            let text = format!("activity = \"off\"\nring_size = \"{size}\"\n");
            let error = Config::parse(&text, "a.toml").unwrap_err();
            let said = error.to_string();
            assert!(said.contains("line 2, column 13"), "{said}");
            assert!(said.contains("^^^"), "{said}");
            assert!(said.contains(remedy), "{said}");
            assert_eq!(error.status(), 2);
        }
    }

    #[test]
    fn a_wrong_budget_is_pointed_at() {
        let error = Config::parse("memory = \"64KiB\"\n", "a.toml").unwrap_err();
        let said = error.to_string();
        assert!(said.contains("line 1, column 10"), "{said}");
        assert!(said.contains("^^^"), "{said}");
        assert!(said.contains("16MiB"), "{said}");
    }

    #[test]
    fn filters() {
        let filters = |text: &str| Config::parse(text, "a.toml").map(|config| config.filters);
        let one = "where = 'span.arg.cart in (7, 8)'\n";
        assert_eq!(filters(one).unwrap(), ["span.arg.cart in (7, 8)"]);
        let two = "where = [\"proc.pid=1\", \"span.tags=a\"]\n";
        assert_eq!(filters(two).unwrap(), ["proc.pid=1", "span.tags=a"]);
        assert!(filters("").unwrap().is_empty());
        let error = filters("where = 7\n").unwrap_err().to_string();
        assert!(error.contains("a text, or an array of texts"), "{error}");
    }

    #[test]
    fn a_recording() {
        let of = |text: &str| {
            let config = Config::parse(&format!("[record]\n{text}"), "a.toml");
            config.map(|config| config.record.unwrap())
        };
        let record = of("file = \"a.ntc\"\n").unwrap();
        assert_eq!((record.rotate, record.compress), (None, Compress::Fast));
        let all =
            "file = \"a.ntc\"\nrotate = \"100M,1h\"\nkeep = 3\ncompress = \"none\"\nforce = true\n";
        let record = of(all).unwrap();
        assert_eq!(record.rotate, "100M,1h".parse().ok());
        assert_eq!(
            (record.keep.map(NonZeroU32::get), record.compress),
            (Some(3), Compress::None)
        );
        for (text, says) in [
            ("", "missing field `file`"),
            ("file = \"a\"\nrotate = \"100\"\n", "line 3, column 10"),
            ("file = \"a\"\nrotate = \"100\"\n", "no size and no time"),
            ("file = \"a\"\ncompress = \"gzip\"\n", "line 3, column 12"),
            (
                "file = \"a\"\nrotate = \"1h\"\nkeep = 0\n",
                "line 4, column 8",
            ),
            ("file = \"a\"\nkeep = 3\n", "write rotate too"),
            ("file = \"a\"\nrotat = \"1h\"\n", "did you mean `rotate`?"),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn several_servers() {
        let addresses = |text: &str| {
            let config = Config::parse(text, "a.toml").unwrap();
            let each = config.statsd.into_iter().map(|of| of.address);
            each.collect::<Vec<_>>()
        };
        assert_eq!(addresses("[statsd]\naddress = \"a\"\n"), ["a"]);
        let two = "[[statsd]]\naddress = \"a\"\n[[statsd]]\naddress = \"b\"\n";
        assert_eq!(addresses(two), ["a", "b"]);
        assert_eq!(addresses(""), Vec::<String>::new());
    }
}
