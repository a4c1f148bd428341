'use strict'
// Finds the addon: in the package; and for a program that a bundler made one file of, beside that file or in the
// package, if it is still installed where that file runs.

const { createRequire } = require('node:module')
const path = require('node:path')
const { version } = require('../package.json')

const NAME = 'nulltrace.node'

/** The addon of this version; null if there is none that loads here. */
function addon() {
  // An ES module has no such names: then it is the program's own file.
  const here = typeof __filename === 'string' ? __filename : (process.argv[1] ?? path.resolve('none'))
  // No bundler follows this one. Some would refuse a file that is no text.
  const load = createRequire(here)
  const places = [
    // Spelled so that a bundler that copies such files sees it. In an ES module it throws.
    () => `${__dirname}/../nulltrace.node`,
    () => path.join(path.dirname(here), NAME),
    () => load.resolve(`nulltrace/${NAME}`),
  ]
  for (const place of places) {
    try {
      const found = load(place())
      if (found.version() === version) return found
    } catch {
      // none there, or that of another machine
    }
  }
  return null
}

module.exports = { addon }
