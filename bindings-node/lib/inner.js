'use strict'
// The span of a synchronous call, which has a number but no object, as `current` gives it.

const { within } = require('./context.js')
const { errorName } = require('./error.js')
const { root } = require('./site.js')
const { HAND, Span, openHere } = require('./span.js')

/** It ends with its function, not before. */
class Inner extends Span {
  /** @param bare what stands for it, see context.js */
  constructor(bare) {
    super(null, bare.number, null, null)
    /** @private */ this.bare = bare
  }

  record(name, value) {
    if (this.bare.live) this.bare.recorded.set(name, value)
    return this
  }

  end(args) {
    if (args !== undefined && args !== null) this.record(args)
  }

  fail(thrown) {
    this.record('error', errorName(thrown))
  }

  span(path, args) {
    return openHere(root, path, args, HAND)
  }

  run(fn, ...args) {
    return within(this.bare, undefined, fn, args)
  }

  /** @private */
  get stored() {
    return this.bare
  }
}

module.exports = { Inner }
