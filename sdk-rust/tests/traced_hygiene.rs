//! The attribute in the strictest company: no prelude, every name of its own taken, all lints denied.
#![no_implicit_prelude]
#![deny(
    warnings,
    clippy::all,
    clippy::pedantic,
    unused_qualifications,
    unreachable_pub
)]
#![deny(
    missing_docs,
    unused_results,
    single_use_lifetimes,
    unsafe_op_in_unsafe_fn
)]
#![allow(
    dead_code,
    clippy::unused_async,
    clippy::needless_pass_by_value,
    clippy::items_after_statements,
    reason = "what the functions do is not the point"
)]

// What the expansion might say without meaning it.
mod core {}
mod std {}
mod nulltrace {}
struct Some;
struct None;
struct Ok;
struct Err;
struct Box;
struct Args;
struct Span;
trait Future {}
trait FnOnce {}

use ::nulltrace::traced;
use ::std::result::Result;
use ::std::string::String;
use ::std::vec::Vec;

const __SPAN: u8 = 0;

#[traced]
fn plain(n: u32) -> u32 {
    n + 1
}

#[traced("a.b", args(n, twice = n * 2, sum = (n + 1), shown = ?n), ret, err)]
fn all(n: u32) -> Result<u32, String> {
    ::std::result::Result::Ok(n)
}

#[traced(ret(len = ret.len(), a = (1 + 2)), err = debug)]
fn named(__span: u32) -> Result<Vec<u32>, String> {
    ::std::result::Result::Ok(::std::vec![__span])
}

#[traced(ret = display)]
fn shown(args: u32, __out: u32, ret: u32) -> u32 {
    args + __out + ret
}

#[traced("a.async", args(n), ret = debug, err)]
async fn later(n: u32) -> Result<u32, String> {
    if n == 0 {
        return ::std::result::Result::Err(::std::convert::From::from("zero"));
    }
    ::std::result::Result::Ok(::std::future::ready(n).await)
}

#[traced]
async fn nothing_later() {
    ::std::future::ready(()).await;
}

#[traced]
async fn never() -> ! {
    ::std::future::pending::<()>().await;
    ::std::process::abort()
}

#[traced(args(n))]
fn given(n: u32) -> impl ::std::future::Future<Output = u32> {
    ::std::future::ready(n)
}

#[traced(ret)]
fn boxed(
    text: &str,
) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = &str> + '_>> {
    ::std::boxed::Box::pin(async move { text })
}

#[traced(ret)]
unsafe fn promised(pointer: *const u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { *pointer }
}

struct Order {
    id: u32,
}

impl Order {
    #[traced("order.id", args(id = self.id), ret)]
    fn id(&mut self) -> &mut u32 {
        &mut self.id
    }

    #[traced("order.later", args(id = self.id))]
    async fn later(&self) -> u32 {
        ::std::future::ready(self.id).await
    }
}

/// Runs, too.
#[test]
fn hygienic() {
    ::std::assert_eq!(plain(1), 2);
    ::std::assert_eq!(all(1).ok(), ::std::option::Option::Some(1));
    ::std::assert_eq!(named(3).unwrap_or_default(), [3]);
    ::std::assert_eq!(shown(1, 2, 3), 6);
    // SAFETY: a pointer to a live number.
    ::std::assert_eq!(unsafe { promised(&7) }, 7);
    ::std::assert_eq!(*Order { id: 4 }.id(), 4);
    let mut context = ::std::task::Context::from_waker(::std::task::Waker::noop());
    let mut future = ::std::pin::pin!(later(0));
    let polled = ::std::future::Future::poll(future.as_mut(), &mut context);
    ::std::assert!(::std::matches!(
        polled,
        ::std::task::Poll::Ready(::std::result::Result::Err(_))
    ));
}
