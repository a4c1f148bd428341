'use strict'

const { ASYNC, following, isPromise, kind } = require('./body.js')
const { context, nothing, openHere } = require('./span.js')

/** Calls `body(span)` within a span, or follows the promise `body`; what it gives or throws, passes. */
function traced(root, path, args, body) {
  if (typeof body !== 'function') {
    if (body === null || typeof body !== 'object' || typeof body.then !== 'function') return body
    const span = openHere(root, path, args, true)
    return span === nothing ? body : following(Promise.resolve(body), span)
  }
  const within = context.getStore() !== undefined
  const moves = kind(body) === ASYNC
  const span = openHere(root, path, args, moves)
  let result
  try {
    result = span !== nothing && (moves || within) ? context.run(span, body, span) : body(span)
  } catch (thrown) {
    span.fail(thrown)
    throw thrown
  }
  if (isPromise(result) && span.live) return following(result, span)
  span.end()
  return result
}

module.exports = { traced }
