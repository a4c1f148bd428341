'use strict'

const backend = require('./backend.js')
const { state } = require('./context.js')
const { middleware } = require('./middleware.js')
const { ASYNC, HAND, nothing, openHere, openWith } = require('./span.js')
const { root } = require('./site.js')
const { traced, untraced } = require('./trace.js')
const { wrapped } = require('./wrap.js')

/** Opens spans, all under one path, which may be empty. */
class Tracer {
  #root

  constructor(prefix) {
    this.#root = prefix === undefined ? root : root.child(prefix)
  }

  span(path, args, options) {
    if (state.off || this.#root === null) return nothing
    if (options?.id !== undefined) return openWith(this.#root, path, args, options.id)
    return openHere(this.#root, path, args, options?.async === true ? ASYNC : HAND)
  }

  trace(path, args, body) {
    // trace(path, body)
    if (body === undefined) {
      body = args
      args = undefined
    }
    if (!state.off && this.#root !== null) return traced(this.#root, path, args, body)
    return untraced(body)
  }

  wrap(path, fn, options) {
    // wrap(fn), wrap(fn, options)
    if (typeof path === 'function') {
      options = fn
      fn = path
      path = [fn.name || 'anonymous']
    }
    if (!backend.usable || this.#root === null || typeof fn !== 'function') return fn
    return wrapped(this.#root, path, fn, options ?? {})
  }

  middleware(options) {
    if (!backend.usable || this.#root === null) return (req, res, next) => next?.()
    return middleware(this.#root, options ?? {})
  }
}

module.exports = { Tracer }
