'use strict'

const { here, within } = require('./context.js')
const { ASYNC, nothing, openHere } = require('./span.js')

const MOST = 200
// Of a longer one the tags would not fit into a marker, or not into anyone's head.
const LONGEST = 256
const NUMBER = /^[0-9]+$/
// UUIDs, hashes, keys: eight characters and more with a digit among them.
const KEY = /^(?=.*[0-9])[0-9A-Za-z_-]{8,}$/

/** A path without its data: `/users/42?x=1` is `/users/{n}`. */
function guessed(url) {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  return path
    .split('/')
    .map((part) => (NUMBER.test(part) ? '{n}' : KEY.test(part) ? '{id}' : part))
    .join('/')
}

/** The route the framework matched, if it has by now. */
function matched(req) {
  const path = req.route?.path
  return typeof path === 'string' ? (req.baseUrl ?? '') + path : null
}

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
 * `(req, res, next)`: a span `http`, METHOD, template, until the response is sent or its connection
 * is gone.
 *
 * The tags stand in the enter, so the template must be known there: `options.template(req)`, else the
 * route if one is matched already, else a guess from the path. A route matched later is given by the
 * exit's `route`.
 */
function middleware(root, options) {
  const guesses = new Set()

  /** Paths come from anyone: after so many, all are `*`. */
  function guess(req) {
    const template = guessed(req.originalUrl ?? req.url ?? '/') || '/'
    if (guesses.has(template)) return template
    if (guesses.size >= MOST || template.length > LONGEST) return '*'
    guesses.add(template)
    return template
  }

  function template(req) {
    try {
      const own = options.template?.(req)
      if (typeof own === 'string' && own !== '') return own
      return matched(req) ?? guess(req)
    } catch {
      return '*'
    }
  }

  return function nulltrace(req, res, next) {
    if (typeof res.once !== 'function') return next?.()
    const known = template(req)
    const span = openHere(root, ['http', String(req.method), known], undefined, ASYNC)
    if (span === nothing) return next?.()
    const done = (status) => {
      if (!span.live) return
      try {
        const route = matched(req)
        if (route !== null && route !== known) span.record('route', route)
      } catch {
        // a getter of the framework's threw
      }
      span.end({ status })
    }
    res.once('finish', () => done(res.statusCode))
    res.once('close', () => done(res.writableFinished ? res.statusCode : 'aborted'))
    if (next === undefined) return undefined
    listening(req, span)
    listening(res, span)
    return span.run(next)
  }
}

module.exports = { guessed, middleware }
