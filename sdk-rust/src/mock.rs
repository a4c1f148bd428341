//! Markers kept in memory, for the tests of a program that writes them. Needs the feature `mock`.
//!
//! ```toml
//! [dev-dependencies]
//! nulltrace = { version = "0.1", features = ["mock"] }
//! ```
//!
//! ```
//! use nulltrace::{mock::Mock, span};
//!
//! fn pay(cart: u32) {
//!     let span = span!("checkout.pay", cart);
//!     span.record("items", 2);
//! }
//!
//! let mock = Mock::here();
//! pay(7);
//! mock.expect()
//!     .enter("checkout.pay").arg("cart", "7")
//!     .exit("checkout.pay").arg("items", "2")
//!     .done();
//! ```
//!
//! A [`Mock::here`] takes the markers of its thread only, so that tests may run side by side, as they do in
//! `cargo test`. For a program with threads there is [`Mock::everywhere`]. While a mock lives, `NULLTRACE=off`
//! is of no account and nothing it takes goes to the device; [`set_enabled`](crate::set_enabled) has its effect. With
//! the feature `off` there is nothing to take.

mod decode;
mod expect;
mod marker;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use expect::Expect;
pub use marker::Marker;

use crate::{Id, device};

/// What a mock took.
#[derive(Debug, Default)]
struct Log {
    markers: Vec<Marker>,
    /// The tags of the spans that had a number, those too that were taken out.
    numbers: HashMap<i64, Vec<String>>,
}

type Kept = Arc<Mutex<Log>>;

/// How many mocks there are in all.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
/// The one that takes the markers of all threads that have none of their own.
static EVERYWHERE: Mutex<Option<Kept>> = Mutex::new(None);
/// Held by it, so that there is one at a time.
static TURN: Mutex<()> = Mutex::new(());
thread_local! {
    /// Those of this thread, the innermost last.
    static HERE: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed while it held the lock left nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mock that takes what this thread writes.
fn kept() -> Option<Kept> {
    if ACTIVE.load(Relaxed) == 0 {
        return None;
    }
    let here = HERE.try_with(|here| here.borrow().last().cloned());
    here.ok().flatten().or_else(|| lock(&EVERYWHERE).clone())
}

/// The mocks, as the device knows them.
static WRITER: device::Writer = device::Writer {
    takes: || kept().is_some(),
    took,
};

/// Whether a mock took the marker.
fn took(bytes: &[u8]) -> bool {
    let Some(kept) = kept() else { return false };
    if let Some(marker) = decode::decode(bytes) {
        let mut log = lock(&kept);
        if let Id::Number(number) = marker.id {
            log.numbers.insert(number, marker.tags.clone());
        }
        log.markers.push(marker);
    }
    true
}

/// Takes markers as long as it lives.
///
/// ```
/// use nulltrace::{mock::Mock, span};
///
/// let mock = Mock::here();
/// drop(span!("a"));
/// assert_eq!(mock.markers().len(), 2);
/// ```
#[derive(Debug)]
#[must_use = "it takes markers as long as it lives"]
pub struct Mock {
    kept: Kept,
    /// That of all threads, holding its turn.
    everywhere: Option<MutexGuard<'static, ()>>,
    /// A mock of a thread must be dropped there.
    thread: core::marker::PhantomData<*const ()>,
}

impl Mock {
    /// Takes the markers of this thread.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// std::thread::spawn(|| drop(nulltrace::span!("elsewhere"))).join().unwrap();
    /// mock.expect().done();
    /// ```
    pub fn here() -> Self {
        let kept = Kept::default();
        HERE.with(|here| here.borrow_mut().push(kept.clone()));
        Self::new(kept, None)
    }

    /// Takes the markers of all threads, but of those that have a mock of their own. Tests that do so wait
    /// for each other; markers of other tests, which have no mock, are taken as well.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::everywhere();
    /// std::thread::spawn(|| drop(nulltrace::span!("worker"))).join().unwrap();
    /// mock.expect().enter("worker").exit("worker").done();
    /// ```
    pub fn everywhere() -> Self {
        let turn = lock(&TURN);
        let kept = Kept::default();
        *lock(&EVERYWHERE) = Some(kept.clone());
        Self::new(kept, Some(turn))
    }

    fn new(kept: Kept, everywhere: Option<MutexGuard<'static, ()>>) -> Self {
        ACTIVE.fetch_add(1, Relaxed);
        device::ask_first(&WRITER);
        Self {
            kept,
            everywhere,
            thread: core::marker::PhantomData,
        }
    }

    /// What was written so far, in the order of the writes. It stays there.
    ///
    /// ```
    /// let mock = nulltrace::mock::Mock::here();
    /// let _span = nulltrace::span!("a");
    /// assert_eq!(mock.markers().len(), 1);
    /// ```
    #[must_use]
    pub fn markers(&self) -> Vec<Marker> {
        lock(&self.kept).markers.clone()
    }

    /// Says what should have been written since the last call, and takes that out.
    ///
    /// ```
    /// use nulltrace::{mock::Mock, span};
    ///
    /// let mock = Mock::here();
    /// let a = span!("a");
    /// mock.expect().enter("a").done();
    /// drop(a);
    /// mock.expect().exit("a").done();
    /// ```
    pub fn expect(&self) -> Expect {
        let mut log = lock(&self.kept);
        Expect::new(std::mem::take(&mut log.markers), log.numbers.clone())
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Relaxed);
        if self.everywhere.is_some() {
            *lock(&EVERYWHERE) = None;
        } else {
            // In no order: an outer one may be dropped before an inner one.
            let _ = HERE.try_with(|here| {
                here.borrow_mut()
                    .retain(|kept| !Arc::ptr_eq(kept, &self.kept));
            });
        }
    }
}
