'use strict'
// `wrap` as a decorator: that of the language, and the one of TypeScript's `experimentalDecorators`.

const OPTIONS = ['enterArgs', 'exitArgs', 'async']

const isObject = (value) => typeof value === 'object' && value !== null

/** The options of `wrap`, and not something else that is given in their place. */
const isOptions = (value) => isObject(value) && !Array.isArray(value) && OPTIONS.some((name) => name in value)

const isContext = (value) => isObject(value) && typeof value.kind === 'string' && 'name' in value

const isKey = (value) => typeof value === 'string' || typeof value === 'symbol'

/** The path of what has no other: the name, as one tag. */
const named = (name) => [(typeof name === 'symbol' ? name.description : String(name)) || 'anonymous']

const functionsOf = (of, change) => (value) => (typeof value === 'function' ? change(of(value), value) : value)

/** What takes the place of `value`; `wrapOne(path, fn)` wraps a function. */
function standard(wrapOne, path, value, { kind, name }) {
  const wrapped = functionsOf((fn) => path ?? named(kind === 'class' ? fn.name : name), wrapOne)
  if (kind === 'field') return wrapped
  if (kind === 'accessor') return { get: wrapped(value.get), set: wrapped(value.set) }
  return wrapped(value)
}

/** The descriptor that takes the place of this one; nothing for a field, which has none. */
function legacy(wrapOne, path, key, descriptor) {
  if (!isObject(descriptor)) return undefined
  const wrapped = functionsOf(() => path ?? named(key), wrapOne)
  const made = { ...descriptor }
  for (const part of ['value', 'get', 'set']) if (part in made) made[part] = wrapped(made[part])
  return made
}

/** In the place of what a decorator gives: it was not called as one. */
const MISSING = Symbol('missing')

/** What a call as a decorator gives, or `MISSING`. */
function decorated(wrapOne, path, [value, second, third]) {
  if (isContext(second)) return standard(wrapOne, path, value, second)
  if (isKey(second) && (isObject(value) || typeof value === 'function')) return legacy(wrapOne, path, second, third)
  return MISSING
}

/** `@wrap('path')` and the like: the decorator. By itself, and as a class decorator of TypeScript, it takes a function. */
function decorator(wrapOne, path) {
  return (...given) => {
    const got = decorated(wrapOne, path, given)
    return got === MISSING ? functionsOf((fn) => path ?? named(fn.name), wrapOne)(given[0]) : got
  }
}

module.exports = { MISSING, decorated, decorator, isOptions, named }
