//! The OpenTelemetry SDK as it comes: every span sampled, a batch processor, an exporter that only
//! counts.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bench_sdk::{Clock, serve};
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};

static EXPORTED: AtomicU64 = AtomicU64::new(0);
static TRACER: OnceLock<(SdkTracerProvider, SdkTracer)> = OnceLock::new();

#[derive(Debug)]
struct Count;

impl SpanExporter for Count {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        EXPORTED.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn main() -> io::Result<()> {
    TRACER.get_or_init(|| {
        let processor = BatchSpanProcessor::builder(Count).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .build();
        let tracer = provider.tracer("bench");
        (provider, tracer)
    });
    serve(Clock::Process, &[("otel", spans)])
}

fn spans(n: u64) {
    let Some((provider, tracer)) = TRACER.get() else {
        return;
    };
    let before = EXPORTED.load(Ordering::Relaxed);
    for _ in 0..n {
        tracer.in_span("checkout.cart.tax.amount", |_| ());
    }
    // A queue that overflows would make the spans cheap.
    if provider.force_flush().is_err() || EXPORTED.load(Ordering::Relaxed) - before != n {
        println!("! spans were dropped");
        std::process::exit(1);
    }
}
