'use strict'
// What the service does, each handler a span: its `n` or `file` on entering, its `status` on leaving.

const fs = require('node:fs/promises')
const { finished, pipeline } = require('node:stream/promises')
const { trace, wrap } = require('nulltrace')
const blobs = require('./blobs.js')

const ended = { exitArgs: (status) => ({ status }) }

/** Sends all of a small response, and gives its status when it is sent: `aborted` if the client left. */
async function answer(res, status, text) {
  res.writeHead(status, { 'Content-Length': Buffer.byteLength(text) }).end(text)
  return sent(res, status)
}

const sent = (res, status) =>
  finished(res).then(
    () => status,
    () => 'aborted',
  )

/** `GET /empty` */
const empty = wrap('empty', async (res) => answer(res, 200, ''), ended)

/** `GET /fib/{n}` */
const fib = wrap(
  'fib',
  async (res, n) => {
    const number = /^\d{1,2}$/.test(n) ? Number(n) : NaN
    if (!(number <= 40)) return answer(res, 400, 'n is a number from 0 to 40\n')
    return answer(res, 200, `${fibonacci(number)}\n`)
  },
  { enterArgs: (_, n) => ({ n }), ...ended },
)

/** The slow way, so that there is something to see. */
const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2))

/** `GET /download`, `GET /download?file=3` */
const download = wrap(
  'download',
  async (res, dir, number) => {
    if (number === undefined) return answer(res, 400, 'file is a number from 1 to 4\n')
    const file = await fs.open(blobs.file(dir, number))
    try {
      const { size } = await file.stat()
      // Children of `download`: opened within it, so their tags begin with its own.
      trace('headers', { length: size }, () => res.writeHead(200, { 'Content-Length': size }).flushHeaders())
      return await trace('write', async (span) => {
        try {
          // With the last byte known, the response ends with it: a client that has all may leave at once.
          await pipeline(file.createReadStream({ highWaterMark: 256 << 10, autoClose: false, end: size - 1 }), res)
          return 200
        } catch (error) {
          if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
          span.record('status', 'aborted')
          return 'aborted'
        }
      })
    } finally {
      await file.close()
    }
  },
  { enterArgs: (_, dir, file) => ({ file: file ?? '' }), ...ended },
)

module.exports = { answer, download, empty, fib }
