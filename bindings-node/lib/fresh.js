'use strict'
// plain.js, evaluated again: once for each path, and once more for those with arguments.

const { Script } = require('node:vm')
const shared = require('./plain.js')

/** @type {Script | null | undefined} compiled once, when first needed; null if that cannot be */
let script

/** A `plain` whose calls the engine knows apart from those of all others. */
function fresh() {
  if (script === undefined) script = compiled()
  if (script === null) return shared.plain
  try {
    return script.runInThisContext()().plain
  } catch {
    // A tool put calls of its own into the text.
    return shared.plain
  }
}

function compiled() {
  try {
    // The text of the function, not the file: in a bundle there is no file.
    return new Script(`(${shared.make})`, { filename: 'nulltrace/lib/plain.js' })
  } catch {
    // Some tools leave no text.
    return null
  }
}

/** That of a site, for functions with these options. */
function freshFor(site, { enterArgs, exitArgs }) {
  const which = (enterArgs === undefined ? 0 : 1) + (exitArgs === undefined ? 0 : 2)
  site.plains ??= [null, null, null, null]
  return (site.plains[which] ??= fresh())
}

module.exports = { fresh, freshFor }
