'use strict'
// The four files that `/download` sends.

const { randomInt } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

/** How long each is. The last one is sparse: it takes no room. */
const SIZES = [1 << 10, 64 << 10, 1 << 20, 512 << 20]

const file = (dir, number) => path.join(dir, `blob.bin.${number}`)

/** Makes those that are not there: `DIR/blob.bin.1` and so on. */
function make(dir) {
  fs.mkdirSync(dir, { recursive: true })
  SIZES.forEach((size, index) => {
    const fd = fs.openSync(file(dir, index + 1), 'a')
    fs.ftruncateSync(fd, size)
    fs.closeSync(fd)
  })
}

/** The number a request names; any of the four if it names none; `undefined` if there is no such file. */
function choose(query) {
  const named = new URLSearchParams(query).get('file')
  if (named === null) return 1 + randomInt(SIZES.length)
  return /^[1-4]$/.test(named) ? Number(named) : undefined
}

module.exports = { choose, file, make }
