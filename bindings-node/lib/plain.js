'use strict'
// The wrapper of functions that are called and return: markers that are ready, and no span object for most calls.

/**
 * Makes what this file exports. It uses nothing from outside but its arguments, because fresh.js evaluates it
 * again for each path. The engine keeps what it learns about calls per evaluation. One shared by functions with
 * arguments for the span and without teaches it that its calls have many targets; then it makes no direct
 * ones, and a span costs a fifth more.
 */
function make() {
  'use strict'

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

  /** The arguments of `aside`. */
  const given = [undefined, undefined]

  /**
   * Calls what is rare. The engine must not put that into `traced`, whose frame would have room for all of it. It
   * does not where it did not see how the list of arguments was made.
   */
  function aside(call, one, two) {
    given[0] = one
    given[1] = two
    return Reflect.apply(call, undefined, given)
  }

  /**
   * `fn` within a span of `site`. `ways` are those of the rarer calls: as a constructor, with a span object,
   * that throw, that give a promise.
   */
  function plain(fn, site, { enterArgs, exitArgs }, ways) {
    const { FIRST, LAST, apply, calls, construct, end, fail, failed, follow, isConstructor, isPromise, left, numbers, open, said, spelled, state } = ways
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

    /** Opens the span: its place in `calls`; 0 if there is none; less for a span object, see `open` in wrap.js. */
    function begin() {
      if (state.slow !== 0 || trials !== 0) return state.off ? 0 : aside(slowly, undefined)
      numbers[0] = numbers[2] = numbers[2] < LAST ? numbers[2] + 1 : FIRST
      enter()
      return calls.push()
    }

    /** The same with arguments of the span. */
    function beginWith(args) {
      if (state.slow !== 0 || trials !== 0) return state.off ? 0 : aside(slowly, args)
      numbers[0] = numbers[2] = numbers[2] < LAST ? numbers[2] + 1 : FIRST
      return written('>', enterWith, args) ? calls.push() : 0
    }

    /** With a span object: in a context, or where there may be one. */
    function slowly(args) {
      const trial = trials > 0
      if (trial) trials--
      return open(args, trial)
    }

    function ended(at, result) {
      if (at <= 0 || state.slow !== 0) return at === 0 ? result : aside(endedSlowly, at, result)
      calls.pop(at)
      if (typeof result === 'object' && isPromise(result)) return follow(numbers[0], result)
      if (exitArgs === undefined) exit()
      else endedWith(numbers[0], said(exitArgs, result))
      return result
    }

    function endedSlowly(at, result) {
      if (at < 0) return end(at, result)
      calls.pop(at)
      const number = numbers[0]
      if (isPromise(result)) return follow(number, result)
      const recorded = left(number)
      const made = said(exitArgs, result)
      endedWith(number, recorded === null ? made : recorded.with(made))
      return result
    }

    function endedWith(number, args) {
      numbers[0] = number
      if (written('<', exitWith, args)) return
      numbers[0] = number
      exit()
    }

    function threw(at, thrown) {
      if (at > 0) {
        calls.pop(at)
        failed(numbers[0], thrown)
      } else if (at < 0) {
        fail(at, thrown)
      }
      return thrown
    }

    // A recursion as deep as without it needs a small frame: few variables in the two below, and no other function of
    // ours between the caller and `fn`. The engine puts them into their callers if they are short. By `apply` and
    // `...arguments`, everywhere: arguments that are only passed on are never made an object.

    function constructible() {
      if (new.target !== undefined) return construct(arguments, new.target === constructible ? fn : new.target)
      const at = enterArgs === undefined ? begin() : beginWith(state.off ? undefined : said(enterArgs, ...arguments))
      let result
      try {
        result = apply(fn, this, arguments)
      } catch (thrown) {
        throw threw(at, thrown)
      }
      return ended(at, result)
    }

    const { traced } = {
      // A method is no constructor, as `fn` is none.
      traced() {
        const at = enterArgs === undefined ? begin() : beginWith(state.off ? undefined : said(enterArgs, ...arguments))
        let result
        try {
          result = apply(fn, this, arguments)
        } catch (thrown) {
          throw threw(at, thrown)
        }
        return ended(at, result)
      },
    }

    return isConstructor(fn) ? constructible : traced
  }

  return { plain, quickly }
}

module.exports = { make, ...make() }
