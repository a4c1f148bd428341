'use strict'
// Arguments that are set in the middle of a span, for its exit.

const { MAX_ARGS, pairs } = require('./encode.js')

/** A name that is set twice has the last value. */
class Recorded {
  constructor() {
    /** @type {[string | Uint8Array, unknown][]} */
    this.pairs = []
  }

  /** Sets one argument, or all of an object or a list of pairs. */
  set(name, value) {
    try {
      const more = typeof name === 'object' && !(name instanceof Uint8Array) ? pairs(name) : [[name, value]]
      for (const pair of more ?? []) this.put(pair)
    } catch {
      // a getter of the caller's threw
    }
    return this
  }

  /** @private */
  put(pair) {
    const at = this.pairs.findIndex((own) => own[0] === pair[0])
    if (at >= 0) this.pairs[at] = pair
    else if (this.pairs.length < MAX_ARGS) this.pairs.push(pair)
  }

  /** All of them, and these. */
  with(args) {
    return args === undefined || args === null ? this.pairs : this.set(args).pairs
  }

  has(name) {
    return this.pairs.some((own) => own[0] === name)
  }
}

module.exports = { Recorded }
