//! The argument that names a span's parent.

use core::ops::RangeInclusive;

use crate::{Args, Dir, Id, Marker};

/// The name of the argument that names the parent, where it is the first of an enter marker.
pub const PARENT_ARG: &[u8] = b"^";

/// The unique numbers: ids that no two spans share. Libraries take them from here and no others, and `^` names
/// only these. They are more than any thread or process id, and exact where numbers are doubles.
///
/// ```
/// use nulltrace_spec::{Id, UNIQUE};
///
/// assert_eq!((*UNIQUE.start(), *UNIQUE.end()), ((1 << 32) + 1, (1 << 48) - 1));
/// assert!(Id::Number(1 << 40).is_unique());
/// assert!(!Id::Number(1 << 32).is_unique());
/// ```
pub const UNIQUE: RangeInclusive<i64> = (1 << 32) + 1..=(1 << 48) - 1;

/// What an enter marker says of its span's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parent {
    /// `^=`: the span has none.
    Root,
    /// `^=ID`: the open span of that id, a unique number.
    Span(i64),
    /// What stands behind `^=` is no unique number, so no span is meant.
    Unknown,
}

impl Parent {
    fn read(value: &[u8]) -> Self {
        if value.is_empty() {
            return Self::Root;
        }
        let number = value.iter().try_fold(0_i64, |number, &digit| {
            let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        });
        match number {
            Some(number) if UNIQUE.contains(&number) => Self::Span(number),
            _ => Self::Unknown,
        }
    }
}

impl Id {
    /// Whether it is a unique number, which `^` can name.
    #[must_use]
    pub fn is_unique(self) -> bool {
        matches!(self, Self::Number(number) if UNIQUE.contains(&number))
    }
}

impl<'a> Marker<'a> {
    /// What the marker says of its span's parent, and its other arguments. It says nothing if `^` is not the
    /// first argument of an enter marker: elsewhere that is a name like any other.
    ///
    /// ```
    /// use nulltrace_spec::{Parent, parse};
    ///
    /// let marker = parse(b">:4294967298:db:^=4294967297,table=users:").unwrap();
    /// let (parent, args) = marker.parent();
    /// assert_eq!(parent, Some(Parent::Span(4_294_967_297)));
    /// assert_eq!(args.len(), 1);
    /// assert_eq!(args.get(b"table").as_deref(), Some(&b"users"[..]));
    ///
    /// let plain = parse(b">:t:db:table=users,^=1:").unwrap();
    /// assert_eq!(plain.parent().0, None);
    /// ```
    #[must_use]
    #[inline]
    pub fn parent(&self) -> (Option<Parent>, Args<'a>) {
        if self.dir == Dir::Exit || !self.args.may_begin_with(PARENT_ARG) {
            return (None, self.args);
        }
        self.named_parent()
    }

    fn named_parent(&self) -> (Option<Parent>, Args<'a>) {
        match self.args.split_first() {
            Some(((name, value), rest)) if *name == *PARENT_ARG => {
                (Some(Parent::read(&value)), rest)
            }
            _ => (None, self.args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn parent(marker: &str) -> (Option<Parent>, usize) {
        let (parent, args) = parse(marker.as_bytes()).unwrap().parent();
        (parent, args.len())
    }

    #[test]
    fn only_the_first_argument_of_an_enter_marker_names_a_parent() {
        let first = 1_i64 << 32;
        let named = |number: i64| parent(&format!(">::a:^={number}:")).0.unwrap();
        assert_eq!(named(first), Parent::Unknown);
        assert_eq!(named(first + 1), Parent::Span(first + 1));
        assert_eq!(named((1 << 48) - 1), Parent::Span((1 << 48) - 1));
        assert_eq!(named(1 << 48), Parent::Unknown);
        assert_eq!(
            parent(">::a:^=0004294967297:").0,
            Some(Parent::Span(first + 1))
        );
        assert_eq!(parent(">::a:^=:"), (Some(Parent::Root), 0));
        assert_eq!(parent(">::a:^=,b=1:"), (Some(Parent::Root), 1));
        assert_eq!(parent(r">::a:\^=,b=1:"), (Some(Parent::Root), 1));
        for unknown in ["x", "-4294967297", "4294967297x", "99999999999999999999999"] {
            assert_eq!(
                parent(&format!(">::a:^={unknown}:")).0,
                Some(Parent::Unknown)
            );
        }
        for plain in [
            "<::a:^=4294967297:",
            ">::a:b=1,^=4294967297:",
            ">::a:^^=4294967297:",
        ] {
            assert_eq!(parent(plain).0, None, "{plain}");
        }
    }

    #[test]
    fn json_says_the_same() {
        assert_eq!(
            parent(r#"[">","",["a"],[{"^":"4294967297"},{"b":"1"}]]"#),
            (Some(Parent::Span((1 << 32) + 1)), 1)
        );
        assert_eq!(
            parent(r#"[">","",["a"],{"\u005e": 4294967297, "b":"1"}]"#),
            (Some(Parent::Span((1 << 32) + 1)), 1)
        );
        assert_eq!(
            parent(r#"[">","",["a"],[{"^":""}]]"#),
            (Some(Parent::Root), 0)
        );
        assert_eq!(
            parent(r#"[">","",["a"],[{"^":null}]]"#),
            (Some(Parent::Unknown), 0)
        );
        assert_eq!(parent(r#"["<","",["a"],[{"^":""}]]"#), (None, 1));
        assert_eq!(parent(r#"[">","",["a"],[{"b":""},{"^":""}]]"#), (None, 2));
        let marker = parse(br#"[">","",["a"],[{"^":""},{"b":"1"},{"c":2}]]"#).unwrap();
        let (_, args) = marker.parent();
        assert_eq!(args.get(b"c").as_deref(), Some(&b"2"[..]));
        assert_eq!(args.get(b"b").as_deref(), Some(&b"1"[..]));
    }
}
