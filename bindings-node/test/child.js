'use strict'
// Forked by process.test.js and live.js.

const { enabled, implementation, span } = require('../index.js')
const { markers } = require('./help.js')

const [unique] = markers(() => span('x', null, { async: true }).end())
const own = enabled() ? markers(() => span('in the child').end()) : []
process.send({ implementation, markers: own, unique })
