'use strict'
// The wrappers of generators, which are generators too. The span begins with the first step and ends with the last;
// what the steps open lies in it.

const { said } = require('./body.js')
const { enter, leave, state } = require('./context.js')
const { root } = require('./site.js')
const { STEPS, nothing, openHere } = require('./span.js')

const { apply } = Reflect

const begun = (site, enterArgs, args) => (state.off ? nothing : openHere(root, site, said(enterArgs, ...args), STEPS))

// `inner` is made when the wrapper is called, as `fn` would be: its parameters may throw. No argument has that name,
// so it has always the value that stands here.

function syncSteps(site, fn, { enterArgs, exitArgs }) {
  return function* traced(...{ inner = apply(fn, this, arguments) }) {
    const span = begun(site, enterArgs, arguments)
    try {
      const last = yield* stepping(inner, span, false)
      span.end(said(exitArgs, last))
      return last
    } catch (thrown) {
      span.fail(thrown)
      throw thrown
    } finally {
      // left early by `break` or return()
      span.end()
    }
  }
}

function asyncSteps(site, fn, { enterArgs, exitArgs }) {
  return async function* traced(...{ inner = apply(fn, this, arguments) }) {
    const span = begun(site, enterArgs, arguments)
    try {
      const last = yield* stepping(inner, span, true)
      span.end(said(exitArgs, last))
      return last
    } catch (thrown) {
      span.fail(thrown)
      throw thrown
    } finally {
      span.end()
    }
  }
}

/** `inner`, each of whose steps is made in `span`; for `yield*`, which asks for these three. */
function stepping(inner, span, moves) {
  if (span === nothing) return inner
  const step = (name) => (value) => {
    try {
      enter(span, moves, false)
      return inner[name](value)
    } finally {
      leave(span, false)
    }
  }
  const steps = { next: step('next'), return: step('return'), throw: step('throw') }
  steps[moves ? Symbol.asyncIterator : Symbol.iterator] = () => steps
  return steps
}

module.exports = { asyncSteps, syncSteps }
