'use strict'
// The addon's own functions, which take what the JavaScript side never gives them.

const assert = require('node:assert')
const { test } = require('node:test')
const { implementation, span } = require('../index.js')
const { marker } = require('../lib/encode.js')
const { bytes, markers } = require('./help.js')

const skip = implementation !== 'native' && 'there is no addon'
const addon = skip ? {} : require('../nulltrace.node')

test('arguments it takes, and those it leaves to JavaScript', { skip }, () => {
  const call = addon.headed('>:t:a:')
  const tried = (...given) => {
    let left
    return [markers(() => void (left = call(...given))), left]
  }
  assert.deepStrictEqual(tried('k', 'v'), [['>:t:a:k=v:'], undefined])
  assert.deepStrictEqual(tried('k', '', 'é', '€😀', 'k', ':=,\\', 'l', ''), [['>:t:a:k=,é=€😀,k=\\:\\=\\,\\\\,l=:'], undefined])
  for (const given of [[], ['k'], ['', 'v'], ['k', 'v', 'l'], ['k', 5], [null, 'v'], ['k', {}], ['k', 'a\n'], ['\0', 'v'], Array(10).fill('k')]) {
    assert.deepStrictEqual(tried(...given), [[], true], String(given))
  }
})

test('what is no text is no marker', { skip }, () => {
  for (const given of [undefined, null, 5, {}, Symbol('s')]) {
    assert.deepStrictEqual(markers(() => void addon.writeText(given)), [])
    assert.strictEqual(addon.prepared(given), undefined)
    assert.strictEqual(addon.headed(given), undefined)
  }
  assert.deepStrictEqual(markers(() => void addon.prepared('x'.repeat(9999))()).map((one) => one.length), [4097])
})

test('around the limit, with and without escapes, it is the same marker', () => {
  for (const unit of ['x', ',', 'x,', 'é', '€:', '😀=']) {
    for (let length = 4060; length < 4110; length++) {
      const value = unit.repeat(length / Buffer.byteLength(unit.replace(/[:=,\\]/g, '\\$&')))
      const whole = Buffer.from(marker('>', 't', ['limit'], [['k', value], ['l', 'm,n']]))
      const [enter] = bytes(() => span('limit', { k: value, l: 'm,n' }).end())
      assert.deepStrictEqual(enter, whole.subarray(0, 4097), `${unit} ${length}`)
    }
  }
})
