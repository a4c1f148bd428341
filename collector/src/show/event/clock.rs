//! When events happened, as people write times.

use std::collections::HashMap;
use std::io::Write as _;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nulltrace_core::facts::syscall::{Syscall, other_name};
use nulltrace_core::input::event::{Event, What, pairs};

const SECOND: i64 = 1_000_000_000;

/// How `evt.time` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// The time of day of the machine.
    #[default]
    Human,
    /// Seconds since 1970.
    Absolute,
    /// Seconds since the beginning.
    Relative,
    /// Seconds since the event before that was shown.
    Delta,
}

impl TimeFormat {
    /// All, by their letters.
    pub const NAMES: [(&str, Self); 4] = [
        ("h", Self::Human),
        ("a", Self::Absolute),
        ("r", Self::Relative),
        ("d", Self::Delta),
    ];
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            "not a format of times: write h (time of day), a (seconds since 1970), r (since the beginning) or d (since \
             the line before)"
                .to_owned()
        })
    }
}

/// The clock of the machine that was observed, and the names of its system calls.
#[derive(Debug)]
pub struct Clock {
    /// What is added to `CLOCK_MONOTONIC` for nanoseconds since 1970.
    wall: i64,
    zone: TimeZone,
    began: Option<u64>,
    /// When the event happened that was shown last.
    shown: Option<u64>,
    /// A second, and how it is written: its time of day, and date and time around the fraction.
    second: i64,
    of_day: String,
    rfc: (String, String),
    calls: HashMap<u32, Arc<Syscall>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            wall: 0,
            zone: TimeZone::system(),
            began: None,
            shown: None,
            second: i64::MIN,
            of_day: String::new(),
            rfc: (String::new(), String::new()),
            calls: HashMap::new(),
        }
    }
}

/// So many names are kept; a machine has fewer calls.
const CALLS: usize = 4096;

impl Clock {
    /// Takes in what a record says of the machine's clocks.
    pub fn learn(&mut self, event: &Event<'_>) {
        match event.what {
            What::Clock { wall, .. } => {
                self.wall = wall.saturating_sub(event.ts.cast_signed());
                self.second = i64::MIN;
            }
            What::Host { text } => {
                let zone = pairs(text).find(|(name, _)| *name == b"zone");
                let name = zone.and_then(|(_, name)| std::str::from_utf8(name).ok());
                if let Some(zone) = name.and_then(|name| TimeZone::get(name).ok()) {
                    self.zone = zone;
                    self.second = i64::MIN;
                }
            }
            _ => {}
        }
    }

    /// The stream began then, at that time by both clocks.
    pub fn begin(&mut self, monotonic: u64, wall: Timestamp) {
        let wall = i64::try_from(wall.as_nanosecond()).unwrap_or(i64::MAX);
        self.wall = wall.saturating_sub(monotonic.cast_signed());
        self.began = Some(monotonic);
    }

    /// What is added to `CLOCK_MONOTONIC` for nanoseconds since 1970.
    #[must_use]
    pub const fn wall(&self) -> i64 {
        self.wall
    }

    /// The zone of the machine.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// When the stream began: if nothing said so, at this event.
    pub fn began(&mut self, ts: u64) -> u64 {
        *self.began.get_or_insert(ts)
    }

    /// An event of that time was shown.
    pub const fn show(&mut self, ts: u64) {
        self.shown = Some(ts);
    }

    /// What a system call is, by its number.
    pub fn call(&mut self, nr: u32, name: impl FnOnce() -> String) -> Arc<Syscall> {
        if self.calls.len() >= CALLS && !self.calls.contains_key(&nr) {
            self.calls.clear();
        }
        let call = self.calls.entry(nr);
        Arc::clone(call.or_insert_with(|| Arc::new(Syscall::of(&name()))))
    }

    /// The name of such a call, or of another event.
    pub(super) fn name(&self, nr: u32) -> Option<&str> {
        let known = self.calls.get(&nr).map(|call| call.name.as_str());
        known.or_else(|| other_name(nr))
    }

    /// Appends a time.
    pub(super) fn draw(&mut self, ts: u64, how: TimeFormat, to: &mut Vec<u8>) {
        let wall = ts.cast_signed().saturating_add(self.wall);
        // Writing to a vector does not fail.
        let _ = match how {
            TimeFormat::Human => {
                self.turn(wall.div_euclid(SECOND));
                to.extend_from_slice(self.of_day.as_bytes());
                fraction(wall.rem_euclid(SECOND), to);
                Ok(())
            }
            TimeFormat::Absolute => {
                let _ = write!(to, "{}", wall.div_euclid(SECOND));
                fraction(wall.rem_euclid(SECOND), to);
                Ok(())
            }
            TimeFormat::Relative => since(ts, self.began.unwrap_or(ts), to),
            TimeFormat::Delta => since(ts, self.shown.unwrap_or(ts), to),
        };
    }

    /// Appends date and time by RFC 3339.
    pub(super) fn rfc_3339(&mut self, ts: u64, to: &mut Vec<u8>) {
        let wall = ts.cast_signed().saturating_add(self.wall);
        self.turn(wall.div_euclid(SECOND));
        to.extend_from_slice(self.rfc.0.as_bytes());
        fraction(wall.rem_euclid(SECOND), to);
        to.extend_from_slice(self.rfc.1.as_bytes());
    }

    /// Goes to a second. Mostly it is that of the event before.
    fn turn(&mut self, second: i64) {
        if self.second == second {
            return;
        }
        self.second = second;
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::MIN);
        let at = at.to_zoned(self.zone.clone());
        self.of_day = at.strftime("%H:%M:%S").to_string();
        self.rfc = (
            at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            at.strftime("%:z").to_string(),
        );
    }
}

fn since(ts: u64, before: u64, to: &mut Vec<u8>) -> std::io::Result<()> {
    let ns = ts.saturating_sub(before);
    let second = SECOND.unsigned_abs();
    write!(to, "{}", ns / second)?;
    fraction((ns % second).cast_signed(), to);
    Ok(())
}

/// A point and nine digits.
fn fraction(ns: i64, to: &mut Vec<u8>) {
    let mut digits = *b".000000000";
    let mut left = ns;
    for digit in digits.iter_mut().skip(1).rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    to.extend_from_slice(&digits);
}
