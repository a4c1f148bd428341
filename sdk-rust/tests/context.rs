//! Who is whose parent: the context goes with futures, by hand to threads, and never to a neighbour.
#![cfg(all(feature = "mock", not(feature = "off")))]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]
#![allow(missing_docs, reason = "there is nothing to document")]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{self, Poll, Waker};

use nulltrace::mock::{Marker, Mock};
use nulltrace::raw::Dir;
use nulltrace::{Context, Id, Span, TracedExt, Tracer, span, traced, tracer};

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut task::Context::from_waker(Waker::noop()))
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(out) = poll(future.as_mut()) {
            return out;
        }
    }
}

/// Gives way so many times.
async fn give_way(mut times: u32) {
    poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls all in turn until all are done, as `join!` and `FuturesUnordered` do.
async fn join(mut futures: Vec<Pin<Box<dyn Future<Output = ()> + Send + '_>>>) {
    poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        match futures.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

fn number(id: Id) -> i64 {
    match id {
        Id::Number(number) => number,
        id => panic!("{id:?} is no number"),
    }
}

/// `child < parent` for each span, by tags and the argument `n`; `child <` for a root, and `child ?` for one that
/// says nothing. Each number is one span's, and a parent is open while its child begins.
fn tree(markers: &[Marker]) -> Vec<String> {
    let name = |marker: &Marker| {
        let n = marker.args.iter().find(|(name, _)| name == "n");
        let n = n.map(|(_, n)| n.clone()).unwrap_or_default();
        marker.tags.join(".") + &n
    };
    let (mut open, mut all) = (HashMap::new(), HashSet::new());
    let mut lines = Vec::new();
    for marker in markers {
        match (marker.dir, marker.id) {
            (Dir::Enter, id) => {
                let parent = match marker.parent.map(Context::id) {
                    None => "?".to_owned(),
                    Some(None) => "<".to_owned(),
                    Some(Some(parent)) => format!("< {}", open[&number(parent)]),
                };
                if let Id::Number(number) = id {
                    assert!(all.insert(number), "{number} is given twice");
                    open.insert(number, name(marker));
                }
                lines.push(format!("{} {parent}", name(marker)));
            }
            (Dir::Exit, Id::Number(number)) => {
                open.remove(&number).unwrap();
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "not ended: {open:?}");
    lines
}

#[traced(args(n))]
async fn fetch(n: u32) {
    give_way(n % 3).await;
    query(n).await;
    give_way(1).await;
    let _parsing = span!("parse", n);
    drop(span!("line", n));
}

#[traced(args(n))]
async fn query(n: u32) {
    give_way(2).await;
    drop(span!("read", n));
}

/// What `fetch` is, within `parent`.
fn fetched(n: u32, parent: &str) -> [String; 5] {
    [
        format!("fetch{n} {parent}"),
        format!("query{n} < fetch{n}"),
        format!("read{n} < query{n}"),
        format!("parse{n} < fetch{n}"),
        format!("line{n} < parse{n}"),
    ]
}

fn sorted(lines: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    lines.into_iter().collect()
}

#[test]
fn siblings_on_one_thread() {
    let mock = Mock::here();
    block_on(
        async {
            join((0..10).map(|n| Box::pin(fetch(n)) as _).collect()).await;
            drop(span!("after"));
        }
        .traced("all"),
    );
    let mut wanted = sorted((0..10).flat_map(|n| fetched(n, "< all")));
    wanted.extend(["all <".to_owned(), "after < all".to_owned()]);
    assert_eq!(sorted(tree(&mock.markers())), wanted);
    drop(span!("plain"));
    assert_eq!(mock.markers().last().unwrap().id, Id::Thread);
}

fn runtime(workers: usize) -> tokio::runtime::Runtime {
    match workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    }
    .worker_threads(workers.max(1))
    .build()
    .unwrap()
}

/// A task that yields to the executor, so that others' are polled on its thread and it on others'.
async fn job(n: u32) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
        drop(span!("step", n));
    }
    fetch(n).await;
}

#[test]
fn spawned() {
    for workers in [0, 4] {
        let mock = Mock::everywhere();
        let main = async {
            let mut tasks = Vec::new();
            for n in 0..40 {
                // Made here, and so a child of here.
                tasks.push(tokio::spawn(job(n).traced(tracer!("job"))));
                tasks.push(tokio::spawn(fetch(100 + n).in_current_context()));
                tasks.push(tokio::spawn(fetch(200 + n)));
            }
            for task in tasks {
                task.await.unwrap();
            }
        };
        runtime(workers).block_on(main.traced("main"));
        let mut lines = tree(&mock.markers());
        lines.retain(|line| line != "job < main");
        let mut wanted = vec!["main <".to_owned()];
        for n in 0..40 {
            wanted.extend(fetched(n, "< job"));
            wanted.push(format!("step{n} < job"));
            wanted.extend(fetched(100 + n, "< main"));
            // The executor's task has no context.
            wanted.extend(fetched(200 + n, "<"));
        }
        assert_eq!(lines.len(), wanted.len() + 40 * 19, "{workers} workers");
        assert_eq!(sorted(lines), sorted(wanted), "{workers} workers");
    }
}

#[test]
fn async_within_sync() {
    let mock = Mock::here();
    {
        let _plain = span!("plain");
        // The nearest span with a number; the plain one has none.
        block_on(async { drop(span!("inner")) }.traced("future"));
        drop(span!("plain.child"));
    }
    {
        let _job = span!(id: Id::unique(), "job");
        let _plain = Span::enter_as(Id::Global, "global");
        block_on(async { drop(Span::enter("inner")) }.traced("future"));
    }
    assert_eq!(
        tree(&mock.markers()),
        [
            "plain ?",
            "future <",
            "inner < future",
            "plain.child ?",
            "job ?",
            "global ?",
            "future < job",
            "inner < future"
        ]
    );
}

#[test]
fn sync_within_async() {
    let mock = Mock::here();
    block_on(
        async {
            let outer = span!("outer");
            drop(Span::enter("a"));
            drop(Tracer::new("b").enter_with(|args| {
                args.arg("n", 1);
            }));
            traced_function(2);
            {
                let child = outer.child("c");
                assert_ne!(child.id(), outer.id());
                assert_eq!(Context::current().id(), Some(child.id()));
                drop(child.child_with("d", |args| {
                    args.arg("n", 3);
                }));
                drop(span!("e"));
            }
            outer.exit_with(|args| {
                args.arg("rows", 7);
            });
            drop(span!("f\nwith\tcontrol", n = "\r"));
        }
        .traced("task"),
    );
    let markers = mock.markers();
    assert_eq!(
        tree(&markers),
        [
            "task <",
            "outer < task",
            "a < outer",
            "b1 < outer",
            "function2 < outer",
            "outer.c < outer",
            "outer.c.d3 < outer.c",
            "e < outer.c",
            "f\nwith\tcontrol\r < task"
        ]
    );
    assert!(markers.iter().all(|marker| marker.id != Id::Thread));
}

#[traced("function", args(n), ret)]
fn traced_function(n: u32) -> u32 {
    n
}

#[test]
fn ids_of_choice() {
    let mock = Mock::here();
    {
        // Not one that can be named.
        let _seven = Span::enter_as(Id::Number(7), "seven");
        assert_eq!(Context::current(), Context::ROOT);
        drop(span!("plain"));
        let own = Span::enter_as(Id::unique(), "own");
        assert_eq!(Context::current().id(), Some(own.id()));
        let child = own.child("child");
        assert_eq!(
            (child.id(), Context::current().id()),
            (own.id(), Some(own.id()))
        );
        drop(span!("in.child"));
        let _global = Span::enter_as(Id::Global, "global");
        drop(span!("in.global"));
    }
    let markers = mock.markers();
    let said: Vec<_> = markers
        .iter()
        .filter(|marker| marker.dir == Dir::Enter)
        .map(|marker| {
            (
                marker.tags.join("."),
                marker.parent.and_then(Context::id).is_some(),
            )
        })
        .collect();
    let said: Vec<_> = said
        .iter()
        .map(|(tags, named)| (tags.as_str(), *named))
        .collect();
    assert_eq!(
        said,
        [
            ("seven", false),
            ("plain", false),
            ("own", false),
            ("own.child", false),
            ("in.child", true),
            ("global", false),
            ("in.global", true)
        ]
    );
    assert_eq!(Context::current(), Context::ROOT);
}

/// A guard across an `.await`, on an executor of one thread: it stays with its task.
#[test]
fn a_guard_across_an_await() {
    let mock = Mock::here();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime(0), async {
        let tasks: Vec<_> = (0..5_u32)
            .map(|n| {
                let task = async move {
                    let _held = span!("held", n);
                    for _ in 0..n {
                        tokio::task::yield_now().await;
                        drop(span!("within", n));
                    }
                };
                tokio::task::spawn_local(task.traced(tracer!("task")))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(Context::current(), Context::ROOT);
        drop(span!("after"));
    });
    let mut lines = tree(&mock.markers());
    lines.sort_unstable();
    lines.dedup();
    let mut wanted = vec![
        "after ?".to_owned(),
        "held0 < task".to_owned(),
        "task <".to_owned(),
    ];
    for n in 1..5 {
        wanted.extend([format!("held{n} < task"), format!("within{n} < held{n}")]);
    }
    wanted.sort_unstable();
    assert_eq!(lines, wanted);
}

#[test]
fn cancelled() {
    let mock = Mock::here();
    {
        let _outer = span!(id: Id::unique(), "outer");
        let before = Context::current();
        {
            let held = async {
                let _held = span!("held");
                fetch(3).await;
                give_way(9).await;
            };
            let mut one = Box::pin(held.traced("one"));
            let mut two = Box::pin(query(2));
            for _ in 0..2 {
                assert!(poll(one.as_mut()).is_pending());
                assert!(poll(two.as_mut()).is_pending());
                assert_eq!(Context::current(), before);
            }
            drop(one);
            assert_eq!(Context::current(), before);
            drop(two);
            assert_eq!(Context::current(), before);
        }
        drop(span!("after"));
    }
    assert_eq!(
        tree(&mock.markers()),
        [
            "outer ?",
            "one < outer",
            "held < one",
            "fetch3 < held",
            "query3 < fetch3",
            "query2 < outer",
            "after < outer"
        ]
    );
    // Innermost first, as they nest.
    mock.expect()
        .enter("outer")
        .enter("one")
        .enter("held")
        .enter("fetch")
        .arg("n", "3")
        .enter("query")
        .arg("n", "3")
        .enter("query")
        .arg("n", "2")
        .exit("query")
        .arg("status", "cancelled")
        .exit("fetch")
        .arg("status", "cancelled")
        .exit("held")
        .exit("one")
        .arg("status", "cancelled")
        .exit("query")
        .arg("status", "cancelled")
        .enter("after")
        .child_of("outer")
        .exit("after")
        .exit("outer")
        .done();
}

#[test]
fn panicked() {
    let mock = Mock::here();
    let _outer = span!(id: Id::unique(), "outer");
    let before = Context::current();
    #[traced]
    async fn fails() {
        let _held = span!("held");
        give_way(1).await;
        panic!("on purpose");
    }
    let panics = |future: Pin<Box<dyn Future<Output = ()>>>| {
        let mut future = future;
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!(Context::current(), before);
        assert!(catch_unwind(AssertUnwindSafe(|| poll(future.as_mut()))).is_err());
        assert_eq!(Context::current(), before);
        drop(future);
        assert_eq!(Context::current(), before);
    };
    panics(Box::pin(fails()));
    panics(Box::pin(fails().traced("wrapped")));
    panics(Box::pin(fails().in_context(Context::ROOT)));
    let in_scope = AssertUnwindSafe(|| Context::ROOT.in_scope(|| panic!("on purpose")));
    assert!(catch_unwind(in_scope).is_err());
    assert_eq!(Context::current(), before);
    mock.expect()
        .enter("outer")
        .enter("fails")
        .child_of("outer")
        .enter("held")
        .child_of("fails")
        .exit("held")
        .arg("error", "panic")
        .exit("fails")
        .arg("error", "panic")
        .enter("wrapped")
        .child_of("outer")
        .enter("fails")
        .child_of("wrapped")
        .enter("held")
        .child_of("fails")
        .exit("held")
        .arg("error", "panic")
        .exit("fails")
        .arg("error", "panic")
        .exit("wrapped")
        .arg("error", "panic")
        .enter("fails")
        .root()
        .enter("held")
        .child_of("fails")
        .exit("held")
        .arg("error", "panic")
        .exit("fails")
        .arg("error", "panic")
        .done();
}

/// What is made while a traced future is built is within it, too.
#[test]
fn a_function_that_gives_a_future() {
    #[traced]
    fn eager(n: u32) -> impl Future<Output = u32> {
        drop(span!("building"));
        let part = async { drop(span!("inner")) }.traced("part");
        async move {
            part.await;
            n
        }
    }
    let mock = Mock::here();
    assert_eq!(block_on(eager(7)), 7);
    assert_eq!(Context::current(), Context::ROOT);
    assert_eq!(
        tree(&mock.markers()),
        [
            "eager <",
            "building < eager",
            "part < eager",
            "inner < part"
        ]
    );
}

#[test]
fn by_hand() {
    let mock = Mock::everywhere();
    let job = span!(id: Id::unique(), "job");
    let context = Context::current();
    assert_eq!(Context::of(job.id()), Some(context));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(Context::current(), Context::ROOT);
            let _within = context.attach();
            drop(span!("attached"));
        });
    });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            context.in_scope(|| drop(span!("scoped")));
            drop(span!("outside"));
            block_on(
                async { drop(span!("inner")) }
                    .traced("parented")
                    .parent(context),
            );
            block_on(async { drop(span!("inner")) }.in_context(context));
            Context::ROOT.in_scope(|| drop(span!("alone")));
        });
    });
    block_on(async {}.traced("apart").parent(Context::ROOT));
    block_on(
        async { drop(span!("inner")) }
            .traced("eight")
            .id(Id::Number(8)),
    );
    drop(job);
    assert_eq!(
        tree(&mock.markers()),
        [
            "job ?",
            "attached < job",
            "scoped < job",
            "outside ?",
            "parented < job",
            "inner < parented",
            "inner < job",
            "alone <",
            "apart <",
            "eight ?",
            // Its future is not to be named; the nearest that is.
            "inner < job"
        ]
    );
}

/// `id` without `parent` names none; with it, that.
#[test]
fn a_future_with_an_id_of_choice() {
    let mock = Mock::here();
    let (one, two) = (Id::unique(), Id::unique());
    let _job = span!(id: Id::unique(), "job");
    let context = Context::current();
    block_on(async { drop(span!("inner")) }.traced("one").id(one));
    block_on(
        async { drop(span!("inner")) }
            .traced("two")
            .id(two)
            .parent(context),
    );
    assert_eq!(mock.markers()[1].id, one);
    mock.expect()
        .enter("job")
        .unnamed_parent()
        .enter("one")
        .unnamed_parent()
        .enter("inner")
        .child_of("one")
        .exit("inner")
        .exit("one")
        .enter("two")
        .child_of("job")
        .enter("inner")
        .child_of("two")
        .exit("inner")
        .exit("two")
        .done();
}

/// Made here, polled elsewhere: a child of here. Made nowhere: of where it is polled first, and no other.
#[test]
fn where_a_future_is_made() {
    let mock = Mock::here();
    let mut nowhere = Box::pin(give_way(1).traced("nowhere"));
    let mut somewhere = None;
    block_on(
        async {
            somewhere = Some(Box::pin(give_way(0).traced("somewhere")));
            assert!(poll(nowhere.as_mut()).is_pending());
            block_on(somewhere.take().unwrap());
            somewhere = Some(Box::pin(give_way(0).traced("later")));
            give_way(1).await;
        }
        .traced("first"),
    );
    let parents: Vec<_> = mock.markers().iter().map(|marker| marker.parent).collect();
    let first = Context::of(mock.markers()[0].id);
    assert_eq!(parents[..3], [Some(Context::ROOT), first, first]);
    // Its parent is over: a collector counts that, and guesses none.
    block_on(somewhere.unwrap());
    assert!(poll(nowhere.as_mut()).is_ready());
    assert_eq!(mock.markers()[5].tags, ["later"]);
    assert_eq!(mock.markers()[5].parent, first);
}

/// Guards that end in another order than they began in.
#[test]
fn guards_in_a_list() {
    let mock = Mock::here();
    let guards: Vec<_> = (0..100)
        .map(|n| {
            Span::enter_as(Id::unique(), "guard")
                .child_with("x", |args| {
                    args.arg("n", n);
                })
                .id()
        })
        .collect();
    assert_eq!(guards.len(), 100);
    let guards: Vec<_> = (0..100)
        .map(|_| Span::enter_as(Id::unique(), "guard"))
        .collect();
    drop(guards);
    assert_eq!(Context::current(), Context::ROOT);
    drop(span!("plain"));
    assert_eq!(mock.markers().last().unwrap().id, Id::Thread);
    let mut inside = Vec::new();
    block_on(async { inside.extend((0..9).map(|_| span!("guard"))) }.traced("task"));
    drop(inside);
    assert_eq!(Context::current(), Context::ROOT);
}

/// A span that no marker can say, and its neighbours.
#[test]
fn refused() {
    let mock = Mock::here();
    drop(Tracer::new("first").enter_with(|args| {
        args.arg("^", "x");
    }));
    drop(Tracer::new("second").enter_with(|args| {
        args.arg("n", 1).arg("^", 2);
    }));
    let exit = span!("exit");
    exit.record("^", 3);
    drop(exit);
    span!("exit").exit_with(|args| {
        args.arg("^", 4);
    });
    block_on(
        async {
            let refused = Tracer::new("first").enter_with(|args| {
                args.arg("^", "x\n");
            });
            drop(refused.child("child"));
            drop(span!("sibling"));
            drop(refused);
            async { drop(span!("inner")) }.traced("").await;
        }
        .traced("task"),
    );
    block_on(async { drop(span!("inner")) }.traced(".."));
    mock.expect()
        .enter("second")
        .arg("n", "1")
        .arg("^", "2")
        .exit("second")
        .enter("exit")
        .exit("exit")
        .arg("^", "3")
        .enter("exit")
        .exit("exit")
        .arg("^", "4")
        .enter("task")
        .enter("first.child")
        .child_of("task")
        .exit("first.child")
        .enter("sibling")
        .child_of("task")
        .exit("sibling")
        .enter("inner")
        .child_of("task")
        .exit("inner")
        .exit("task")
        .enter("inner")
        .root()
        .exit("inner")
        .done();
}

/// It counts as one of the 64 arguments.
#[test]
fn sixty_four() {
    let mock = Mock::here();
    let many = |count: u32| {
        Tracer::new("many").enter_with(move |args| {
            (0..count).for_each(|n| {
                args.arg("n", n);
            });
        })
    };
    let said = |count| {
        drop(many(count));
        mock.expect_count()
    };
    assert_eq!([said(64), said(65)], [2, 0]);
    Context::ROOT.in_scope(|| assert_eq!([said(63), said(64)], [2, 0]));
}

trait ExpectCount {
    fn expect_count(&self) -> usize;
}

impl ExpectCount for Mock {
    /// How many markers there were since the last time.
    fn expect_count(&self) -> usize {
        let count = self.markers().len();
        let _taken = self.expect();
        count
    }
}
