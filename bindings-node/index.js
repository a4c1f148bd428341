'use strict'

const backend = require('./lib/backend.js')
const { bind, current, withContext } = require('./lib/current.js')
const { setEnabled, state } = require('./lib/context.js')
const { Span } = require('./lib/span.js')
const { Trace } = require('./lib/trace-class.js')
const { Tracer } = require('./lib/tracer.js')

const tracer = new Tracer()

// The class itself is the module, so that `const Trace = require('nulltrace')` does what
// `require('node-trace')` did.
module.exports = Object.assign(Trace, {
  Trace,
  Tracer,
  Span,
  tracer,
  // Bound functions have no place on the stack of their own.
  span: tracer.span.bind(tracer),
  trace: tracer.trace.bind(tracer),
  wrap: tracer.wrap,
  middleware: tracer.middleware.bind(tracer),
  koa: tracer.koa.bind(tracer),
  fastify: tracer.fastify.bind(tracer),
  current,
  withContext,
  bind,
  implementation: backend.implementation,
  enabled: () => !state.off,
  setEnabled,
  version: require('./package.json').version,
})
Object.defineProperties(Trace, {
  __esModule: { value: true },
  default: { value: Trace },
})
