'use strict'
// The wrapper of an async function, which is one too: `util.types.isAsyncFunction` and tools that ask it see no
// difference.

const { said } = require('./body.js')
const { enter, leave, state } = require('./context.js')
const { root } = require('./site.js')
const { ASYNC, nothing, openHere, stay } = require('./span.js')

const { apply } = Reflect

function asynchronous(site, fn, { enterArgs, exitArgs }) {
  return async function traced() {
    const span = state.off ? nothing : openHere(root, site, said(enterArgs, ...arguments), ASYNC)
    try {
      if (span === nothing) return await apply(fn, this, arguments)
      const value = await called(span, fn, this, arguments)
      span.end(said(exitArgs, value))
      return value
    } catch (thrown) {
      span.fail(thrown)
      throw thrown
    }
  }
}

/** The promise that the call of `fn` gives. The span is the current one for the time of the call only. */
function called(span, fn, self, args) {
  try {
    enter(span, true, false)
    return apply(fn, self, args)
  } finally {
    leave(span, true)
    stay(span)
  }
}

module.exports = { asynchronous }
