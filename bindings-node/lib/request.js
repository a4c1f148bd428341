'use strict'
// The span of a request, whatever framework it comes by.

const { here, within } = require('./context.js')
const { errorName } = require('./error.js')
const { ASYNC, nothing, openHere } = require('./span.js')

/**
 * What a request or response tells its listeners comes from the parser or the socket, which know of no
 * context: there the request's is put in.
 */
function listening(emitter, span) {
  const { emit } = emitter
  if (typeof emit !== 'function') return
  const value = function (...args) {
    return span.live && here() === null ? within(span, this, emit, args) : Reflect.apply(emit, this, args)
  }
  Object.defineProperty(emitter, 'emit', { value, writable: true, configurable: true })
}

/**
 * A span `http`, METHOD, template, until the response is sent or its connection is gone; null if there is none. The
 * tags stand in the enter, so the template must be known: a `route` that is matched later is the exit's.
 */
function opened(root, req, res, template, route) {
  const span = openHere(root, ['http', String(req.method), template], undefined, ASYNC)
  if (span === nothing) return null
  const done = (status) => {
    if (!span.live) return
    const matched = route()
    if (matched !== null && matched !== template) span.record('route', matched)
    span.end({ status })
  }
  res.once('finish', () => done(res.statusCode))
  res.once('close', () => done(res.writableFinished ? res.statusCode : 'aborted'))
  listening(req, span)
  listening(res, span)
  return span
}

/** What the request was given up for. */
function failed(span, thrown) {
  span.record('error', errorName(thrown))
}

module.exports = { failed, opened }
