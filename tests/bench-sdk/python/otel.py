"""The OpenTelemetry SDK as it comes: every span sampled, a batch processor, an exporter that only
counts."""

import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from worker import serve


class Count(SpanExporter):
    spans = 0

    def export(self, spans):
        Count.spans += len(spans)
        return SpanExportResult.SUCCESS


provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(BatchSpanProcessor(Count()))
tracer = provider.get_tracer("bench")


def otel(n):
    before = Count.spans
    for _ in range(n):
        with tracer.start_as_current_span("checkout.cart.tax.amount"):
            pass
    # A queue that overflows would make the spans cheap.
    if not provider.force_flush() or Count.spans - before != n:
        raise SystemExit("spans were dropped")


serve({"otel": otel}, time.process_time_ns)
provider.shutdown()
