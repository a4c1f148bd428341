'use strict'

const assert = require('node:assert')
const { test } = require('node:test')
const ts = require('typescript')
const { Tracer, span, tracer, current } = require('../index.js')
const nulltrace = require('../index.js')
const { markers, numbered } = require('./help.js')

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
  assert.deepStrictEqual(markers(() => run(nulltrace)), ['>:t:x:n=1:', '>:t:x.y::', '<:t:x.y::', '<:t:x::', '>:t:after::', '<:t:after::'])
})

test('using ends the span when the block throws', () => {
  const run = using(`try { using span = nulltrace.span("x"); throw new RangeError("e") } catch (e) { return e }`)
  let thrown
  assert.deepStrictEqual(markers(() => void (thrown = run(nulltrace))), ['>:t:x::', '<:t:x::'])
  assert(thrown instanceof RangeError)
})

test('await using', async () => {
  const run = using(`return (async () => { await using span = nulltrace.span("x", null, { async: true }); await null })()`)
  assert.deepStrictEqual(numbered(await markers(() => run(nulltrace))), ['>:#1:x::', '<:#1:x::'])
})

test('by the symbol, once', () => {
  const one = () => {
    const open = tracer.span('x')
    open[Symbol.dispose]()
    open[Symbol.dispose]()
    open.end()
  }
  assert.deepStrictEqual(markers(one), ['>:t:x::', '<:t:x::'])
})

test('what is recorded stands in the exit', () => {
  const one = () => {
    const open = span('x')
    open.record('rows', 3).record({ a: 'b' })
    open.end({ last: true })
    open.record('late', 1)
  }
  assert.deepStrictEqual(markers(one), ['>:t:x::', '<:t:x:rows=3,a=b,last=true:'])
})

test('an exit whose arguments are refused ends the span all the same', () => {
  const hostile = { get k() { throw new Error('no') } }
  assert.deepStrictEqual(markers(() => span('x').end(hostile)), ['>:t:x::', '<:t:x::'])
  assert.deepStrictEqual(markers(() => span('x').record(hostile).end()), ['>:t:x::', '<:t:x::'])
  assert.deepStrictEqual(markers(() => span('x').record('', 1).end()), ['>:t:x::', '<:t:x::'])
})

test('a span whose enter is refused has no exit', () => {
  const hostile = { get k() { throw new Error('no') } }
  assert.deepStrictEqual(markers(() => span('x', hostile).end()), [])
  assert.deepStrictEqual(markers(() => span('').end()), [])
  assert.deepStrictEqual(markers(() => span('x..y').span('z').end()), [])
  assert.strictEqual(span('').id, null)
  assert.strictEqual(span('x', hostile).id, null)
})

test('fail names what was thrown', () => {
  class Own extends Error {}
  class Named extends Error { get name() { return 'Other' } }
  const hostile = new Proxy({}, { get() { throw new Error('no') } })
  const names = [new Own(), new Named(), new TypeError(), new Error(), new DOMException('x', 'AbortError'), 'text', null, undefined, 5, {}, Object.create(null), hostile]
  const got = names.map((thrown) => /error=(.*):$/.exec(markers(() => span('x').fail(thrown))[1])[1])
  assert.deepStrictEqual(got, ['Own', 'Other', 'TypeError', 'Error', 'AbortError', 'string', 'null', 'undefined', 'number', 'Object', 'Error', 'Error'])
})

test('an id of choice', () => {
  assert.deepStrictEqual(markers(() => span('x', { n: 1 }, { id: 42 }).end()), ['>:42:x:n=1:', '<:42:x::'])
  assert.deepStrictEqual(markers(() => span('x', null, { id: 'p' }).span('y').end()), ['>:p:x::', '>:p:x.y::', '<:p:x.y::'])
  assert.match(markers(() => span('x', { n: 1 }, { id: 'order 9' }).end())[0], /^>:\d{16}:x:id=order 9,n=1:$/)
  assert.deepStrictEqual(markers(() => span('x', null, { id: 1.5 }).end()), [])
})

test('a twin of `t` takes an id of its own, whatever the order of the ends', () => {
  const one = () => {
    const a = span('x')
    const b = span('x')
    a.end()
    const c = span('x')
    b.end()
    c.end()
  }
  assert.deepStrictEqual(numbered(markers(one)), ['>:t:x::', '>:#1:x::', '<:t:x::', '>:t:x::', '<:#1:x::', '<:t:x::'])
})

test('unique ids are above 2^32, below 2^52, and differ', () => {
  const ids = Array.from({ length: 1000 }, () => {
    const open = span('x', null, { async: true })
    open.end()
    return open.id
  })
  assert.strictEqual(new Set(ids).size, ids.length)
  for (const id of ids) assert(Number(id) > 2 ** 32 && Number(id) < 2 ** 52)
})

test('a tracer puts its path before all', () => {
  const shop = new Tracer('shop.checkout')
  assert.deepStrictEqual(markers(() => shop.span('pay').end()), ['>:t:shop.checkout.pay::', '<:t:shop.checkout.pay::'])
  assert.deepStrictEqual(markers(() => new Tracer(['a.b']).trace('c', () => {})), ['>:t:a\\.b.c::', '<:t:a\\.b.c::'])
  assert.deepStrictEqual(markers(() => new Tracer('').span('x').end()), [])
})

test('more paths than are remembered', () => {
  const all = () => {
    for (let i = 0; i < 9000; i++) span(`many.${i}`, { i }).end()
  }
  const got = markers(all)
  assert.strictEqual(got.length, 18000)
  got.forEach((marker, i) => assert.match(marker, i % 2 === 0 ? /^>:(t|\d+):many\.\d+:i=\d+:$/ : /^<:(t|\d+):many\.\d+::$/))
})

test('outside of all, the current span is none', () => {
  assert.strictEqual(current().id, null)
  assert.deepStrictEqual(markers(() => current().record('a', 1).end()), [])
})
