'use strict'
// Requests of koa.

const { state } = require('./context.js')
const { noted, templater } = require('./middleware.js')
const { opened } = require('./request.js')
const routes = require('./routes.js')

/** `(ctx, next)`: the request is a span. */
function koa(root, options) {
  const template = templater(options)
  return function nulltrace(ctx, next) {
    if (state.off) return next()
    const route = routes.koa(ctx)
    const span = opened(root, ctx.req, ctx.res, template(ctx, route, ctx.originalUrl), route)
    return span === null ? next() : noted(span, () => span.run(next))
  }
}

module.exports = { koa }
