'use strict'
// What the spans of the service say.

const assert = require('node:assert')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const blobs = require('./blobs.js')
const { download, empty, fib } = require('./handlers.js')
const { markers, numbered } = require('../../bindings-node/test/help.js')

/** The markers of one request that `handler` answers; `leave`: the client goes after so many bytes. */
async function asked(handler, leave = Infinity) {
  let handled
  const server = http.createServer((req, res) => (handled = handler(res)))
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const got = await markers(async () => {
    await new Promise((done) => {
      let bytes = 0
      const req = http.get({ port: server.address().port, agent: false }, (res) => {
        res.on('data', (part) => (bytes += part.length) > leave && req.destroy()).once('close', done)
      })
      req.once('error', done)
    })
    await handled
  })
  await new Promise((done) => server.close(done))
  return numbered(got)
}

test('empty', async () => assert.deepStrictEqual(await asked((res) => empty(res)), ['>:#1:empty:^=:', '<:#1:empty:status=200:']))

test('fib', async () => {
  assert.deepStrictEqual(await asked((res) => fib(res, '10')), ['>:#1:fib:^=,n=10:', '<:#1:fib:status=200:'])
  assert.deepStrictEqual(await asked((res) => fib(res, 'x,y')), ['>:#1:fib:^=,n=x\\,y:', '<:#1:fib:status=400:'])
})

test('download', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'nulltrace-example-'))
  try {
    blobs.make(dir)
    const tree = (file, length, status) => [
      `>:#1:download:^=,file=${file}:`,
      `>:#2:download.headers:^=#1,length=${length}:`,
      '<:#2:download.headers::',
      '>:#3:download.write:^=#1:',
      status === 'aborted' ? '<:#3:download.write:status=aborted:' : '<:#3:download.write::',
      `<:#1:download:status=${status}:`,
    ]
    assert.deepStrictEqual(await asked((res) => download(res, dir, 2)), tree(2, 65536, 200))
    assert.deepStrictEqual(await asked((res) => download(res, dir, 4), 100000), tree(4, 536870912, 'aborted'))
    assert.deepStrictEqual(await asked((res) => download(res, dir, undefined)), ['>:#1:download:^=,file=:', '<:#1:download:status=400:'])
    fs.rmSync(blobs.file(dir, 1))
    const gone = (res) => download(res, dir, 1).catch((error) => (assert.strictEqual(error.code, 'ENOENT'), res.destroy()))
    assert.deepStrictEqual(await asked(gone), ['>:#1:download:^=,file=1:', '<:#1:download:error=Error:'])
  } finally {
    fs.rmSync(dir, { recursive: true })
  }
})

test('any file is chosen in time', () => {
  assert.strictEqual(new Set(Array.from({ length: 1000 }, () => blobs.choose(''))).size, 4)
  assert.strictEqual(blobs.choose('a=b&file=3'), 3)
  for (const wrong of ['file=0', 'file=5', 'file=x', 'a=b&file=', 'file=11']) assert.strictEqual(blobs.choose(wrong), undefined)
})
