'use strict'
// The Node SDK as a program uses it, native or, with NULLTRACE_PURE=1, in JavaScript alone.

const fs = require('node:fs')
const nulltrace = require('../../../bindings-node')
const { serve } = require('./worker.js')

if (nulltrace.implementation !== process.env.BENCH_IMPLEMENTATION) {
  throw new Error(`this is the ${nulltrace.implementation} implementation`)
}

const fd = fs.openSync('/dev/null', 'w')
const enter = Buffer.from('>:t:checkout.cart.tax.amount::')
const exit = Buffer.from('<:t:checkout.cart.tax.amount::')

function bare (n) {
  for (let i = 0; i < n; i++) {
    fs.writeSync(fd, enter)
    fs.writeSync(fd, exit)
  }
}

let sum = 0
function work (n) {
  sum += n
}

const wrapped = nulltrace.wrap('checkout.cart.tax.amount', n => { sum += n })

function wrap (n) {
  for (let i = 0; i < n; i++) wrapped(i)
}

const users = ['ann', 'bob', 'eve', 'joe']
const wrappedArg = nulltrace.wrap('checkout.cart.tax', user => { sum += user.length }, {
  enterArgs: user => ({ user })
})

function arg (n) {
  for (let i = 0; i < n; i++) wrappedArg(users[i & 3])
}

function trace (n) {
  for (let i = 0; i < n; i++) nulltrace.trace('checkout.cart.tax.amount', () => { sum += i })
}

const trace1 = new nulltrace.Trace('t')

function startStop (n) {
  for (let i = 0; i < n; i++) {
    trace1.start('checkout.cart.tax')
    trace1.stop('checkout.cart.tax')
  }
}

function call (n) {
  for (let i = 0; i < n; i++) work(i)
}

serve({ bare, wrap, arg, trace, startStop, call })
