//! A short marker in the simple form: nearly all are.

use core::fmt::{self, Debug, Write as _};

use nulltrace::raw::Dir;
use tracing::field::{Field, Visit};

use crate::bytes::Bytes;
use crate::sites::{PARENT, Text};

/// Longer ones are written another way; this one stays small, so that its stack is at hand.
const ROOM: usize = 1000;

/// The marker as far as it is written. What it cannot say makes it none.
pub(crate) struct Line {
    bytes: Bytes<ROOM>,
    args: usize,
    whole: bool,
}

impl Line {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            bytes: Bytes::new(),
            args: 0,
            whole: true,
        }
    }

    /// `tags` have their colons; those of an enter have the name of the parent's argument behind them. Not
    /// part of `new`: what is written would be copied with the rest.
    #[inline(always)]
    pub(crate) fn begin(&mut self, dir: Dir, id: i64, tags: &Text) {
        self.put(match dir {
            Dir::Enter => b">:",
            Dir::Exit => b"<:",
        });
        // Of so many digits, by how `MarkerLayer` makes it.
        self.whole &= self.bytes.put_15_digits(id.unsigned_abs());
        let parent = match dir {
            Dir::Enter => PARENT.len(),
            Dir::Exit => 0,
        };
        self.args += parent.min(1);
        self.whole &= self.bytes.put_text(&tags.bytes, tags.len + parent);
    }

    /// The number of the parent, or none for a root. Right behind the tags.
    #[inline(always)]
    pub(crate) fn parent(&mut self, number: Option<i64>) {
        if let Some(number) = number {
            self.number(false, number.unsigned_abs());
        }
    }

    /// The marker; `None` if it has a control character, or is long.
    #[inline(always)]
    pub(crate) fn end(&mut self) -> Option<&[u8]> {
        self.whole &= self.bytes.put(b":");
        self.whole.then(|| self.bytes.get())
    }

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.whole &= self.bytes.put(bytes);
    }

    /// The text of a name or a value, escaped.
    #[inline]
    fn text(&mut self, text: &str) {
        let mut plain = 0;
        let text = text.as_bytes();
        for (at, &byte) in text.iter().enumerate() {
            if matches!(byte, b':' | b'=' | b',' | b'\\') {
                self.put(&text[plain..at]);
                self.put(b"\\");
                plain = at;
            }
            self.whole &= byte >= b' ';
        }
        self.put(&text[plain..]);
    }

    #[inline]
    fn field(&mut self, field: &Field, value: impl FnOnce(&mut Self)) {
        if self.args > 0 {
            self.put(b",");
        }
        self.args += 1;
        self.text(field.name());
        self.put(b"=");
        value(self);
    }

    #[inline]
    fn number(&mut self, negative: bool, number: u64) {
        self.whole &= self.bytes.put_number(negative, number);
    }
}

/// Ends what formats a value once there is no use in going on.
impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        match self.whole {
            true => Ok(()),
            false => Err(fmt::Error),
        }
    }
}

impl Visit for Line {
    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |line| line.text(value));
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |line| line.number(value < 0, value.unsigned_abs()));
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |line| line.number(false, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn core::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, |line| {
            // Its error is that of `whole`, or one of the value's own, which ends only the value.
            let _ = write!(line, "{value:?}");
        });
    }
}
