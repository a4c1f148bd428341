'use strict'
// Switched on and off while the program runs.

const assert = require('node:assert')
const { test } = require('node:test')
const { Trace, current, enabled, implementation, middleware, setEnabled, span, trace, withContext, wrap } = require('../index.js')
const { program, recorded, straced } = require('./help.js')

/** What `fn` writes, which begins switched on. */
const switched = (fn) => {
  const end = () => setEnabled(true)
  const got = recorded(fn)
  if (Array.isArray(got)) return end(), got
  return got.finally(end)
}

test('what is begun while off writes nothing, also not later', async () => {
  const get = wrap('get', async () => { await null; setEnabled(true) })
  const add = wrap('add', () => setEnabled(true))
  function* steps() { yield 1; setEnabled(true); yield 2 }
  const count = wrap(steps)
  const got = await switched(async () => {
    const off = () => setEnabled(false)
    off(); assert.strictEqual(enabled(), false)
    const open = span('open'); setEnabled(true); open.record('k', 'v'); open.span('child').end(); open.end()
    off(); add()
    off(); await get()
    off(); assert.deepStrictEqual([...count()], [1, 2])
    off(); trace('t', (own) => { setEnabled(true); own.record('k', 'v') })
    off(); await trace('t', Promise.resolve().then(() => setEnabled(true)))
    const t = new Trace(7)
    off(); t.start('a'); t.start('b'); setEnabled(true); t.stop('b'); t.stop('a')
    off(); span('x', null, { id: 9 }).end()
    assert.strictEqual(middleware()({ method: 'GET', url: '/' }, { once() { throw new Error('once') } }, () => 5), 5)
    assert.strictEqual(enabled(), false)
  })
  assert.deepStrictEqual(got, [])
})

test('what is open when it is switched off writes its exit', async () => {
  const get = wrap('get', async () => { setEnabled(false); await null })
  const add = wrap('add', () => setEnabled(false))
  const count = wrap(function* count() { setEnabled(false); yield 1 })
  const fails = wrap('fails', () => { setEnabled(false); throw new TypeError('e') })
  const got = await switched(async () => {
    const open = span('open'); setEnabled(false); open.record('k', 'v'); assert.strictEqual(open.span('child').id, null); open.end()
    for (let i = 0; i < 10; i++) { setEnabled(true); add() }
    setEnabled(true); await get()
    setEnabled(true); assert.deepStrictEqual([...count()], [1])
    setEnabled(true); assert.throws(fails, TypeError)
    setEnabled(true); trace('t', () => setEnabled(false))
    const t = new Trace(7)
    setEnabled(true); t.start('a'); setEnabled(false); t.start('a'); t.stop('a'); t.stop('a', { n: 1 }); t.stop('a')
  })
  const add10 = Array.from({ length: 10 }, (_, i) => [`>:#${i + 2}:add:^=:`, `<:#${i + 2}:add::`]).flat()
  assert.deepStrictEqual(got, [
    '>:#1:open:^=:', '<:#1:open:k=v:', ...add10,
    '>:#12:get:^=:', '<:#12:get::', '>:#13:count:^=:', '<:#13:count::', '>:#14:fails:^=:', '<:#14:fails:error=TypeError:', '>:#15:t:^=:', '<:#15:t::',
    '>:7:a::', '<:7:a:n=1:',
  ])
})

test('what was made while off is traced once it is on', async () => {
  setEnabled(false)
  const [add, get] = [wrap('add', (n) => n + 1), wrap('get', async (n) => n)]
  const t = new Trace(7)
  const got = await switched(async () => {
    assert.deepStrictEqual([add(1), await get(2), current().id, withContext(null, add, 3)], [2, 2, null, 4])
    setEnabled(true)
    assert.deepStrictEqual([add(1), await get(2)], [2, 2])
    t.start('a'); t.stop('a')
  })
  assert.deepStrictEqual(got, ['>:#1:add:^=:', '<:#1:add::', '>:#2:get:^=:', '<:#2:get::', '>:7:a::', '<:7:a::'])
})

test('a stop without a start here is written: it may be of another process', () => {
  assert.deepStrictEqual(switched(() => new Trace(7).stop('a')), ['<:7:a::'])
  assert.deepStrictEqual(switched(() => { setEnabled(false); new Trace(7).stop('a') }), [])
})

test('a program that starts switched off can be switched on', (t) => {
  for (const value of ['off', '0', 'No']) {
    const { writes, skip } = straced(`
      const { setEnabled, span, wrap } = require('./index.js')
      const add = wrap('add', () => {})
      add(); setEnabled(true); add()
      const open = span('open', { k: 'v', n: 1 }); setEnabled(false); add(); open.end()
      setEnabled(true); add()`, { NULLTRACE: value })
    if (skip) return t.skip(skip)
    const once = ['>:N:add:^=:', '<:N:add::']
    assert.deepStrictEqual(writes.map((one) => one[3].replace(/\d+/, 'N')), [...once, '>:N:open:^=,k=v,n=1:', '<:N:open::', ...once])
  }
})

test('it has the same implementation then', () => {
  const said = `
    const fs = require('fs')
    const devices = () => fs.readdirSync('/proc/self/fd').filter((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd) === '/dev/null' && fd > 2 } catch {} })
    const { enabled, implementation, setEnabled, wrap } = require('./index.js')
    const add = wrap('add', () => {})
    add()
    const before = devices().length
    setEnabled(true); add()
    const high = devices().some((fd) => fd >= 64)
    console.log(JSON.stringify({ implementation, on: enabled(), before, high }))`
  const got = JSON.parse(program(said, { NULLTRACE: 'off' }))
  // The addon moves the device to a high number. It is not opened as long as it is not needed.
  assert.deepStrictEqual(got, { implementation, on: true, before: 0, high: implementation === 'native' })
})

test('the environment of a worker may say another thing than that of its process', () => {
  const code = `
    const { Worker } = require('worker_threads')
    const { enabled, implementation } = require('./index.js')
    new Worker("const n = require('./index.js'); n.span('a').end(); require('worker_threads').parentPort.postMessage([n.enabled(), n.implementation])", { eval: true, env: { ...process.env, NULLTRACE: process.env.NULLTRACE ? '' : 'off' } })
      .on('message', (worker) => console.log(JSON.stringify({ own: [enabled(), implementation], worker })))`
  assert.deepStrictEqual(JSON.parse(program(code, { NULLTRACE: 'off' })), { own: [false, implementation], worker: [true, implementation] })
  assert.deepStrictEqual(JSON.parse(program(code, { NULLTRACE: '' })), { own: [true, implementation], worker: [false, implementation] })
})
