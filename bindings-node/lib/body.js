'use strict'
// What the body of a span may be, and how a span ends with it.

const { types } = require('node:util')

const ofAsync = Object.getPrototypeOf(async function () {})
const ofGenerator = Object.getPrototypeOf(function* () {})
// Not `Promise.prototype`: some programs put another class in the global's place.
const ofPromise = Object.getPrototypeOf((async () => {})())
const ofAsyncGenerator = Object.getPrototypeOf(async function* () {})

const PLAIN = 0
const ASYNC = 1
const GENERATOR = 2
const ASYNC_GENERATOR = 3

/** @type {WeakMap<Function, number>} our wrappers, which look like plain functions */
const kinds = new WeakMap()

/** What a call of it will return; bound functions are of their target's kind. */
function kind(fn) {
  const wrapped = kinds.get(fn)
  if (wrapped !== undefined) return wrapped
  const of = Object.getPrototypeOf(fn)
  if (of === ofAsync) return ASYNC
  if (of === ofGenerator) return GENERATOR
  if (of === ofAsyncGenerator) return ASYNC_GENERATOR
  return PLAIN
}

/**
 * A promise we may put another in the place of: of the language itself, be it of another `vm` context, and without
 * named properties of its own (async_hooks puts symbols on all). Others (lazy queries, child processes that are
 * promises too) must come through as they are: their `then` may start something, or their class have more than `then`.
 */
function isPromise(value) {
  return typeof value === 'object' && value !== null && types.isPromise(value) && isOwn(Object.getPrototypeOf(value)) && Object.getOwnPropertyNames(value).length === 0
}

/** Whether a promise of that prototype is of the language: those of a class are one step further from the root. */
function isOwn(prototype) {
  if (prototype === ofPromise) return true
  const above = prototype === null ? null : Object.getPrototypeOf(prototype)
  return above !== null && Object.getPrototypeOf(above) === null
}

/** The arguments that a caller's function makes of what it is given; none if it throws. */
function said(make, ...given) {
  if (make === undefined) return undefined
  try {
    return make(...given)
  } catch {
    return undefined
  }
}

module.exports = { ASYNC, ASYNC_GENERATOR, GENERATOR, PLAIN, isPromise, kind, kinds, said }
