'use strict'
// Requests of fastify, which has matched the route before the first hook.

const { state } = require('./context.js')
const { templater } = require('./middleware.js')
const { failed, opened } = require('./request.js')

const none = () => null

/** A plugin for `app.register`. */
function fastify(root, options) {
  const template = templater(options)
  /** @type {WeakMap<object, Span>} by request */
  const spans = new WeakMap()

  function plugin(app, _, done) {
    app.addHook('onRequest', (request, reply, next) => {
      if (root === null || state.off) return next()
      const route = () => request.routeOptions?.url ?? null
      const span = opened(root, request.raw, reply.raw, template(request, route, request.raw.url), none)
      if (span === null) return next()
      spans.set(request, span)
      span.run(next)
    })
    app.addHook('onError', (request, reply, error, next) => {
      const span = spans.get(request)
      if (span !== undefined) failed(span, error)
      next()
    })
    done()
  }

  // Its hooks are for all routes, not only for those that it would add itself.
  plugin[Symbol.for('skip-override')] = true
  plugin[Symbol.for('fastify.display-name')] = 'nulltrace'
  return plugin
}

module.exports = { fastify }
