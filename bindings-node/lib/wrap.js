'use strict'

const { ASYNC, ASYNC_GENERATOR, GENERATOR, PLAIN, following, isPromise, kind, kinds, said } = require('./body.js')
const { adopt, context, openHere, nothing } = require('./span.js')
const { end, enter } = require('./write.js')

const { apply, construct } = Reflect

/** A function that does what `fn` does, within a span. */
function wrapped(root, path, fn, options) {
  const of = options.async ? ASYNC : kind(fn)
  const site = root.child(path)
  if (site === null) return fn
  let made
  if (of === GENERATOR || of === ASYNC_GENERATOR) made = generator(root, site, fn, options, of)
  else if (of === PLAIN && site.shared && !site.json) made = plain(root, site, fn, options)
  else made = general(root, site, fn, options, of === ASYNC)
  kinds.set(made, of)
  return like(made, fn)
}

/** The name, length and properties of `fn`, so that who looks at it sees no difference. */
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

/** The way of most calls: markers that are ready, and no span object. */
function plain(root, site, fn, options) {
  const { enterArgs, exitArgs } = options
  site.prepare()
  const write = { enter: site.enterT, exit: site.exitT }
  return function traced() {
    // A twin is open, or a context gives the id: both are rarer, and dearer anyway.
    if (new.target !== undefined || site.busy || context.getStore() !== undefined) {
      const target = new.target === traced ? fn : new.target
      return call(root, site, fn, options, false, this, arguments, target)
    }
    if (enterArgs === undefined) write.enter()
    else if (!enter(site, 't', said(enterArgs, ...arguments))) return apply(fn, this, arguments)
    site.busy = true
    let result
    try {
      result = apply(fn, this, arguments)
    } catch (thrown) {
      adopt(site).fail(thrown)
      throw thrown
    }
    if (typeof result === 'object' && isPromise(result)) return following(result, adopt(site), exitArgs)
    site.busy = false
    if (exitArgs === undefined) write.exit()
    else end(site, 't', said(exitArgs, result))
    return result
  }
}

function general(root, site, fn, options, moves) {
  return function traced() {
    const target = new.target === traced ? fn : new.target
    return call(root, site, fn, options, moves, this, arguments, target)
  }
}

/** Any call: asynchronous, recursive, in a context, or as a constructor (`target`). */
function call(root, site, fn, { enterArgs, exitArgs }, moves, self, args, target) {
  const within = moves || context.getStore() !== undefined
  const span = openHere(root, site, said(enterArgs, ...args), moves)
  let result
  try {
    if (target !== undefined) result = construct(fn, args, target)
    else if (within && span !== nothing) result = context.run(span, apply, fn, self, args)
    else result = apply(fn, self, args)
  } catch (thrown) {
    span.fail(thrown)
    throw thrown
  }
  if (span.live && isPromise(result)) return following(result, span, exitArgs)
  if (span.live) span.end(said(exitArgs, result))
  return result
}

/** The span begins with the first step and ends with the last; it gives its steps no context. */
function generator(root, site, fn, options, of) {
  const steps = of === GENERATOR ? syncSteps : asyncSteps
  return function traced() {
    const begin = () => openHere(root, site, said(options.enterArgs, ...arguments), true)
    const made = steps(apply(fn, this, arguments), begin, options.exitArgs)
    const own = fn.prototype
    return typeof own === 'object' && own !== null ? Object.setPrototypeOf(made, own) : made
  }
}

function* syncSteps(inner, begin, exitArgs) {
  const span = begin()
  try {
    const last = yield* inner
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
    const last = yield* inner
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
