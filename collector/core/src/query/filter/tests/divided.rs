//! A filter in two parts says what the whole says.

use super::*;
use crate::query::field::fixture::{each_subject, with};
use crate::query::filter::truth::Truth;

const BOTH: &[Subject] = &[Subject::Span, Subject::Call];

fn read(text: &str) -> Filter {
    let words = Words {
        subjects: BOTH,
        ..WORDS
    };
    Filter::parse(text, &words).unwrap()
}

/// What each comparison says at once: of a call what is of calls, of a span the rest.
fn at_once(expr: &Expr, call: &At<'_>, span: &At<'_>) -> Truth {
    let of = |part: &Expr| at_once(part, call, span);
    match expr {
        Expr::Not(part) => of(part).not(),
        Expr::All(parts) => parts.iter().fold(Truth::YES, |all, part| all.and(of(part))),
        Expr::Any(parts) => parts.iter().fold(Truth::NO, |any, part| any.or(of(part))),
        Expr::Test(test) => match test.fields().all(|field| field.info().is_of(Subject::Span)) {
            true => expr.truth(span),
            false => expr.truth(call),
        },
    }
}

const FILTERS: [(&str, usize); 14] = [
    ("span.duration>=100ns", 0),
    ("fd.type=file", 0),
    ("span.duration>=100ns and fd.type=file", 0),
    ("not (span.duration<100ns or fd.type=file)", 0),
    ("span.duration>=1s or fd.type=file", 1),
    ("span.exitarg.status=500 or fd.type=file", 1),
    ("not (span.duration>=100ns and fd.type=file)", 1),
    ("evt.type!=futex and (span.open exists or fd.type=file)", 1),
    (
        "(span.open exists and fd.type=file) or (not span.open exists and fd.type=ipv4)",
        2,
    ),
    (
        "(span.open exists and fd.type=file) or (not span.open exists and not fd.type=file)",
        2,
    ),
    (
        "(span.open exists and fd.type=file) or (span.end exists and fd.type=file)",
        1,
    ),
    (
        "not (not span.open exists and not (fd.type=file and evt.type=write))",
        1,
    ),
    (
        "span.failed=true or evt.type=read and fd.port=8888 and evt.type!=write",
        1,
    ),
    ("fd.name=val(span.arg.cart) or span.seq=12", 1),
];

#[test]
fn two_parts_are_the_whole() {
    for (text, mixed) in FILTERS {
        let filter = read(text);
        let divided = filter.divided();
        assert_eq!(divided.mixed(), mixed, "{text}");
        assert_eq!(divided.is_mixed(), mixed > 0);
        with(|inside, known| {
            for call in 0..3 {
                let call = At::call(inside, call, known);
                each_subject(|subject, span| {
                    if span.subject() != Subject::Span {
                        return;
                    }
                    let whole = at_once(&filter.expr, &call, span);
                    let chosen = match divided.of_call(&call) {
                        OfCall::Decided(_) => false,
                        OfCall::Open(holds) => {
                            let spans = divided.of_span(span) == Verdict::Yes;
                            spans && divided.of_both(span, holds) == Verdict::Yes
                        }
                    };
                    assert_eq!(chosen, whole == Truth::YES, "{text} of {subject}");
                });
            }
        });
    }
}

/// A span is chosen if the filter can hold for a call in it.
#[test]
fn a_span_is_chosen_by_what_is_known_of_it() {
    each_subject(|subject, span| {
        for (text, want) in [
            ("fd.type=file", [Verdict::Yes; 3]),
            (
                "span.duration=100ns",
                [Verdict::Yes, Verdict::Unknown, Verdict::Unknown],
            ),
            (
                "span.duration=1s and fd.type=file",
                [Verdict::No, Verdict::Unknown, Verdict::Unknown],
            ),
            ("span.duration=1s or fd.type=file", [Verdict::Yes; 3]),
            (
                "not span.duration exists and not fd.type=file",
                [Verdict::No, Verdict::Yes, Verdict::Yes],
            ),
        ] {
            let divided = read(text).divided();
            let at = ["closed", "lost", "open"]
                .iter()
                .position(|of| *of == subject);
            if let Some(at) = at {
                assert_eq!(divided.of_span(span), want[at], "{text} of {subject}");
            }
        }
    });
}

#[test]
fn only_so_many_are_mixed() {
    let mixed = |n: usize| {
        let parts = (0..n).map(|n| format!("(span.duration>{n}s and evt.type={n})"));
        read(&parts.collect::<Vec<_>>().join(" or "))
    };
    assert!(!mixed(MIXED_MAX).is_too_mixed());
    assert!(mixed(MIXED_MAX + 1).is_too_mixed());
    // As one, if nothing of spans is between them.
    let one = (0..9).map(|n| format!("evt.type={n}")).collect::<Vec<_>>();
    assert!(!read(&format!("span.open exists or {}", one.join(" or "))).is_too_mixed());
    // What has no place may hold: it is not lost silently.
    let divided = mixed(40).divided();
    with(|inside, known| {
        let mut call = *inside;
        let calls = [crate::input::record::CallsRecord {
            nr: 30,
            ..inside.calls[0]
        }];
        call.calls = &calls;
        let OfCall::Open(holds) = divided.of_call(&At::call(&call, 0, known)) else {
            panic!("it is dropped");
        };
        each_subject(|subject, span| {
            if subject == "closed" {
                assert_eq!(divided.of_both(span, holds), Verdict::No);
            }
        });
    });
}
