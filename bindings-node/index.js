'use strict'

const backend = require('./lib/backend.js')
const { bind, current, withContext } = require('./lib/current.js')
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
  span: (path, args, options) => tracer.span(path, args, options),
  trace: (path, args, body) => tracer.trace(path, args, body),
  wrap: (path, fn, options) => tracer.wrap(path, fn, options),
  middleware: (options) => tracer.middleware(options),
  current,
  withContext,
  bind,
  implementation: backend.implementation,
  on: backend.on,
  version: require('./package.json').version,
})
Object.defineProperties(Trace, {
  __esModule: { value: true },
  default: { value: Trace },
})
