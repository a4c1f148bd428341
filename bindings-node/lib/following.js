'use strict'
// Spans that last until a promise settles.

const { said } = require('./body.js')

/**
 * What a caller was given in the place of each promise. A function that returns the same promise again gives the same
 * one again, so that both are the same object, and handled once is handled.
 * @type {WeakMap<Promise<unknown>, Followed>}
 */
const all = new WeakMap()

class Followed {
  constructor(promise) {
    /** Those that end with it; null once it is settled. @type {[Span, Function | undefined][] | null} */
    this.waiting = []
    this.rejected = false
    this.outcome = undefined
    // A new one: handling a rejection here would otherwise hide from the program that it was not handled.
    this.given = promise.then(
      (value) => {
        this.settle(false, value)
        return value
      },
      (thrown) => {
        this.settle(true, thrown)
        throw thrown
      },
    )
  }

  settle(rejected, outcome) {
    const { waiting } = this
    this.waiting = null
    this.rejected = rejected
    this.outcome = outcome
    for (const [span, exitArgs] of waiting) this.end(span, exitArgs)
  }

  add(span, exitArgs) {
    if (this.waiting === null) this.end(span, exitArgs)
    else this.waiting.push([span, exitArgs])
  }

  end(span, exitArgs) {
    if (this.rejected) span.fail(this.outcome)
    else span.end(said(exitArgs, this.outcome))
  }
}

/** A promise of the same outcome that ends `span` when it settles. */
function following(promise, span, exitArgs) {
  let one = all.get(promise)
  if (one === undefined) all.set(promise, (one = new Followed(promise)))
  one.add(span, exitArgs)
  return one.given
}

module.exports = { following }
