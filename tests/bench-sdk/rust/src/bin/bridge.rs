//! `tracing` spans through the bridge.

use bench_sdk::{Clock, serve};
use tracing_subscriber::layer::SubscriberExt as _;

fn main() -> std::io::Result<()> {
    let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::layer());
    tracing::subscriber::set_global_default(subscriber).map_err(std::io::Error::other)?;
    serve(Clock::Thread, &[("span", spans), ("arg", spans_arg)])
}

fn spans(n: u64) {
    for _ in 0..n {
        let _span = tracing::info_span!("checkout.cart.tax.amount").entered();
    }
}

fn spans_arg(n: u64) {
    for cart in 0..n {
        let _span = tracing::info_span!("checkout.cart.tax", cart).entered();
    }
}
