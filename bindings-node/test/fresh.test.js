'use strict'

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const { test } = require('node:test')
const { fresh } = require('../lib/fresh.js')
const shared = require('../lib/plain.js')
const { numbered, program, root } = require('./help.js')

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

test('where the file cannot be read, all share one', () => {
  const text = `
    const fs = require('node:fs')
    require('./lib/plain.js')
    const { readFileSync } = fs
    fs.readFileSync = (name, ...rest) => {
      if (String(name).endsWith('plain.js')) throw new Error('no')
      return readFileSync(name, ...rest)
    }
    console.log(require('./lib/fresh.js').fresh() === require('./lib/plain.js').plain)
    ${CALLS}`
  const [same, calls] = program(text).trim().split('\n')
  assert.strictEqual(same, 'true')
  assert.deepStrictEqual(shown(calls), EXPECTED)
})

test('a program that forbids code from strings', () => {
  const ran = spawnSync(process.execPath, ['--disallow-code-generation-from-strings', '-e', CALLS], { cwd: root, encoding: 'utf8', timeout: 30000 })
  assert.strictEqual(ran.status, 0, ran.stderr)
  assert.deepStrictEqual(shown(ran.stdout), EXPECTED)
})
