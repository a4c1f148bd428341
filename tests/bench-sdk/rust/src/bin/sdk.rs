//! The Rust SDK as a program uses it.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};

use bench_sdk::{Clock, serve};
use nulltrace::{span, traced};

fn main() -> std::io::Result<()> {
    serve(
        Clock::Thread,
        &[
            ("span", spans),
            ("arg", spans_arg),
            ("text", spans_text),
            ("traced", calls),
            ("async", futures),
        ],
    )
}

fn spans(n: u64) {
    for _ in 0..n {
        let _span = span!("checkout.cart.tax.amount");
    }
}

fn spans_arg(n: u64) {
    for cart in 0..n {
        let _span = span!("checkout.cart.tax", cart = black_box(cart));
    }
}

fn spans_text(n: u64) {
    for _ in 0..n {
        let _span = span!("checkout.cart.tax", user = black_box("ann"));
    }
}

#[traced("checkout.cart.tax.amount")]
#[inline(never)]
fn tax(n: u64) -> u64 {
    black_box(n)
}

fn calls(n: u64) {
    for i in 0..n {
        black_box(tax(i));
    }
}

#[traced("checkout.cart.tax")]
async fn later(n: u64) -> u64 {
    black_box(n)
}

fn futures(n: u64) {
    let mut context = Context::from_waker(Waker::noop());
    for i in 0..n {
        let mut future = pin!(later(i));
        let _ = black_box(future.as_mut().poll(&mut context));
    }
}
