'use strict'

const assert = require('node:assert')
const { test } = require('node:test')
const { Worker } = require('node:worker_threads')
const { implementation } = require('../index.js')
const { numbered } = require('./help.js')

/** The markers that `text` writes in a worker; what it sees of the package. */
function inWorker(text) {
  const whole = `
    const { parentPort } = require('node:worker_threads')
    const n = require(${JSON.stringify(require.resolve('../index.js'))})
    const { markers } = require(${JSON.stringify(require.resolve('./help.js'))})
    const got = markers(() => { ${text} })
    Promise.resolve(got).then((markers) => parentPort.postMessage({ markers, implementation: n.implementation, on: n.enabled() }))`
  return new Promise((done, failed) => {
    const worker = new Worker(whole, { eval: true })
    let message
    worker.once('message', (own) => (message = own)).once('error', failed).once('exit', () => done(message))
  })
}

test('several workers at once, each on its own', async () => {
  const text = `
    for (let i = 0; i < 500; i++) n.span('worker', { i }).end()
    for (let i = 0; i < 500; i++) n.wrap('f' + i, () => {})()`
  const all = await Promise.all(Array.from({ length: 4 }, () => inWorker(text)))
  for (const one of all) {
    assert.deepStrictEqual([one.implementation, one.on], [implementation, true])
    assert.strictEqual(one.markers.length, 2000)
    assert.deepStrictEqual(numbered(one.markers.slice(0, 2)), ['>:#1:worker:^=,i=0:', '<:#1:worker::'])
    assert.deepStrictEqual(numbered(one.markers.slice(-2)), ['>:#1:f499:^=:', '<:#1:f499::'])
  }
})

test('workers that come and go, also by terminate', async () => {
  for (let round = 0; round < 10; round++) {
    const worker = new Worker(`const n = require(${JSON.stringify(require.resolve('../index.js'))}); const f = n.wrap('f', () => {}); for (;;) { f(); n.span('g', { a: 1 }).end() }`, { eval: true })
    await new Promise((done) => worker.once('online', () => setTimeout(done, 10)))
    await worker.terminate()
  }
  assert.strictEqual((await inWorker(`n.span('x').end()`)).markers.length, 2)
})

test('unique ids of workers differ', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => inWorker(`for (let i = 0; i < 100; i++) n.span('x', null, { async: true }).end()`)))
  const ids = all.flatMap((one) => one.markers.filter((marker) => marker[0] === '>').map((marker) => marker.split(':')[1]))
  assert.strictEqual(new Set(ids).size, 400)
})

test('functions of the addon are freed with their owners', { skip: implementation !== 'native' && 'there is no addon' }, async () => {
  const grown = await new Promise((done, failed) => {
    const text = `
      const { numbered, numberedWith } = require(${JSON.stringify(require.resolve('../nulltrace.node'))})
      const { parentPort } = require('node:worker_threads')
      const round = async () => {
        for (let i = 0; i < 2000; i++) { numbered('>:' + 'x'.repeat(4000)); numberedWith('>:' + 'y'.repeat(4000)) }
        gc(); await new Promise((next) => setTimeout(next, 10)); gc(); await new Promise((next) => setTimeout(next, 10))
      }
      ;(async () => {
        for (let i = 0; i < 3; i++) await round()
        const before = process.memoryUsage().rss
        for (let i = 0; i < 10; i++) await round()
        parentPort.postMessage(process.memoryUsage().rss - before)
      })()`
    require('node:v8').setFlagsFromString('--expose-gc')
    new Worker(text, { eval: true }).once('message', done).once('error', failed)
  })
  // Ten rounds are 160 MB of markers.
  assert(grown < 60e6, `${grown} bytes`)
})
