'use strict'
// plain.js, evaluated again.

const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { Script } = require('node:vm')
const shared = require('./plain.js')

/** @type {Script | null | undefined} parsed once, when first needed; null if that cannot be */
let script

/** A `plain` whose calls the engine knows apart from those of all others. */
function fresh() {
  if (script === undefined) script = parsed()
  if (script === null) return shared.plain
  const module = { exports: {} }
  script.runInThisContext()(module)
  return module.exports.plain
}

function parsed() {
  try {
    const filename = join(__dirname, 'plain.js')
    return new Script(`(function (module) {${readFileSync(filename, 'utf8')}\n})`, { filename })
  } catch {
    // In a bundle, or a program that may not read files: all share one.
    return null
  }
}

module.exports = { fresh }
