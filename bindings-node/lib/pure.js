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

/** A function that writes one marker, built once. */
function prepared(text) {
  const bytes = Buffer.from(text.slice(0, SEEN + 2), 'utf8')
  return () => send(bytes, bytes.length)
}

module.exports = {
  implementation: 'pure',
  on: process.platform === 'linux' && process.env.NULLTRACE !== 'off',
  headed: null,
  prepared,
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
