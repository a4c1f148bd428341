'use strict'
// The context, read and set by hand.

const backend = require('./backend.js')
const { held, here, within } = require('./context.js')
const { nothing } = require('./span.js')

/** The open span whose function is running and is a context; `nothing` outside of all. */
function current() {
  const span = here()
  return span === null || span.base === null ? nothing : span
}

/** Calls `fn` with `span` as the current one; with null, or a span that writes nothing, outside of all. */
function withContext(span, fn, ...args) {
  if (!backend.on) return fn(...args)
  return within(span === null || span.site === null ? undefined : span, undefined, fn, args)
}

/** `fn`, in the context of now whenever it is called. */
function bind(fn) {
  if (!backend.on) return fn
  const span = held()
  return function bound(...args) {
    return within(span, this, fn, args)
  }
}

module.exports = { bind, current, withContext }
