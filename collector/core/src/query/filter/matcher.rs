//! What values are compared with, made ready for many of them.

use memchr::memmem::{self, Finder};
use regex::bytes::Regex;

use super::glob::Glob;
use super::literal::{Network, lower, number_of};
use super::op::Op;
use crate::query::field::Value;

/// What values are compared with.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Text(Box<[u8]>),
    /// Sorted.
    Texts(Box<[Box<[u8]>]>),
    Number(u64),
    /// Sorted.
    Numbers(Box<[u64]>),
    /// From the first to the last.
    Between(u64, u64),
    /// There is no such number.
    None,
    Networks(Box<[Network]>),
    Contains(Box<Finder<'static>>),
    /// In lower case.
    IContains(Box<Finder<'static>>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Glob),
    Regex(Box<Regex>),
}

impl Matcher {
    /// One of these texts.
    pub(super) fn texts(mut texts: Vec<Box<[u8]>>) -> Self {
        texts.sort_unstable();
        match texts.len() {
            1 => Self::Text(texts.swap_remove(0)),
            _ => Self::Texts(texts.into()),
        }
    }

    /// One of these numbers.
    pub(super) fn numbers(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        match numbers[..] {
            [one] => Self::Number(one),
            _ => Self::Numbers(numbers.into()),
        }
    }

    /// Numbers that are less than this one, or more.
    pub(super) fn order(op: Op, n: u64) -> Self {
        let range = match op {
            Op::Less => n.checked_sub(1).map(|last| (0, last)),
            Op::LessOrEqual => Some((0, n)),
            Op::Greater => n.checked_add(1).map(|first| (first, u64::MAX)),
            Op::GreaterOrEqual => Some((n, u64::MAX)),
            _ => Some((n, n)),
        };
        range.map_or(Self::None, |(first, last)| Self::Between(first, last))
    }

    /// Whether a value is one of these.
    #[inline]
    pub(super) fn is(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Absent => false,
            Value::Text(text) => self.is_text(text),
            Value::Address(address) => match self {
                Self::Networks(networks) => networks.iter().any(|of| of.has(*address)),
                _ => false,
            },
            value => number_of(value).is_some_and(|n| self.is_number(n)),
        }
    }

    #[inline]
    fn is_number(&self, n: u64) -> bool {
        match self {
            Self::Number(one) => n == *one,
            Self::Numbers(some) => some.binary_search(&n).is_ok(),
            Self::Between(first, last) => (first..=last).contains(&&n),
            _ => false,
        }
    }

    #[inline]
    fn is_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(one) => *text == **one,
            Self::Texts(some) => some.binary_search_by(|one| (**one).cmp(text)).is_ok(),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::IContains(finder) => finder.find(&lower(text)).is_some(),
            Self::StartsWith(start) => text.starts_with(start),
            Self::EndsWith(end) => text.ends_with(end),
            Self::Glob(glob) => glob.is_like(text),
            Self::Regex(regex) => regex.is_match(text),
            Self::Number(_)
            | Self::Numbers(_)
            | Self::Between(..)
            | Self::None
            | Self::Networks(_) => false,
        }
    }
}

/// Whether the value of one field is to that of another as the operator says; of patterns there is none.
pub(super) fn compare(op: Op, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => match op {
            Op::Contains => memmem::find(left, right).is_some(),
            Op::IContains => memmem::find(&lower(left), &lower(right)).is_some(),
            Op::StartsWith => left.starts_with(right),
            Op::EndsWith => left.ends_with(right),
            op => op.is_equality() && left == right,
        },
        (Value::Address(left), Value::Address(right)) => {
            op.is_equality() && left.to_canonical() == right.to_canonical()
        }
        (left, right) => match number_of(left).zip(number_of(right)) {
            Some((left, right)) => match op {
                Op::Less => left < right,
                Op::LessOrEqual => left <= right,
                Op::Greater => left > right,
                Op::GreaterOrEqual => left >= right,
                op => op.is_equality() && left == right,
            },
            None => false,
        },
    }
}
