'use strict'
// The way of most calls of a wrapped function: markers that are ready, and no span object.
//
// It needs nothing but what it is given, because fresh.js evaluates this file again for each function that
// is wrapped. The engine keeps what it learns about calls per evaluation. One shared by functions with
// arguments for the span and without teaches it that its calls have many targets; then it makes no direct
// ones, and a span costs a fifth more.

/** What the addon takes as it is; what is not text makes it decline. */
const own = (value) => (typeof value === 'number' ? String(value) : value)

/**
 * Lets the addon escape and write the few arguments of most spans; false if it did not. The `numbers` are
 * those of now: getters of the caller's may open spans.
 */
function quickly(numbers, call, args) {
  if (typeof args !== 'object' || args[Symbol.iterator] !== undefined) return false
  const number = numbers[0]
  const parent = numbers[1]
  const names = Object.keys(args)
  const a = names[0]
  if (names.length !== 1) return several(numbers, number, parent, call, args, names)
  const x = own(args[a])
  numbers[0] = number
  numbers[1] = parent
  return call(a, x) === undefined
}

function several(numbers, number, parent, call, args, names) {
  const [a, b, c] = names
  if (names.length < 2 || names.length > 3) return false
  const x = own(args[a])
  const y = own(args[b])
  const z = names.length === 3 ? own(args[c]) : undefined
  numbers[0] = number
  numbers[1] = parent
  return (names.length === 2 ? call(a, x, b, y) : call(a, x, b, y, c, z)) === undefined
}

/**
 * `fn` within a span of `site`. `ways` are those of the rarer calls: as a constructor, with a span object,
 * that throw, that give a promise.
 */
function plain(fn, site, { enterArgs, exitArgs }, ways) {
  const { FIRST, LAST, apply, begin, construct, fail, failed, follow, enterContext, isPromise, left, numbers, returned, said, spelled, state } = ways
  const { enter, enterWith, exit, exitWith } = site
  let { trials } = ways

  // Numbers are passed in `numbers`: as an argument the engine would make an object of each.
  function written(dir, call, args) {
    try {
      if (args !== undefined && args !== null && call !== null && quickly(numbers, call, args)) return true
      return spelled(dir, site, numbers[0], numbers[1], args)
    } catch {
      return false
    }
  }

  function ended(number, result) {
    const args = said(exitArgs, result)
    numbers[0] = number
    if (written('<', exitWith, args)) return
    numbers[0] = number
    exit()
  }

  /** With a span object: in a context, or where there may be one. */
  function slowly() {
    const span = begin(enterArgs === undefined ? undefined : said(enterArgs, ...arguments))
    if (span === null) return apply(fn, this, arguments)
    const trial = trials !== 0
    if (trial) trials--
    let result
    try {
      enterContext(span, false, trial)
      result = apply(fn, this, arguments)
    } catch (thrown) {
      failed(span, thrown)
      throw thrown
    }
    return returned(span, result)
  }

  return function traced() {
    // The engine puts this function into its callers if it is short: what is rare stands elsewhere. By `apply`,
    // everywhere: arguments that are only passed on are never made an object.
    if (new.target !== undefined) return construct(arguments, new.target === traced ? fn : new.target)
    if (state.slow !== 0 || trials !== 0) return apply(slowly, this, arguments)
    const args = enterArgs === undefined ? undefined : said(enterArgs, ...arguments)
    const outer = numbers[1]
    let number = numbers[2] + 1
    if (number > LAST) number = FIRST
    numbers[2] = number
    numbers[0] = number
    if (enterArgs === undefined) enter()
    else if (!written('>', enterWith, args)) return apply(fn, this, arguments)
    numbers[1] = number
    let result
    try {
      result = apply(fn, this, arguments)
    } catch (thrown) {
      numbers[1] = outer
      fail(number, thrown)
      throw thrown
    }
    numbers[1] = outer
    if (typeof result === 'object' && isPromise(result)) return follow(number, result)
    if (state.slow !== 0) left(number)
    numbers[0] = number
    if (exitArgs === undefined) exit()
    else ended(number, result)
    return result
  }
}

module.exports = { plain, quickly }
