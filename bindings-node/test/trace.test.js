'use strict'

const assert = require('node:assert')
const { test } = require('node:test')
const { current, span, trace, wrap } = require('../index.js')
const { enters, program, sleep, recorded } = require('./help.js')

test('a function', () => {
  let result
  assert.deepStrictEqual(recorded(() => void (result = trace('x', () => 5))), ['>:#1:x:^=:', '<:#1:x::'])
  assert.strictEqual(result, 5)
  assert.deepStrictEqual(recorded(() => trace('x', { n: 1 }, (own) => void own.record('rows', 2))), ['>:#1:x:^=,n=1:', '<:#1:x:rows=2:'])
})

test('what it throws passes unchanged', () => {
  const error = new TypeError('e')
  const got = recorded(() => assert.throws(() => trace('x', () => { throw error }), (thrown) => thrown === error))
  assert.deepStrictEqual(got, ['>:#1:x:^=:', '<:#1:x:error=TypeError:'])
  assert.deepStrictEqual(recorded(() => { try { trace('x', () => { throw 'text' }) } catch (thrown) { assert.strictEqual(thrown, 'text') } }), ['>:#1:x:^=:', '<:#1:x:error=string:'])
})

test('an async function', async () => {
  const got = await recorded(async () => assert.strictEqual(await trace('x', async () => (await sleep(1), 5)), 5))
  assert.deepStrictEqual(got, ['>:#1:x:^=:', '<:#1:x::'])
})

test('a rejection passes unchanged', async () => {
  const error = new RangeError('e')
  const got = await recorded(() => assert.rejects(trace('x', async () => { await null; throw error }), (thrown) => thrown === error))
  assert.deepStrictEqual(got, ['>:#1:x:^=:', '<:#1:x:error=RangeError:'])
})

test('a promise', async () => {
  const got = await recorded(async () => {
    assert.strictEqual(await trace('x', { n: 1 }, sleep(1).then(() => 7)), 7)
    await assert.rejects(trace('y', Promise.reject(new TypeError('e'))), TypeError)
    assert.strictEqual(await trace('z', { then: (done) => done(8) }), 8)
  })
  assert.deepStrictEqual(got, ['>:#1:x:^=,n=1:', '<:#1:x::', '>:#2:y:^=:', '<:#2:y:error=TypeError:', '>:#3:z:^=:', '<:#3:z::'])
})

test('a plain function that returns a promise lasts until it settles', async () => {
  const order = []
  const got = await recorded(async () => {
    const slow = trace('x', () => sleep(50).then(() => order.push('slow')))
    const quick = trace('x', () => sleep(1).then(() => order.push('quick')))
    await Promise.all([slow, quick])
  })
  assert.deepStrictEqual(order, ['quick', 'slow'])
  assert.deepStrictEqual(got, ['>:#1:x:^=:', '>:#2:x:^=:', '<:#2:x::', '<:#1:x::'])
})

test('nobody is recorded of a rejection that somebody handles, and else somebody is', () => {
  const seen = program(`
    const { trace, wrap } = require('./index.js')
    process.on('unhandledRejection', (reason) => console.log(reason.message))
    trace('x', async () => { throw new Error('handled') }).catch(() => {})
    trace('x', async () => { throw new Error('open') })
    wrap(async function x() { throw new Error('open too') })()
    trace('x', () => Promise.reject(new Error('open, plain')))`)
  assert.deepStrictEqual(seen.trim().split('\n').sort(), ['open', 'open too', 'open, plain'])
})

test('the promise that the caller has is the one that is reported, once, if nobody handles it', () => {
  const seen = program(`
    const { wrap } = require('./index.js')
    const reported = []
    process.on('unhandledRejection', (reason, promise) => reported.push([reason.message, promise]))
    const fails = wrap('fails', (text) => Promise.reject(new Error(text)))
    const open = fails('open')
    const handled = fails('handled')
    handled.catch(() => {})
    const later = fails('awaited')
    ;(async () => { try { await later } catch {} })()
    setTimeout(() => {
      console.log(reported.length, reported[0][0], reported[0][1] === open)
    }, 50)`)
  assert.strictEqual(seen, '1 open true\n')
})

test('one promise that is returned again: one object, each call its span', async () => {
  const seen = program(`
    const { trace, wrap } = require('./index.js')
    process.on('unhandledRejection', (reason) => console.log(reason.message))
    const kept = Promise.reject(new Error('open'))
    const again = wrap('again', () => kept)
    again().catch((error) => console.log('caught', error.message))
    console.log(again() === again(), again() === trace('x', kept))`)
  assert.strictEqual(seen, 'true true\ncaught open\n')
  let release
  const kept = new Promise((done) => (release = done))
  const again = wrap('again', () => kept, { exitArgs: (n) => ({ n }) })
  const got = await recorded(async () => {
    const both = Promise.all([again(), again()])
    release(5)
    assert.deepStrictEqual(await both, [5, 5])
    assert.strictEqual(await again(), 5)
  })
  const span = (n) => [`>:#${n}:again:^=:`, `<:#${n}:again:n=5:`]
  assert.deepStrictEqual(got, [span(1)[0], span(2)[0], span(1)[1], span(2)[1], ...span(3)])
})

test('a promise of another vm context', async () => {
  const vm = require('node:vm')
  const other = vm.createContext({ sleep })
  const got = await recorded(async () => {
    await wrap('plain', vm.runInContext('() => { const made = new Promise((done) => sleep(5).then(done)); return made }', other))()
    span('after').end()
    const isTheirs = vm.runInContext('(value) => value instanceof Promise', other)
    assert(isTheirs(wrap('own', vm.runInContext('async () => 5', other))()))
  })
  assert.deepStrictEqual(got.slice(0, 3), ['>:#1:plain:^=:', '<:#1:plain::', '>:#2:after:^=:'])
})

test('what is neither passes', () => {
  assert.deepStrictEqual(recorded(() => void assert.strictEqual(trace('x', 5), 5)), [])
  assert.strictEqual(trace('x'), undefined)
})

test('a refused path calls the function all the same', async () => {
  let result
  assert.deepStrictEqual(recorded(() => void (result = trace('', () => 5))), [])
  assert.strictEqual(result, 5)
  assert.strictEqual(await trace('a..b', async () => 6), 6)
  const promise = Promise.resolve(7)
  assert.strictEqual(trace('', promise), promise)
})

test('a thenable becomes a promise, whether it is traced or not', async () => {
  const lazy = { then: (done) => done(7) }
  const got = await recorded(async () => {
    for (const path of ['q', 'a..b']) assert.strictEqual(await trace(path, lazy).catch(() => 0).finally(() => {}), 7)
  })
  assert.deepStrictEqual(got, ['>:#1:q:^=:', '<:#1:q::'])
  const off = program(`
    const { trace } = require('./index.js')
    trace('q', { then: (done) => done(7) }).catch(() => 0).then((seven) => process.stdout.write(String(seven)))`, { NULLTRACE: 'off' })
  assert.strictEqual(off, '7')
})

test('spans within an async span name it, and have its path before theirs', async () => {
  const got = await recorded(() =>
    trace('handler', async () => {
      await sleep(1)
      const guard = span('parse')
      guard.end()
      await trace('db', async () => {
        await sleep(1)
        trace('row', () => {})
      })
      trace('render', () => span('head').end())
    }),
  )
  assert.deepStrictEqual(got, [
    '>:#1:handler:^=:',
    '>:#2:handler.parse:^=#1:',
    '<:#2:handler.parse::',
    '>:#3:handler.db:^=#1:',
    '>:#4:handler.db.row:^=#3:',
    '<:#4:handler.db.row::',
    '<:#3:handler.db::',
    '>:#5:handler.render:^=#1:',
    '>:#6:handler.render.head:^=#5:',
    '<:#6:handler.render.head::',
    '<:#5:handler.render::',
    '<:#1:handler::',
  ])
})

test('twins in one context: a number each, and their children name the right one', async () => {
  const got = await recorded(() =>
    trace('h', async () => {
      const a = trace('x', async () => { await sleep(50); span('in').end() })
      const b = trace('x', async () => { await sleep(5); span('in').end() })
      await Promise.all([a, b])
      await trace('x', async () => {})
    }),
  )
  assert.deepStrictEqual(got, [
    '>:#1:h:^=:',
    '>:#2:h.x:^=#1:',
    '>:#3:h.x:^=#1:',
    '>:#4:h.x.in:^=#3:',
    '<:#4:h.x.in::',
    '<:#3:h.x::',
    '>:#5:h.x.in:^=#2:',
    '<:#5:h.x.in::',
    '<:#2:h.x::',
    '>:#6:h.x:^=#1:',
    '<:#6:h.x::',
    '<:#1:h::',
  ])
})

test('contexts do not mix, however they interleave', async () => {
  const got = await recorded(() =>
    Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        trace('h', { i }, async () => {
          await sleep(i % 7)
          await trace('a', async () => {
            await sleep((50 - i) % 5)
            trace('b', { i }, () => {})
          })
        }),
      ),
    ),
  )
  assert.strictEqual(got.length, 50 * 6)
  const all = enters(got)
  const named = (id) => all.find((one) => one.id === id)
  for (const one of all.filter(({ path }) => path === 'h.a.b')) {
    const a = named(one.parent)
    assert.deepStrictEqual([a.path, named(a.parent).args, named(a.parent).parent], ['h.a', one.args, ''])
  }
  assert.strictEqual(new Set(all.map(({ id }) => id)).size, 150)
})

test('the context is the span', async () => {
  await trace('h', async (own) => {
    assert.strictEqual(current(), own)
    await sleep(1)
    assert.strictEqual(current(), own)
  })
  assert.strictEqual(current().id, null)
})

test('run makes a span the context', async () => {
  const got = await recorded(async () => {
    const open = span('job', null, { async: true })
    const sum = await open.run(async (a, b) => { await sleep(1); span('step').end(); return a + b }, 1, 2)
    assert.strictEqual(sum, 3)
    open.end()
  })
  assert.deepStrictEqual(got, ['>:#1:job:^=:', '>:#2:job.step:^=#1:', '<:#2:job.step::', '<:#1:job::'])
})

test('a child that outlives its parent is not mixed with the next one', async () => {
  const got = await recorded(async () => {
    let late
    await trace('h', async () => {
      await trace('a', async () => { late = trace('b', async () => sleep(50)) })
      await trace('a', async () => { await trace('b', async () => sleep(1)) })
    })
    await late
  })
  assert.deepStrictEqual(got, [
    '>:#1:h:^=:', '>:#2:h.a:^=#1:', '>:#3:h.a.b:^=#2:', '<:#2:h.a::', '>:#4:h.a:^=#1:', '>:#5:h.a.b:^=#4:', '<:#5:h.a.b::', '<:#4:h.a::', '<:#1:h::', '<:#3:h.a.b::',
  ])
})

test('deeper than 32: no marker, and all goes on', async () => {
  const deep = (n) => trace('d', async () => (n === 0 ? 'end' : deep(n - 1)))
  let result
  const got = await recorded(async () => void (result = await deep(40)))
  assert.strictEqual(result, 'end')
  assert.strictEqual(got.length, 64)
})

test('a promise that is more than a promise comes through as it is', async () => {
  class Query extends Promise { limit() { return this } }
  const query = new Query((done) => setTimeout(done, 1))
  const child = Object.assign(sleep(1), { pid: 7 })
  let started = 0
  const lazy = { then(done) { started++; done() } }
  const got = recorded(() => {
    for (const own of [query, child, lazy]) assert.strictEqual(trace('x', () => own), own)
  })
  assert.deepStrictEqual(got, [1, 2, 3].flatMap((n) => [`>:#${n}:x:^=:`, `<:#${n}:x::`]))
  assert.strictEqual(started, 0)
  await Promise.all([query, child])
})
