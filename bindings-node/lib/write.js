'use strict'
// From a site, a span and arguments to one write.

const backend = require('./backend.js')
const encode = require('./encode.js')
const { FIRST, GUESS, ROOT, numbers, textOf } = require('./numbers.js')
const { quickly } = require('./plain.js')

const ENTER = '>'
const EXIT = '<'

/** What stands behind `^=`. */
const spelledParent = (parent) => (parent === GUESS ? undefined : parent === ROOT ? '' : textOf(parent))

/** Writes a marker whose text is put together here; false if it is refused. `of`: a number of ours, or an id. */
function spelled(dir, site, of, parent, args) {
  if (backend.numberedWith === null && typeof of === 'number' && site.prepared && !(parent > 0 && parent < FIRST)) {
    const said = encode.quick(dir, undefined, args)
    if (said !== null && appended(dir, site, of, parent, said)) return true
  }
  const id = typeof of === 'number' ? textOf(of) : of
  const named = dir === ENTER ? spelledParent(parent) : undefined
  const said = site.path === null || site.json ? null : encode.quick(dir, named, args)
  if (said !== null) {
    backend.writeText(dir + ':' + id + ':' + site.path + ':' + said + ':')
    return true
  }
  const marker = encode.marker(dir, id, site.tags, args, named)
  if (marker === null) return false
  if (typeof marker === 'string') backend.writeText(marker)
  else backend.writeBytes(marker)
  return true
}

/** Writes a marker of a span that has a number of ours. */
function counted(dir, site, number, parent, args) {
  // A parent that a caller numbered may have fewer digits.
  if (!site.prepared || (parent > 0 && parent < FIRST)) return spelled(dir, site, number, parent, args)
  if (args === undefined || args === null) {
    numbers[0] = number
    if (dir === EXIT) {
      site.exit()
    } else {
      const before = numbers[1]
      numbers[1] = parent
      // It may throw where the stack is full.
      try {
        site.enter()
      } finally {
        numbers[1] = before
      }
    }
    return true
  }
  const call = dir === EXIT ? site.exitWith : site.enterWith
  return (call !== null && withFew(call, number, parent, args)) || spelled(dir, site, number, parent, args)
}

/** Few arguments, by the addon; false if it left them. */
function withFew(call, number, parent, args) {
  const before = numbers[1]
  numbers[0] = number
  numbers[1] = parent
  try {
    return quickly(numbers, call, args)
  } finally {
    numbers[1] = before
  }
}

/** The same with the text of arguments, by the backend that has a way for it; false if they are too long. */
function appended(dir, site, number, parent, said) {
  const before = numbers[1]
  numbers[0] = number
  numbers[1] = parent
  try {
    return dir === EXIT ? site.exit(said) : site.enter(said)
  } finally {
    numbers[1] = before
  }
}

/** Writes an enter; false if it is refused, or its arguments threw: nothing was written then. */
function enter(site, number, id, parent, args) {
  try {
    return id === null ? counted(ENTER, site, number, parent, args) : spelled(ENTER, site, id, parent, args)
  } catch {
    return false
  }
}

/** Writes an exit; false as in `enter`. */
function exit(site, number, id, args) {
  try {
    return id === null ? counted(EXIT, site, number, GUESS, args) : spelled(EXIT, site, id, GUESS, args)
  } catch {
    return false
  }
}

/** Ends a span that is open: if the arguments are refused, without them. */
function end(site, number, id, args) {
  if (!exit(site, number, id, args)) exit(site, number, id, null)
}

module.exports = { end, enter, exit, spelled }
