'use strict'
// The one place that decides who writes: the addon if it loads, else fs.writeSync.
//
// A backend has: `implementation`; `open()`, which says whether there is a null device, and opens it; `numbers`, see numbers.js;
// `numbered(head)`, a function that writes a marker with these numbers; `numberedWith`, the same with arguments,
// which only the addon has, see its src/hot.rs (of `pure` the first takes the text of arguments);
// `writeText(text)`; `writeBytes(buffer)`; and for tests `capture()` and `captured()`.

const { addon } = require('./addon.js')

/** What the environment says at the start. */
const startsOff = /^(0|off|false|no)$/i.test(process.env.NULLTRACE ?? '')

/** The addon, if it is to be had. */
function native() {
  if (process.env.NULLTRACE_PURE === '1' || process.platform !== 'linux') return null
  const found = addon()
  if (found === null) return null
  const { open, numbers, numbered, numberedWith, version, writeBytes, writeText, capture, captured } = found
  return { implementation: 'native', open, numbers, numbered, numberedWith, version: version(), writeBytes, writeText, capture, captured }
}

const backend = native() ?? require('./pure.js')

// What starts switched off does not open the device: whether there is one shows when the program switches it on.
module.exports = Object.assign(backend, { startsOff, usable: startsOff || backend.open() })
