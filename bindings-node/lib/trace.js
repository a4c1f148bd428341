'use strict'

const body = require('./body.js')
const { enter, leave, state, unwatch } = require('./context.js')
const { following } = require('./following.js')
const { numbers, unique } = require('./numbers.js')
const { ASYNC, PLAIN, adopt, nothing, openHere, stay } = require('./span.js')
const { enter: begun } = require('./write.js')

const { isPromise, kind } = body

/** Calls `body(span)` within a span, or follows the promise `body`; what it gives or throws, passes. */
function traced(root, path, args, of) {
  if (typeof of !== 'function') {
    if (!isThenable(of)) return of
    const span = openHere(root, path, args, ASYNC)
    return span === nothing ? promised(of) : following(promised(of), span)
  }
  const moves = kind(of) === body.ASYNC
  if (state.slow === 0 && !moves) {
    const site = root.child(path)
    if (site !== null && site.trials === 0 && site.prepared) return shortly(site, args, of)
  }
  const span = openHere(root, path, args, moves ? ASYNC : PLAIN)
  if (span === nothing) return of(span)
  const { site } = span
  const trial = !moves && site.trials !== 0
  if (trial) site.trials--
  let result
  try {
    enter(span, moves, trial)
    result = of(span)
  } catch (thrown) {
    leave(span, false)
    span.fail(thrown)
    throw thrown
  }
  if (span.live && isPromise(result)) {
    leave(span, true)
    return following(result, stay(span))
  }
  leave(span, false)
  span.end()
  return result
}

/** The way of most calls, as in plain.js. */
function shortly(site, args, of) {
  const span = adopt(site, unique())
  const { number } = span
  const outer = numbers[1]
  if (args === undefined || args === null) {
    numbers[0] = number
    site.enter()
  } else if (!begun(site, number, null, outer, args)) {
    return of(nothing)
  }
  span.outer = outer
  numbers[1] = number
  let result
  try {
    result = of(span)
  } catch (thrown) {
    numbers[1] = outer
    if (state.slow !== 0) settle(span)
    span.fail(thrown)
    throw thrown
  }
  numbers[1] = outer
  if (typeof result === 'object' && span.live && isPromise(result)) return following(result, stay(span))
  if (state.slow !== 0) settle(span)
  if (span.recorded === null && span.live) {
    span.live = false
    numbers[0] = number
    site.exit()
  } else {
    span.end()
  }
  return result
}

/** The call of a span of the shortest way is over: what stood for it goes, and what was recorded there is its own. */
function settle(span) {
  const bare = unwatch(span.number, false)
  if (bare !== undefined) span.record(bare.recorded.pairs)
}

const isThenable = (value) => value !== null && typeof value === 'object' && typeof value.then === 'function'

/** What a caller may count on being a promise, whether it is traced or not. */
const promised = (thenable) => Promise.resolve(thenable)

/** The same where nothing is written. */
function untraced(of) {
  if (typeof of === 'function') return of(nothing)
  return isThenable(of) ? promised(of) : of
}

module.exports = { traced, untraced }
