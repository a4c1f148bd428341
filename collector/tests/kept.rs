//! What a filter keeps of a recording is enough to answer what the filter asks, and nothing more.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod made;

use made::{Made, Memory};
use nulltrace_collector::measured::Measured;
use nulltrace_collector::pipeline::{Limits, Pipeline};
use nulltrace_collector::recording::Plan;
use nulltrace_collector::show::{self, Answer};
use nulltrace_collector::sink::files::Target;
use nulltrace_collector::source::capture::{About, Ran};
use nulltrace_core::capture::{Compress, Reader};
use nulltrace_core::input::layout;
use nulltrace_core::query::Query;
use nulltrace_core::query::asked::{Asked, Viewed};
use nulltrace_core::query::filter::{Filter, Words};

/// A recording of what the filter keeps; of all without one. And how many records were lost.
fn recorded(now: u64, only: Option<&str>, held: usize) -> (Vec<u8>, u64) {
    let file = Memory::default();
    let about = About {
        backend: "made".to_owned(),
        activity: true,
        inside: "thread".to_owned(),
        command: "nulltrace record".to_owned(),
        filter: only.unwrap_or_default().to_owned(),
    };
    let recording = Plan {
        to: Target::one(Box::new(file.clone())),
        how: Compress::None,
        only: only.map(|text| Filter::parse(text, &Words::ANY).unwrap()),
        data: None,
        about,
    };
    let limits = Limits {
        // Half of it is for what waits.
        recorder_bytes: 2 * held,
        ..Limits::default()
    };
    let mut pipeline = Pipeline::new(limits).recording(recording, None).unwrap();
    let mut source = Made::all(now);
    while pipeline.turn(&mut source).unwrap() > 0 {}
    let live = pipeline.finish(&mut source).unwrap();
    let (recorded, failed) = live.recorder.unwrap().close(|| true);
    assert!(failed.is_none() && (recorded.lost == 0 || held < 1 << 20));
    let bytes = file.0.lock().unwrap().clone();
    (bytes, recorded.held)
}

/// What a recording comes to. It ends when the other did, if there is one.
fn replayed(file: &[u8], query: &Query, like: Option<&Ran>) -> (Measured, Ran) {
    let mut again = Pipeline::new(Limits::default())
        .asking(query, None)
        .unwrap();
    let (mut reader, mut ran) = (Reader::default(), Ran::default());
    let mut decoder = layout::Reader::default();
    reader.push(file, &mut |record| {
        if let Ok(event) = decoder.read(record) {
            ran.learn(&event);
        }
        again.replay(record);
    });
    let read = reader.end();
    assert!(read.ended && read.damage.is_empty());
    let measured = again.replayed(like.unwrap_or(&ran)).measured;
    assert_eq!(measured.ledger.check(), Ok(()));
    (measured, ran)
}

/// Long ago enough that the order waits for nothing.
fn now() -> u64 {
    nulltrace_collector::clock::monotonic() - 5_000_000_000
}

fn query(view: Option<(&str, bool)>, by: &[&str], sums: &[&str], filter: &str) -> Query {
    let texts = |texts: &[&str]| -> Vec<_> { texts.iter().map(|&text| text.to_owned()).collect() };
    let asked = Asked {
        by: &texts(by),
        sums: &texts(sums),
        only: &[filter.to_owned()],
        view: view.map(|(name, calls)| Viewed { name, calls }),
        sort: None,
        top: None,
    };
    asked.read(&|_| Vec::new()).unwrap().unwrap()
}

/// The rows of an answer: the account is that of the file.
fn rows(measured: &Measured, query: &Query, view: &str) -> String {
    let view = nulltrace_core::view::find(view).unwrap();
    measured.with_data(query, &[], |data| {
        let answer = Answer::new(*data, measured.wall_start, view);
        String::from_utf8(show::csv(&answer.model)).unwrap()
    })
}

fn texts(file: &[u8]) -> String {
    String::from_utf8_lossy(file).into_owned()
}

const SPANS: [&str; 8] = [
    "span.tag[0]=a",
    "span.tags=a.b",
    "span.duration>200us",
    "span.duration>200us and span.enterarg.cart=7",
    "span.exitarg.status=500 or span.tag[0]=json",
    "not span.duration<1ms",
    "proc.name=a",
    "span.tag[0]=none",
];

#[test]
fn what_is_kept_answers_what_was_asked() {
    let now = now();
    let (whole, _) = recorded(now, None, 64 << 20);
    for filter in SPANS {
        let (kept, held) = recorded(now, Some(filter), 64 << 20);
        assert_eq!(held, 0);
        assert!(kept.len() < whole.len(), "{filter}");
        for view in ["summary", "time", "syscalls", "files", "slowest"] {
            let query = query(Some((view, false)), &[], &[], filter);
            let (one, ran) = replayed(&whole, &query, None);
            let (other, _) = replayed(&kept, &query, Some(&ran));
            let (one, other) = (rows(&one, &query, view), rows(&other, &query, view));
            if view == "summary" {
                let any = filter != "span.tag[0]=none";
                assert_eq!(one.lines().count() > 1, any, "{one}");
            }
            assert_eq!(one, other, "{filter} {view}");
        }
    }
}

#[test]
fn calls_that_match_are_kept_in_spans_that_do_not() {
    let now = now();
    let (whole, _) = recorded(now, None, 64 << 20);
    let compare = |filter: &str, query: &Query, view: &str| {
        let (kept, _) = recorded(now, Some(filter), 64 << 20);
        assert!(kept.len() < whole.len(), "{filter}");
        let (one, ran) = replayed(&whole, query, None);
        let (other, _) = replayed(&kept, query, Some(&ran));
        let (one, other) = (rows(&one, query, view), rows(&other, query, view));
        assert!(one.lines().count() > 1, "{one}");
        assert_eq!(one, other, "{filter} {view}");
    };
    for filter in [
        "evt.type=1",
        "evt.type=1 and evtin.span.tag[0]=a",
        "evt.type=1 or evtin.span.tags=a.b",
        "fd.type=file and not evt.type in (0, 2)",
    ] {
        for by in [&["evt.type"][..], &["fd.name"], &["span.tags"]] {
            let query = query(None, by, &["count,time,blocked,bytes"], filter);
            compare(filter, &query, "summary");
        }
    }
    for filter in [
        "evt.type=1",
        "evt.type=1 and span.tag[0]=a",
        "evt.type=1 and span.duration>1ms",
        "evt.type=1 or span.tags=a.b",
    ] {
        for view in ["syscalls", "files"] {
            let query = query(Some((view, true)), &[], &[], filter);
            compare(filter, &query, view);
        }
    }
}

#[test]
fn nothing_else_is_in_the_file() {
    let now = now();
    let (whole, _) = recorded(now, None, 64 << 20);
    let (kept, _) = recorded(now, Some("span.tags=a.b"), 64 << 20);
    // Tags of spans around it are there, as its parents are.
    for text in ["cart", "status", "k\":", "no tags", "a.b"] {
        assert!(texts(&whole).contains(text), "{text}");
        assert_eq!(texts(&kept).contains(text), text == "a.b", "{text}");
    }
}

#[test]
fn what_waits_is_bounded_and_what_is_lost_is_counted() {
    let now = now();
    let filter = "span.duration>200us";
    let (whole, none) = recorded(now, Some(filter), 64 << 20);
    let (some, held) = recorded(now, Some(filter), 20_000);
    assert!(none == 0 && held > 0 && some.len() < whole.len());
    // What is left is whole.
    let query = query(Some(("summary", false)), &[], &[], filter);
    replayed(&some, &query, None);
}
