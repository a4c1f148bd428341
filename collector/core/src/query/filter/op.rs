//! Operators and functions, by name.

use std::borrow::Cow;

use crate::query::field::{Type, Value};

/// What compares a field with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`, also written `==`.
    Equal,
    /// `!=`: not equal.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// It is somewhere in the text.
    Contains,
    /// The same, without regard to upper and lower case of ASCII letters.
    IContains,
    /// The text begins with it.
    StartsWith,
    /// The text ends with it.
    EndsWith,
    /// The whole text is like a pattern of the shell.
    Glob,
    /// The same, without regard to upper and lower case of ASCII letters.
    IGlob,
    /// The whole text matches a regular expression.
    Regex,
    /// It is one of a list.
    In,
    /// The same; of a field with several values, one of them.
    Intersects,
    /// There is a value.
    Exists,
}

impl Op {
    /// Every operator.
    pub const ALL: [Self; 16] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Contains,
        Self::IContains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Glob,
        Self::IGlob,
        Self::Regex,
        Self::In,
        Self::Intersects,
        Self::Exists,
    ];

    /// How it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "contains",
            Self::IContains => "icontains",
            Self::StartsWith => "startswith",
            Self::EndsWith => "endswith",
            Self::Glob => "glob",
            Self::IGlob => "iglob",
            Self::Regex => "regex",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::Exists => "exists",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        let mut words = Self::ALL.into_iter().filter(|op| !op.is_symbol());
        words.find(|op| op.text() == word)
    }

    pub(super) const fn is_symbol(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual) || self.is_order()
    }

    /// Whether it asks which is larger.
    #[must_use]
    pub const fn is_order(self) -> bool {
        matches!(
            self,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual
        )
    }

    pub(super) const fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects)
    }

    pub(super) const fn is_pattern(self) -> bool {
        matches!(self, Self::Glob | Self::IGlob | Self::Regex)
    }

    /// Whether it asks for the very value.
    pub(super) const fn is_equality(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::In | Self::Intersects
        )
    }

    /// Whether values of this type can be compared so.
    #[must_use]
    pub const fn is_for(self, type_: Type) -> bool {
        match self {
            Self::Exists => true,
            op if op.is_equality() => true,
            op if op.is_order() => matches!(
                type_,
                Type::Number | Type::Integer | Type::Duration | Type::Time | Type::Size
            ),
            _ => matches!(type_, Type::Text),
        }
    }
}

/// What is made of a value before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// How many bytes a text has.
    Len,
    /// What is behind the last `/`.
    Basename,
    /// ASCII letters as lower case.
    ToLower,
    /// ASCII letters as upper case.
    ToUpper,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 4] = [Self::Len, Self::Basename, Self::ToLower, Self::ToUpper];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Len => "len",
            Self::Basename => "basename",
            Self::ToLower => "tolower",
            Self::ToUpper => "toupper",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.name() == name)
    }

    /// What it makes of a text is of this type.
    pub(super) const fn gives(self) -> Type {
        match self {
            Self::Len => Type::Size,
            _ => Type::Text,
        }
    }

    /// What it makes of a value; nothing of what is no text.
    pub(super) fn apply<'a>(self, value: Value<'a>) -> Value<'a> {
        let Value::Text(text) = value else {
            return Value::Absent;
        };
        match self {
            Self::Len => Value::count(text.len()),
            Self::Basename => match text.iter().rposition(|&byte| byte == b'/') {
                None => Value::Text(text),
                Some(at) => Value::text(match text {
                    Cow::Borrowed(text) => Cow::Borrowed(&text[at + 1..]),
                    Cow::Owned(text) => Cow::Owned(text[at + 1..].to_vec()),
                }),
            },
            Self::ToLower if text.iter().any(u8::is_ascii_uppercase) => {
                Value::text(text.to_ascii_lowercase())
            }
            Self::ToUpper if text.iter().any(u8::is_ascii_lowercase) => {
                Value::text(text.to_ascii_uppercase())
            }
            Self::ToLower | Self::ToUpper => Value::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_text() {
        let of = |function: Function, text: &str| {
            let text = Value::text(text.as_bytes().to_vec());
            function.apply(text)
        };
        let text = |text: &str| Value::text(text.as_bytes().to_vec());
        assert_eq!(of(Function::Basename, "/usr/bin/cat"), text("cat"));
        assert_eq!(of(Function::Basename, "cat"), text("cat"));
        assert_eq!(of(Function::Basename, "/usr/bin/"), Value::Absent);
        assert_eq!(of(Function::ToLower, "A-é-Z"), text("a-é-z"));
        assert_eq!(of(Function::ToUpper, "a1"), text("A1"));
        assert_eq!(of(Function::Len, "é"), Value::Number(2));
        assert_eq!(Function::Len.apply(Value::Number(7)), Value::Absent);
        assert_eq!(Function::Len.apply(Value::Absent), Value::Absent);
    }

    #[test]
    fn names_are_reserved() {
        for op in Op::ALL.into_iter().filter(|op| !op.is_symbol()) {
            let reserved = crate::query::field::RESERVED.contains(&op.text());
            assert!(reserved, "{}", op.text());
            assert_eq!(Op::of_word(op.text()), Some(op));
        }
        for function in Function::ALL {
            assert_eq!(Function::of(function.name()), Some(function));
        }
    }
}
