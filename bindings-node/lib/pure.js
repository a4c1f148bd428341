'use strict'
// The backend without the addon: one fs.writeSync per marker.
//
// JavaScript cannot duplicate a descriptor to a number of its choice, so this one keeps the number
// that open(2) gave. If the program closes it behind our back and opens a file of its own, markers
// land there; the addon does not have this weakness.

// Taken now: what replaces functions of `fs` later must not see, or delay, our writes.
const { closeSync, constants, fstatSync, openSync, writeSync } = require('node:fs')

const SEEN = 4096
const NULL_DEVICE = (1 << 8) | 3

const UNOPENED = -1
const NONE = -2
let fd = UNOPENED
/** @type {Buffer[] | null} what was written, for tests */
let kept = null

// In V8's heap or malloc's and just written to, so it is mapped. Each character is at most 3 bytes.
const scratch = Buffer.alloc(SEEN + 4)

/** Opens the device; only the null device will do, and without it we are silent for good. */
function open() {
  fd = NONE
  let got
  try {
    got = openSync('/dev/null', constants.O_WRONLY)
    const stat = fstatSync(got)
    if (stat.isCharacterDevice() && stat.rdev === NULL_DEVICE) fd = got
    else closeSync(got)
  } catch {
    // no device, no markers
  }
}

/** One write of the first `length` bytes; of a marker that is too long, its first 4097. */
function send(bytes, length) {
  if (length > SEEN) length = SEEN + 1
  if (kept !== null) kept.push(Buffer.from(bytes.subarray(0, length)))
  if (fd === UNOPENED) open()
  if (fd === NONE) return
  try {
    writeSync(fd, bytes, 0, length)
  } catch (error) {
    if (error.code !== 'EBADF') return
    open()
    if (fd === NONE) return
    try {
      writeSync(fd, bytes, 0, length)
    } catch {
      // lost
    }
  }
}

function writeText(text) {
  if (text.length <= SEEN / 3) {
    send(scratch, scratch.write(text, 0, 'utf8'))
  } else {
    const bytes = Buffer.from(text.slice(0, SEEN + 2), 'utf8')
    send(bytes, bytes.length)
  }
}

const writeBytes = (bytes) => send(bytes, bytes.length)

const DIGITS = 15
const NUMBER_AT = 2
const numbers = new Float64Array(3)

const LOW = 1e5
const LOW_DIGITS = 5

/** Puts the last digits of a number at the end of its place, of the others only what is asked for. */
function spell(number, to, at, digits) {
  let rest = number
  for (let i = at + digits - 1; i >= at; i--, rest = (rest / 10) | 0) to[i] = 0x30 + (rest % 10)
}

/**
 * The number at one place of a buffer. Most often only its last digits are others than before. What it was is kept
 * in an array: a variable that holds such a number is a new object each time.
 */
function put(highs, which, number, to, at) {
  let low = number - highs[which] * LOW
  if (!(low >= 0 && low < LOW)) {
    const high = Math.floor(number / LOW)
    highs[which] = high
    low = number - high * LOW
    const highest = Math.floor(high / LOW)
    spell(highest, to, at, LOW_DIGITS)
    spell(high - highest * LOW, to, at + LOW_DIGITS, LOW_DIGITS)
  }
  spell(low | 0, to, at + 2 * LOW_DIGITS, LOW_DIGITS)
}

const OWN = 0
const PARENT = 1

/** So many bytes of arguments have room behind a head. */
const ROOM = 600

/**
 * Of `>:a.b:` a function that writes the enter marker `>:N:a.b:P:`, of `<:a.b:` one that writes the exit
 * marker `<:N:a.b::`, where N and P are those of `numbers`. Given the text of arguments it writes them too, or
 * gives false if they are too long.
 */
function numbered(head) {
  const start = Buffer.from(`${head.slice(0, NUMBER_AT)}${'0'.repeat(DIGITS)}:${head.slice(NUMBER_AT)}`, 'utf8')
  const at = start.length
  const bytes = Buffer.alloc(at + DIGITS + 4 + ROOM)
  bytes.set(start)
  const highs = new Float64Array(2)

  /** Puts in the parent; gives where it ends. */
  function parented(named) {
    bytes[at] = 0x5e
    bytes[at + 1] = 0x3d
    if (named > 0) {
      put(highs, PARENT, named, bytes, at + 2)
      return at + 2 + DIGITS
    }
    // What comes takes the place of the digits.
    highs[PARENT] = 0
    return at + 2
  }

  function ended(said, from) {
    let end = from
    if (said !== undefined) {
      if (said.length > ROOM / 3) return false
      if (end > at && said !== '') bytes[end++] = 0x2c
      end += bytes.write(said, end, 'utf8')
      if (from === at) highs[PARENT] = 0
    }
    bytes[end] = 0x3a
    send(bytes, end + 1)
    return true
  }

  if (head[0] === '<') {
    return function exit(said) {
      put(highs, OWN, numbers[0], bytes, NUMBER_AT)
      return ended(said, at)
    }
  }
  return function enter(said) {
    put(highs, OWN, numbers[0], bytes, NUMBER_AT)
    return ended(said, numbers[1] === 0 ? at : parented(numbers[1]))
  }
}

module.exports = {
  implementation: 'pure',
  open: () => process.platform === 'linux',
  numbers,
  numbered,
  numberedWith: null,
  writeText,
  writeBytes,
  capture: () => {
    kept = []
  },
  captured: () => {
    const all = kept ?? []
    kept = null
    return all
  },
  /** @returns {number} the descriptor, for tests; negative if there is none */
  descriptor: () => fd,
}
