'use strict'

const backend = require('./backend.js')
const { state } = require('./context.js')
const { MISSING, decorated, decorator, isOptions, named } = require('./decorate.js')
const { fastify } = require('./fastify.js')
const { koa } = require('./koa.js')
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
    // As a decorator it is called without its object.
    this.wrap = this.wrap.bind(this)
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

  wrap(...given) {
    const [first, second, third] = given
    // wrap(path, fn), wrap(path, fn, options)
    if (typeof second === 'function') return this.#wrapped(first, second, third)
    // wrap(fn), wrap(fn, options)
    if (typeof first === 'function' && (second === undefined || isOptions(second))) return this.#wrapped(named(first.name), first, second)
    // @wrap
    const wrapOne = (options) => (path, fn) => this.#wrapped(path, fn, options)
    const got = decorated(wrapOne(), undefined, given)
    if (got !== MISSING) return got
    // @wrap(options), @wrap(path), @wrap(path, options)
    if (isOptions(first) && given.length === 1) return decorator(wrapOne(first), undefined)
    const isPath = typeof first === 'string' || Array.isArray(first)
    if (isPath && (given.length === 1 || isOptions(second))) return decorator(wrapOne(second), first)
    return typeof first === 'function' ? this.#wrapped(named(first.name), first) : second
  }

  #wrapped(path, fn, options) {
    if (!backend.usable || this.#root === null) return fn
    return wrapped(this.#root, path, fn, options ?? {})
  }

  middleware(options) {
    if (this.#root === null) return (req, res, next) => next?.()
    return middleware(this.#root, options ?? {})
  }

  koa(options) {
    if (this.#root === null) return (ctx, next) => next()
    return koa(this.#root, options ?? {})
  }

  fastify(options) {
    return fastify(this.#root, options ?? {})
  }
}

module.exports = { Tracer }
