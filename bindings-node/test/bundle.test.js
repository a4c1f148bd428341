'use strict'
// Programs of one file, as bundlers make them: the addon is found where there is one, else the bundle works without.

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { after, test } = require('node:test')
const { implementation, version } = require('../index.js')
const { numbered, root } = require('./help.js')

const consumers = path.join(root, '..', 'tests', 'consumers', 'bundlers')
const skip = !fs.existsSync(path.join(consumers, 'node_modules')) && 'no bundlers: run tests/consumers/install.sh'
const bundlers = createRequire(path.join(consumers, 'package.json'))

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'nulltrace-bundle-'))
after(() => fs.rmSync(work, { recursive: true }))

// A program with the package installed, as `npm pack` would leave it.
const app = path.join(work, 'app')
const installed = path.join(app, 'node_modules', 'nulltrace')
fs.mkdirSync(installed, { recursive: true })
for (const name of fs.readdirSync(root)) {
  if (/^(index\..*|lib|package\.json|nulltrace\.node)$/.test(name)) fs.cpSync(path.join(root, name), path.join(installed, name), { recursive: true })
}
const BODY = `
const { setTimeout: sleep } = require('node:timers/promises')
const add = wrap('add', (a, b) => a + b, { enterArgs: (a) => ({ a }) })
for (let i = 0; i < 20; i++) add(i, 1)
class Job { run() { return trace('job', async () => { await sleep(1); return add(1, 2) }) } }
new Job().run().then((three) => console.log(JSON.stringify({ three, implementation, version })))
`
fs.writeFileSync(path.join(app, 'main.cjs'), `const { implementation, trace, version, wrap } = require('nulltrace')\n${BODY}`)
fs.writeFileSync(path.join(app, 'main.mjs'), `import { createRequire } from 'node:module'\nimport { implementation, trace, version, wrap } from 'nulltrace'\nconst require = createRequire(import.meta.url)\n${BODY}`)

/** Runs a bundle under strace: what it says, and the markers, numbered. */
function ran(file, env = {}) {
  const log = path.join(work, 'log')
  const args = ['-f', '-y', '-s', '200', '-e', 'trace=write', '-o', log, process.execPath, file]
  const got = spawnSync('strace', args, { cwd: os.tmpdir(), encoding: 'utf8', env: { ...process.env, ...env } })
  assert.strictEqual(got.status, 0, got.stderr)
  const writes = fs.readFileSync(log, 'utf8').split('\n').flatMap((line) => /write\(\d+<\/dev\/null(?:<char 1:3>)?>, "(.*)", \d+/.exec(line)?.[1] ?? [])
  return { said: JSON.parse(got.stdout), markers: numbered(writes) }
}

const adds = (from, n, parent, tags, a) => [`>:#${from}:${tags}:^=${parent},a=${a ?? n}:`, `<:#${from}:${tags}::`]
const MARKERS = [
  ...Array.from({ length: 20 }, (_, i) => adds(i + 1, i, '', 'add')).flat(),
  '>:#21:job:^=:',
  ...adds(22, 1, '#21', 'job.add'),
  '<:#21:job::',
]

function check(file, wanted, env) {
  const { said, markers } = ran(file, env)
  assert.deepStrictEqual(said, { three: 3, implementation: wanted, version })
  assert.deepStrictEqual(markers, MARKERS)
}

/** A bundle works without the package, beside the addon, and where the package is installed. */
function everywhere(out) {
  const alone = path.join(work, 'alone')
  fs.rmSync(alone, { recursive: true, force: true })
  fs.cpSync(path.dirname(out), alone, { recursive: true })
  const file = path.join(alone, path.basename(out))
  check(file, 'pure')
  if (implementation === 'native') {
    fs.copyFileSync(path.join(root, 'nulltrace.node'), path.join(alone, 'nulltrace.node'))
    check(file, 'native')
    check(out, 'native')
    check(out, 'pure', { NULLTRACE_PURE: '1' })
  }
}

const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
for (const [name, main, options] of [
  ['CommonJS', 'main.cjs', { format: 'cjs' }],
  ['CommonJS of an ES module', 'main.mjs', { format: 'cjs', define: { 'import.meta.url': '__filename' } }],
  ['an ES module', 'main.cjs', { format: 'esm', outExtension: { '.js': '.mjs' }, banner: { js: BANNER } }],
  ['minified', 'main.cjs', { format: 'cjs', minify: true }],
  ['minified, names kept', 'main.cjs', { format: 'cjs', minify: true, keepNames: true }],
]) {
  test(`esbuild: ${name}`, { skip }, async () => {
    const outdir = path.join(app, 'esbuild', name.replace(/\W/g, ''))
    const built = await bundlers('esbuild').build({ absWorkingDir: app, entryPoints: [main], bundle: true, platform: 'node', outdir, logLevel: 'silent', ...options })
    assert.deepStrictEqual([built.errors, built.warnings], [[], []])
    everywhere(path.join(outdir, options.format === 'esm' ? 'main.mjs' : 'main.js'))
  })
}

for (const [main, mode] of [['main.cjs', 'development'], ['main.cjs', 'production'], ['main.mjs', 'production']]) {
  test(`webpack: ${main}, ${mode}`, { skip }, async () => {
    const out = path.join(app, 'webpack', mode, main)
    const compiler = bundlers('webpack')({ context: app, entry: `./${main}`, target: 'node', mode, output: { path: path.dirname(out), filename: 'main.js' } })
    const stats = await new Promise((done, failed) => compiler.run((error, got) => (error ? failed(error) : done(got))))
    await new Promise((done) => compiler.close(done))
    const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true })
    assert.deepStrictEqual([errors, warnings], [[], []])
    everywhere(path.join(path.dirname(out), 'main.js'))
  })
}

for (const minify of [false, true]) {
  test(`ncc: ${minify ? 'minified' : 'as it comes'}, with the addon as an asset`, { skip }, async () => {
    const { code, assets } = await bundlers('@vercel/ncc')(path.join(app, 'main.cjs'), { cache: false, minify, quiet: true })
    const out = path.join(work, `ncc-${minify}`)
    fs.mkdirSync(out)
    fs.writeFileSync(path.join(out, 'index.js'), code)
    for (const [name, { source }] of Object.entries(assets)) {
      fs.mkdirSync(path.dirname(path.join(out, name)), { recursive: true })
      fs.writeFileSync(path.join(out, name), source)
    }
    const wanted = fs.existsSync(path.join(root, 'nulltrace.node')) && process.env.NULLTRACE_PURE !== '1' ? 'native' : 'pure'
    check(path.join(out, 'index.js'), wanted)
    for (const name of Object.keys(assets)) if (name.endsWith('.node')) fs.rmSync(path.join(out, name))
    check(path.join(out, 'index.js'), 'pure')
  })
}

test('an addon of another version is not taken', { skip: skip || (implementation !== 'native' && 'there is no addon') }, async () => {
  const outdir = path.join(work, 'other')
  const plugin = {
    name: 'version',
    setup: (build) => build.onLoad({ filter: /nulltrace\/package\.json$/ }, () => ({ contents: JSON.stringify({ version: '9.9.9' }), loader: 'json' })),
  }
  await bundlers('esbuild').build({ absWorkingDir: app, entryPoints: ['main.cjs'], bundle: true, platform: 'node', outdir, plugins: [plugin], logLevel: 'silent' })
  fs.copyFileSync(path.join(root, 'nulltrace.node'), path.join(outdir, 'nulltrace.node'))
  assert.deepStrictEqual(ran(path.join(outdir, 'main.js')).said, { three: 3, implementation: 'pure', version: '9.9.9' })
})
