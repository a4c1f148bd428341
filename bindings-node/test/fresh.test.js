'use strict'

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const { test } = require('node:test')
const { fresh, freshFor } = require('../lib/fresh.js')
const shared = require('../lib/plain.js')
const { root } = require('../lib/site.js')
const { numbered, program, root: directory } = require('./help.js')

const CALLS = `
const backend = require('./lib/backend.js')
const { wrap } = require('./index.js')
backend.capture()
const all = [wrap('a', (n) => n + 1), wrap('b', (n) => n + 2, { enterArgs: (n) => ({ n }), exitArgs: (n) => ({ n }) })]
for (const one of all) for (let i = 0; i < 20; i++) one(0)
backend.captured()
backend.capture()
const got = all.map((one) => one(1))
let stack
try { wrap('c', () => { throw new Error('e') })() } catch (error) { stack = error.stack }
console.log(JSON.stringify([got, backend.captured().map(String), /plain\\.js:\\d+/.test(stack)]))
`
const EXPECTED = [[2, 3], ['>:#1:a:^=:', '<:#1:a::', '>:#2:b:^=,n=1:', '<:#2:b:n=3:', '>:#3:c:^=:', '<:#3:c:error=Error:'], true]

const shown = (calls) => {
  const [got, all, fits] = JSON.parse(calls)
  return [got, numbered(all), fits]
}

test('each function has an evaluation of its own', () => {
  const [a, b] = [fresh(), fresh()]
  assert(a !== b && a !== shared.plain)
  assert.strictEqual(String(a), String(shared.plain))
})

test('functions of one path and the same options share it', () => {
  const [a, b] = ['fresh', 'fresh2'].map((path) => root.child(path))
  const options = { enterArgs: () => ({}) }
  assert.strictEqual(freshFor(a, {}), freshFor(a, {}))
  assert.notStrictEqual(freshFor(a, {}), freshFor(a, options))
  assert.notStrictEqual(freshFor(a, {}), freshFor(b, {}))
})

test('where the text is of no use, all share one', () => {
  // As a tool that counts calls, or takes the text away, leaves it.
  for (const text of ['function make() { counted(1) }', 'function make() { [native code] }']) {
    const [same, calls] = program(`
      const shared = require('./lib/plain.js')
      shared.make.toString = () => ${JSON.stringify(text)}
      console.log(require('./lib/fresh.js').fresh() === shared.plain)
      ${CALLS}`).trim().split('\n')
    assert.strictEqual(same, 'true')
    assert.deepStrictEqual(shown(calls), EXPECTED)
  }
})

test('a program that forbids code from strings', () => {
  const ran = spawnSync(process.execPath, ['--disallow-code-generation-from-strings', '-e', CALLS], { cwd: directory, encoding: 'utf8', timeout: 30000 })
  assert.strictEqual(ran.status, 0, ran.stderr)
  assert.deepStrictEqual(shown(ran.stdout), EXPECTED)
})
