'use strict'
// The one place that decides who writes: the addon if it loads, else fs.writeSync.
//
// A backend has: `implementation`; `on`; `prepared(text)`, a function that writes that marker;
// `writeText(text)`; `writeBytes(buffer)`; `headed`, which only the addon has a use for, see its
// src/hot.rs; and for tests `capture()` and `captured()`.

const off = process.env.NULLTRACE === 'off'

function native() {
  if (process.env.NULLTRACE_PURE === '1' || process.platform !== 'linux') return null
  try {
    const { isOn, headed, prepared, version, writeBytes, writeText, capture, captured } = require('../nulltrace.node')
    return { implementation: 'native', on: !off && isOn(), headed, prepared, version: version(), writeBytes, writeText, capture, captured }
  } catch {
    // another machine's addon, or none
    return null
  }
}

module.exports = native() ?? require('./pure.js')
