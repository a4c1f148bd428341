// One instance for both kinds of modules: the spans of a program share their context and ids.
import nulltrace from './index.js'

export const { Trace, Tracer, Span, tracer, span, trace, wrap, middleware, koa, fastify, current, withContext, bind, enabled, setEnabled, implementation, version } = nulltrace
export default Trace
