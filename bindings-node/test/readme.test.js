'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { test } = require('node:test')
const { markers, numbered, root } = require('./help.js')

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
  '>:t:db.find:user=ann:',
  '<:t:db.find:rows=1:',
  '>:#1:fetch::',
  '>:t:parse:bytes=10:',
  '>:t:parse.head::',
  '<:t:parse.head::',
  '<:t:parse::',
  '>:#2:request:id=some-unique-id,user=ann:',
  '<:#2:request::',
  '>:#3:handler:page=home:',
  '>:#3:handler.load::',
  '>:#3:handler.load.db.find:user=ann:',
  '<:#3:handler.load.db.find:rows=1:',
  '<:#3:handler.load::',
  '<:#3:handler:rows=1:',
  '<:#1:fetch:error=TypeError:',
]

test('the examples run, and write what they say', async () => {
  assert.strictEqual(blocks.length, 2)
  const got = await markers(() => run(blocks[0]))
  // The order of those that wait is the engine's.
  assert.deepStrictEqual(numbered(got).sort(), WRITTEN.sort())
  run(blocks[1])
})
