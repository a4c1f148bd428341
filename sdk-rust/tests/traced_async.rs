//! `#[traced]` on `async fn` and on functions that give a future.
#![cfg(all(feature = "mock", not(feature = "off")))]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]
#![allow(missing_docs, reason = "there is nothing to document")]

use std::collections::HashSet;
use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nulltrace::mock::{Marker, Mock};
use nulltrace::raw::Dir;
use nulltrace::{Id, traced};

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(out) = poll(future.as_mut()) {
            return out;
        }
    }
}

/// Gives way once.
async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn number(marker: &Marker) -> i64 {
    match marker.id {
        Id::Number(number) => number,
        id => panic!("{id:?} is no number"),
    }
}

#[traced("step", args(n, double = n * 2), ret)]
async fn step(n: u32) -> u32 {
    give_way().await;
    n + 1
}

#[test]
fn begins_with_the_first_poll() {
    let mock = Mock::here();
    let future = step(1);
    mock.expect().done();
    assert_eq!(block_on(future), 2);
    let markers = mock.markers();
    assert!(number(&markers[0]) > 1 << 32);
    assert_eq!(markers[0].id, markers[1].id);
    mock.expect()
        .enter("step")
        .arg("n", "1")
        .arg("double", "2")
        .exit("step")
        .arg("ret", "2")
        .done();
}

#[test]
fn never_polled_is_never_seen() {
    let mock = Mock::here();
    drop(step(1));
    drop(eager_but_lazy(1));
    mock.expect().done();
}

#[test]
fn ids_are_their_own() {
    let mock = Mock::here();
    let (mut one, mut two) = (pin!(step(1)), pin!(step(2)));
    assert!(poll(one.as_mut()).is_pending());
    assert!(poll(two.as_mut()).is_pending());
    assert!(poll(one.as_mut()).is_ready());
    assert!(poll(two.as_mut()).is_ready());
    let ids: Vec<_> = mock.markers().iter().map(number).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[..2], ids[2..]);
}

#[test]
fn dropped_is_cancelled() {
    let mock = Mock::here();
    {
        let mut future = pin!(outer(1));
        assert!(poll(future.as_mut()).is_pending());
    }
    mock.expect()
        .enter("outer")
        .enter("step")
        .arg("n", "1")
        .arg("double", "2")
        // Innermost first, as they nest.
        .exit("step")
        .arg("status", "cancelled")
        .exit("outer")
        .arg("status", "cancelled")
        .done();
}

#[traced]
async fn outer(n: u32) -> u32 {
    step(n).await
}

#[traced(args(text), ret, err)]
async fn checked(text: &str) -> Result<u32, std::num::ParseIntError> {
    give_way().await;
    let n: u32 = text.parse()?;
    if n == 0 {
        return Ok(100);
    }
    Ok(n)
}

#[traced(err)]
async fn coerces(fails: bool) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ready(()).await;
    if fails {
        Err("by will")?;
    }
    Ok(())
}

#[traced(ret = debug)]
async fn boxed(n: u32) -> Box<dyn std::fmt::Debug> {
    if n == 0 {
        return Box::new("none");
    }
    Box::new(n)
}

#[traced]
async fn nothing() {
    give_way().await;
    if true {
        return;
    }
    unreachable!()
}

#[traced(ret)]
async fn in_and_out(values: impl Iterator<Item = u32>) -> impl Copy + Into<u64> + nulltrace::Value {
    values.sum::<u32>()
}

#[test]
fn outcomes() {
    let mock = Mock::here();
    assert_eq!(block_on(checked("7")), Ok(7));
    assert_eq!(block_on(checked("0")), Ok(100));
    assert!(block_on(checked("x")).is_err());
    assert!(block_on(coerces(true)).is_err());
    assert!(block_on(coerces(false)).is_ok());
    block_on(boxed(0));
    block_on(nothing());
    assert_eq!(block_on(in_and_out([1, 2].into_iter())).into(), 3_u64);
    mock.expect()
        .enter("checked")
        .arg("text", "7")
        .exit("checked")
        .arg("ret", "7")
        .enter("checked")
        .arg("text", "0")
        .exit("checked")
        .arg("ret", "100")
        .enter("checked")
        .arg("text", "x")
        .exit("checked")
        .arg("error", "invalid digit found in string")
        .enter("coerces")
        .exit("coerces")
        .arg("error", "by will")
        .enter("coerces")
        .exit("coerces")
        .enter("boxed")
        .exit("boxed")
        .arg("ret", "\"none\"")
        .enter("nothing")
        .exit("nothing")
        .enter("in_and_out")
        .exit("in_and_out")
        .arg("ret", "3")
        .done();
}

struct Store {
    rows: Vec<u32>,
}

trait Get {
    async fn get(&self, at: usize) -> Option<u32>;

    #[traced("get.first", ret = debug)]
    async fn first(&self) -> Option<u32> {
        self.get(0).await
    }
}

impl Get for Store {
    #[traced("store.get", args(at, rows = self.rows.len()), ret = debug)]
    async fn get(&self, at: usize) -> Option<u32> {
        ready(()).await;
        self.rows.get(at).copied()
    }
}

impl Store {
    #[traced("store.last")]
    async fn last(&mut self) -> &mut u32 {
        give_way().await;
        self.rows.last_mut().unwrap()
    }

    #[traced("store.find", ret)]
    async fn find<'a, T>(&self, wanted: &T, other: &'a str) -> &'a str
    where
        T: PartialEq<u32> + ?Sized,
    {
        ready(()).await;
        if self.rows.iter().any(|row| wanted == row) {
            other
        } else {
            ""
        }
    }

    #[traced("store.close")]
    async unsafe fn close(mut self) -> usize {
        self.rows.pop();
        self.rows.len()
    }
}

#[test]
fn methods() {
    let mock = Mock::here();
    let mut store = Store { rows: vec![1, 2] };
    assert_eq!(block_on(store.first()), Some(1));
    *block_on(store.last()) += 1;
    assert_eq!(block_on(store.find(&3, "here")), "here");
    // SAFETY: it is only called so.
    assert_eq!(block_on(unsafe { store.close() }), 1);
    mock.expect()
        .enter("get.first")
        .enter("store.get")
        .arg("at", "0")
        .arg("rows", "2")
        .exit("store.get")
        .arg("ret", "Some(1)")
        .exit("get.first")
        .arg("ret", "Some(1)")
        .enter("store.last")
        .exit("store.last")
        .enter("store.find")
        .exit("store.find")
        .arg("ret", "here")
        .enter("store.close")
        .exit("store.close")
        .done();
}

#[traced("fib", args(n), ret)]
async fn fib(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    Box::pin(fib(n - 1)).await + Box::pin(fib(n - 2)).await
}

#[test]
fn recursion() {
    let mock = Mock::here();
    assert_eq!(block_on(fib(3)), 2);
    let markers = mock.markers();
    let ids: HashSet<_> = markers.iter().map(number).collect();
    assert_eq!((markers.len(), ids.len()), (10, 5));
}

/// Ends when the future does, though it is no `async fn`.
#[traced("given", args(text), ret)]
fn given(text: String) -> impl Future<Output = usize> + Send + 'static {
    let length = text.len();
    async move {
        give_way().await;
        drop(text);
        length
    }
}

#[traced("given.result", ret, err)]
fn given_result(fails: bool) -> impl Future<Output = Result<u32, String>> {
    if fails {
        return ready(Err("early".to_owned()));
    }
    ready(Ok(1))
}

#[traced("boxed.future", ret)]
fn boxed_future<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move {
        give_way().await;
        text.len()
    })
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[traced]
fn aliased(n: &u32) -> BoxFuture<'_, u32> {
    Box::pin(async move { *n })
}

/// Gives a closure that gives a future: nothing to wait for.
#[traced]
fn maker() -> impl Fn() -> BoxFuture<'static, u32> {
    || Box::pin(ready(1))
}

#[traced]
#[allow(
    clippy::async_yields_async,
    reason = "a future of a future is the point"
)]
async fn eager_but_lazy(n: u32) -> impl Future<Output = u32> {
    ready(n)
}

#[test]
fn functions_that_give_futures() {
    let mock = Mock::here();
    let future = given("four".to_owned());
    mock.expect().enter("given").arg("text", "four").done();
    assert_eq!(block_on(future), 4);
    mock.expect().exit("given").arg("ret", "4").done();

    block_on(given_result(true)).unwrap_err();
    block_on(given_result(false)).unwrap();
    assert_eq!(block_on(boxed_future("ab")), 2);
    assert_eq!(block_on(aliased(&3)), 3);
    mock.expect()
        .enter("given.result")
        .exit("given.result")
        .arg("error", "early")
        .enter("given.result")
        .exit("given.result")
        .arg("ret", "1")
        .enter("boxed.future")
        .exit("boxed.future")
        .arg("ret", "2")
        .enter("aliased")
        .exit("aliased")
        .done();

    let make = maker();
    mock.expect()
        .enter("maker")
        .id("t")
        .exit("maker")
        .id("t")
        .done();
    assert_eq!(block_on(make()), 1);
    assert_eq!(block_on(block_on(eager_but_lazy(4))), 4);
    drop(given(String::new()));
    mock.expect()
        .enter("eager_but_lazy")
        .exit("eager_but_lazy")
        .enter("given")
        .arg("text", "")
        .exit("given")
        .arg("status", "cancelled")
        .done();
}

#[traced]
async fn panics() {
    give_way().await;
    panic!("on purpose");
}

#[traced]
fn future_that_panics() -> impl Future<Output = ()> {
    poll_fn(|_| panic!("on purpose"))
}

#[test]
fn panics_are_told() {
    let mock = Mock::here();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let one = catch_unwind(AssertUnwindSafe(|| block_on(panics())));
    // This future outlives the panic, as in an executor.
    let mut future = Box::pin(future_that_panics());
    let two = catch_unwind(AssertUnwindSafe(|| poll(future.as_mut())));
    std::panic::set_hook(hook);
    drop(future);
    assert!(one.is_err() && two.is_err());
    mock.expect()
        .enter("panics")
        .exit("panics")
        .arg("error", "panic")
        .enter("future_that_panics")
        .exit("future_that_panics")
        .arg("error", "panic")
        .done();
}

#[traced]
async fn never() -> ! {
    loop {
        give_way().await;
    }
}

#[test]
fn one_that_never_ends() {
    let mock = Mock::here();
    {
        let mut future = pin!(never());
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future.as_mut()).is_pending());
    }
    mock.expect()
        .enter("never")
        .exit("never")
        .arg("status", "cancelled")
        .done();
}

#[traced("hop", args(n))]
async fn hop(n: usize, threads: &std::sync::Mutex<Vec<HashSet<std::thread::ThreadId>>>) {
    for _ in 0..50 {
        threads.lock().unwrap()[n].insert(std::thread::current().id());
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
}

#[traced]
async fn waits_for_ever() {
    std::future::pending::<()>().await;
}

/// On an executor of many threads each future keeps its id, wherever it is polled, and one that is
/// aborted says so.
#[test]
#[cfg_attr(miri, ignore = "tokio would take minutes")]
fn between_threads() {
    const TASKS: usize = 16;
    let mock = Mock::everywhere();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let threads = std::sync::Arc::new(std::sync::Mutex::new(vec![HashSet::new(); TASKS]));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|n| {
                let threads = threads.clone();
                tokio::spawn(async move { hop(n, &threads).await })
            })
            .collect();
        let waiting = tokio::spawn(waits_for_ever());
        for task in tasks {
            task.await.unwrap();
        }
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    });
    // The runtime's own threads end before the markers are looked at.
    drop(runtime);
    let moved = threads
        .lock()
        .unwrap()
        .iter()
        .filter(|threads| threads.len() > 1)
        .count();
    assert!(moved > 0, "no future moved between threads");

    // Tests of other threads have mocks of their own; what else came here is theirs.
    let markers = mock.markers();
    let of = |tag: &str, dir: Dir| -> Vec<Marker> {
        let found = markers
            .iter()
            .filter(|marker| marker.tags == [tag] && marker.dir == dir);
        found.cloned().collect()
    };
    let (enters, exits) = (of("hop", Dir::Enter), of("hop", Dir::Exit));
    assert_eq!((enters.len(), exits.len()), (TASKS, TASKS));
    let ids: HashSet<_> = enters.iter().map(number).collect();
    assert_eq!(ids.len(), TASKS);
    assert_eq!(ids, exits.iter().map(number).collect());
    assert!(exits.iter().all(|exit| exit.args.is_empty()), "{exits:?}");

    let (enter, exit) = (
        of("waits_for_ever", Dir::Enter),
        of("waits_for_ever", Dir::Exit),
    );
    assert_eq!((enter.len(), exit.len()), (1, 1));
    assert_eq!(enter[0].id, exit[0].id);
    assert_eq!(
        exit[0].args,
        [("status".to_owned(), "cancelled".to_owned())]
    );
}
