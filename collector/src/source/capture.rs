//! Records from a capture, and what it says of itself.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nulltrace_core::input::event::{Event, What, pairs};

use crate::clock::Moment;
use crate::names::Calls;

mod read;

pub use read::{begins, read};

/// What a recording says of itself when it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The backend's name.
    pub backend: String,
    /// Whether it sees what threads do between their markers.
    pub activity: bool,
    /// Whose activity counts toward a span.
    pub inside: String,
    /// The command line that recorded.
    pub command: String,
    /// What it was told to keep, a filter; empty: all.
    pub filter: String,
}

/// Which part of a recording a file is, where the recording is split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The recording: all of its files have the same.
    pub series: String,
    /// The number of the file; the first is 1.
    pub number: u64,
    /// Records that came out of order before it.
    pub late: u64,
}

/// What a recording says of itself in all.
#[derive(Clone, Debug)]
pub struct Ran {
    /// When it began.
    pub began: Moment,
    /// By how many seconds the clocks of the host's zone were ahead of UTC when it began.
    pub utc_offset: i32,
    /// When it ended, `CLOCK_MONOTONIC` nanoseconds: if it did not say, the time of its last record.
    pub ended: u64,
    /// The backend's name.
    pub backend: String,
    /// Whether it has what threads did between their markers.
    pub activity: bool,
    /// Whose activity counts toward a span.
    pub inside: String,
    /// Markers that came after the order.
    pub late: u64,
    /// Which part of a recording it is, if it is one.
    pub part: Option<Part>,
    /// The architecture of the machine; empty if it is not known.
    pub architecture: String,
    /// What it kept, a filter; empty: all.
    pub filter: String,
    /// How system calls are named there.
    pub calls: Calls,
}

impl Default for Ran {
    fn default() -> Self {
        Self {
            began: Moment {
                monotonic: 0,
                wall: Timestamp::UNIX_EPOCH,
            },
            utc_offset: 0,
            ended: 0,
            backend: "unknown".to_owned(),
            activity: true,
            inside: "thread".to_owned(),
            late: 0,
            part: None,
            architecture: String::new(),
            filter: String::new(),
            calls: Calls::default(),
        }
    }
}

impl Ran {
    /// Names and values for the first record.
    pub(crate) fn begins(
        monotonic: u64,
        wall: Timestamp,
        about: &About,
        part: Option<&Part>,
    ) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("backend", about.backend.clone()),
            ("activity", about.activity.to_string()),
            ("inside", about.inside.clone()),
            ("command", about.command.clone()),
            ("filter", about.filter.clone()),
            ("began", monotonic.to_string()),
            ("wall", wall.as_nanosecond().to_string()),
            ("utc_offset", utc_offset(wall).to_string()),
        ];
        if let Some(part) = part {
            all.extend([
                ("series", part.series.clone()),
                ("part", part.number.to_string()),
                ("late_before", part.late.to_string()),
            ]);
        }
        all
    }

    /// The same for the last.
    pub(crate) fn ends(ended: u64, late: u64) -> Vec<(&'static str, String)> {
        vec![("ended", ended.to_string()), ("late", late.to_string())]
    }

    fn part(&mut self) -> &mut Part {
        self.part.get_or_insert_default()
    }

    /// Takes in what a record says.
    pub fn learn(&mut self, event: &Event<'_>) {
        self.ended = self.ended.max(event.ts);
        if let What::CallNames { text } = event.what {
            self.calls.learn(text);
        }
        let (What::Run { text } | What::Host { text }) = event.what else {
            return;
        };
        for (name, value) in pairs(text) {
            let Ok(value) = std::str::from_utf8(value) else {
                continue;
            };
            match name {
                b"backend" => value.clone_into(&mut self.backend),
                b"activity" => self.activity = value == "true",
                b"inside" => value.clone_into(&mut self.inside),
                b"began" => self.began.monotonic = value.parse().unwrap_or_default(),
                b"wall" => {
                    let wall = value.parse().ok();
                    let wall = wall.and_then(|ns| Timestamp::from_nanosecond(ns).ok());
                    self.began.wall = wall.unwrap_or_default();
                }
                b"filter" => value.clone_into(&mut self.filter),
                b"utc_offset" => self.utc_offset = value.parse().unwrap_or_default(),
                b"ended" => self.ended = value.parse().unwrap_or(self.ended),
                b"architecture" => value.clone_into(&mut self.architecture),
                b"late" => {
                    let before = self.part.as_ref().map_or(0, |part| part.late);
                    let late: u64 = value.parse().unwrap_or_default();
                    self.late = late.saturating_sub(before);
                }
                b"series" => value.clone_into(&mut self.part().series),
                b"part" => self.part().number = value.parse().unwrap_or_default(),
                b"late_before" => self.part().late = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
    }
}

/// By how many seconds the clocks of this host's zone were ahead of UTC then.
fn utc_offset(at: Timestamp) -> i32 {
    TimeZone::system().to_offset(at).seconds()
}

#[cfg(test)]
mod tests {
    use nulltrace_core::input::made::Made;

    use super::*;

    #[test]
    fn what_it_says_of_itself() {
        let (mut made, mut ran) = (Made::default(), Ran::default());
        let mut learn = |record: &[u8]| ran.learn(&Event::decode(record).unwrap());
        learn(made.run(
            5,
            [("backend", "made"), ("inside", "script"), ("began", "4")],
        ));
        learn(made.host(6, [("architecture", "riscv64"), ("kernel", "7.0")]));
        learn(made.run(9, [("ended", "8"), ("late", "3"), ("wall", "no number")]));
        assert_eq!(
            (&*ran.backend, &*ran.inside, &*ran.architecture),
            ("made", "script", "riscv64")
        );
        assert_eq!((ran.began.monotonic, ran.ended, ran.late), (4, 8, 3));
    }
}
