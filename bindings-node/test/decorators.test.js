'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { test } = require('node:test')
const ts = require('typescript')
const nulltrace = require('../index.js')
const { recorded, root } = require('./help.js')

/** Checks and compiles a file of ./types, and runs it; its markers and `result`. */
async function ran(name, experimentalDecorators) {
  const file = path.join(__dirname, 'types', name)
  const options = {
    strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16, skipLibCheck: true,
    types: ['node'], paths: { nulltrace: ['../..'] }, baseUrl: path.dirname(file), experimentalDecorators, noEmit: true,
  }
  const program = ts.createProgram([file], options)
  const host = { getCanonicalFileName: String, getCurrentDirectory: () => root, getNewLine: () => '\n' }
  assert.strictEqual(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host), '')
  const { outputText } = ts.transpileModule(fs.readFileSync(file, 'utf8'), { compilerOptions: { ...options, noEmit: false, module: ts.ModuleKind.CommonJS } })
  let result
  const markers = await recorded(() => {
    const own = new Module(file)
    new Function('require', 'exports', outputText)((id) => (id === 'nulltrace' ? nulltrace : require(id)), own.exports)
    return own.exports.result.then((value) => (result = value))
  })
  return { markers, result }
}

for (const experimental of [false, true]) {
  test(`methods, getters and static methods, ${experimental ? 'experimentalDecorators' : 'as in the language'}`, async () => {
    const { markers, result } = await ran('decorators.ts', experimental)
    assert.deepStrictEqual(result, [1, 4, ['ann', 'bob'], 'RangeError', ['ann'], 'find', 1])
    assert.deepStrictEqual(markers, [
      '>:#1:app.open:^=:', '<:#1:app.open::',
      '>:#2:find:^=:', '<:#2:find::',
      '>:#3:a\\.b.c:^=:', '>:#4:size:^=#3:', '<:#4:size::', '<:#3:a\\.b.c::',
      '>:#5:each:^=:', '<:#5:each:done=true:',
      '>:#6:fail:^=:', '>:#7:size:^=#6:', '<:#7:size::', '<:#6:fail:error=RangeError:',
      '>:#8:db.load:^=,n=1:', '<:#8:db.load:rows=1:',
    ])
  })
}

test('classes, accessors, fields, setters and private methods, as in the language', async () => {
  const { markers, result } = await ran('standard.ts', false)
  assert.deepStrictEqual(result, [5, 8, 'p', 2, 7, true])
  assert.deepStrictEqual(markers, [
    '>:#1:Point:^=:', '<:#1:Point::', '>:#2:x:^=:', '<:#2:x::', '>:#3:y:^=:', '<:#3:y::',
    '>:#4:x:^=:', '<:#4:x::', '>:#5:double:^=:', '<:#5:double::', '>:#6:#hidden:^=:', '<:#6:#hidden::',
  ])
})

test('classes, experimentalDecorators', async () => {
  const { markers, result } = await ran('legacy.ts', true)
  assert.deepStrictEqual(result, ['n', 1, 'Named'])
  assert.deepStrictEqual(markers, ['>:#1:made:^=:', '<:#1:made::', '>:#2:Bare:^=:', '<:#2:Bare::'])
})

test('what is neither a function nor a decorator comes back as it was', () => {
  const { wrap } = nulltrace
  const kept = { some: 'object' }
  assert.deepStrictEqual([wrap('x', undefined), wrap('x', null), wrap('x', kept), wrap(undefined), wrap(5)], [undefined, null, kept, undefined, undefined])
  assert.strictEqual(wrap('x')(5), 5)
  assert.strictEqual(wrap({}, 'field', undefined), undefined)
  assert.deepStrictEqual(recorded(() => void wrap('x')(function own() {})()), ['>:#1:x:^=:', '<:#1:x::'])
  assert.deepStrictEqual(recorded(() => void wrap({ enterArgs: (n) => ({ n }) })(function own() {})(1)), ['>:#1:own:^=,n=1:', '<:#1:own::'])
})
