//! A field and the value it must have or must not: the smallest filter. A filter language has these as
//! its leaves, with types from the same table.

use super::field::{At, Field, NoField, Source, Type, Value, outside_quotes};

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
        let operator = outside_quotes(text).find(|&(_, c)| c == '=');
        let (at, _) = operator.ok_or(BadCondition::Operator)?;
        let (field, value) = (&text[..at], &text[at + 1..]);
        Ok(match field.strip_suffix('!') {
            Some(field) => (field, false, value),
            None => (field, true, value),
        })
    }

    /// Reads a condition. No value means that the field has none: `fd.name!=` holds for calls on files.
    /// `call` gives the number of a system call by its name.
    ///
    /// # Errors
    /// It is none; see [`BadCondition`].
    pub fn parse(text: &str, call: &dyn Fn(&str) -> Option<u32>) -> Result<Self, BadCondition> {
        let (field, is, value) = Self::split(text)?;
        let field: Field = field.parse()?;
        let type_ = field.info().type_;
        let value = type_.read(value, call).ok_or(BadCondition::Value(type_))?;
        Ok(Self { field, is, value })
    }

    /// The field it is about.
    #[must_use]
    pub const fn field(&self) -> &Field {
        &self.field
    }

    /// Whether it must be known which file a call is on: not to say that it is on one at all.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        let of_file = matches!(self.field.info().source, Source::File | Source::Ends);
        of_file && self.value != Value::Absent
    }

    /// Whether it holds. A field with several values has the value if one of them is that, and has it not if
    /// none is.
    #[must_use]
    pub fn holds(&self, at: &At<'_>) -> bool {
        let has = match (self.field.info().source.many(), &self.value) {
            (None, value) => self.field.get(at).is(value),
            (Some(_), Value::Absent) => !self.field.any(at, |_| true),
            (Some(_), value) => self.field.any(at, |of| of.is(value)),
        };
        has == self.is
    }
}

/// Whether all of them hold. It is not known where only such do not that are on the file of a call, and which that is
/// is not known.
#[must_use]
pub fn all_hold<'c>(only: impl Iterator<Item = &'c Condition>, at: &At<'_>) -> Option<bool> {
    let mut unmet = only.filter(|only| !only.holds(at)).peekable();
    if unmet.peek().is_none() {
        return Some(true);
    }
    let unknown = at.file().is_some_and(|file| !file.is_known());
    match unknown && unmet.all(Condition::is_of_file) {
        true => None,
        false => Some(false),
    }
}
