//! How single events are drawn: a line each, by a format of fields; a JSON object each; data as text or hexadecimal.

mod clock;
mod data;
mod format;
mod json;
mod number;

use nulltrace_core::query::field::{At, Value};
use nulltrace_core::view::Names as _;

pub use clock::{Clock, TimeFormat};
pub use data::Data;
pub use format::{BadFormat, Format};
pub use json::schema;

use crate::names::Machine;
use crate::text::push_safe;
use format::Part;
use number::number;

/// What stands for a field that an event does not have.
const ABSENT: &[u8] = b"<NA>";

/// How events are drawn.
#[derive(Debug)]
pub struct Drawing {
    /// Which fields.
    pub format: Format,
    /// A JSON object for each.
    pub json: bool,
    /// How `evt.time` is written.
    pub time: TimeFormat,
    /// How data is shown.
    pub data: Data,
    buffer: Vec<u8>,
}

impl Drawing {
    /// Draws so.
    #[must_use]
    pub const fn new(format: Format, json: bool, time: TimeFormat, data: Data) -> Self {
        Self {
            format,
            json,
            time,
            data,
            buffer: Vec::new(),
        }
    }

    /// Appends an event to what is written. Returns whether it did: an event that does not have all of the fields is
    /// left out, unless the format says otherwise.
    pub fn draw(&mut self, at: &At<'_>, clock: &mut Clock, to: &mut Vec<u8>) -> bool {
        let before = to.len();
        let drawn = match self.json {
            true => json::object(&self.format, at, clock, to),
            false => self.line(at, clock, to),
        };
        if !drawn {
            to.truncate(before);
            return false;
        }
        to.push(b'\n');
        if !self.json && self.data != Data::Inline && !self.format.has_data() {
            self.below(at, to);
        }
        true
    }

    fn line(&mut self, at: &At<'_>, clock: &mut Clock, to: &mut Vec<u8>) -> bool {
        let Self {
            format,
            time,
            data,
            buffer,
            ..
        } = self;
        for part in &format.parts {
            match part {
                Part::Text(text) => to.extend_from_slice(text.as_bytes()),
                Part::Field {
                    field,
                    width,
                    left,
                    is_data,
                } => {
                    let start = to.len();
                    let mut any = false;
                    let mut put = |value: Value<'_>| {
                        if any {
                            to.push(b',');
                        }
                        any = true;
                        match value {
                            Value::Text(text) if *is_data && *data != Data::Inline => {
                                data::draw(*data, &text, to);
                            }
                            value => draw(&value, *time, clock, to),
                        }
                    };
                    match field.info().source.many() {
                        None => match field.get(at) {
                            Value::Absent => {}
                            value => put(value),
                        },
                        Some(_) => field.each(at, &mut put),
                    }
                    if !any {
                        if !format.partial {
                            return false;
                        }
                        to.extend_from_slice(ABSENT);
                    }
                    if *width > 0 {
                        pad(to, start, *width, *left, buffer);
                    }
                }
            }
        }
        true
    }

    /// The data of an event, in lines of its own.
    fn below(&self, at: &At<'_>, to: &mut Vec<u8>) {
        if let Some(field) = &self.format.data
            && let Value::Text(text) = field.get(at)
        {
            data::draw(self.data, &text, to);
            if to.last() != Some(&b'\n') {
                to.push(b'\n');
            }
        }
    }
}

/// Makes what was written from `start` on as wide, as characters are counted.
fn pad(to: &mut Vec<u8>, start: usize, width: usize, left: bool, buffer: &mut Vec<u8>) {
    let written = to.get(start..).unwrap_or_default();
    let is_begin = |byte: &&u8| **byte & 0xc0 != 0x80;
    let missing = width.saturating_sub(written.iter().filter(is_begin).count());
    if missing == 0 {
        return;
    }
    if left {
        to.resize(to.len() + missing, b' ');
        return;
    }
    buffer.clear();
    buffer.extend_from_slice(written);
    to.truncate(start);
    to.resize(start + missing, b' ');
    to.extend_from_slice(buffer);
}

/// A value for people, with nothing in it that controls a terminal.
fn draw(value: &Value<'_>, time: TimeFormat, clock: &mut Clock, to: &mut Vec<u8>) {
    use std::io::Write as _;
    // Writing to a vector does not fail.
    let _ = match value {
        Value::Absent => Ok(()),
        Value::Text(text) => {
            push_safe(text, to);
            Ok(())
        }
        Value::Number(n) | Value::Duration(n) => {
            number(*n, to);
            Ok(())
        }
        Value::Integer(n) => write!(to, "{n}"),
        Value::Address(address) => write!(to, "{address}"),
        Value::Call(nr) => {
            match clock.name(*nr) {
                Some(name) => to.extend_from_slice(name.as_bytes()),
                None => push_safe(Machine.call(*nr).as_bytes(), to),
            }
            Ok(())
        }
        Value::Time(ns) => {
            clock.draw(*ns, time, to);
            Ok(())
        }
        Value::Boolean(is) => write!(to, "{is}"),
    };
}
