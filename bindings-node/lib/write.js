'use strict'
// From a site, an id and arguments to one write.

const backend = require('./backend.js')
const encode = require('./encode.js')
const { quickly } = require('./plain.js')

const ENTER = '>'
const EXIT = '<'

/** Writes a marker in any form; false if it is refused. */
function long(dir, site, id, args) {
  const marker = encode.marker(dir, id, site.tags, args)
  if (marker === null) return false
  if (typeof marker === 'string') backend.writeText(marker)
  else backend.writeBytes(marker)
  return true
}

/** Writes a marker whose text is put together here; false if it is refused. */
function spelled(dir, site, id, args) {
  const said = site.path === null || site.json ? null : encode.quick(args)
  if (said === null) return long(dir, site, id, args)
  backend.writeText(dir + ':' + id + ':' + site.path + ':' + said + ':')
  return true
}

function write(dir, site, id, args) {
  if (args !== undefined && args !== null && id === 't') {
    const call = dir === ENTER ? site.enterWith : site.exitWith
    if (call !== null && quickly(call, args)) return true
  }
  return spelled(dir, site, id, args)
}

/** Writes an enter; false if it is refused, or its arguments threw: nothing was written then. */
function enter(site, id, args) {
  try {
    return write(ENTER, site, id, args)
  } catch {
    return false
  }
}

/** Writes an exit; false as in `enter`. */
function exit(site, id, args) {
  try {
    return write(EXIT, site, id, args)
  } catch {
    return false
  }
}

/** Ends a span that is open: if the arguments are refused, without them. */
function end(site, id, args) {
  if (!exit(site, id, args)) exit(site, id, null)
}

module.exports = { end, enter, exit, spelled }
