'use strict'

const { ASYNC_GENERATOR, GENERATOR, following, isPromise, kind, kinds, said } = require('./body.js')
const body = require('./body.js')
const { enter, leave, state, unwatch } = require('./context.js')
const { fresh } = require('./fresh.js')
const { FIRST, LAST, numbers } = require('./numbers.js')
const { TRIALS } = require('./site.js')
const { ASYNC, PLAIN, STEPS, adopt, openHere, nothing, stay } = require('./span.js')
const { spelled } = require('./write.js')

const { apply, construct } = Reflect

/** A function that does what `fn` does, within a span. */
function wrapped(root, path, fn, options) {
  const of = options.async ? body.ASYNC : kind(fn)
  const site = root.child(path)
  if (site === null) return fn
  let made
  if (of === GENERATOR || of === ASYNC_GENERATOR) made = generator(root, site, fn, options, of)
  else if (of === body.PLAIN && site.prepared) made = plain(root, site, fn, options)
  else made = general(root, site, fn, options, of === body.ASYNC)
  kinds.set(made, of)
  return like(made, fn)
}

/** The name, length and properties of `fn`, so that no difference is visible. */
function like(made, fn) {
  Object.setPrototypeOf(made, fn)
  for (const name of ['name', 'length']) {
    const own = Object.getOwnPropertyDescriptor(fn, name)
    if (own !== undefined) Object.defineProperty(made, name, own)
  }
  const own = Object.getOwnPropertyDescriptor(fn, 'prototype')
  if (own !== undefined) made.prototype = own.value
  return made
}

/** The way of most calls, see plain.js, with those that are rarer. */
function plain(root, site, fn, options) {
  const { exitArgs } = options
  return fresh()(fn, site, options, {
    FIRST,
    LAST,
    apply,
    begin(args) {
      const span = openHere(root, site, args, PLAIN)
      return span === nothing ? null : span
    },
    enterContext: enter,
    construct: (args, target) => call(root, site, fn, options, false, false, undefined, args, target),
    fail(number, thrown) {
      unwatch(number, false)
      adopt(site, number).fail(thrown)
    },
    failed,
    follow: (number, promise) => following(promise, stay(adopt(site, number)), exitArgs),
    isPromise,
    left: (number) => unwatch(number, false),
    numbers,
    returned: (span, result) => returned(span, result, exitArgs),
    said,
    spelled,
    state,
    trials: TRIALS,
  })
}

function general(root, site, fn, options, moves) {
  let trials = moves ? 0 : TRIALS
  return function traced() {
    const target = new.target === traced ? fn : new.target
    const trial = trials !== 0
    if (trial) trials--
    return call(root, site, fn, options, moves, trial, this, arguments, target)
  }
}

/** Any call: asynchronous, recursive, in a context, or as a constructor (`target`). */
function call(root, site, fn, { enterArgs, exitArgs }, moves, trial, self, args, target) {
  const span = openHere(root, site, said(enterArgs, ...args), moves ? ASYNC : PLAIN)
  if (span === nothing) return target === undefined ? apply(fn, self, args) : construct(fn, args, target)
  let result
  try {
    enter(span, moves, trial)
    result = target === undefined ? apply(fn, self, args) : construct(fn, args, target)
  } catch (thrown) {
    failed(span, thrown)
    throw thrown
  }
  return returned(span, result, exitArgs)
}

/** The call of a span threw. */
function failed(span, thrown) {
  leave(span, false)
  span.fail(thrown)
}

/** The call of a span gave `result`: the span ends with it, or with that promise. */
function returned(span, result, exitArgs) {
  if (span.live && isPromise(result)) {
    leave(span, true)
    return following(result, stay(span), exitArgs)
  }
  leave(span, false)
  if (span.live) span.end(said(exitArgs, result))
  return result
}

/** The span begins with the first step and ends with the last; what the steps open lies in it. */
function generator(root, site, fn, options, of) {
  const steps = of === GENERATOR ? syncSteps : asyncSteps
  return function traced() {
    const begin = () => openHere(root, site, said(options.enterArgs, ...arguments), STEPS)
    const made = steps(apply(fn, this, arguments), begin, options.exitArgs)
    const own = fn.prototype
    return typeof own === 'object' && own !== null ? Object.setPrototypeOf(made, own) : made
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

function* syncSteps(inner, begin, exitArgs) {
  const span = begin()
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

async function* asyncSteps(inner, begin, exitArgs) {
  const span = begin()
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

module.exports = { wrapped }
