'use strict'

const { ASYNC, ASYNC_GENERATOR, GENERATOR, PLAIN, following, isPromise, kind, kinds, said } = require('./body.js')
const { fresh } = require('./fresh.js')
const { adopt, context, openHere, nothing } = require('./span.js')
const { spelled } = require('./write.js')

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

/** The way of most calls, see plain.js, with those that are rarer. */
function plain(root, site, fn, options) {
  site.prepare()
  return fresh()(fn, site, options, {
    apply,
    context,
    fail: (thrown) => adopt(site).fail(thrown),
    follow: (promise) => following(promise, adopt(site), options.exitArgs),
    isPromise,
    rare: (self, args, target) => call(root, site, fn, options, false, self, args, target),
    said,
    spelled,
  })
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
