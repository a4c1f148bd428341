//! What was written, read by the reference codec.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use nulltrace::mock::Mock;
use nulltrace_spec::{self as spec, parse};
use tracing::field::Empty;
use tracing::{debug_span, info_span};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use super::*;

thread_local! {
    static SEEN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn see(marker: &[u8]) {
    SEEN.with(|seen| seen.borrow_mut().push(marker.to_vec()));
}

/// `dir tags args`, tags separated by `|`, without the parents; the ids in order; and who is whose parent, `child <
/// parent`, `child <` or `child ?`.
struct Seen {
    lines: Vec<String>,
    ids: Vec<spec::Id>,
    parents: Vec<String>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(layer: impl Layer<Registry> + Send + Sync, program: impl FnOnce()) -> Seen {
    // So that nothing is written in truth.
    let mock = Mock::here();
    let before = SEEN.with(RefCell::take);
    assert!(before.is_empty());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    let raw = SEEN.with(RefCell::take);
    assert_eq!(
        mock.markers().len(),
        raw.len(),
        "all was written, as one marker each"
    );
    let mut seen = Seen {
        lines: Vec::new(),
        ids: Vec::new(),
        parents: Vec::new(),
    };
    let mut open = HashMap::new();
    for bytes in raw {
        let marker = parse(&bytes).unwrap_or_else(|error| panic!("{error:?} in {}", text(&bytes)));
        let tags: Vec<_> = marker.tags.iter().map(|tag| text(&tag)).collect();
        let mut args: Vec<_> = marker
            .args
            .iter()
            .map(|(name, value)| format!("{}={}", text(&name), text(&value)))
            .collect();
        let named = args.first().filter(|_| marker.dir == spec::Dir::Enter);
        let named = named.and_then(|first| first.strip_prefix("^="));
        let parent = named.map(str::to_owned);
        if parent.is_some() {
            args.remove(0);
        }
        match (marker.dir, marker.id) {
            (spec::Dir::Enter, id) => {
                seen.parents.push(match parent.as_deref() {
                    None => format!("{} ?", tags.join("|")),
                    Some("") => format!("{} <", tags.join("|")),
                    Some(parent) => format!("{} < {}", tags.join("|"), open[parent]),
                });
                open.insert(id.to_string(), tags.join("|"));
            }
            (spec::Dir::Exit, id) => {
                open.remove(&id.to_string());
            }
        }
        seen.lines.push(
            format!("{} {} {}", marker.dir, tags.join("|"), args.join(" "))
                .trim_end()
                .to_owned(),
        );
        seen.ids.push(marker.id);
    }
    seen
}

fn number(id: spec::Id) -> i64 {
    match id {
        spec::Id::Number(number) => number,
        id => panic!("{id} is no number"),
    }
}

/// Begins spans when it is dropped.
struct Tidy;

impl Drop for Tidy {
    fn drop(&mut self) {
        drop(info_span!("tidy").entered());
    }
}

fn panics() {
    let caught = std::panic::catch_unwind(|| {
        let _outer = info_span!("outer").entered();
        let own = info_span!("own", error = Empty).entered();
        own.record("error", "io");
        let rows = info_span!("rows", rows = Empty).entered();
        rows.record("rows", 3);
        let _tidy = Tidy;
        panic!("on purpose");
    });
    assert!(caught.is_err());
    drop(info_span!("after").entered());
}

#[test]
fn a_panic_is_the_error_of_the_spans_it_ends() {
    let seen = run(layer(), panics);
    assert_eq!(
        seen.lines[3..],
        [
            "> tidy",
            "< tidy",
            "< rows rows=3 error=panic",
            "< own error=io",
            "< outer error=panic",
            "> after",
            "< after"
        ]
    );
    let seen = run(layer().each_entry(), panics);
    assert_eq!(
        seen.lines[3..],
        [
            "> tidy",
            "< tidy",
            "< rows error=panic",
            "< own error=panic",
            "< outer error=panic",
            "> after",
            "< after"
        ]
    );
}

#[test]
fn the_life_of_a_span() {
    let seen = run(layer(), || {
        let outer = info_span!("outer");
        let inner = outer.in_scope(|| info_span!("inner.most"));
        for _ in 0..2 {
            inner.in_scope(|| ());
        }
        let same = outer.clone();
        drop(outer);
        drop(inner);
        drop(same);
    });
    assert_eq!(
        seen.lines,
        ["> outer", "> inner|most", "< inner|most", "< outer"]
    );
    let ids: Vec<_> = seen.ids.into_iter().map(number).collect();
    assert!(ids.iter().all(|&id| id > 1 << 32 && id < 1 << 48));
    assert_eq!(seen.parents, ["outer <", "inner|most < outer"]);
    assert_eq!((ids[0], ids[1]), (ids[3], ids[2]));
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn ids_are_not_those_of_other_lives() {
    let seen = run(layer(), || {
        // The registry gives the place of a span that is gone to the next one.
        for _ in 0..100 {
            let _spans = [info_span!("a"), info_span!("a")];
        }
    });
    let ids: std::collections::HashSet<_> = seen.ids.iter().map(|&id| number(id)).collect();
    assert_eq!((seen.ids.len(), ids.len()), (400, 200));
}

#[derive(Debug)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed: badly")
    }
}

impl std::error::Error for Failed {}

#[test]
fn fields_are_arguments() {
    let error: &(dyn std::error::Error + 'static) = &Failed;
    let seen = run(layer(), || {
        let text = "a,b=c:d\\é";
        drop(info_span!(
            "span",
            text,
            dotted.name = i64::MIN,
            unsigned = u64::MAX,
            zero = 0,
            yes = true,
            float = 1.5,
            shown = %Failed,
            debugged = ?[1, 2],
            error,
            empty = Empty,
        ));
    });
    assert_eq!(
        seen.lines,
        [
            "> span text=a,b=c:d\\é dotted.name=-9223372036854775808 unsigned=18446744073709551615 zero=0 \
             yes=true float=1.5 shown=it failed: badly debugged=[1, 2] error=it failed: badly",
            "< span",
        ]
    );
}

#[test]
fn control_characters_and_the_message() {
    let seen = run(layer(), || {
        drop(info_span!("a\nb", v = "x\ty", "said {}", 7))
    });
    assert_eq!(seen.lines, ["> a\nb message=said 7 v=x\ty", "< a\nb"]);
}

#[test]
fn what_is_recorded_later_is_told_at_the_end() {
    let seen = run(layer(), || {
        let spans: Vec<_> = (0..3)
            .map(|n| info_span!("span", n, rows = Empty, status = Empty))
            .collect();
        spans[0].record("rows", 1);
        spans[0].record("status", "a=b");
        spans[0].record("rows", 2);
        spans[2].record("n", 7);
    });
    assert_eq!(
        seen.lines,
        [
            "> span n=0",
            "> span n=1",
            "> span n=2",
            "< span status=a=b rows=2",
            "< span",
            "< span n=7",
        ]
    );
}

/// Through both ways in, fields of any length make a marker of the longest length there is: one that
/// the collector sees to be cut.
#[test]
fn too_long_is_cut() {
    let mock = Mock::here();
    let long = "x".repeat(10_000);
    let subscriber = tracing_subscriber::registry().with(layer());
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("span", first = 1, ?long, last = 2);
        span.record("first", "y".repeat(5_000));
        span.record("last", "z");
    });
    let raw = SEEN.with(RefCell::take);
    assert_eq!(raw.iter().map(Vec::len).collect::<Vec<_>>(), [4097, 4097]);
    for marker in mock.markers() {
        assert!(marker.cut && marker.tags == ["span"], "{marker}");
    }
}

#[test]
fn names() {
    let seen = run(layer(), || {
        drop(info_span!("GET /a..b"));
        drop(info_span!("a.b,c>d"));
        drop(info_span!(""));
    });
    assert_eq!(
        seen.lines,
        ["> GET /a..b", "< GET /a..b", "> a|b,c>d", "< a|b,c>d"]
    );
}

/// Names and fields about as long as the quick way takes them, and longer.
#[test]
fn lengths() {
    macro_rules! named {
        ($($name:literal)*) => {
            [$(($name, { fn make() { drop(info_span!($name, n = 7)) } make as fn() })),*]
        };
    }
    let names = named! {
        "a23456789.123456789.123456789.123456789.123456789.123456789"
        "a23456789.123456789.123456789.123456789.123456789.1234567890ab"
        "a23456789.123456789.123456789.123456789.123456789.1234567890abc"
        "a23456789.123456789.123456789.123456789.123456789.1234567890abcdefghijklmnop"
    };
    for (name, make) in names {
        let path = name.replace('.', "|");
        assert_eq!(
            run(layer(), make).lines,
            [format!("> {path} n=7"), format!("< {path}")]
        );
    }
    for length in [0, 1, 480, 640, 650, 655, 658, 660, 670, 700, 1000, 2000] {
        let (text, colons) = ("x".repeat(length), ":".repeat(length / 2));
        let seen = run(layer(), || drop(info_span!("a", text, colons = %colons)));
        assert_eq!(seen.lines[0], format!("> a text={text} colons={colons}"));
    }
}

/// More call sites than are known beforehand: nothing is wrong with their spans.
#[test]
fn sites_that_are_not_known() {
    struct Unknown<L>(L);
    impl<L: Layer<Registry>> Layer<Registry> for Unknown<L> {
        // Tells the layer of no call site.
        fn on_new_span(
            &self,
            attributes: &Attributes<'_>,
            id: &span::Id,
            context: Context<'_, Registry>,
        ) {
            self.0.on_new_span(attributes, id, context);
        }
        fn on_record(&self, id: &span::Id, values: &Record<'_>, context: Context<'_, Registry>) {
            self.0.on_record(id, values, context);
        }
        fn on_close(&self, id: span::Id, context: Context<'_, Registry>) {
            self.0.on_close(id, context);
        }
    }
    let seen = run(Unknown(layer()), || {
        let span = info_span!("never.told", n = 1, rows = Empty);
        span.record("rows", 2);
    });
    assert_eq!(seen.lines, ["> never|told n=1", "< never|told rows=2"]);
}

#[test]
fn paths() {
    let hide = Targets::new().with_default(LevelFilter::INFO);
    let seen = run(layer().with_paths().with_filter(hide), || {
        let outer = info_span!("outer.most").entered();
        let hidden = debug_span!("hidden").entered();
        let inner = info_span!("inner", n = 1).entered();
        drop(info_span!(parent: None, "alone"));
        drop((inner, hidden, outer));
    });
    assert_eq!(
        seen.lines,
        [
            "> outer|most",
            "> outer|most|inner n=1",
            "> alone",
            "< alone",
            "< outer|most|inner",
            "< outer|most",
        ]
    );
}

#[test]
fn the_end_of_a_parent_that_went_first() {
    let seen = run(layer().with_paths(), || {
        let parent = info_span!("parent");
        let child = info_span!(parent: &parent, "child");
        drop(parent);
        drop(child);
    });
    assert_eq!(
        seen.lines,
        ["> parent", "> parent|child", "< parent|child", "< parent"]
    );
}

#[test]
fn each_entry() {
    let seen = run(layer().each_entry().with_paths(), || {
        let outer = info_span!("outer", n = 1);
        let inner = info_span!(parent: &outer, "inner");
        outer.in_scope(|| inner.in_scope(|| ()));
        inner.record("none", 1);
        drop(inner.entered());
    });
    assert_eq!(
        seen.lines,
        [
            "> outer",
            "> outer|inner",
            "< outer|inner",
            "< outer",
            "> outer|inner",
            "< outer|inner",
        ]
    );
    assert!(seen.ids.iter().all(|&id| id == spec::Id::Thread));
}

/// Sees every span, so that it is there for those, too, from whom a filter hides it.
struct Sees;
impl<S: Subscriber> Layer<S> for Sees {}

#[test]
fn parents_as_tracing_has_them() {
    let hide = Targets::new().with_default(LevelFilter::INFO);
    for with_paths in [false, true] {
        let layer = match with_paths {
            false => layer(),
            true => layer().with_paths(),
        };
        let layer = layer.with_filter(hide.clone()).and_then(Sees);
        let seen = run(layer, || {
            let outer = info_span!("outer").entered();
            let given = info_span!(parent: None, "given");
            let hidden = debug_span!(parent: &given, "hidden").entered();
            // Hidden by the filter: the nearest that is not.
            drop(info_span!("in.hidden"));
            drop(info_span!(parent: &hidden, "of.hidden"));
            drop(info_span!(parent: &given, "of.given", text = "x\ny"));
            drop(info_span!(parent: None, "root", text = "x\ny"));
            drop((hidden, outer));
            drop(info_span!("after"));
        });
        let last = |line: &String| {
            let (child, parent) = line.split_once(' ').unwrap_or_default();
            let last = |path: &str| path.rsplit('|').next().unwrap_or_default().to_owned();
            format!("{} {}", last(child), parent.replace("outer|", ""))
        };
        let seen: Vec<_> = seen.parents.iter().map(last).collect();
        assert_eq!(
            seen,
            [
                "outer <",
                "given <",
                "hidden < outer",
                "hidden < given",
                "given < given",
                "root <",
                "after <"
            ]
        );
    }
}

/// Two instrumented futures on one thread, each with what is in it.
#[test]
fn interleaved() {
    let seen = run(layer(), || {
        let _all = info_span!("all").entered();
        let one = info_span!("one");
        let two = info_span!("two");
        let mut within = Vec::new();
        for _ in 0..2 {
            one.in_scope(|| within.push(info_span!("query")));
            two.in_scope(|| within.push(info_span!("query")));
            let last = within.len() - 2;
            within[last].in_scope(|| drop(info_span!("read")));
        }
    });
    assert_eq!(
        seen.parents,
        [
            "all <",
            "one < all",
            "two < all",
            "query < one",
            "query < two",
            "read < query",
            "query < one",
            "query < two",
            "read < query"
        ]
    );
}

/// As `join!` of two: a future that is a span is the parent of what it makes, whenever it is polled.
#[test]
fn instrumented_futures() {
    use std::future::{poll_fn, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use tracing::Instrument as _;

    async fn work() {
        for _ in 0..2 {
            let mut waits = true;
            poll_fn(|_| {
                if std::mem::take(&mut waits) {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
            ready(()).instrument(info_span!("step")).await;
        }
    }
    let seen = run(layer(), || {
        let all = async {
            let mut foo = pin!(work().instrument(info_span!("foo")));
            let mut bar = pin!(work().instrument(info_span!("bar")));
            let (mut one, mut two) = (false, false);
            poll_fn(|context| {
                one = one || foo.as_mut().poll(context).is_ready();
                two = two || bar.as_mut().poll(context).is_ready();
                if one && two {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        };
        let mut all = pin!(all.instrument(info_span!("all")));
        while all
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {}
    });
    assert_eq!(
        seen.parents,
        [
            "all <",
            "foo < all",
            "bar < all",
            "step < foo",
            "step < bar",
            "step < foo",
            "step < bar"
        ]
    );
}

/// Spans of both kinds in each other, and left in any order.
#[test]
fn both_kinds() {
    let mock = Mock::here();
    let subscriber = tracing_subscriber::registry().with(layer());
    tracing::subscriber::with_default(subscriber, || {
        let outer = info_span!("outer").entered();
        let plain = nulltrace::span!("plain");
        let inner = info_span!("inner").entered();
        drop(nulltrace::span!("innermost"));
        // Not the innermost first.
        drop(plain);
        drop(nulltrace::span!("in.inner"));
        drop(inner);
        drop(nulltrace::span!("in.outer"));
        let other = info_span!("other").entered();
        drop(outer);
        drop(nulltrace::span!("in.other"));
        drop(other);
        drop(nulltrace::span!("alone"));
        let deep: Vec<_> = (0..100).map(|_| info_span!("deep").entered()).collect();
        drop(deep);
        drop(nulltrace::span!("alone"));
    });
    SEEN.with(RefCell::take);
    let markers = mock.markers();
    let parent = |tags: &str| {
        let is = |marker: &&nulltrace::mock::Marker| marker.tags.join(".") == tags;
        let parent = markers.iter().find(is).and_then(|marker| marker.parent);
        let id = parent.and_then(nulltrace::Context::id);
        let of = markers.iter().find(|marker| Some(marker.id) == id);
        of.map(|marker| marker.tags.join(".")).unwrap_or_default()
    };
    for (child, of) in [
        ("outer", ""),
        ("plain", "outer"),
        ("inner", "plain"),
        ("innermost", "inner"),
        ("in.inner", "inner"),
        ("in.outer", "outer"),
        ("other", "outer"),
        ("in.other", "other"),
        ("alone", ""),
    ] {
        assert_eq!(parent(child), of, "{child}");
    }
    let alone = markers.iter().filter(|marker| marker.tags == ["alone"]);
    assert!(alone.clone().count() == 4);
    assert!(alone.into_iter().all(|marker| marker.id == Id::Thread));
}

/// A span that is not written is nobody's parent.
#[test]
fn not_written() {
    let seen = run(layer(), || {
        let _outer = info_span!("outer").entered();
        let first = info_span!("first", "^" = 1).entered();
        drop(info_span!("in.first"));
        drop(info_span!(parent: &first, "of.first"));
        let nameless = info_span!("").entered();
        drop(info_span!("in.nameless"));
        drop((nameless, first));
        let second = info_span!("second", n = 1, "^" = 2);
        second.record("^", 3);
    });
    assert_eq!(
        seen.parents,
        [
            "outer <",
            "in|first < outer",
            "of|first < outer",
            "in|nameless < outer",
            "second < outer"
        ]
    );
    assert!(seen.lines.contains(&"> second n=1 ^=2".to_owned()));
    assert!(seen.lines.contains(&"< second ^=3".to_owned()));
    assert_eq!(seen.lines.len(), 10);
}

/// Entries say their parents where there is a context.
#[test]
fn entries_in_a_context() {
    let mock = Mock::here();
    let subscriber = tracing_subscriber::registry().with(layer().each_entry());
    tracing::subscriber::with_default(subscriber, || {
        let (outer, inner) = (info_span!("outer"), info_span!("inner"));
        let both = || outer.in_scope(|| inner.in_scope(|| drop(nulltrace::span!("plain"))));
        both();
        let _job = nulltrace::span!(id: Id::unique(), "job");
        both();
    });
    SEEN.with(RefCell::take);
    mock.expect()
        .enter("outer")
        .id("t")
        .unnamed_parent()
        .enter("inner")
        .id("t")
        .enter("plain")
        .id("t")
        .exit("plain")
        .exit("inner")
        .id("t")
        .exit("outer")
        .enter("job")
        .enter("outer")
        .child_of("job")
        .enter("inner")
        .child_of("outer")
        .enter("plain")
        .child_of("inner")
        .exit("plain")
        .exit("inner")
        .exit("outer")
        .exit("job")
        .done();
}

#[test]
fn a_span_may_end_on_another_thread() {
    let mock = Mock::everywhere();
    let subscriber = tracing_subscriber::registry().with(layer());
    let dispatch = tracing::Dispatch::new(subscriber);
    let span = tracing::dispatcher::with_default(&dispatch, || info_span!("moves.here", n = 1));
    let ended = std::thread::spawn(move || span.in_scope(|| ()));
    assert!(ended.join().is_ok());
    let markers = mock.markers();
    let here: Vec<_> = markers
        .iter()
        .filter(|marker| marker.tags == ["moves", "here"])
        .collect();
    assert_eq!(here.len(), 2);
    assert_eq!(here[0].id, here[1].id);
}

/// `tracing` shows no layer the spans that a value makes while it is shown; its own span is whole.
#[test]
fn a_value_may_make_spans() {
    struct Busy;
    impl Debug for Busy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            drop(info_span!("within", n = 2));
            f.write_str("busy")
        }
    }
    let seen = run(layer(), || drop(info_span!("outer", n = 1, busy = ?Busy)));
    assert_eq!(seen.lines, ["> outer n=1 busy=busy", "< outer"]);
}
