'use strict'
// Unique numbers: in (2^32, 2^48), above every thread id, below those that stand for a text, and exact as a
// Number. All have fifteen digits, which the backends count on.

const { randomBytes } = require('node:crypto')
const { numbers } = require('./backend.js')

const FIRST = 10 ** 14
const LAST = 2 ** 48 - 1

/** In the place of a parent's number: it has none. */
const ROOT = -1
/** In the place of a parent's number: the marker does not say. */
const GUESS = 0

// [0]: of the span whose marker is written next. [1]: its parent's, and so that of the span whose function
// runs. [2]: the last that was given out; the random start keeps processes and workers apart.
numbers[1] = ROOT
numbers[2] = FIRST + (randomBytes(6).readUIntBE(0, 6) % (LAST - FIRST + 1))

/** A number that no other span has had. */
function unique() {
  const next = numbers[2] + 1
  return (numbers[2] = next > LAST ? FIRST : next)
}

const LOW = 1e6
/** @type {string[] | null} of three digits each */
let threes = null
// Of the number that was spelled last, all but the last six digits.
const high = new Float64Array(1)
let highText = ''

/** A unique number as text. The engine's own way takes longer than the write. */
function textOf(number) {
  threes ??= Array.from({ length: 1000 }, (_, i) => String(1000 + i).slice(1))
  let low = number - high[0] * LOW
  if (!(low >= 0 && low < LOW)) {
    high[0] = Math.floor(number / LOW)
    highText = String(high[0])
    low = number - high[0] * LOW
  }
  return highText + threes[(low / 1000) | 0] + threes[low % 1000]
}

/** Whether a span of this id, which is text, may be named as a parent. */
function isUnique(id) {
  return /^[0-9]{10,15}$/.test(id) && Number(id) > 2 ** 32 && Number(id) < 2 ** 48
}

module.exports = { FIRST, GUESS, LAST, ROOT, isUnique, numbers, textOf, unique }
