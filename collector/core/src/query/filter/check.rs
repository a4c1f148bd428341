//! Types: what an operator is for, and values made ready to be compared.

use std::ops::Range;

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::error::{BadFilter, Note, Why};
use super::glob::Glob;
use super::limits::{PATTERN_MAX, REGEXES_MAX};
use super::literal::{Literal, Network};
use super::matcher::Matcher;
use super::op::Op;
use super::words::Words;
use crate::query::field::Type;

/// Most bytes that a regular expression may take when it is made ready, and as many for the states it is in.
const REGEX_BYTES: usize = 1 << 20;
/// A duration below this that was written without a unit was probably not meant as nanoseconds.
const SHORT_NS: u64 = 1_000;

/// Checks values, and counts what there may be only so much of.
#[derive(Debug, Default)]
pub(super) struct Checker {
    regexes: usize,
    pub(super) notes: Vec<Note>,
}

/// A value and its place.
pub(super) type Placed = (Literal, Range<usize>);

impl Checker {
    /// Makes values ready that a field of this type is compared with.
    pub(super) fn matcher(
        &mut self,
        op: Op,
        type_: Type,
        values: &[Placed],
        words: &Words<'_>,
    ) -> Result<Matcher, BadFilter> {
        if op.is_equality() {
            return self.one_of(type_, values, words);
        }
        let [(value, place)] = values else {
            let end = values.last().map_or(0, |(_, place)| place.end);
            return Err(BadFilter::new(end..end, Why::NoValue));
        };
        if op.is_order() {
            let n = self.number(type_, value, place)?;
            return Ok(Matcher::order(op, n));
        }
        let text = &*value.0;
        Ok(match op {
            Op::Contains => Matcher::Contains(Box::new(Finder::new(text).into_owned())),
            Op::IContains => {
                let text = text.to_ascii_lowercase();
                Matcher::IContains(Box::new(Finder::new(&text).into_owned()))
            }
            Op::StartsWith => Matcher::StartsWith(text.into()),
            Op::EndsWith => Matcher::EndsWith(text.into()),
            Op::Regex => Matcher::Regex(Box::new(self.regex(value, place)?)),
            op => {
                if text.len() > PATTERN_MAX {
                    return Err(BadFilter::new(place.clone(), Why::PatternTooLong));
                }
                Matcher::Glob(Glob::new(text, op == Op::IGlob))
            }
        })
    }

    fn one_of(
        &mut self,
        type_: Type,
        values: &[Placed],
        words: &Words<'_>,
    ) -> Result<Matcher, BadFilter> {
        Ok(match type_ {
            Type::Text => {
                let texts = values.iter().map(|(value, _)| value.0.clone());
                Matcher::texts(texts.collect())
            }
            Type::Address => {
                let networks = values.iter().map(|(value, place)| {
                    let network = value.text().and_then(Network::read);
                    network.ok_or_else(|| bad(type_, value, place))
                });
                Matcher::Networks(networks.collect::<Result<_, _>>()?)
            }
            Type::Call => {
                let calls = values.iter().map(|(value, place)| {
                    let calls = value.calls(words.call);
                    calls.ok_or_else(|| bad(type_, value, place))
                });
                Matcher::numbers(calls.collect::<Result<Vec<_>, _>>()?.concat())
            }
            type_ => {
                let numbers = values.iter();
                let numbers = numbers.map(|(value, place)| self.number(type_, value, place));
                Matcher::numbers(numbers.collect::<Result<_, _>>()?)
            }
        })
    }

    fn number(
        &mut self,
        type_: Type,
        value: &Literal,
        place: &Range<usize>,
    ) -> Result<u64, BadFilter> {
        let number = value.number(type_);
        let number = number.ok_or_else(|| bad(type_, value, place))?;
        if type_ == Type::Duration && value.is_bare_number() && (1..SHORT_NS).contains(&number) {
            self.notes.push(Note {
                at: place.clone(),
                number,
            });
        }
        Ok(number)
    }

    fn regex(&mut self, value: &Literal, place: &Range<usize>) -> Result<Regex, BadFilter> {
        let wrong = |why| BadFilter::new(place.clone(), why);
        if self.regexes == REGEXES_MAX {
            return Err(wrong(Why::TooManyRegexes));
        }
        self.regexes += 1;
        let pattern = value.text().ok_or_else(|| {
            wrong(Why::BadRegex(
                "a byte that is no UTF-8 is written (?-u:\\\\xff)".to_owned(),
            ))
        })?;
        let built = |pattern: &str| {
            let mut builder = RegexBuilder::new(pattern);
            builder.size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES);
            builder.build()
        };
        // By itself first: what is put around it could make one of what is none.
        let whole = built(pattern).and_then(|_| {
            // Behind a comment, the end must be in a line of its own.
            let whole = built(&format!(r"\A(?:{pattern})\z"));
            whole.or_else(|_| built(&format!("\\A(?:{pattern}\n)\\z")))
        });
        whole.map_err(|error| wrong(Why::BadRegex(said(&error))))
    }
}

fn bad(type_: Type, value: &Literal, place: &Range<usize>) -> BadFilter {
    BadFilter::new(place.clone(), Why::BadValue(type_, value.lossy()))
}

/// The sentence of an error that has a drawing of the place above it.
fn said(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it takes more than 1 MiB".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}
