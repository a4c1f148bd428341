//! `tracing` spans with a registry and no layer: what the bridge adds to.

use bench_sdk::{Clock, serve};

fn main() -> std::io::Result<()> {
    tracing::subscriber::set_global_default(tracing_subscriber::registry())
        .map_err(std::io::Error::other)?;
    serve(Clock::Thread, &[("tracing", spans)])
}

fn spans(n: u64) {
    for _ in 0..n {
        let _span = tracing::info_span!("checkout.cart.tax.amount").entered();
    }
}
