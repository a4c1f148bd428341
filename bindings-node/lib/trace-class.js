'use strict'

const { started, state, stopped } = require('./context.js')
const ids = require('./ids.js')
const { GUESS } = require('./numbers.js')
const { root } = require('./site.js')
const { enter, exit } = require('./write.js')

// A program that starts and never stops must not fill the memory.
const MOST_SKIPPED = 1000

/** Start and stop by hand, under one id: the class of tj/node-trace. */
class Trace {
  #own
  /** Paths that were started while off: they are not to be stopped later either. */
  #skipped = []

  constructor(id) {
    this.id = id
    this.#own = ids.parse(id)
  }

  start(path, args) {
    if (state.off) {
      if (this.#skipped.length < MOST_SKIPPED) this.#skipped.push(path)
      return
    }
    const own = this.#own
    const site = own === null ? null : root.child(path)
    if (site === null) return
    try {
      if (enter(site, 0, own.text, GUESS, ids.named(own, args))) started()
    } catch {
      // the arguments' own code threw
    }
  }

  stop(path, args) {
    if (this.#skipped.length !== 0 && this.#wasSkipped(path)) return
    // What was started before it was switched off, is stopped.
    if (state.off && state.started === 0) return
    const own = this.#own
    const site = own === null ? null : root.child(path)
    if (site !== null && exit(site, 0, own.text, args)) stopped()
  }

  /** Whether a start of this path was skipped, which is taken out. */
  #wasSkipped(path) {
    const all = this.#skipped
    let at = all.length - 1
    while (at >= 0 && all[at] !== path && String(all[at]) !== String(path)) at--
    if (at < 0) return false
    if (at === all.length - 1) all.pop()
    else all.splice(at, 1)
    return true
  }
}

module.exports = { Trace }
