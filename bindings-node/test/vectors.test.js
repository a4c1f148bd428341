'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { Trace } = require('../index.js')
const { bytes, vectors } = require('./help.js')

const octets = (value) => (typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.hex, 'hex'))
const given = (value) => (typeof value === 'string' ? value : octets(value))

const lines = fs.readFileSync(path.join(vectors, 'encode.jsonl'), 'utf8').split('\n').filter(Boolean)
const cases = lines.map((line) => JSON.parse(line))

function written({ dir, id, tags, args }) {
  const trace = new Trace(id)
  const own = tags.map(given)
  const pairs = args.map(([name, value]) => [given(name), given(value)])
  return bytes(() => (dir === '>' ? trace.start(own, pairs) : trace.stop(own, pairs)))
}

test('there are vectors', () => assert(cases.length >= 50))

for (const one of cases) {
  // An encoder that gives no choice of the form skips these.
  if (one.form !== undefined) continue
  test(`encode: ${one.name}`, () => {
    const got = written(one)
    if (one.code === undefined) {
      assert.deepStrictEqual(got, [octets(one.bytes)])
    } else if (one.code === 'E_LIMIT') {
      // Sent as the first 4097 bytes, FORMAT.md section 11.
      assert.deepStrictEqual([got.length, got[0].length], [1, 4097])
    } else {
      assert.deepStrictEqual(got, [])
    }
  })
}

test('the first 4097 bytes are those of the marker', () => {
  for (const value of ['x'.repeat(5000), 'é'.repeat(3000), '€'.repeat(2000), '😀'.repeat(2000), '='.repeat(4000), '\x01' + '"'.repeat(4000)]) {
    for (const shift of ['', 'a', 'ab', 'abc']) {
      const text = shift + value
      const json = /\x01/.test(text)
      const whole = json ? `[">","t",["a"],[${JSON.stringify({ k: text })}]]` : `>:t:a:k=${text.replace(/=/g, '\\=')}:`
      const [got, ...more] = bytes(() => new Trace('t').start('a', { k: text }))
      assert.deepStrictEqual(got, Buffer.from(whole).subarray(0, 4097))
      assert.deepStrictEqual(more, [])
    }
  }
})
