//! The statsd sink against real receivers: raw sockets, Etsy's statsd and collectd.
#![allow(
    clippy::unwrap_used,
    reason = "the lint spares tests but not their helpers"
)]

mod collectd;
mod cost;
mod etsy;
mod failure;
mod support;
mod wire;
