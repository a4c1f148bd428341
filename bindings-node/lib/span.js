'use strict'
// Open spans, their ids, and the asynchronous context they are opened in.

const { AsyncLocalStorage } = require('node:async_hooks')
const encode = require('./encode.js')
const { errorName } = require('./error.js')
const ids = require('./ids.js')
const { end, enter } = require('./write.js')

/** Holds the span whose function runs; empty outside of all. */
const context = new AsyncLocalStorage()

// `id:path` of the open spans that took their id from a parent. Others need no entry: a unique id
// is of one span only, and `t` has `busy` at the site.
const open = new Set()
// A program that forgets to end its spans must not fill the memory; beyond, ids are fresh.
const MOST_OPEN = 65536

const DISPOSE = Symbol.dispose ?? Symbol.for('nodejs.dispose')
const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')

// What a span gives back at its end: nothing; the site's `busy`; its entry in `open`.
const OWN = 0
const THREAD = 1
const INHERITED = 2

class Span {
  constructor(site, id, hold) {
    /** @private */ this.site = site
    /** @private */ this.idText = id
    /** @private */ this.hold = hold
    /** @private */ this.live = false
    /** @private */ this.recorded = null
  }

  /** Writes its enter; gives `nothing` if that is refused. @private */
  begin(args) {
    if (this.hold === THREAD && this.site.enterT === null) this.site.prepare()
    if (this.hold === THREAD && (args === undefined || args === null)) {
      this.site.enterT()
      this.live = true
    } else {
      this.live = enter(this.site, this.idText, args)
    }
    if (!this.live) return nothing
    if (this.hold === THREAD) this.site.busy = true
    else if (this.hold === INHERITED) open.add(this.idText + ':' + this.site.path)
    return this
  }

  /** As it stands in the markers; `null` if nothing is written. */
  get id() {
    return this.idText
  }

  /** Keeps what the exit will say. */
  record(name, value) {
    if (!this.live) return this
    try {
      const more = typeof name === 'object' ? encode.pairs(name) : [[name, value]]
      for (const pair of more ?? []) {
        this.recorded ??= []
        if (this.recorded.length < encode.MAX_ARGS) this.recorded.push(pair)
      }
    } catch {
      // a getter of the caller's threw
    }
    return this
  }

  /** Ends it; what is ended stays ended. */
  end(args) {
    if (!this.live) return
    this.live = false
    if (args !== undefined && this.recorded !== null) {
      this.live = true
      this.record(args)
      this.live = false
    }
    const said = this.recorded ?? args
    if (this.hold === THREAD) {
      this.site.busy = false
      if (said === undefined || said === null) return this.site.exitT()
    } else if (this.hold === INHERITED) {
      open.delete(this.idText + ':' + this.site.path)
    }
    end(this.site, this.idText, said)
  }

  /** Ends it with the name of what was thrown. */
  fail(thrown) {
    this.end({ error: errorName(thrown) })
  }

  /** A child by name: this id, these tags and its own. */
  span(path, args) {
    return openUnder(this, path, args)
  }

  /** Calls `fn` so that what it opens, now or later, lies under this span. */
  run(fn, ...args) {
    return this.site === null ? fn(...args) : context.run(this, fn, ...args)
  }

  [DISPOSE]() {
    this.end()
  }

  async [ASYNC_DISPOSE]() {
    this.end()
  }
}

/** What is returned for a refused path, or when off: does nothing. */
const nothing = Object.freeze(new Span(null, null, OWN))

/** Takes the parent's id, unless a span with that id and path is open: their ends would be mixed. */
function openUnder(parent, path, args) {
  if (parent.site === null) return nothing
  const site = parent.site.child(path)
  if (site === null) return nothing
  return below(parent, site, args)
}

function below(parent, site, args) {
  const id = parent.idText
  if (id === 't') return atTop(site, args, false)
  if (site.path === null || open.size >= MOST_OPEN || open.has(id + ':' + site.path)) return new Span(site, ids.unique(), OWN).begin(args)
  return new Span(site, id, INHERITED).begin(args)
}

/** A span of no context: `t` while it is the only one of its path, else, or if it may interleave, unique. */
function atTop(site, args, moves) {
  if (moves || site.busy || !site.shared) return new Span(site, ids.unique(), OWN).begin(args)
  return new Span(site, 't', THREAD).begin(args)
}

/** Opens `path` where the caller is. `moves`: it will be open across an await. */
function openHere(root, path, args, moves) {
  const parent = context.getStore()
  if (parent !== undefined) {
    const site = parent.site.child(root.tags.length === 0 ? path : root.child(path))
    return site === null ? nothing : moves && parent.idText === 't' ? atTop(site, args, true) : below(parent, site, args)
  }
  const site = root.child(path)
  return site === null ? nothing : atTop(site, args, moves)
}

/** Opens `path` with an id that the caller chose; context is passed over. */
function openWith(root, path, args, id) {
  const site = root.child(path)
  const own = ids.parse(id)
  return site === null || own === null ? nothing : new Span(site, own.text, OWN).begin(ids.named(own, args))
}

/** The span of a path whose enter of id `t` was written already. */
function adopt(site) {
  const span = new Span(site, 't', THREAD)
  span.live = true
  return span
}

module.exports = { Span, adopt, context, nothing, openHere, openWith }
