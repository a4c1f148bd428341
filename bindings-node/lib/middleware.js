'use strict'
// Requests of express and of `node:http`.

const { isPromise } = require('./body.js')
const { state } = require('./context.js')
const { failed, opened } = require('./request.js')
const { express } = require('./routes.js')
const { guesser } = require('./template.js')

/** The template: what the program says, the route if one is matched already, a guess. */
function templater(options) {
  const guess = guesser()
  return function template(of, route, url) {
    try {
      const own = options.template?.(of)
      if (typeof own === 'string' && own !== '') return own
      return route() ?? guess(url)
    } catch {
      return '*'
    }
  }
}

/** `(req, res, next)`: the request is a span. */
function middleware(root, options) {
  const template = templater(options)
  return function nulltrace(req, res, next) {
    if (state.off || typeof res.once !== 'function') return next?.()
    const route = express(req)
    const span = opened(root, req, res, template(req, route, req.originalUrl ?? req.url ?? '/'), route)
    if (span === null || next === undefined) return next?.()
    return noted(span, () => span.run(next))
  }
}

/** The result of `call`. What it throws, or its promise is rejected with, passes and is the span's `error`. */
function noted(span, call) {
  const note = (thrown) => {
    failed(span, thrown)
    throw thrown
  }
  let result
  try {
    result = call()
  } catch (thrown) {
    note(thrown)
  }
  return isPromise(result) ? result.then(undefined, note) : result
}

module.exports = { middleware, noted, templater }
