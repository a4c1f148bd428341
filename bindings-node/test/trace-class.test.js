'use strict'

const assert = require('node:assert')
const { test } = require('node:test')
const nulltrace = require('../index.js')
const { markers } = require('./help.js')

const { Trace } = nulltrace
const started = (id, ...rest) => markers(() => new Trace(id).start(...rest))

test('the module is the class too, as in node-trace', () => {
  assert.strictEqual(nulltrace, Trace)
  assert.strictEqual(nulltrace.default, Trace)
})

test('start and stop under a number', () => {
  const t = new Trace(42)
  assert.strictEqual(t.id, 42)
  const got = markers(() => {
    t.start('web.render', { page: 'home', user: 7 })
    t.stop('web.render')
  })
  assert.deepStrictEqual(got, ['>:42:web.render:page=home,user=7:', '<:42:web.render::'])
})

test('a text stands for one number, and is kept as argument of the enter', () => {
  const t = new Trace('some-unique-id')
  assert.strictEqual(t.id, 'some-unique-id')
  const [enter, exit] = markers(() => {
    t.start('request', { n: 1 })
    new Trace('some-unique-id').stop('request')
  })
  const [, number, args] = /^>:(\d+):request:(.*):$/.exec(enter)
  assert.strictEqual(args, 'id=some-unique-id,n=1')
  assert.strictEqual(exit, `<:${number}:request::`)
  assert(BigInt(number) > 2n ** 32n && BigInt(number) < 2n ** 53n)
})

test('the number of a text is the same in every version: it is matched across processes', () => {
  assert.deepStrictEqual(started('foobar', 'a'), ['>:7132328941022492:a:id=foobar:'])
})

test('texts do not share numbers', () => {
  const seen = new Set()
  for (let i = 0; i < 20000; i++) for (const text of [`req-${i}`, `${i}x`]) seen.add(/:(\d+):/.exec(started(text, 'a')[0])[1])
  assert.strictEqual(seen.size, 40000)
})

test('an argument `id` of the caller is kept too', () => {
  const [enter] = started('x y', 'a', { id: 'mine' })
  assert.match(enter, /:a:id=x y,id=mine:$/)
})

test('ids', () => {
  const id = (value) => /^>:([^:]*):/.exec(started(value, 'a')[0] ?? '')?.[1]
  assert.deepStrictEqual([undefined, '', 'g', 't', 'p', 'pp', 0, -7, '007', '-5', 2n ** 63n - 1n, String(-(2n ** 63n))].map(id), [
    't', '', 'g', 't', 'p', 'pp', '0', '-7', '7', '-5', '9223372036854775807', '-9223372036854775808',
  ])
  assert.strictEqual(id(2 ** 60), String(2n ** 60n))
  // Digits beyond 63 bits are a text like any other.
  assert(Number(id('9223372036854775808')) < 2 ** 53)
  assert.match(id('gui-7'), /^\d+$/)
  // No ids, so nothing is written.
  for (const none of [1.5, NaN, Infinity, 2 ** 63, 2n ** 63n, null, {}, Symbol('x'), true]) assert.deepStrictEqual(started(none, 'a'), [])
})

test('paths', () => {
  assert.deepStrictEqual(started('t', ['a.b', 'c']), ['>:t:a\\.b.c::'])
  assert.deepStrictEqual(started('t', 'a\\.b:<'), ['>:t:a\\\\.b\\:\\<::'])
  assert.deepStrictEqual(started('t', ['a', '\n']), ['[">","t",["a","\\n"]]'])
  for (const none of ['', '.a', 'a..b', 'a.', [], [''], undefined, null, 5, {}, ['a', 5], Array(33).fill('a'), Array(33).fill('a').join('.')]) {
    assert.deepStrictEqual(started('t', none), [])
  }
  assert.strictEqual(started('t', Array(32).fill('a')).length, 1)
})

test('a list that is changed after is not remembered', () => {
  const path = ['a']
  assert.deepStrictEqual(started('t', path), ['>:t:a::'])
  path[0] = 'b'
  assert.deepStrictEqual(started('t', path), ['>:t:b::'])
})

test('values', () => {
  const value = (one) => started('t', 'a', { k: one })[0]
  assert.strictEqual(value(1.5), '>:t:a:k=1.5:')
  assert.strictEqual(value(10n), '>:t:a:k=10:')
  assert.strictEqual(value(true), '>:t:a:k=true:')
  assert.strictEqual(value(null), '>:t:a:k=null:')
  assert.strictEqual(value(''), '>:t:a:k=:')
  assert.strictEqual(value(undefined), '>:t:a::')
  assert.strictEqual(value(['x', 'y']), '>:t:a:k=x\\,y:')
  assert.strictEqual(value(Symbol('s')), '>:t:a:k=Symbol(s):')
  assert.deepStrictEqual(started('t', 'a', { '': 1 }), [])
  assert.deepStrictEqual(started('t', 'a', new Map([['k', 1]])), ['>:t:a:k=1:'])
  assert.deepStrictEqual(started('t', 'a', null), ['>:t:a::'])
  for (const none of [5, 'text', [1], [['a']], () => {}]) assert.deepStrictEqual(started('t', 'a', none), [])
})

test('what the arguments throw stays inside', () => {
  const hostile = { get k() { throw new Error('no') } }
  const texts = { k: { toString() { throw new Error('no') } } }
  const bare = { k: Object.create(null) }
  const proxy = new Proxy({}, { get() { throw new Error('no') }, ownKeys() { throw new Error('no') } })
  for (const args of [hostile, texts, bare, proxy]) {
    for (const id of ['t', 7, 'text']) {
      const t = new Trace(id)
      assert.deepStrictEqual(markers(() => { t.start('a', args); t.stop('a', args) }), [])
    }
  }
})

test('65 arguments are refused', () => {
  const args = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
  assert.strictEqual(started('t', 'a', args(64)).length, 1)
  assert.deepStrictEqual(started('t', 'a', args(65)), [])
})
