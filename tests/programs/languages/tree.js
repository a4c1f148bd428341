// The spans of tests/tests/languages.rs, in JavaScript. The arguments: the package, which part of it must do it.
'use strict'
const { isMainThread, Worker } = require('node:worker_threads')
const [home, part] = process.argv.slice(2)
const { implementation, span, trace } = require(home)
if (implementation !== part) throw new Error(implementation)

if (isMainThread) {
  const tree = span('tree', { run: 1 })
  for (let n = 0; n < 3; n++) {
    const step = span('tree.step', { n })
    if (n === 1) step.span('leaf').end()
    step.end({ rows: n * 10 })
  }
  span(['.:=,\\<>', 'a b ü'], { ':=,\\': ':=,\\<>[]{}\'"', text: 'früh 日本' }).end()
  const control = span(['line\nbreak', '\t"\\\x01\x1f\x7f'], { 'n\n': 'v\r\x0b', empty: '' })
  control.record('status', 'a:b,c=d')
  control.end()
  tree.end({ status: 'ok' })
  new Worker(__filename, { argv: process.argv.slice(2) })
} else {
  trace('worker', (worker) => worker.span('inner').end())
}
