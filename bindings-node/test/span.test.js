'use strict'

const assert = require('node:assert')
const { test } = require('node:test')
const ts = require('typescript')
const { Tracer, span, tracer, current } = require('../index.js')
const nulltrace = require('../index.js')
const { markers, recorded } = require('./help.js')

/** Compiles `using` to what this Node understands, and runs it. */
function using(text) {
  const { outputText } = ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS } })
  assert.doesNotMatch(outputText, /\busing span\b/)
  return new Function('nulltrace', outputText)
}

test('using ends the span at the end of its block', () => {
  const run = using(`
    {
      using span = nulltrace.tracer.span("x", { n: 1 })
      using inner = span.span("y")
    }
    nulltrace.span("after").end()
  `)
  assert.deepStrictEqual(recorded(() => run(nulltrace)), ['>:#1:x:^=,n=1:', '>:#2:x.y:^=#1:', '<:#2:x.y::', '<:#1:x::', '>:#3:after:^=:', '<:#3:after::'])
})

test('using ends the span when the block throws', () => {
  const run = using(`try { using span = nulltrace.span("x"); throw new RangeError("e") } catch (e) { return e }`)
  let thrown
  assert.deepStrictEqual(recorded(() => void (thrown = run(nulltrace))), ['>:#1:x:^=:', '<:#1:x::'])
  assert(thrown instanceof RangeError)
})

test('await using', async () => {
  const run = using(`return (async () => { await using span = nulltrace.span("x", null, { async: true }); await null })()`)
  assert.deepStrictEqual(await recorded(() => run(nulltrace)), ['>:#1:x:^=:', '<:#1:x::'])
})

test('by the symbol, once', () => {
  const one = () => {
    const open = tracer.span('x')
    open[Symbol.dispose]()
    open[Symbol.dispose]()
    open.end()
  }
  assert.deepStrictEqual(recorded(one), ['>:#1:x:^=:', '<:#1:x::'])
})

test('what is recorded stands in the exit', () => {
  const one = () => {
    const open = span('x')
    open.record('rows', 3).record({ a: 'b' })
    open.end({ last: true })
    open.record('late', 1)
  }
  assert.deepStrictEqual(recorded(one), ['>:#1:x:^=:', '<:#1:x:rows=3,a=b,last=true:'])
})

test('an exit whose arguments are refused ends the span all the same', () => {
  const hostile = { get k() { throw new Error('no') } }
  assert.deepStrictEqual(recorded(() => span('x').end(hostile)), ['>:#1:x:^=:', '<:#1:x::'])
  assert.deepStrictEqual(recorded(() => span('x').record(hostile).end()), ['>:#1:x:^=:', '<:#1:x::'])
  assert.deepStrictEqual(recorded(() => span('x').record('', 1).end()), ['>:#1:x:^=:', '<:#1:x::'])
})

test('a span whose enter is refused has no exit', () => {
  const hostile = { get k() { throw new Error('no') } }
  assert.deepStrictEqual(recorded(() => span('x', hostile).end()), [])
  assert.deepStrictEqual(recorded(() => span('').end()), [])
  assert.deepStrictEqual(recorded(() => span('x..y').span('z').end()), [])
  assert.strictEqual(span('').id, null)
  assert.strictEqual(span('x', hostile).id, null)
})

test('fail names what was thrown', () => {
  class Own extends Error {}
  class Named extends Error { get name() { return 'Other' } }
  const hostile = new Proxy({}, { get() { throw new Error('no') } })
  const names = [new Own(), new Named(), new TypeError(), new Error(), new DOMException('x', 'AbortError'), 'text', null, undefined, 5, {}, Object.create(null), hostile]
  const got = names.map((thrown) => /error=(.*):$/.exec(recorded(() => span('x').fail(thrown))[1])[1])
  assert.deepStrictEqual(got, ['Own', 'Other', 'TypeError', 'Error', 'AbortError', 'string', 'null', 'undefined', 'number', 'Object', 'Error', 'Error'])
})

test('an id of choice', () => {
  assert.deepStrictEqual(recorded(() => span('x', { n: 1 }, { id: 42 }).end()), ['>:42:x:n=1:', '<:42:x::'])
  assert.deepStrictEqual(recorded(() => span('x', null, { id: 'p' }).span('y').end()), ['>:p:x::', '>:p:x.y::', '<:p:x.y::'])
  assert.match(markers(() => span('x', { n: 1 }, { id: 'order 9' }).end())[0], /^>:\d{16}:x:id=order 9,n=1:$/)
  assert.deepStrictEqual(recorded(() => span('x', null, { id: 1.5 }).end()), [])
})

test('twins have a number each, whatever the order of the ends', () => {
  const one = () => {
    const a = span('x')
    const b = span('x')
    a.end()
    const c = span('x')
    b.end()
    c.end()
  }
  assert.deepStrictEqual(recorded(one), ['>:#1:x:^=:', '>:#2:x:^=#1:', '<:#1:x::', '>:#3:x:^=#2:', '<:#2:x::', '<:#3:x::'])
})

test('numbers are above 2^32, below 2^48, and differ', () => {
  const ids = Array.from({ length: 1000 }, () => {
    const open = span('x', null, { async: true })
    open.end()
    return open.id
  })
  assert.strictEqual(new Set(ids).size, ids.length)
  for (const id of ids) assert(Number(id) > 2 ** 32 && Number(id) < 2 ** 48)
})

test('a tracer puts its path before all', () => {
  const shop = new Tracer('shop.checkout')
  assert.deepStrictEqual(recorded(() => shop.span('pay').end()), ['>:#1:shop.checkout.pay:^=:', '<:#1:shop.checkout.pay::'])
  assert.deepStrictEqual(recorded(() => new Tracer(['a.b']).trace('c', () => {})), ['>:#1:a\\.b.c:^=:', '<:#1:a\\.b.c::'])
  assert.deepStrictEqual(recorded(() => new Tracer('').span('x').end()), [])
})

test('more paths than are remembered', () => {
  const all = () => {
    for (let i = 0; i < 9000; i++) span(`many.${i}`, { i }).end()
  }
  const got = recorded(all)
  assert.strictEqual(got.length, 18000)
  got.forEach((marker, i) => assert.match(marker, i % 2 === 0 ? /^>:#\d+:many\.\d+:\^=,i=\d+:$/ : /^<:#\d+:many\.\d+::$/))
})

test('outside of all, the current span is none', () => {
  assert.strictEqual(current().id, null)
  assert.deepStrictEqual(recorded(() => current().record('a', 1).end()), [])
})
