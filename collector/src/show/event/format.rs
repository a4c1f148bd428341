//! Formats: text with fields in it.

use std::ops::Range;

use nulltrace_core::query::field::{Field, Subject};

/// The format of a line if none is asked for.
const DEFAULT: &str =
    "*%evt.num %evt.time %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info";
/// The field that data is read from.
const DATA: &str = "evt.buffer";
/// The widest that a field may be asked to be.
const WIDTH_MAX: usize = 1000;

/// A format of lines.
#[derive(Clone, Debug)]
pub struct Format {
    /// Events without some of the fields are shown, too.
    pub(super) partial: bool,
    pub(super) parts: Vec<Part>,
    pub(super) data: Option<Field>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(String),
    Field {
        field: Field,
        /// At least so many columns; 0: as many as it needs.
        width: usize,
        /// Spaces follow it.
        left: bool,
        /// It is what was read or written.
        is_data: bool,
    },
}

/// What is wrong with a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFormat {
    /// Where, in bytes.
    pub at: Range<usize>,
    /// What stands there as a field.
    pub name: String,
}

impl Default for Format {
    fn default() -> Self {
        // A test says that it is one.
        Self::parse(DEFAULT).unwrap_or(Self {
            partial: true,
            parts: Vec::new(),
            data: None,
        })
    }
}

impl Format {
    /// Reads a format: `%field`, `%-20field` and `%20field`, `%%` for a per cent sign, and a `*` at the beginning if events
    /// without some of the fields are to be shown.
    ///
    /// # Errors
    /// A field that there is not.
    pub fn parse(text: &str) -> Result<Self, BadFormat> {
        let (partial, offset) = match text.starts_with('*') {
            true => (true, 1),
            false => (false, 0),
        };
        let (mut parts, mut plain, mut at) = (Vec::new(), String::new(), offset);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let end = rest.find('%').unwrap_or(rest.len());
            let (before, field) = rest.split_at(end);
            plain.push_str(before);
            at += end;
            if field.is_empty() {
                break;
            }
            if field.starts_with("%%") {
                plain.push('%');
                at += 2;
                continue;
            }
            let (part, len) = read(field).map_err(|(from, to)| BadFormat {
                at: at + from..at + to,
                name: field.get(from..to).unwrap_or_default().to_owned(),
            })?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
            at += len;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        let data = DATA.parse().ok();
        Ok(Self {
            partial,
            parts,
            data,
        })
    }

    /// The fields in it.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field { field, .. } => Some(field),
            Part::Text(_) => None,
        })
    }

    /// Whether what was read or written is among them.
    pub(super) fn has_data(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part, Part::Field { is_data: true, .. }))
    }
}

/// The field at the beginning of a text, behind `%`, and how long it is; or where there should be one.
fn read(text: &str) -> Result<(Part, usize), (usize, usize)> {
    let bytes = text.as_bytes();
    let left = bytes.get(1) == Some(&b'-');
    let start = if left { 2 } else { 1 };
    let digits = bytes
        .iter()
        .skip(start)
        .take_while(|of| of.is_ascii_digit());
    let digits = digits.count();
    let name = start + digits;
    let width = match text.get(start..name) {
        None | Some("") => 0,
        Some(digits) => match digits.parse() {
            Ok(width) if width <= WIDTH_MAX => width,
            _ => return Err((start, name)),
        },
    };
    let rest = text.get(name..).unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let plain = rest.bytes().take_while(|byte| is_name(byte)).count();
    let key = key(rest.get(plain..).unwrap_or_default());
    // The longest that is a field: a full stop may stand behind it.
    let lengths = (plain + key..=plain + key).chain((1..=plain).rev());
    let field = lengths.filter_map(|len| {
        let field: Field = rest.get(..len)?.parse().ok()?;
        field.info().is_of(Subject::Event).then_some((field, len))
    });
    let Some((field, len)) = { field }.next() else {
        return Err((name, name + (plain + key).max(1).min(rest.len())));
    };
    let is_data = field.info().name == DATA;
    let part = Part::Field {
        field,
        width,
        left,
        is_data,
    };
    Ok((part, name + len))
}

/// How long a key in brackets is, if there is one.
fn key(text: &str) -> usize {
    let end = match text.starts_with("[\"") {
        true => text.find("\"]").map(|at| at + 2),
        false if text.starts_with('[') => text.find(']').map(|at| at + 1),
        false => None,
    };
    end.unwrap_or(0)
}
