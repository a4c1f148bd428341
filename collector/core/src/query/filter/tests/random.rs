//! Random filters of random subjects, and random text.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, Inside, Times, When};
use crate::facts::args::ArgList;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::input::record::{CallsRecord, FileId, FileRecord};
use crate::query::field::{Known, Type, Value};
use crate::query::filter::tree::Expr;
use crate::query::filter::truth::Truth;

/// What a call is on.
#[derive(Clone, Debug)]
enum On {
    Nothing,
    /// A file that no record told of.
    Lost,
    File(String),
    Socket(u16, u16),
}

#[derive(Clone, Debug)]
struct Call {
    nr: u32,
    on: On,
    /// Carts of the spans around.
    spans: Vec<Option<u8>>,
}

fn call() -> impl Strategy<Value = Call> {
    let on = prop_oneof![
        Just(On::Nothing),
        Just(On::Lost),
        "[ab/]{1,4}".prop_map(|name| On::File(format!("/{name}"))),
        (0..3_u16, 0..3_u16).prop_map(|(one, other)| On::Socket(one, other)),
    ];
    let spans = prop::collection::vec(prop::option::of(0..3_u8), 0..3);
    (0..3_u32, on, spans).prop_map(|(nr, on, spans)| Call { nr, on, spans })
}

impl Call {
    fn with<T>(&self, f: impl FnOnce(&At<'_>) -> T) -> T {
        let mut of = CallsRecord::new_zeroed();
        (of.nr, of.count) = (self.nr, 1);
        let mut record = FileRecord::new_zeroed();
        let file = match &self.on {
            On::Nothing => None,
            On::Lost => Some(File::unknown(FileId::NONE)),
            On::File(path) => {
                record.mode = 0o100_644;
                let names = path[1..].rsplit('/').map(|name| format!("{name}\0"));
                Some(File::read(&record, names.collect::<String>().as_bytes()))
            }
            On::Socket(one, other) => {
                (record.family, record.protocol) = (2, 6);
                (record.local_port, record.remote_port) = (*one, *other);
                Some(File::read(&record, b""))
            }
        };
        let path = Arc::new(TagPath::new(b"a.b", ["a", "b"]));
        let args = self.spans.iter().map(|cart| -> ArgList {
            let cart = cart.iter().map(|cart| ("cart", cart.to_string()));
            cart.collect()
        });
        let args: Vec<_> = args.collect();
        let spans = args.iter().zip(1..).map(|(args, seq)| InSpan {
            seq: Some(seq),
            args: Some(args),
            ..InSpan::of_path(&path)
        });
        let inside = Inside {
            pid: 2,
            tid: 2,
            process: None,
            spans: &spans.collect::<Vec<_>>(),
            wide: false,
            when: When::default(),
            times: &Times::NONE,
            calls: &[of],
            files: &[file.map(Arc::new)],
        };
        f(&At::call(&inside, 0, Known::default()))
    }
}

/// A comparison of something that such calls have.
fn test() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("fd.name"),
        Just("fd.filename"),
        Just("span.arg.cart"),
        Just("evtin.span.arg.cart"),
        Just("tolower(fd.name)"),
        Just("basename(fd.name)"),
        Just("proc.name"),
    ];
    let numbers = prop_oneof![
        Just("fd.port"),
        Just("fd.lport"),
        Just("evtin.span.seq"),
        Just("proc.pid"),
        Just("len(fd.name)"),
        Just("len(span.arg.cart)"),
    ];
    let text_op = prop_oneof![
        Just("="),
        Just("!="),
        Just("contains"),
        Just("icontains"),
        Just("startswith"),
        Just("endswith"),
        Just("glob"),
        Just("iglob"),
        Just("regex"),
    ];
    let order = prop_oneof![
        Just("="),
        Just("!="),
        Just("<"),
        Just("<="),
        Just(">"),
        Just(">=")
    ];
    prop_oneof![
        (text.clone(), text_op, "[ab/*?0-2.]{1,3}")
            .prop_filter("a regular expression", |(_, op, value)| {
                *op != "regex" || regex::bytes::Regex::new(value).is_ok()
            })
            .prop_map(|(field, op, value)| format!("{field} {op} {value}")),
        (text.clone(), any::<bool>(), "[ab/]{1,2}", "[0-2]").prop_map(
            |(field, not, one, other)| {
                format!(
                    "{field} {} ({one}, {other})",
                    if not { "in" } else { "intersects" }
                )
            }
        ),
        (numbers.clone(), order.clone(), 0..4_u64)
            .prop_map(|(field, op, value)| format!("{field} {op} {value}")),
        (numbers.clone(), order, numbers).prop_map(|(field, op, other)| {
            match other.starts_with("len") {
                true => format!("{field}{op}{other}"),
                false => format!("{field}{op}val({other})"),
            }
        }),
        (text.clone(), text).prop_map(|(field, other)| match other.contains('(') {
            true => format!("{field} startswith {other}"),
            false => format!("{field}!=val({other})"),
        }),
        prop_oneof![
            Just("fd.type exists"),
            Just("fd.port exists"),
            Just("span.arg.cart exists"),
            Just("evt.type=read"),
            Just("fd.type=unknown"),
            Just("fd.ip=0.0.0.0/8"),
            Just("fd.sip exists"),
        ]
        .prop_map(str::to_owned),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    test().prop_recursive(5, 24, 4, |part| {
        prop_oneof![
            prop::collection::vec(part.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(part.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
            part.prop_map(|part| format!("not {part}")),
        ]
    })
}

/// What a filter says of a subject where every comparison in it is made.
fn plainly(expr: &Expr, at: &At<'_>) -> Truth {
    match expr {
        Expr::Not(part) => plainly(part, at).not(),
        Expr::All(parts) => parts
            .iter()
            .fold(Truth::YES, |all, part| all.and(plainly(part, at))),
        Expr::Any(parts) => parts
            .iter()
            .fold(Truth::NO, |any, part| any.or(plainly(part, at))),
        Expr::Test(test) => test.truth(at),
    }
}

proptest! {
    /// Each subject matches, or it matches the negation, or it is unknown, or it is not known on which file it is.
    #[test]
    fn each_is_one_of_four(calls in prop::collection::vec(call(), 1..30), text in filter()) {
        let (filter, not) = (parsed(&text), parsed(&format!("not ({text})")));
        let (mut matched, mut opposite, mut neither) = (0, 0, 0);
        for call in &calls {
            let (one, other) = call.with(|at| (filter.check(at), not.check(at)));
            matched += usize::from(one == Verdict::Yes);
            opposite += usize::from(other == Verdict::Yes);
            let open = |of| matches!(of, Verdict::Unknown | Verdict::Undecided);
            neither += usize::from(open(one));
            prop_assert_eq!(open(one), open(other));
            if !matches!(call.on, On::Lost) {
                prop_assert_ne!(one, Verdict::Undecided);
            }
            prop_assert_eq!(call.with(|at| plainly(&filter.expr, at)), call.with(|at| filter.expr.truth(at)));
        }
        prop_assert_eq!(matched + opposite + neither, calls.len());
    }

    #[test]
    fn de_morgan(call in call(), one in filter(), other in filter()) {
        let check = |text: String| call.with(|at| parsed(&text).check(at));
        prop_assert_eq!(
            check(format!("not ({one} and {other})")),
            check(format!("not {one} or not {other}"))
        );
        prop_assert_eq!(
            check(format!("not ({one} or {other})")),
            check(format!("not {one} and not {other}"))
        );
        prop_assert_eq!(check(format!("not not {one}")), check(one));
    }

    #[test]
    fn what_is_shown_is_read_back(text in filter()) {
        let filter = parsed(&text);
        prop_assert_eq!(parsed(&filter.to_string()), filter);
    }

    /// Of any value.
    #[test]
    fn any_value_is_read_back(value in "\\PC{1,20}|.{1,20}", op in 0..5_usize) {
        let op = ["=", "!=", "contains", "endswith", "glob"][op];
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let filter = parsed(&format!("fd.name {op} \"{quoted}\""));
        prop_assert_eq!(parsed(&filter.to_string()), filter);
    }

    /// What a value is compared with holds for it.
    #[test]
    fn a_value_is_itself(name in "/[a-z .,=()'\"]{1,9}") {
        let call = Call { nr: 0, on: On::File(name.clone()), spans: vec![] };
        let quoted = name.replace('"', "\\\"");
        for op in ["=", "contains", "startswith", "endswith", "icontains"] {
            let filter = parsed(&format!("fd.name {op} \"{quoted}\""));
            prop_assert_eq!(call.with(|at| filter.check(at)), Verdict::Yes, "{}", op);
        }
    }

    /// Any text is a filter or is refused with a place in it.
    #[test]
    fn any_text_is_read(text in "\\PC{0,40}") {
        read(&text)?;
    }

    /// The same of words that mean something.
    #[test]
    fn any_words_are_read(words in prop::collection::vec(0..WORDS_OF_A_FILTER.len(), 0..14), spaces in any::<u16>()) {
        let mut text = String::new();
        for (at, word) in words.into_iter().enumerate() {
            text += WORDS_OF_A_FILTER[word];
            text += if spaces >> (at % 16) & 1 == 1 { " " } else { "" };
        }
        read(&text)?;
    }

    #[test]
    fn order_is_that_of_numbers(n in any::<u64>(), limit in any::<u64>()) {
        let matcher = |op| matcher::Matcher::order(op, limit);
        let value = Value::Number(n);
        prop_assert_eq!(matcher(Op::Less).is(&value), n < limit);
        prop_assert_eq!(matcher(Op::LessOrEqual).is(&value), n <= limit);
        prop_assert_eq!(matcher(Op::Greater).is(&value), n > limit);
        prop_assert_eq!(matcher(Op::GreaterOrEqual).is(&value), n >= limit);
    }

    #[test]
    fn networks_have_what_begins_as_they_do(address in any::<u32>(), other in any::<u32>(), len in 0..33_u32) {
        let text = |of: u32| IpAddr::V4(of.into()).to_string();
        let network = literal::Network::read(&format!("{}/{len}", text(address))).unwrap();
        let same = len == 0 || address >> (32 - len) == other >> (32 - len);
        prop_assert_eq!(network.has(IpAddr::V4(other.into())), same);
        prop_assert!(network.has(IpAddr::V4(address.into())));
    }
}

const WORDS_OF_A_FILTER: [&str; 34] = [
    "fd.name",
    "proc.pid",
    "span.arg.x",
    "span.arg[\"a b\"]",
    "evt.type",
    "span.duration",
    "fd.ip",
    "and",
    "or",
    "not",
    "(",
    ")",
    ",",
    "=",
    "!=",
    "<",
    ">=",
    "in",
    "exists",
    "contains",
    "regex",
    "glob",
    "val(",
    "len(",
    "tolower(",
    "'a b'",
    "\"",
    "\\x41",
    "[a-",
    "7",
    "5ms",
    "10.0.0.0/8",
    "é",
    "read",
];

fn read(text: &str) -> Result<(), TestCaseError> {
    for subjects in [&[][..], &[Subject::Call], &[Subject::Span, Subject::Call]] {
        match Filter::parse(text, &Words { subjects, ..WORDS }) {
            Ok(filter) => {
                let again = Filter::parse(&filter.to_string(), &WORDS);
                prop_assert_eq!(again.as_ref(), Ok(&filter), "{}", filter);
                let _ = filter.divided();
            }
            Err(bad) => prop_assert!(text.get(bad.at.clone()).is_some(), "{:?}", bad),
        }
    }
    Ok(())
}

#[test]
fn types_have_their_operators() {
    let orders = Op::ALL.into_iter().filter(|op| op.is_order());
    let types = [Type::Number, Type::Duration, Type::Time, Type::Size];
    for (op, type_) in orders.flat_map(|op| types.map(|type_| (op, type_))) {
        assert!(op.is_for(type_) && !op.is_for(Type::Text));
    }
}
