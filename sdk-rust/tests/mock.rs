//! What spans write, seen through the mock; and the mock itself.
#![cfg(not(feature = "off"))]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use nulltrace::__private::Task;
use nulltrace::mock::{Marker, Mock};
use nulltrace::raw::{self, Dir};
use nulltrace::{Id, Path, Span, TracedExt, Tracer, span, tracer};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn nested_and_dropped_in_order() {
    let mock = Mock::here();
    {
        let _a = span!("a");
        let _b = span!("a.b");
    }
    mock.expect()
        .enter("a")
        .enter("a.b")
        .exit("a.b")
        .exit("a")
        .done();
}

#[test]
fn every_value() {
    let mock = Mock::here();
    let name = String::from("ann");
    drop(span!(
        "values", int = -7_i8, min = i64::MIN, max = u64::MAX, wide = i128::MIN, size = 3_usize,
        float = 1.0, small = 1e-300, half = 0.5_f32, nan = f64::NAN, yes = true, letter = 'ä', name,
        text = "x", some = Some(3), none = None::<u8>, boxed = Box::new(5), by_ref = &&name,
        cow = std::borrow::Cow::Borrowed("cow"), args = format_args!("{}-{}", 1, 2),
        shown = %std::net::Ipv4Addr::LOCALHOST, debugged = ?Some("x"), "any text: even, this" = 0,
    ));
    let args: Vec<String> = mock.markers()[0]
        .args
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let nines = "-170141183460469231731687303715884105728";
    assert_eq!(
        args,
        [
            "int=-7",
            "min=-9223372036854775808",
            "max=18446744073709551615",
            &format!("wide={nines}"),
            "size=3",
            "float=1.0",
            "small=1e-300",
            "half=0.5",
            "nan=NaN",
            "yes=true",
            "letter=ä",
            "name=ann",
            "text=x",
            "some=3",
            "none=",
            "boxed=5",
            "by_ref=ann",
            "cow=cow",
            "args=1-2",
            "shown=127.0.0.1",
            "debugged=Some(\"x\")",
            "any text: even, this=0",
        ]
    );
    assert_eq!(name, "ann"); // borrowed, not moved
}

/// Literal tags and the same at run time make the same markers, whatever must be escaped in them.
#[test]
fn literal_and_dynamic_are_the_same() {
    macro_rules! dynamic {
        ([$($tag:expr),*]) => { Tracer::list(&[$($tag),*]) };
        ($tag:expr) => { Tracer::new($tag) };
    }
    macro_rules! same {
        ($($tag:tt)*) => {{
            let bytes = |tracer: Tracer<'_>| {
                let mock = Mock::here();
                drop(tracer.enter());
                drop(tracer.enter_with(|args| { args.arg("k", "v:w"); }));
                drop(tracer.enter_with(|args| { args.arg("k", "v\nw"); }));
                drop(tracer.id(Id::Number(-42)).enter());
                drop(tracer.id(Id::Global).enter_with(|args| { args.arg("k", 1); }));
                mock.markers()
            };
            let literal = bytes(tracer!($($tag)*));
            assert_eq!(literal.len(), 10);
            assert_eq!(literal, bytes(dynamic!($($tag)*)));
        }};
    }
    same!("a");
    same!("a.b.c");
    same!(r#"x:=,\<>"'[]{} y.früh.日本"#);
    same!("new\nline.and\ttab\u{0}");
    same!(["a.b", ":=,\\<>", "c"]);
    same!(["q\"\\\u{1f}", "c"]);
    same!(concat!("con", ".cat"));
}

#[test]
fn a_control_character_in_a_later_argument() {
    let mock = Mock::here();
    drop(span!("a.b", one = "1:2", two = "\r", "n\u{1}" = 3));
    mock.expect()
        .enter("a.b")
        .arg("one", "1:2")
        .arg("two", "\r")
        .arg("n\u{1}", "3")
        .exit("a.b")
        .done();
}

#[test]
fn recorded_arguments_are_whole_or_not_there() {
    let mock = Mock::here();
    let span = span!("a");
    span.record("big", "x".repeat(257));
    span.record("", 1);
    span.record("fits", "x".repeat(200));
    span.record("not any more", "x".repeat(40));
    span.record("but this", "a,b=c:\n");
    let name = "n".repeat(400);
    span.record(&name, 1);
    drop(span);
    let fits = "x".repeat(200);
    mock.expect()
        .enter("a")
        .exit("a")
        .arg("fits", &fits)
        .arg("but this", "a,b=c:\n")
        .done();
    let span = span!("b");
    (0..200).for_each(|n| span.record(&char::from(b'0' + n).to_string(), ""));
    drop(span);
    assert_eq!(mock.markers()[1].args.len(), 256 / 5);
}

#[test]
fn of_a_name_recorded_twice_the_last_value_counts() {
    let mock = Mock::here();
    let span = span!("a");
    // Not that of another name, nor the room of its first value.
    for step in 0..1000 {
        span.record("done", "-".repeat(step % 100));
        span.record("step", step);
        span.record("don", "other");
    }
    for long in [200, 300] {
        span.record("too long later", 1);
        span.record("too long later", "x".repeat(long));
    }
    drop(span);
    mock.expect()
        .enter("a")
        .exit("a")
        .arg("done", &"-".repeat(99))
        .arg("step", "999")
        .arg("don", "other")
        .done();
}

/// There are 4096 places for them, so each must be free again, however its span ended.
#[test]
fn the_places_of_recorded_arguments_are_given_back() {
    let mock = Mock::here();
    let times = if cfg!(miri) { 5 } else { 5000 };
    for n in 0..times {
        let span = span!("dropped");
        span.record("n", n);
        drop(span);
        let span = Span::enter("exited");
        span.record("n", n);
        span.exit_with(|args| {
            args.arg("more", 1);
        });
        let span = span!("refused");
        span.record("n", n);
        span.exit_with(|args| {
            args.arg("", 1);
        });
        let span = span!(id: Id::unique(), "in a context");
        span.record("n", n);
        let child = span.child("child");
        child.record("n", n);
        child.record("long", "x".repeat(100));
    }
    let taken = mock.markers();
    let exits = taken.iter().filter(|marker| marker.dir == Dir::Exit);
    let said = exits.filter(|marker| marker.args.iter().any(|(name, _)| name == "n"));
    assert_eq!(said.count(), 5 * times);
}

/// A value that records while it is written does no harm.
#[test]
fn a_value_that_uses_its_own_span() {
    struct Nosy<'s>(&'s Span<'s>);
    impl nulltrace::Value for Nosy<'_> {
        fn write(&self, text: &mut nulltrace::Text<'_>) {
            self.0.record("inner", 1);
            text.str("outer");
        }
    }
    let mock = Mock::here();
    let span = span!("a");
    span.record("nosy", Nosy(&span));
    drop(span);
    mock.expect()
        .enter("a")
        .exit("a")
        .arg("inner", "1")
        .arg("nosy", "outer")
        .done();
}

#[test]
fn exit_with_keeps_what_was_recorded() {
    let mock = Mock::here();
    let span = span!("a");
    span.record("rows", 1);
    span.exit_with(|args| {
        args.arg("more", 2);
    });
    // What cannot be said does not cost the exit.
    span!("b").exit_with(|args| {
        args.arg("", 2);
    });
    mock.expect()
        .enter("a")
        .exit("a")
        .arg("rows", "1")
        .arg("more", "2")
        .enter("b")
        .exit("b")
        .done();
}

/// Begins spans when it is dropped.
struct Tidy;

impl Drop for Tidy {
    fn drop(&mut self) {
        drop(span!("tidy"));
        span!("tidy.rows", n = 1).record("rows", 2);
        drop(Span::enter("tidy.dynamic"));
        drop(nulltrace::__task!("tidy.task"));
    }
}

#[test]
fn a_panic_is_the_error_of_the_spans_it_ends() {
    let mock = Mock::here();
    let caught = std::panic::catch_unwind(|| {
        let _dynamic = Span::enter("dynamic");
        let _bare = span!("bare");
        let _numbered = span!(id: Id::Number(7), "numbered");
        let _long = span!("long", text = "x".repeat(100));
        let recorded = span!("recorded");
        recorded.record("rows", 3);
        let own = span!("own");
        own.record("error", "io");
        drop(span!("before"));
        let _tidy = Tidy;
        panic!("on purpose");
    });
    assert!(caught.is_err());
    drop(span!("after"));
    let exits: Vec<String> = mock
        .markers()
        .iter()
        .filter(|marker| marker.dir == Dir::Exit)
        .map(|marker| format!("{} {:?}", marker.tags.join("."), marker.args))
        .collect();
    let panic = r#"[("error", "panic")]"#;
    assert_eq!(
        exits,
        [
            "before []",
            "tidy []",
            r#"tidy.rows [("rows", "2")]"#,
            "tidy.dynamic []",
            r#"tidy.task [("status", "cancelled")]"#,
            r#"own [("error", "io")]"#,
            r#"recorded [("rows", "3"), ("error", "panic")]"#,
            &format!("long {panic}"),
            &format!("numbered {panic}"),
            &format!("bare {panic}"),
            &format!("dynamic {panic}"),
            "after []",
        ]
    );
}

#[test]
fn what_no_marker_can_say_is_silent() {
    let mock = Mock::here();
    drop(Span::enter(""));
    drop(Span::enter("a..b"));
    drop(Span::enter("a."));
    drop(Span::enter(&[][..]));
    drop(Span::enter(&["a", ""]));
    drop(Span::enter(&"x.".repeat(33)[..65]));
    let deep = Tracer::new("a").enter_with(|args| {
        args.arg("", 1);
    });
    deep.record("x", 1);
    drop(deep.child("still.traced"));
    drop(deep);
    drop(tracer!("a").enter_with(|args| {
        for _ in 0..65 {
            args.arg("n", 1);
        }
    }));
    let parent = span!("p");
    drop(parent.child(""));
    drop(parent);
    mock.expect()
        .enter("a.still.traced")
        .exit("a.still.traced")
        .enter("p")
        .exit("p")
        .done();
    assert_eq!("x.".repeat(33)[..65].split('.').count(), 33);
}

#[test]
fn children_have_the_id_of_their_parent() {
    let mock = Mock::here();
    let job = Span::enter_as(Id::Number(7), &["job", "x.y"]);
    let child = job.child("step:1.a");
    let grandchild = child.child(&["b.c"]);
    drop(grandchild);
    drop(child);
    drop(job);
    let tags = ["job", "x.y", "step:1", "a", "b.c"];
    let markers = mock.markers();
    assert!(markers.iter().all(|marker| marker.id == Id::Number(7)));
    assert_eq!(markers[2].tags, tags);
    assert_eq!(markers[3].dir, Dir::Exit);
    assert_eq!(markers[3].tags, tags);
}

/// A future that is ready at its second poll.
struct Second(bool);

impl Future for Second {
    type Output = u8;
    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(7)
        } else {
            Poll::Pending
        }
    }
}

#[test]
fn futures() {
    let mock = Mock::here();
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut one = pin!(Second(false).traced("f.one"));
        let mut two = pin!(Second(false).traced(String::from("f.two")));
        mock.expect().done(); // nothing before the first poll
        assert!(one.as_mut().poll(&mut context).is_pending());
        assert!(two.as_mut().poll(&mut context).is_pending());
        assert_eq!(one.as_mut().poll(&mut context), Poll::Ready(7));
    }
    drop(Second(false).traced("f.never"));
    let markers = mock.markers();
    mock.expect()
        .enter("f.one")
        .enter("f.two")
        .exit("f.one")
        .exit("f.two")
        .arg("status", "cancelled")
        .done();
    let [one, two] = [0, 1].map(|at: usize| markers[at].id);
    assert_ne!(one, two);
    assert!(matches!(one, Id::Number(n) if n > 1 << 32));
    assert_eq!((markers[2].id, markers[3].id), (one, two));
}

#[test]
fn a_future_moves_between_threads() {
    let mock = Mock::everywhere();
    let mut future = Box::pin(Second(false).traced(["f", "moves"]));
    let first = std::thread::spawn(move || {
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        future
    });
    let mut future = first.join().unwrap();
    let second = std::thread::spawn(move || {
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    });
    assert_eq!(second.join().unwrap(), Poll::Ready(7));
    let ids: Vec<Id> = mock.markers().iter().map(|marker| marker.id).collect();
    assert_eq!(ids[0], ids[1]);
    mock.expect().enter("f.moves").exit("f.moves").done();
}

#[test]
fn a_future_that_panics() {
    let mock = Mock::here();
    let caught = std::panic::catch_unwind(|| {
        let mut future = Box::pin(async { panic!("on purpose") }.traced("f.panics"));
        let _: Poll<()> = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    });
    assert!(caught.is_err());
    mock.expect()
        .enter("f.panics")
        .exit("f.panics")
        .arg("error", "panic")
        .done();
}

#[test]
fn futures_with_an_id_of_choice() {
    let mock = Mock::here();
    let mut context = Context::from_waker(Waker::noop());
    let by_future = pin!(async {}.traced("f").id(Id::Number(9)));
    let by_tracer = pin!(async {}.traced(tracer!("f").id(Id::Global)));
    assert!(by_future.poll(&mut context).is_ready());
    assert!(by_tracer.poll(&mut context).is_ready());
    mock.expect()
        .enter("f")
        .id("9")
        .exit("f")
        .id("9")
        .enter("f")
        .id("g")
        .exit("f")
        .id("g")
        .done();
}

#[test]
fn tasks() {
    fn send(_: &impl Send) {}
    let mock = Mock::here();
    let task = nulltrace::__task!("t.done", n = 1);
    send(&task);
    task.exit_with(|args| {
        args.arg("ret", nulltrace::debug(&Some(1)));
    });
    Task::enter(tracer!("t.plain"), |_| ()).exit();
    drop(nulltrace::__task!(["t", "cancelled"]));
    Task::enter(tracer!("t.refused"), |_| ()).exit_with(|args| {
        args.arg("", 1);
    });
    let ids: Vec<Id> = mock.markers().iter().map(|marker| marker.id).collect();
    assert!(ids.chunks(2).all(|pair| pair[0] == pair[1]) && ids[0] != ids[2]);
    mock.expect()
        .enter("t.done")
        .arg("n", "1")
        .exit("t.done")
        .arg("ret", "Some(1)")
        .enter("t.plain")
        .exit("t.plain")
        .enter("t.cancelled")
        .exit("t.cancelled")
        .arg("status", "cancelled")
        .enter("t.refused")
        .exit("t.refused")
        .done();
}

#[test]
fn an_error_is_told_in_200_bytes() {
    let mock = Mock::here();
    let span = span!("a");
    let long = format!("{}ä{}", "x".repeat(199), "y".repeat(100));
    span.record("error", nulltrace::error(&long));
    drop(span);
    mock.expect()
        .enter("a")
        .exit("a")
        .arg("error", &"x".repeat(199))
        .done();
}

#[test]
#[cfg_attr(miri, ignore = "it would take a minute")]
fn a_marker_that_was_cut_keeps_what_is_whole() {
    let mock = Mock::here();
    drop(span!("a", whole = 1, cut = "x".repeat(5000), lost = 2));
    drop(span!("b", whole = 1, json = "\n".repeat(5000)));
    let markers = mock.markers();
    for at in [0, 2] {
        assert!(markers[at].cut);
        assert_eq!(markers[at].args, [("whole".to_owned(), "1".to_owned())]);
    }
    assert!(!markers[1].cut);
}

#[test]
fn a_mock_takes_the_markers_of_its_thread() {
    let outer = Mock::here();
    drop(span!("outer"));
    {
        let inner = Mock::here();
        drop(span!("inner"));
        inner.expect().enter("inner").exit("inner").done();
    }
    raw::write(b"no marker");
    outer.expect().enter("outer").exit("outer").done();
}

#[test]
fn the_message_shows_the_difference() {
    let differs = |expect: fn(&Mock)| {
        let caught = std::panic::catch_unwind(|| {
            let mock = Mock::here();
            drop(span!("a", n = 1));
            expect(&mock);
        });
        *caught.unwrap_err().downcast::<String>().unwrap()
    };
    assert_eq!(
        differs(|mock| mock.expect().enter("a").arg("n", "1").exit("b").done()),
        "marker 2 is not the expected one\n  expected: exit b\n  written:  exit a\n\
         all that was written:\n  1: enter a, n=1\n> 2: exit a\n"
    );
    assert_eq!(
        differs(|mock| mock.expect().enter("a").any_args().done()),
        "marker 2 is not the expected one\n  expected: nothing more\n  written:  exit a\n\
         all that was written:\n  1: enter a, n=1\n> 2: exit a\n"
    );
    let third = differs(|mock| {
        mock.expect()
            .enter("a")
            .any_args()
            .exit("a")
            .enter("a")
            .id("7")
            .done()
    });
    assert!(
        third.contains("expected: enter a (id 7)\n  written:  nothing more"),
        "{third}"
    );
    let args = differs(|mock| mock.expect().enter("a").exit("a").done());
    assert!(
        args.contains("expected: enter a\n  written:  enter a, n=1"),
        "{args}"
    );
}

/// The mock reads what the encoder writes, of all vectors.
#[test]
fn the_mock_reads_the_vectors() {
    let mut ran = 0;
    for line in include_str!("../../spec/vectors/encode.jsonl").lines() {
        if cfg!(miri) && line.len() > 500 {
            continue;
        }
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let tags: Option<Vec<String>> = case["tags"].as_array().unwrap().iter().map(text).collect();
        let (Some(tags), Some(bytes), true) =
            (tags, case["bytes"].as_str(), case["form"].is_null())
        else {
            continue; // Refused, or not UTF-8.
        };
        let mock = Mock::here();
        raw::write(bytes.as_bytes());
        let [marker] = &mock.markers()[..] else {
            panic!("{}", case["name"])
        };
        let Marker {
            tags: read,
            args,
            cut: false,
            ..
        } = marker
        else {
            panic!("cut")
        };
        assert_eq!(*read, tags, "{}", case["name"]);
        let wanted = case["args"].as_array().unwrap();
        let same = |((name, value), pair): (&(String, String), &serde_json::Value)| {
            pair[0] == **name && pair[1] == **value
        };
        assert!(args.len() == wanted.len() && args.iter().zip(wanted).all(same));
        ran += 1;
    }
    assert!(ran > if cfg!(miri) { 20 } else { 30 }, "{ran}");
}

fn text(least: usize) -> impl Strategy<Value = String> {
    let awkward = ".:=,\\<>\"[]{} \n\t\u{0}aä日".chars().collect::<Vec<_>>();
    let chars = prop_oneof![prop::sample::select(awkward), any::<char>()];
    vec(chars, least..8).prop_map(String::from_iter)
}

proptest! {
    /// Enter and exit of a span say what they were told, whatever that is.
    #[test]
    fn what_is_read_is_what_was_told(
        tags in vec(text(1), 1..6), args in vec((text(1), text(0)), 0..6), id: i64,
        record in (text(1), text(0)),
    ) {
        let mock = Mock::here();
        let list: Vec<&str> = tags.iter().map(String::as_str).collect();
        let span = Tracer::list(&list).id(Id::Number(id)).enter_with(|to| {
            for (name, value) in &args {
                to.arg(name, value);
            }
        });
        span.record(&record.0, &record.1);
        drop(span);
        // The library's own word.
        if args.first().is_some_and(|(name, _)| name == "^") {
            prop_assert!(mock.markers().is_empty());
            return Ok(());
        }
        let [enter, exit] = &mock.markers()[..] else { panic!("two markers") };
        prop_assert_eq!((enter.dir, enter.id, &enter.tags), (Dir::Enter, Id::Number(id), &tags));
        prop_assert_eq!((exit.dir, exit.id, &exit.tags), (Dir::Exit, Id::Number(id), &tags));
        prop_assert_eq!(&enter.args, &args);
        prop_assert_eq!(&exit.args, &[record]);
    }
}

#[test]
fn paths() {
    let tags = |path: Path<'_>| path.tags().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(tags(Path::from(&String::from("a.b"))), ["a", "b"]);
    assert_eq!(tags(Path::from(&["a.b", "c"][..])), ["a.b", "c"]);
}
