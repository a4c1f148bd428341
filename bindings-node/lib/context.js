'use strict'
// Which span is current: what a span that is opened now names as its parent.
//
// There are two places. Synchronous code needs but a number, `numbers[1]`, that is set for the time of a call.
// What is to live on across an `await` is kept by AsyncLocalStorage, as a span. In Node 20 that costs every
// promise of the program, so it is off until a span needs it, and from then on for good: then each span is in
// there. What is in there goes before the number.

const { AsyncLocalStorage, executionAsyncId } = require('node:async_hooks')
const backend = require('./backend.js')
const { GUESS, ROOT, numbers } = require('./numbers.js')
const { Recorded } = require('./recorded.js')

const context = new AsyncLocalStorage()

// A program that forgets to end its spans must not fill the memory.
const DEEPEST = 1000

const state = {
  /** No spans are begun; those that are open end as they would. */
  off: false,
  /** Why spans cannot take the shortest way, each reason counted. */
  slow: 0,
  /** AsyncLocalStorage is on for good. */
  lasting: false,
  /** Calls under way for which it is on, and those in them. */
  trials: 0,
  /** Open spans that code may run beside, not inside of. */
  floating: 0,
  /** Spans that were started and not stopped by hand, by `Trace`. */
  started: 0,
  /** The last span opened by hand, while it may be a parent. */
  hand: null,
}

/** @type {Map<number, Bare>} by number, spans of the synchronous code that what runs later may name */
const watched = new Map()

/** Whether spans are begun. They never are where markers cannot be written. */
function setEnabled(on) {
  const off = !on || !backend.open()
  if (off === state.off) return
  state.off = off
  state.slow += off ? 1 : -1
}

setEnabled(!backend.startsOff)

/** The span that AsyncLocalStorage carries, or what is open of those around it; null if there is none. */
function here() {
  if (!state.lasting && state.trials === 0) return null
  let span = context.getStore()
  while (span !== undefined && span !== null && !span.live) span = span.parent
  return span ?? null
}

/** The number of the innermost numbered span of `around`; else that of the synchronous code; else ROOT. */
function numberOf(around) {
  for (let span = around; span !== null; span = span.parent) if (span.live && span.number > 0) return span.number
  return numbers[1]
}

/** What is opened by hand has no body; it is around what follows only where none can run beside it. */
const handsCount = (around) => around === null || around.base === null

/** What a span that is opened within `around` says of its parent: a number, ROOT, or GUESS. */
function parentOf(around) {
  const number = numberOf(around)
  if (state.hand !== null && handsCount(around)) {
    const now = executionAsyncId()
    for (let hand = state.hand; hand !== null; hand = hand.beneath) {
      if (hand.span.live && hand.within === number && hand.stretch === now) return hand.span.number
    }
  }
  if (number > 0) return number
  // What `Trace` starts cannot be named. Where nothing runs beside it, the collector finds it.
  return state.started > 0 && state.floating === 0 ? GUESS : ROOT
}

/** A span that cannot be named was opened. */
function started() {
  if (state.started++ === 0) state.slow++
}

/** One was closed, if it was opened here. */
function stopped() {
  if (state.started > 0 && --state.started === 0) state.slow--
}

/** A span that was opened by hand, and where that was. */
class Hand {
  constructor(span, within, stretch, beneath) {
    this.span = span
    this.within = within
    /** The callback it was opened in. */
    this.stretch = stretch
    this.beneath = beneath
    this.depth = beneath === null ? 0 : beneath.depth + 1
  }
}

/** Keeps a span that was opened by hand in `around`. */
function pushHand(span, around) {
  const stretch = executionAsyncId()
  const { hand } = state
  const beneath = hand !== null && hand.stretch === stretch && hand.depth < DEEPEST ? hand : null
  state.hand = new Hand(span, numberOf(around), stretch, beneath)
  state.slow++
}

/** Ends that. */
function popHand() {
  state.slow--
  while (state.hand !== null && !state.hand.span.live) state.hand = state.hand.beneath
}

/** What stands for a span of the synchronous code in AsyncLocalStorage, and for `current`. */
class Bare {
  constructor(number) {
    this.number = number
    this.idText = null
    this.site = null
    this.live = true
    this.parent = null
    this.base = null
    /** Of the span itself too, should it get an object. */
    this.recorded = new Recorded()
  }
}

/** That of the span of that number. Its end is no longer on the shortest way. */
function watch(number) {
  let bare = watched.get(number)
  if (bare === undefined) {
    watched.set(number, (bare = new Bare(number)))
    state.slow++
  }
  return bare
}

/** Turns AsyncLocalStorage on for good. */
function last() {
  if (state.lasting) return
  state.lasting = true
  state.slow++
  if (numbers[1] > 0 && context.getStore() === undefined) context.enterWith(watch(numbers[1]))
}

/** The call of the span of that number is over, and so is the span, if it does not go on. Gives what stood for it. */
function unwatch(number, goes) {
  const bare = watched.get(number)
  if (bare === undefined) return undefined
  watched.delete(number)
  state.slow--
  // `last` may have put it there.
  if (context.getStore() === bare) context.enterWith(undefined)
  bare.live = goes
  return bare
}

/** It is not the current one. */
const OUT = 0
/** By its number. */
const QUIET = 1
/** By AsyncLocalStorage. */
const STORED = 2
/** By that, and afterwards it may be off again. */
const TRIED = 3

/**
 * Makes `span` the current one until `leave`, which is to be called even if this throws: any call does where
 * the stack is full. `moves`: what it opens may run later. `trial`: it might.
 */
function enter(span, moves, trial) {
  if (moves) last()
  if (state.lasting || trial || state.trials > 0) {
    span.around = context.getStore()
    if (state.lasting) {
      span.way = STORED
    } else {
      span.way = TRIED
      state.trials++
      state.slow++
    }
    context.enterWith(span)
  } else {
    span.way = QUIET
    span.outer = numbers[1]
    numbers[1] = span.number
  }
}

/** The call is over. `stays`: the span is not, and `stay` of span.js is called next. */
function leave(span, stays) {
  const { way } = span
  span.way = OUT
  if (way === QUIET) numbers[1] = span.outer
  if (way === TRIED) {
    state.slow--
    state.trials--
  }
  if (stays) last()
  if (way === STORED || way === TRIED) {
    // Below may be calls that began before all were stored.
    context.enterWith(state.lasting && span.around === undefined && numbers[1] > 0 ? watch(numbers[1]) : span.around)
    span.around = null
    if (!state.lasting && state.trials === 0) context.disable()
  } else if (way === QUIET && !stays && state.slow !== 0) {
    const bare = unwatch(span.number, false)
    if (bare !== undefined) span.record(bare.recorded.pairs)
  }
}

/** What `bind` keeps: the span of this moment. */
function held() {
  last()
  const stored = context.getStore()
  if (stored !== undefined) return stored
  return numbers[1] > 0 ? watch(numbers[1]) : undefined
}

/** Calls `fn` with `span`, or none, as the current one. */
function within(span, self, fn, args) {
  last()
  const before = context.getStore()
  const number = numbers[1]
  context.enterWith(span)
  numbers[1] = ROOT
  try {
    return Reflect.apply(fn, self, args)
  } finally {
    numbers[1] = number
    context.enterWith(before)
  }
}

module.exports = { context, enter, handsCount, held, here, last, leave, numberOf, parentOf, popHand, pushHand, setEnabled, started, state, stopped, unwatch, watch, within }
