//! A field and the value it must have or must not: the smallest filter. A filter language has these as
//! its leaves, with types from the same table.

use super::field::{At, Field, NoField, Source, Type, Value};

/// `FIELD=VALUE` or `FIELD!=VALUE`.
///
/// ```
/// use nulltrace_core::query::condition::{BadCondition, Condition};
/// use nulltrace_core::query::field::Type;
///
/// let number = |_: &str| None;
/// assert!(Condition::parse("fd.type=file", &number).is_ok());
/// assert_eq!(
///     Condition::parse("fd.lport=http", &number).unwrap_err(),
///     BadCondition::Value(Type::Number),
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    field: Field,
    is: bool,
    value: Value<'static>,
}

/// Why a text is no condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCondition {
    /// There is no `=` and no `!=`.
    Operator,
    /// What is before it is no field.
    Field,
    /// What is after it is no value of the field's type.
    Value(Type),
}

impl From<NoField> for BadCondition {
    fn from(_: NoField) -> Self {
        Self::Field
    }
}

impl Condition {
    /// Takes a condition apart: the field, whether it must have the value or must not, and the value.
    ///
    /// # Errors
    /// [`BadCondition::Operator`].
    pub fn split(text: &str) -> Result<(&str, bool, &str), BadCondition> {
        let (field, value) = text.split_once('=').ok_or(BadCondition::Operator)?;
        Ok(match field.strip_suffix('!') {
            Some(field) => (field, false, value),
            None => (field, true, value),
        })
    }

    /// Reads a condition. No value means that the field has none: `fd.name!=` holds for calls on files.
    /// `call` tells the number of a system call by its name.
    ///
    /// # Errors
    /// It is none; see [`BadCondition`].
    pub fn parse(text: &str, call: &dyn Fn(&str) -> Option<u32>) -> Result<Self, BadCondition> {
        let (field, is, value) = Self::split(text)?;
        let field: Field = field.parse()?;
        let type_ = field.info().type_;
        let wrong = BadCondition::Value(type_);
        let value = match type_ {
            _ if value.is_empty() => Value::Absent,
            Type::Text => Value::text(value.as_bytes().to_vec()),
            Type::Number => Value::Number(value.parse().map_err(|_| wrong)?),
            Type::Address => Value::Address(value.parse().map_err(|_| wrong)?),
            Type::Call => Value::Call(call(value).or_else(|| value.parse().ok()).ok_or(wrong)?),
        };
        Ok(Self { field, is, value })
    }

    /// The field it is about.
    #[must_use]
    pub const fn field(&self) -> &Field {
        &self.field
    }

    /// Whether it must be known which file a call is on: not to tell that it is on one at all.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        self.field.info().source == Source::File && self.value != Value::Absent
    }

    /// Whether it holds. For a field with several values one of them decides: it must be among them, or
    /// must not.
    #[must_use]
    pub fn holds(&self, at: &At<'_>) -> bool {
        let is = |at: &At<'_>| self.field.get(at) == self.value;
        let file = at.inside.files.get(at.call).and_then(Option::as_deref);
        let ends = file.and_then(|file| file.ends);
        let has = match (
            self.field.info().source,
            at.inside.spans,
            at.known.parent,
            ends,
        ) {
            (Source::Enclosing, [_, ..], ..) => at.inside.paths().any(|path| {
                let enclosing = Some(&**path);
                is(&At { enclosing, ..*at })
            }),
            (Source::Ancestors, _, Some(parent), _) => parent.chain().any(|of| {
                let ancestor = Some(of);
                is(&At { ancestor, ..*at })
            }),
            (Source::Ends, .., Some(ends)) => ends.each().any(|end| {
                let end = Some(end);
                is(&At { end, ..*at })
            }),
            _ => is(at),
        };
        has == self.is
    }
}
