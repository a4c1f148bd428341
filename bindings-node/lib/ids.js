'use strict'
// Ids: the text that stands in a marker.

const { pairs } = require('./encode.js')

const SCOPES = new Set(['', 'g', 't', 'p', 'pp'])
const LEAST = -(2n ** 63n)
const GREATEST = 2n ** 63n - 1n

function ofBigInt(value) {
  return value >= LEAST && value <= GREATEST ? String(value) : null
}

/**
 * The number that stands for a text, the same in every process: 52 bits of it, in [2^52, 2^53).
 * Two hashes of 32 and 20 bits, each FNV-1a over the UTF-16 units with its own start, then mixed.
 */
function ofText(words) {
  let low = 0x811c9dc5
  let high = 0x2c1b3c6d
  for (let i = 0; i < words.length; i++) {
    const unit = words.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit ^ (low >>> 15), 0x297a2d39)
  }
  return String(2 ** 52 + (mixed(high) >>> 12) * 2 ** 32 + (mixed(low) >>> 0))
}

/** Spreads every bit of a 32-bit number over all of them. */
function mixed(bits) {
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d)
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b)
  return bits ^ (bits >>> 16)
}

/** A given id as `{ text, name }`: `name` is the words a number stands for. `null`: no id. */
function parse(id) {
  if (id === undefined) return { text: 't', name: null }
  if (typeof id === 'number') {
    const text = Number.isInteger(id) ? ofBigInt(BigInt(id)) : null
    return text === null ? null : { text, name: null }
  }
  if (typeof id === 'bigint') {
    const text = ofBigInt(id)
    return text === null ? null : { text, name: null }
  }
  if (typeof id !== 'string') return null
  if (SCOPES.has(id)) return { text: id, name: null }
  const number = /^-?[0-9]{1,40}$/.test(id) ? ofBigInt(BigInt(id)) : null
  return number === null ? { text: ofText(id), name: id } : { text: number, name: null }
}

/** The arguments of an enter, with the words of its id in front. */
function named(id, args) {
  if (id.name === null) return args
  if (args === undefined || args === null) return { id: id.name }
  // A repeated name keeps both, which an object cannot say.
  const whole = typeof args === 'object' && args[Symbol.iterator] === undefined && !Object.hasOwn(args, 'id')
  return whole ? { id: id.name, ...args } : [['id', id.name], ...(pairs(args) ?? [])]
}

module.exports = { named, parse }
