'use strict'
// Wrappers: of each kind of function one that is of the same kind.

const { asynchronous } = require('./asynchronous.js')
const body = require('./body.js')
const { enter, leave, state, unwatch } = require('./context.js')
const { following } = require('./following.js')
const { freshFor } = require('./fresh.js')
const { FIRST, LAST, numbers } = require('./numbers.js')
const shared = require('./plain.js')
const { TRIALS, root } = require('./site.js')
const { ASYNC, PLAIN, adopt, openHere, nothing, stay } = require('./span.js')
const { asyncSteps, syncSteps } = require('./steps.js')
const { spelled } = require('./write.js')

const { isPromise, kind, kinds, said } = body
const { apply, construct } = Reflect

/** A function that does what `fn` does, within a span. */
function wrapped(from, path, fn, options) {
  const site = from.child(path)
  if (site === null) return fn
  const of = kind(fn)
  let made
  if (of === body.GENERATOR) made = syncSteps(site, fn, options)
  else if (of === body.ASYNC_GENERATOR) made = asyncSteps(site, fn, options)
  else if (of === body.ASYNC) made = asynchronous(site, fn, options)
  else made = plain(site, fn, options)
  kinds.set(made, options.async ? body.ASYNC : of)
  return like(made, fn)
}

/** The name, length, text and properties of `fn`, so that no difference is visible. */
function like(made, fn) {
  Object.setPrototypeOf(made, fn)
  for (const name of ['name', 'length']) {
    const own = Object.getOwnPropertyDescriptor(fn, name)
    if (own !== undefined) Object.defineProperty(made, name, own)
  }
  const own = Object.getOwnPropertyDescriptor(fn, 'prototype')
  if (own !== undefined) made.prototype = own.value
  // Some programs read the names of parameters there, or whether it is a class.
  const { toString } = fn
  const value = function () {
    return apply(toString, this === made ? fn : this, [])
  }
  Object.defineProperty(made, 'toString', { value, writable: true, configurable: true })
  return made
}

/**
 * Span objects of calls of `plain` that are under way, the innermost last. The calls keep where theirs is, as a
 * number below 0: so they have one variable for both ways.
 */
const opened = []

/** Takes out what `number` stands for. Behind it are those of calls that found no room on the stack to end. */
function taken(number) {
  const at = -number - 1
  const span = opened[at]
  opened.length = at
  return span
}

/**
 * The numbers of the calls that are under way and have no span object, each with that of the span around: two
 * variables less in each frame of `plain`.
 */
class Calls {
  constructor() {
    this.depth = 0
    this.numbers = new Float64Array(128)
  }

  /** Keeps `numbers[0]`, which becomes the current one; gives its place. */
  push() {
    const at = this.depth + 2
    if (at >= this.numbers.length) this.grow()
    this.numbers[at] = numbers[0]
    this.numbers[at + 1] = numbers[1]
    numbers[1] = numbers[0]
    return (this.depth = at)
  }

  /** Takes it out into `numbers[0]`. Behind it are those of calls that found no room on the stack to end. */
  pop(at) {
    this.depth = at - 2
    numbers[0] = this.numbers[at]
    numbers[1] = this.numbers[at + 1]
  }

  /** @private */
  grow() {
    const more = new Float64Array(2 * this.numbers.length)
    more.set(this.numbers)
    this.numbers = more
  }
}

const calls = new Calls()

/** The way of most calls, see plain.js, with those that are rarer. */
function plain(site, fn, options) {
  const { exitArgs } = options
  const moves = options.async === true
  const usual = site.prepared && !moves
  return (usual ? freshFor(site, options) : shared.plain)(fn, site, options, {
    FIRST,
    LAST,
    apply,
    calls,
    construct: (args, target) => constructed(site, fn, options, args, target),
    end: (number, result) => returned(taken(number), result, exitArgs),
    fail: (number, thrown) => failed(taken(number), thrown),
    failed(number, thrown) {
      const span = adopt(site, number)
      const bare = unwatch(number, false)
      if (bare !== undefined) span.recorded = bare.recorded
      span.fail(thrown)
    },
    follow: (number, promise) => following(promise, stay(adopt(site, number)), exitArgs),
    isConstructor,
    isPromise,
    left: (number) => unwatch(number, false)?.recorded ?? null,
    numbers,
    open(args, trial) {
      const span = openHere(root, site, args, moves ? ASYNC : PLAIN)
      if (span === nothing) return 0
      try {
        enter(span, moves, trial)
        return -opened.push(span)
      } catch (thrown) {
        failed(span, thrown)
        throw thrown
      }
    },
    said,
    spelled,
    state,
    // Fewer than none: all calls have a span object.
    trials: usual ? TRIALS : -1,
  })
}

/** Whether `new` takes it. */
function isConstructor(fn) {
  try {
    // Nothing of `fn` is called or read.
    return typeof new (new Proxy(fn, { construct: () => ({}) }))() === 'object'
  } catch {
    return false
  }
}

/** A call of `fn` as a constructor: what `new` gives is of the caller, be it a promise. */
function constructed(site, fn, { enterArgs, exitArgs }, args, target) {
  const span = state.off ? nothing : openHere(root, site, said(enterArgs, ...args), PLAIN)
  if (span === nothing) return construct(fn, args, target)
  try {
    enter(span, false, false)
    const made = construct(fn, args, target)
    leave(span, false)
    if (span.live) span.end(said(exitArgs, made))
    return made
  } catch (thrown) {
    failed(span, thrown)
    throw thrown
  }
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

module.exports = { wrapped }
