'use strict'
// The OpenTelemetry SDK as it comes: every span sampled, a batch processor, an exporter that only
// counts.

const { trace } = require('@opentelemetry/api')
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node')
const { serve } = require('./worker.js')

let exported = 0
const exporter = {
  export (spans, done) {
    exported += spans.length
    done({ code: 0 })
  },
  shutdown: async () => {}
}
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
provider.register()
const tracer = trace.getTracer('bench')

async function otel (n) {
  const before = exported
  for (let i = 0; i < n; i++) {
    tracer.startActiveSpan('checkout.cart.tax.amount', span => span.end())
  }
  await provider.forceFlush()
  // A queue that overflows would make the spans cheap.
  if (exported - before !== n) throw new Error(`of ${n} spans ${exported - before} were exported`)
}

serve({ otel }).then(() => provider.shutdown())
