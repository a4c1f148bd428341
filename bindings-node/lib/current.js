'use strict'
// The context, read and set by hand.

const { held, here, state, watch, within } = require('./context.js')
const { Inner } = require('./inner.js')
const { numbers } = require('./numbers.js')
const { nothing } = require('./span.js')

/** The open span whose function is running; `nothing` outside of all. */
function current() {
  const span = here()
  if (span === null) return numbers[1] > 0 ? new Inner(watch(numbers[1])) : nothing
  return span.site === null ? new Inner(span) : span
}

/** Calls `fn` with `span` as the current one; with null, or a span that writes nothing, outside of all. */
function withContext(span, fn, ...args) {
  if (state.off) return fn(...args)
  return within(span === null ? undefined : span.stored, undefined, fn, args)
}

/** `fn`, in the context of now whenever it is called. */
function bind(fn) {
  if (state.off) return fn
  const span = held()
  return function bound(...args) {
    return within(span, this, fn, args)
  }
}

module.exports = { bind, current, withContext }
