'use strict'
// The marker's text (spec/FORMAT.md, section 10): simple, or JSON where the simple form cannot say it.
// Nothing here throws for what a caller passed, but for what its own getters or toString throw.

const MAX_TAGS = 32
const MAX_ARGS = 64

const CONTROL = /[\x00-\x1f]/
const TAG = /[.:=,\\<>]/g
const ARG = /[:=,\\]/g
// One test decides whether a name or value goes out as it is.
const NOT_PLAIN = /[\x00-\x1f:=,\\]/

const isBytes = (value) => value instanceof Uint8Array

/** A name or value as text; numbers, booleans, null and the rest by their own text. */
const text = (value) => (typeof value === 'string' ? value : String(value))

/** `[name, value]` pairs of an object, a Map or a list of pairs; what is undefined is left out. */
function pairs(args) {
  if (args === undefined || args === null) return []
  if (typeof args !== 'object') return null
  const all = typeof args[Symbol.iterator] === 'function' ? [...args] : Object.entries(args)
  if (!all.every((pair) => Array.isArray(pair) && pair.length === 2)) return null
  return all.filter((pair) => pair[1] !== undefined)
}

/** The name of an enter's first argument that says its parent: none of a caller's. */
const PARENT = '^'

/**
 * The simple form's text between the last two colons. `parent`: what an enter says of it, or undefined.
 * `null` if the arguments need the long way: control characters, bytes, a Map or list, or something that
 * is refused.
 */
function quick(dir, parent, args) {
  let out = parent === undefined ? '' : PARENT + '=' + parent
  if (args === undefined || args === null) return out
  if (typeof args !== 'object' || args[Symbol.iterator] !== undefined) return null
  const names = Object.keys(args)
  if (names.length >= MAX_ARGS) return null
  let first = dir === '>'
  for (let i = 0; i < names.length; i++) {
    let name = names[i]
    let value = args[name]
    if (value === undefined) continue
    if (first && name === PARENT) return null
    first = false
    if (typeof value !== 'string') {
      if (typeof value === 'object' && isBytes(value)) return null
      value = String(value)
    }
    if (NOT_PLAIN.test(value)) {
      if (CONTROL.test(value)) return null
      value = value.replace(ARG, '\\$&')
    }
    if (NOT_PLAIN.test(name) || name === '') {
      if (name === '' || CONTROL.test(name)) return null
      name = name.replace(ARG, '\\$&')
    }
    out += out === '' ? name + '=' + value : ',' + name + '=' + value
  }
  return out
}

/** One element as it is spelled in the marker; octets as characters when the marker goes by bytes. */
function piece(value, octets) {
  if (isBytes(value)) return Buffer.from(value).toString('latin1')
  const own = text(value)
  return octets ? Buffer.from(own, 'utf8').toString('latin1') : own
}

/**
 * A whole marker, any form. `tags` is a list, each one tag; `id` is text that `ids.text` gave; `parent` as
 * in `quick`. A string; a Buffer if any part was given as bytes; `null` if no marker can say it.
 */
function marker(dir, id, tags, args, parent) {
  const list = pairs(args)
  if (list === null || tags.length === 0 || tags.length > MAX_TAGS) return null
  const octets = tags.some(isBytes) || list.some((pair) => isBytes(pair[0]) || isBytes(pair[1]))
  const path = tags.map((tag) => piece(tag, octets))
  const named = list.map(([name, value]) => [piece(name, octets), piece(value, octets)])
  if (dir === '>' && named.length > 0 && named[0][0] === PARENT) return null
  if (parent !== undefined) named.unshift([PARENT, parent])
  if (named.length > MAX_ARGS || path.includes('') || named.some((pair) => pair[0] === '')) return null
  const json = path.some((tag) => CONTROL.test(tag)) || named.some((pair) => CONTROL.test(pair[0]) || CONTROL.test(pair[1]))
  const out = json ? inJson(dir, id, path, named) : inSimple(dir, id, path, named)
  return octets ? Buffer.from(out, 'latin1') : out
}

const inSimple = (dir, id, tags, args) =>
  `${dir}:${id}:${escapedPath(tags)}:${args.map(([name, value]) => `${name.replace(ARG, '\\$&')}=${value.replace(ARG, '\\$&')}`).join(',')}:`

function inJson(dir, id, tags, args) {
  const number = /[0-9]/.test(id) ? id : JSON.stringify(id)
  // A computed member: `__proto__` is a name like any other.
  const objects = args.map(([name, value]) => JSON.stringify({ [name]: value }))
  return `["${dir}",${number},${JSON.stringify(tags)}${objects.length === 0 ? '' : `,[${objects.join(',')}]`}]`
}

/** The canonical text of tags that have no bytes among them. */
const escapedPath = (tags) => tags.map((tag) => tag.replace(TAG, '\\$&')).join('.')

/** `"a.b"` is two tags, a list is its elements. `null` if that is no path. */
function tagsOf(path) {
  if (typeof path === 'string') return path.split('.')
  if (!Array.isArray(path)) return null
  return path.every((tag) => typeof tag === 'string' || isBytes(tag)) ? path.slice() : null
}

module.exports = { CONTROL, MAX_ARGS, MAX_TAGS, PARENT, escapedPath, isBytes, marker, pairs, quick, tagsOf }
