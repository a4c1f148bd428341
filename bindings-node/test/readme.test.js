'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { test } = require('node:test')
const { root, recorded } = require('./help.js')

const text = fs.readFileSync(path.join(root, 'README.md'), 'utf8')
const blocks = [...text.matchAll(/```js\n(.*?)```/gs)].map((found) => found[1])

/** Runs a block as the module that it is. */
function run(block) {
  const own = new Module(path.join(root, 'README.js'))
  const real = own.require.bind(own)
  new Function('require', 'module', block)((name) => real(name === 'nulltrace' ? './index.js' : name), own)
  return own.exports
}

const WRITTEN = [
  '>:#1:db.find:^=,user=ann:',
  '<:#1:db.find:rows=1:',
  '>:#2:fetch:^=:',
  '>:#3:parse:^=,bytes=10:',
  '>:#4:parse.head:^=#3:',
  '<:#4:parse.head::',
  '<:#3:parse::',
  '>:#5:request:id=some-unique-id,user=ann:',
  '<:#5:request::',
  '>:#6:handler:^=,page=home:',
  '>:#7:handler.load:^=#6:',
  '>:#8:handler.load.db.find:^=#7,user=ann:',
  '<:#8:handler.load.db.find:rows=1:',
  '<:#7:handler.load::',
  '<:#6:handler:rows=1:',
  '<:#2:fetch:error=TypeError:',
]

test('the examples run, and write what they say', async () => {
  assert.strictEqual(blocks.length, 2)
  const got = await recorded(() => run(blocks[0]))
  // The order of those that wait is the engine's.
  assert.deepStrictEqual(got.sort(), WRITTEN.sort())
  run(blocks[1])
})
