'use strict'
// What is written is read by the reference codec as what was given: the binary's `parse`.

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const { test } = require('node:test')
const { Trace, span } = require('../index.js')
const { marker } = require('../lib/encode.js')
const { bytes, collector } = require('./help.js')

const { bin, skip } = collector()

/** A small generator of numbers, so that a failure can be had again. */
function random(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
}

const CHARACTERS = ['a', 'Z', '0', ' ', '.', ':', '=', ',', '\\', '<', '>', '"', '[', ']', '{', '\n', '\t', '\0', '\x1f', '\x7f', 'é', '€', '😀', '\u2028', '/', '%']

function text(next, least, most) {
  let out = ''
  const length = least + next(most - least + 1)
  // Most names have nothing odd about them.
  const from = next(3) === 0 ? CHARACTERS.length : 3
  for (let i = 0; i < length; i++) out += CHARACTERS[next(from)]
  return out
}

function samples(count) {
  const next = random(20)
  const list = (least, most, make) => Array.from({ length: least + next(most - least + 1) }, make)
  return Array.from({ length: count }, () => ({
    tags: list(1, 4, () => text(next, 1, 6)),
    args: list(0, 4, () => [text(next, 1, 6), text(next, 0, 12)]),
  }))
}

function parsed(all) {
  const ran = spawnSync(bin, ['parse'], { input: Buffer.concat(all.flatMap((one) => [one, Buffer.from('\n')])), maxBuffer: 2 ** 28 })
  assert.strictEqual(String(ran.stderr), '')
  return String(ran.stdout).trim().split('\n').map((line) => JSON.parse(line))
}

test('random tags and arguments come back', { skip }, () => {
  const given = samples(3000)
  const trace = new Trace(42)
  const all = bytes(() => given.forEach(({ tags, args }) => trace.start(tags, args)))
  given.forEach(({ tags }) => trace.stop(tags))
  const got = parsed(all)
  assert.strictEqual(got.length, given.length)
  got.forEach((one, i) => assert.deepStrictEqual([one.dir, String(one.id), one.tags, one.args], ['>', '42', given[i].tags, given[i].args]))
})

test('the ways of writing agree', () => {
  // Objects and spans take quicker ways than lists: same bytes.
  for (const { tags, args } of samples(3000)) {
    const object = Object.fromEntries(args)
    const wanted = Buffer.from(marker('>', 't', tags, Object.entries(object)))
    let id
    const [bySpan] = bytes(() => {
      const open = span(tags, object)
      id = open.id
      return void open.end()
    })
    assert.deepStrictEqual(bySpan, Buffer.from(marker('>', id, tags, Object.entries(object), '')))
    const trace = new Trace('t')
    assert.deepStrictEqual(bytes(() => trace.start(tags, object)), [wanted])
    trace.stop(tags)
  }
})

test('lone surrogates become U+FFFD in both forms', { skip }, () => {
  const all = bytes(() => {
    const trace = new Trace('t')
    for (const k of ['x\ud800y', '\n\udc00']) {
      trace.start('a', { k })
      trace.stop('a')
    }
  })
  const [one, , other] = parsed(all)
  assert.deepStrictEqual([one.args, other.args], [[['k', 'x\ufffdy']], [['k', '\n\ufffd']]])
})

test('a name that objects treat apart is a name', { skip }, () => {
  const [got] = parsed(bytes(() => new Trace('t').start('a', [['__proto__', '1\n'], ['constructor', '2']])))
  assert.deepStrictEqual(got.args, [['__proto__', '1\n'], ['constructor', '2']])
})
