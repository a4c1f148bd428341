//! The fields of a span as the arguments of a marker, on the stack.

use core::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};

use crate::bytes::Bytes;

/// What a collector sees of a write and one byte more, so that fields which fill this make a marker
/// that is seen to be cut.
const ROOM: usize = 4097;
/// As many as `tracing` lets a span have.
pub(crate) const FIELDS_MAX: usize = 32;

type Pair<'f> = (&'f [u8], &'f [u8]);

/// Names and values, in the order they were recorded.
pub(crate) struct Fields {
    bytes: Bytes<ROOM>,
    names: [&'static str; FIELDS_MAX],
    /// Where each value ends in `bytes`.
    ends: [usize; FIELDS_MAX],
    count: usize,
}

impl Fields {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Bytes::new(),
            names: [""; FIELDS_MAX],
            ends: [0; FIELDS_MAX],
            count: 0,
        }
    }

    /// Hands them out, as arguments behind another one.
    pub(crate) fn behind<R>(&self, first: Pair<'_>, take: impl FnOnce(&[Pair<'_>]) -> R) -> R {
        let mut pairs: [Pair<'_>; FIELDS_MAX + 1] = [first; FIELDS_MAX + 1];
        let bytes = self.bytes.get();
        let mut start = 0;
        let fields = self.names.iter().zip(&self.ends).take(self.count);
        for (pair, (name, &end)) in pairs.iter_mut().skip(1).zip(fields) {
            *pair = (name.as_bytes(), &bytes[start..end]);
            start = end;
        }
        take(&pairs[..self.count + 1])
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let starts = core::iter::once(0).chain(self.ends);
        let values = starts
            .zip(self.ends)
            .map(|(start, end)| &self.bytes.get()[start..end]);
        self.names.into_iter().take(self.count).zip(values)
    }

    fn field(&mut self, field: &Field, value: impl FnOnce(&mut Self)) {
        if self.count == FIELDS_MAX {
            return;
        }
        value(self);
        self.names[self.count] = field.name();
        self.ends[self.count] = self.bytes.len();
        self.count += 1;
    }
}

/// Ends what formats a value when there is no more room.
impl fmt::Write for Fields {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.bytes.put(text.as_bytes()) {
            true => Ok(()),
            false => Err(fmt::Error),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |fields| {
            fields.bytes.put(value.as_bytes());
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |fields| {
            fields.bytes.put_number(value < 0, value.unsigned_abs());
        });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |fields| {
            fields.bytes.put_number(false, value);
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_str(field, if value { "true" } else { "false" });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn core::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, |fields| {
            // Only for want of room.
            let _ = write!(fields, "{value:?}");
        });
    }
}
