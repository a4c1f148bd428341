'use strict'

/** The name for an exit's `error`, of any thrown value. Never throws. */
function errorName(thrown) {
  try {
    if (thrown === null || (typeof thrown !== 'object' && typeof thrown !== 'function')) return thrown === null ? 'null' : typeof thrown
    // A class that sets no name of its own inherits `Error`; then the class says more.
    const name = thrown.name
    if (typeof name === 'string' && name !== '' && name !== 'Error') return name
    const own = thrown.constructor?.name
    return typeof own === 'string' && own !== '' ? own : 'Error'
  } catch {
    return 'Error'
  }
}

module.exports = { errorName }
