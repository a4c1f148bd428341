'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const ts = require('typescript')
const nulltrace = require('../index.js')
const { root } = require('./help.js')

const config = path.join(__dirname, 'types', 'tsconfig.json')

const printed = (found) => ts.formatDiagnostics(found, { getCanonicalFileName: String, getCurrentDirectory: () => root, getNewLine: () => '\n' })

test('the types hold for CommonJS and ES modules', () => {
  const { config: read } = ts.readConfigFile(config, ts.sys.readFile)
  const { options, fileNames, errors } = ts.parseJsonConfigFileContent(read, ts.sys, path.dirname(config))
  assert.deepStrictEqual(errors, [])
  const found = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options))
  assert.strictEqual(printed(found), '')
})

test('what is declared is what there is', async () => {
  const file = path.join(root, 'index.d.ts')
  const program = ts.createProgram([file], { target: ts.ScriptTarget.ES2022, strict: true, skipDefaultLibCheck: true, types: [] })
  // The program above is not checked in its declarations: those of Node are too many.
  assert.strictEqual(printed(ts.getPreEmitDiagnostics(program)), '')
  const checker = program.getTypeChecker()
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))
  const values = exported.filter((one) => (one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one).flags & ts.SymbolFlags.Value)
  const declared = values.map((one) => one.name).sort()
  assert.deepStrictEqual(declared, [...Object.keys(nulltrace), 'default'].sort())
  assert.deepStrictEqual(Object.keys(await import('../index.mjs')).sort(), declared)

  const methods = (name) => {
    const type = checker.getDeclaredTypeOfSymbol(exported.find((one) => one.name === name))
    return type.getProperties().map((one) => one.name).filter((one) => !one.startsWith('__@') && one !== 'id').sort()
  }
  for (const name of ['Trace', 'Tracer', 'Span']) {
    const own = Object.getOwnPropertyNames(nulltrace[name].prototype).filter((one) => !['constructor', 'begin', 'float', 'id', 'stored', 'untie'].includes(one))
    assert.deepStrictEqual(methods(name), own.sort(), name)
  }
})

test('both kinds of modules are one instance', async () => {
  const esm = await import('../index.mjs')
  assert.strictEqual(esm.default, nulltrace)
  for (const [name, value] of Object.entries(nulltrace)) assert.strictEqual(esm[name], value, name)
})

test('one version: of the package, the workspace and the addon', () => {
  const cargo = fs.readFileSync(path.join(root, '..', 'Cargo.toml'), 'utf8')
  const workspace = /\[workspace\.package\][^[]*?\nversion = "([^"]+)"/.exec(cargo)[1]
  const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  assert.deepStrictEqual([nulltrace.version, lock.version, lock.packages[''].version], [workspace, workspace, workspace])
  const { version } = require('../lib/backend.js')
  if (nulltrace.implementation === 'native') assert.strictEqual(version, workspace)
})
