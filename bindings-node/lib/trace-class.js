'use strict'

const backend = require('./backend.js')
const { started, stopped } = require('./context.js')
const ids = require('./ids.js')
const { GUESS } = require('./numbers.js')
const { root } = require('./site.js')
const { enter, exit } = require('./write.js')

/** Start and stop by hand, under one id: the class of tj/node-trace. */
class Trace {
  #own

  constructor(id) {
    this.id = id
    this.#own = backend.on ? ids.parse(id) : null
  }

  start(path, args) {
    if (this.#own === null) return
    const site = root.child(path)
    if (site === null) return
    try {
      if (enter(site, 0, this.#own.text, GUESS, ids.named(this.#own, args))) started()
    } catch {
      // the arguments' own code threw
    }
  }

  stop(path, args) {
    if (this.#own === null) return
    const site = root.child(path)
    if (site !== null && exit(site, 0, this.#own.text, args)) stopped()
  }
}

module.exports = { Trace }
