//! What is wrong with a filter, in words.

use nulltrace_core::query::field::Type;
use nulltrace_core::query::filter::{
    DEPTH_MAX, Filter, Function, MIXED_MAX, Op, PATTERN_MAX, REGEXES_MAX, TEXT_MAX, Why,
};
use syscalls::Sysno;

use super::meant::{meant, meant_field};
use crate::log;
use crate::text::safe;

/// Tells what is right in a filter, and surely not meant.
pub(super) fn say_notes(filter: &Filter) {
    for note in filter.notes() {
        let n = note.number;
        log::say(format_args!("note: {n} is {n} ns; write {n}s or {n}ms"));
    }
}

/// What is wrong, and what to do about it.
pub(super) fn no_filter(why: &Why) -> (String, String) {
    let text = |text: &str| safe(text.as_bytes());
    let (what, remedy) = match why {
        Why::ExpectedField => (
            "a field is missing: comparisons begin with one".into(),
            "write one like fd.type=file".into(),
        ),
        Why::NoField(name) => (format!("unknown field \"{}\"", text(name)), meant_field(name)),
        Why::NotOf(field, subject) => (
            format!("{} is no field of {}", text(&field.to_string()), subject.plural()),
            "`nulltrace fields` says what has which".into(),
        ),
        Why::Apart(left, right) => (
            format!(
                "{} and {} are not known at the same time",
                text(&left.to_string()),
                text(&right.to_string())
            ),
            "compare two fields of system calls, or two of spans".into(),
        ),
        Why::ExpectedOperator(found) => no_operator(found),
        Why::NoSuchOperator(name) => (
            format!("{name} is an operator of sysdig only"),
            match *name {
                "pmatch" => "use startswith or glob",
                "bstartswith" => "use startswith, with a value like \"\\x7fELF\"",
                _ => "use contains, with a value like \"\\x7fELF\"",
            }
            .into(),
        ),
        Why::NotFor(op, type_) => (
            format!("`{}` cannot compare values of type {}", op.text(), type_.name()),
            operators(*type_),
        ),
        Why::NoFunction(name) => (
            format!("unknown function \"{}\"", text(name)),
            meant(name, Function::ALL.into_iter().map(Function::name)),
        ),
        Why::FunctionNotFor(function, type_) => (
            format!("{}() takes text, and this is of type {}", function.name(), type_.name()),
            "leave the function out".into(),
        ),
        Why::NoValue => (
            "no value".into(),
            "write `FIELD exists` or `not FIELD exists` to ask whether there is one; a value with spaces, commas, \
             parentheses or = needs quotes"
                .into(),
        ),
        Why::ExpectedList => (
            "no list in parentheses".into(),
            "write (VALUE, VALUE); a value with spaces or parentheses needs quotes".into(),
        ),
        Why::BadValue(type_, value) => (
            format!("not a value of type {}: \"{}\"", type_.name(), text(value)),
            no_value(*type_, value),
        ),
        Why::PatternOfField(op) => (
            format!("{} takes a pattern, and this is a field", op.text()),
            "use =, contains, startswith or endswith".into(),
        ),
        Why::Differ(left, right) => (
            format!("type {} is compared with type {}", left.name(), right.name()),
            "compare fields of the same type".into(),
        ),
        Why::BadRegex(said) => (
            format!("not a regular expression ({})", text(said)),
            "write one like \"/tmp/.*[0-9]\", or use glob or contains".into(),
        ),
        other => unfinished(other),
    };
    (what, remedy)
}

/// What does not end as it should, or is too much.
fn unfinished(why: &Why) -> (String, String) {
    let (what, remedy): (String, &str) = match why {
        Why::OpenQuote => (
            "a quote without an end".into(),
            "write the same quote after the value",
        ),
        Why::OpenKey => (
            "a key without an end".into(),
            "write `]`, or `\"]` if it is in quotes",
        ),
        Why::BadEscape => (
            r"`\x` without two hexadecimal digits".into(),
            r"write one like \x0a, or \\ for a backslash",
        ),
        Why::OpenParenthesis => ("a parenthesis without an end".into(), "write `)`"),
        Why::Comma => (
            "a comma joins no comparisons".into(),
            "write `and`; a value with a comma needs quotes",
        ),
        Why::TooDeep => (
            format!("more than {DEPTH_MAX} parentheses, `not` and functions in each other"),
            "write it with fewer",
        ),
        Why::TooLong => (
            format!("a filter of more than {} KiB", TEXT_MAX >> 10),
            "write a shorter one",
        ),
        Why::TooManyRegexes => (
            format!("more than {REGEXES_MAX} regular expressions"),
            "join them by `|`, or use glob or contains",
        ),
        Why::PatternTooLong => (
            format!("a pattern of more than {PATTERN_MAX} bytes"),
            "write a shorter one",
        ),
        Why::TooMixed => (
            format!(
                "more than {MIXED_MAX} comparisons of system calls are mixed with those of spans"
            ),
            "write those of system calls beside each other in parentheses, or apart, joined by `and`",
        ),
        _ => (
            "neither `and` nor `or`".into(),
            "write one of them between comparisons; a value with spaces, = or quotes needs quotes around it",
        ),
    };
    (what, remedy.into())
}

fn no_operator(found: &str) -> (String, String) {
    if found.is_empty() {
        let what = "no operator after the field".to_owned();
        return (what, "write FIELD=VALUE or `FIELD exists`".to_owned());
    }
    let what = format!("unknown operator \"{}\"", safe(found.as_bytes()));
    (what, meant(found, Op::ALL.into_iter().map(Op::text)))
}

/// The operators for a type.
fn operators(type_: Type) -> String {
    let all = Op::ALL.into_iter().filter(|op| op.is_for(type_));
    let names: Vec<_> = all.map(Op::text).collect();
    format!("use one of {}", names.join(" "))
}

fn no_value(type_: Type, value: &str) -> String {
    match type_ {
        Type::Address => {
            "write an address like 127.0.0.1 or ::1, or a network like 10.0.0.0/8".into()
        }
        Type::Integer => "write a whole number like 10 or -2".to_owned(),
        Type::Call => meant(value, Sysno::iter().map(|call| call.name())),
        Type::Duration => "write a duration like 250us or 1.5s".into(),
        Type::Size => "write a size like 4096, 2kB or 1MiB".into(),
        Type::Boolean => "write true or false".into(),
        Type::Number | Type::Time | Type::Text => "write a whole number".into(),
    }
}
