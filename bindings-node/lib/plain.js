'use strict'
// The way of most calls of a wrapped function: markers that are ready, and no span object.
//
// It needs nothing but what it is given, because fresh.js evaluates this file anew for each function that
// is wrapped. The engine keeps what it learns about calls per evaluation. One shared by functions with
// arguments for the span and without teaches it that its calls have many targets; then it makes no direct
// ones, and a span costs a fifth more.

/** What the addon takes as it is; what is not text makes it decline. */
const own = (value) => (typeof value === 'number' ? String(value) : value)

/** Lets the addon escape and write the few arguments of most spans; false if it did not. */
function quickly(call, args) {
  if (typeof args !== 'object' || args[Symbol.iterator] !== undefined) return false
  const names = Object.keys(args)
  const a = names[0]
  if (names.length === 1) return call(a, own(args[a])) === undefined
  const b = names[1]
  if (names.length === 2) return call(a, own(args[a]), b, own(args[b])) === undefined
  const c = names[2]
  return names.length === 3 && call(a, own(args[a]), b, own(args[b]), c, own(args[c])) === undefined
}

/**
 * `fn` within a span of `site`. `ways` are those of the rarer calls: as a constructor, within a context,
 * of which a twin is open, that throw, that give a promise.
 */
function plain(fn, site, { enterArgs, exitArgs }, ways) {
  const { apply, context, fail, follow, isPromise, rare, said, spelled } = ways
  const { enterT, enterWith, exitT, exitWith } = site

  function written(dir, call, args) {
    try {
      if (args !== undefined && args !== null && call !== null && quickly(call, args)) return true
      return spelled(dir, site, 't', args)
    } catch {
      return false
    }
  }

  function rarely() {
    return rare(this, arguments, undefined)
  }

  return function traced() {
    if (new.target !== undefined) return rare(this, arguments, new.target === traced ? fn : new.target)
    // By `apply`, here too: arguments that are only passed on are never made an object.
    if (site.busy || context.getStore() !== undefined) return apply(rarely, this, arguments)
    if (enterArgs === undefined) enterT()
    else if (!written('>', enterWith, said(enterArgs, ...arguments))) return apply(fn, this, arguments)
    site.busy = true
    let result
    try {
      result = apply(fn, this, arguments)
    } catch (thrown) {
      fail(thrown)
      throw thrown
    }
    if (typeof result === 'object' && isPromise(result)) return follow(result)
    site.busy = false
    if (exitArgs === undefined) exitT()
    else if (!written('<', exitWith, said(exitArgs, result))) exitT()
    return result
  }
}

module.exports = { plain, quickly }
