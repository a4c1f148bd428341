'use strict'
// The addon's own functions, which take what the JavaScript side never gives them.

const assert = require('node:assert')
const { test } = require('node:test')
const { implementation, span } = require('../index.js')
const backend = require('../lib/backend.js')
const { marker } = require('../lib/encode.js')
const pure = require('../lib/pure.js')
const { bytes, markers } = require('./help.js')

const skip = implementation !== 'native' && 'there is no addon'
const addon = skip ? {} : require('../nulltrace.node')

test('arguments it takes, and those it leaves to JavaScript', { skip }, () => {
  const call = addon.numberedWith('>:a:')
  const tried = (...given) => {
    let left
    addon.numbers[0] = 2 ** 48 - 1
    addon.numbers[1] = 0
    return [markers(() => void (left = call(...given))), left]
  }
  assert.deepStrictEqual(tried('k', 'v'), [['>:281474976710655:a:k=v:'], undefined])
  assert.deepStrictEqual(tried('k', '', 'é', '€😀', 'k', ':=,\\', 'l', ''), [['>:281474976710655:a:k=,é=€😀,k=\\:\\=\\,\\\\,l=:'], undefined])
  for (const given of [[], ['k'], ['', 'v'], ['k', 'v', 'l'], ['k', 5], [null, 'v'], ['k', {}], ['k', 'a\n'], ['^', 'v'], ['\0', 'v'], Array(10).fill('k')]) {
    assert.deepStrictEqual(tried(...given), [[], true], String(given))
  }
})

test('numbers, of whatever order, with whatever parent', { skip: skip && 'pure.js has its own' }, () => each(addon))
test('the same without the addon', () => each(pure))

function each({ numbers, numbered }) {
  const call = numbered('>:a:')
  const leave = numbered('<:a:')
  const [before, wanted] = [[...numbers], []]
  const some = () => 10 ** 14 + Math.floor(Math.random() * (2 ** 48 - 10 ** 14))
  const all = [some(), some(), 10 ** 14, 2 ** 48 - 1, 199999999999999, 200000000000000, 123456789999998]
  for (let i = 0; i < 2000; i++) all.push(some())
  const got = []
  try {
    backend.capture()
    pure.capture()
    for (const first of all) {
      for (const [number, parent] of [[first, 0], [first, -1], [Math.min(first + 1, 2 ** 48 - 1), first]]) {
        numbers[0] = number
        numbers[1] = parent
        call()
        leave()
        wanted.push(`>:${number}:a:${parent === 0 ? '' : parent < 0 ? '^=' : `^=${parent}`}:`, `<:${number}:a::`)
      }
    }
  } finally {
    got.push(...backend.captured().map(String), ...(backend === pure ? [] : pure.captured().map(String)))
    numbers.set(before)
  }
  assert.deepStrictEqual(got, wanted)
}

test('what is no text is no marker', { skip }, () => {
  for (const given of [undefined, null, 5, {}, Symbol('s')]) {
    assert.deepStrictEqual(markers(() => void addon.writeText(given)), [])
    assert.strictEqual(addon.numbered(given), undefined)
    assert.strictEqual(addon.numberedWith(given), undefined)
  }
  for (const given of ['', '>', ':>', '?:a:']) assert.strictEqual(addon.numbered(given), undefined)
  // `>:N:`, the tags, `:^=N:`
  const longest = 'x'.repeat(4097 - 18 - 19)
  assert.strictEqual(addon.numbered(`>:${longest}x:`), undefined)
  const call = addon.numbered(`>:${longest}:`)
  const more = addon.numberedWith(`>:${longest}:`)
  const before = [...addon.numbers]
  const got = markers(() => {
    addon.numbers[0] = 123456789012345
    for (const parent of [0, -1, 123456789012345]) {
      addon.numbers[1] = parent
      call()
      assert.strictEqual(more('k', 'v'.repeat(5000)), undefined)
    }
  })
  addon.numbers.set(before)
  const start = `>:123456789012345:${longest}:`
  for (const said of [got[2], got[4]]) assert(said.startsWith(`${start}^=`))
  assert.deepStrictEqual(got.map((one) => one.length), [4080, 4097, 4082, 4097, 4097, 4097])
})

test('around the limit, with and without escapes, it is the same marker', () => {
  for (const unit of ['x', ',', 'x,', 'é', '€:', '😀=']) {
    for (let length = 4060; length < 4110; length++) {
      const value = unit.repeat(length / Buffer.byteLength(unit.replace(/[:=,\\]/g, '\\$&')))
      const [enter] = bytes(() => span('limit', { k: value, l: 'm,n' }).end())
      const [, id] = /^>:(\d+):/.exec(enter)
      const whole = Buffer.from(marker('>', id, ['limit'], [['k', value], ['l', 'm,n']], ''))
      assert.deepStrictEqual(enter, whole.subarray(0, 4097), `${unit} ${length}`)
    }
  }
})
