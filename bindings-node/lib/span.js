'use strict'
// Open spans, their numbers, and the spans they are opened in.

const { handsCount, here, last, numberOf, parentOf, popHand, pushHand, state, unwatch, within } = require('./context.js')
const { errorName } = require('./error.js')
const ids = require('./ids.js')
const { GUESS, ROOT, isUnique, numbers, textOf, unique } = require('./numbers.js')
const { Recorded } = require('./recorded.js')
const { end, enter } = require('./write.js')

// `id:path` of the open spans whose id the caller chose, or that took theirs from one of those. Others
// need no entry: a unique number is of one span only.
const open = new Set()
// A program that forgets to end its spans must not fill the memory; beyond, ids are fresh.
const MOST_OPEN = 65536

const DISPOSE = Symbol.dispose ?? Symbol.for('nodejs.dispose')
const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')

// How a span came to be, and so what it is to others.
/** Around one synchronous call. */
const PLAIN = 0
/** Of what goes on after its call. */
const ASYNC = 1
/** By hand. */
const HAND = 2
/** Around the steps of a generator. */
const STEPS = 3

/** Counted in `state.floating`. */
const FLOATS = 1
/** In `state.hand`. */
const OF_HAND = 2
/** In `open`. */
const KEPT = 4
/** Something stood for it before it had an object. */
const SHADOW = 8

class Span {
  constructor(site, number, id, base) {
    /** @private */ this.site = site
    /** Of its own; 0 if it cannot be named as a parent. @private */ this.number = number
    /** The id, where it is not that number of ours. @private */ this.idText = id
    /** Before the tags of what is opened in it; null: nothing. @private */ this.base = base
    /** The open span it was opened in. @private */ this.parent = null
    /** @private */ this.live = false
    /** What else is to be done at its end, of the four below. @private */ this.ties = 0
    /** @private */ this.recorded = null
    // For the time of its call, see context.js.
    /** @private */ this.outer = ROOT
    /** @private */ this.way = 0
  }

  /** Writes its enter; gives `nothing` if that is refused. @private */
  begin(parent, args) {
    this.live = enter(this.site, this.number, this.idText, parent, args)
    return this.live ? this : nothing
  }

  /** From now on others may run while it is open. @private */
  float() {
    if (!this.live) return this
    this.ties |= FLOATS
    state.floating++
    return this
  }

  /** As it stands in the markers; `null` if nothing is written. */
  get id() {
    return this.idText ?? (this.number === 0 ? null : textOf(this.number))
  }

  /** Keeps what the exit will say. */
  record(name, value) {
    if (this.live) (this.recorded ??= new Recorded()).set(name, value)
    return this
  }

  /** Ends it; what is ended stays ended. */
  end(args) {
    if (!this.live) return
    const all = this.recorded === null ? args : this.recorded.with(args)
    this.live = false
    if (this.ties !== 0) this.untie()
    // in the middle of its body
    if (numbers[1] === this.number) numbers[1] = this.outer
    if (all === undefined && this.idText === null && this.site.prepared) {
      numbers[0] = this.number
      return this.site.exit()
    }
    end(this.site, this.number, this.idText, all)
  }

  /** @private */
  untie() {
    if (this.ties & FLOATS) state.floating--
    if (this.ties & OF_HAND) popHand()
    if (this.ties & KEPT) open.delete(this.kept)
    if (this.ties & SHADOW) this.shadow.live = false
  }

  /** Ends it with the name of what was thrown, unless the program set an `error` itself. */
  fail(thrown) {
    this.end(this.recorded?.has('error') ? undefined : { error: errorName(thrown) })
  }

  /** A child by name: these tags and its own. */
  span(path, args) {
    if (this.site === null || state.off) return nothing
    const site = this.site.child(path)
    if (site === null) return nothing
    let open = this
    while (open !== null && !open.live) open = open.parent
    const span = below(this, site, site, numberOf(open), args)
    const around = here()
    const nests = handsCount(around) && ((this.ties & OF_HAND) !== 0 || this.number === numberOf(around))
    return nests && span.live ? hand(span, around) : span.float()
  }

  /** What AsyncLocalStorage is to carry for it. @private */
  get stored() {
    return this.site === null ? undefined : this
  }

  /** Calls `fn` so that what it opens, now or later, lies in this span. */
  run(fn, ...args) {
    return this.site === null ? fn(...args) : within(this, undefined, fn, args)
  }

  [DISPOSE]() {
    this.end()
  }

  async [ASYNC_DISPOSE]() {
    this.end()
  }
}

/** What is returned for a refused path, or when off: does nothing. */
const nothing = Object.freeze(new Span(null, 0, null, null))

/** A span in `around`; `parent` as `parentOf` says it. */
function below(around, site, base, parent, args) {
  // An id that cannot be named is taken over: by that, and by the tags, a collector finds the parent.
  const id = around.number === 0 ? around.idText : null
  if (id !== null && site.path !== null && around.live) {
    const key = id + ':' + site.path
    if (open.size < MOST_OPEN && !open.has(key)) {
      const span = new Span(site, 0, id, base)
      span.parent = around
      return keep(span, key, GUESS, args)
    }
  }
  const span = new Span(site, unique(), null, base)
  span.parent = around.live ? around : null
  return span.begin(parent, args)
}

/** Begins a span whose id is not unique. */
function keep(span, key, parent, args) {
  if (span.begin(parent, args) === nothing) return nothing
  if (open.size < MOST_OPEN && !open.has(key)) {
    open.add((span.kept = key))
    span.ties |= KEPT
  }
  return span
}

/** Opens `path` where the caller is. */
function openHere(root, path, args, how) {
  if (state.off) return nothing
  const around = here()
  const base = around === null ? null : around.base
  const site = base === null ? root.child(path) : base.child(root.tags.length === 0 ? path : root.child(path))
  if (site === null) return nothing
  const own = how === ASYNC || how === HAND || (how === PLAIN && base !== null) ? site : base
  if (around !== null) {
    const span = below(around, site, own, parentOf(around), args)
    if (how === PLAIN) return span
    if (how === HAND && handsCount(around) && span !== nothing) return hand(span, around)
    return span.float()
  }
  const span = new Span(site, unique(), null, own).begin(parentOf(null), args)
  if (span === nothing || how === PLAIN) return span
  return how === HAND ? hand(span, null) : span.float()
}

function hand(span, around) {
  pushHand(span, around)
  span.ties |= OF_HAND
  return span
}

/** Opens `path` with an id that the caller chose; context is passed over. */
function openWith(root, path, args, id) {
  if (state.off) return nothing
  const site = root.child(path)
  const own = ids.parse(id)
  if (site === null || own === null) return nothing
  const span = new Span(site, isUnique(own.text) ? Number(own.text) : 0, own.text, site)
  return keep(span, own.text + ':' + site.path, GUESS, ids.named(own, args)).float()
}

/** The call of a span is over, but the span is not. */
function stay(span) {
  last()
  const shadow = unwatch(span.number, true)
  if (shadow !== undefined) {
    if (span.recorded !== null) shadow.recorded.set(span.recorded.pairs)
    span.recorded = shadow.recorded
    span.shadow = shadow
    span.ties |= SHADOW
  }
  return span.ties & FLOATS ? span : span.float()
}

/** The span of a number whose enter was written already. */
function adopt(site, number) {
  const span = new Span(site, number, null, null)
  span.live = true
  return span
}

module.exports = { ASYNC, HAND, PLAIN, STEPS, Span, adopt, nothing, openHere, openWith, stay }
