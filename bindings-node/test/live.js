'use strict'
// Run under the collector by process.test.js.

const { fork } = require('node:child_process')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
const { Trace, span, trace, wrap } = require('../index.js')

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

if (isMainThread) {
  main()
} else if (workerData.first) {
  // The first opens, then the second; the first ends at once, and the second 100 ms later. Were the
  // ends taken for one another, there would be a span of hardly any time.
  const open = span('worker')
  block(100)
  parentPort.postMessage('open')
  Atomics.wait(workerData.flag, 0, 0)
  open.end()
} else {
  const open = span('worker')
  Atomics.store(workerData.flag, 0, 1)
  Atomics.notify(workerData.flag, 0)
  block(100)
  open.end()
}

async function main() {
  const inner = wrap(function inner(n) { return n + 1 })
  const sync = wrap('sync', (n) => inner(n))
  for (let i = 0; i < 100; i++) sync(i)

  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      trace('handler', { i }, async () => {
        for (let j = 0; j < 2; j++) {
          await trace('db', async () => {
            await sleep(1)
            trace('row', () => {})
          })
        }
      }),
    ),
  )
  // 60 and 30 ms at once, each with a part of its own; and requests with a query each on the one thread.
  await trace('gather', () => Promise.all([60, 30].map((ms) => trace('fetch', { ms }, () => sleep(ms / 2).then(() => trace('part', () => sleep(ms / 2)))))))
  await Promise.all(Array.from({ length: 50 }, (_, i) => trace('request', () => sleep(i % 5).then(() => trace('query', async () => sleep(20))).then(() => sleep(20)))))
  await overlapping((body) => trace('twin', async () => body()))
  await overlapping(wrap('plain twin', (body) => body()))

  const tj = new Trace('some-unique-id')
  tj.start('tj', { name: 'to,bi' })
  tj.stop('tj')
  span(['with a, comma', '\n'], { k: '=:\\' }).end()

  const flag = new Int32Array(new SharedArrayBuffer(4))
  const one = new Worker(__filename, { workerData: { first: true, flag } })
  await new Promise((open) => one.once('message', open))
  await Promise.all([ended(one), ended(new Worker(__filename, { workerData: { flag } }))])
  await ended(fork(__dirname + '/child.js', { stdio: 'ignore' }))
}

/** The same as the workers do, by promises. */
async function overlapping(open) {
  let release
  const first = open(() => new Promise((done) => (release = done)))
  await sleep(30)
  const second = open(() => sleep(30))
  release()
  await Promise.all([first, second])
}

const ended = (one) => new Promise((done, failed) => one.once('exit', (code) => (code === 0 ? done() : failed(new Error(`exit ${code}`)))).once('error', failed))
