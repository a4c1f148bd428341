'use strict'
// What the tests share. The tests run twice, see ../test.sh: with the addon, and NULLTRACE_PURE=1.

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const backend = require('../lib/backend.js')

const root = path.join(__dirname, '..')
const vectors = path.join(root, '..', 'spec', 'vectors')

/** The markers that `fn` writes, as Buffers; of a promise's, once it settles. */
function bytes(fn) {
  backend.capture()
  let result
  try {
    result = fn()
  } catch (error) {
    backend.captured()
    throw error
  }
  if (typeof result?.then !== 'function') return backend.captured()
  return result.then(
    () => backend.captured(),
    (error) => {
      backend.captured()
      throw error
    },
  )
}

/** The same as text. */
function markers(fn) {
  const got = bytes(fn)
  const text = (all) => all.map(String)
  return Array.isArray(got) ? text(got) : got.then(text)
}

/** Replaces each unique number by `#1`, `#2` … in order of appearance, where it is an id and where a parent. */
function numbered(all) {
  const seen = new Map()
  const short = (_, start, id) => {
    if (!seen.has(id)) seen.set(id, `#${seen.size + 1}`)
    return start + seen.get(id)
  }
  const places = /(^[<>]:|^\["[<>]",|^>:[^:]*:(?:[^:\\]|\\.)*:\^=|,\[\{"\^":")([0-9]{10,})(?=[:,"])/g
  // A place may begin in the midst of another.
  return all.map((marker) => marker.replace(places, short).replace(places, short))
}

/** The markers that `fn` writes, numbered. */
function recorded(fn) {
  const got = markers(fn)
  return Array.isArray(got) ? numbered(got) : got.then(numbered)
}

/** The enters among markers as `{ id, parent, path, args }`, by what they say. */
function enters(all) {
  return all.filter((one) => one[0] === '>').map((one) => {
    const [, id, path, parent, args] = /^>:([^:]*):((?:[^:\\]|\\.)*):(?:\^=(#?[0-9]*),?)?(.*):$/.exec(one)
    return { id, parent, path, args }
  })
}

/** That each exit closes what was opened, once. */
function closed(all) {
  const open = new Set()
  for (const one of all) {
    const [, dir, id, path] = /^([<>]):([^:]*):([^:]*):/.exec(one)
    const key = `${id}:${path}`
    if (dir === '>') assert(!open.has(key), `${key} is open`)
    else assert(open.has(key), `${key} is not open`)
    if (dir === '>') open.add(key)
    else open.delete(key)
  }
  assert.deepStrictEqual([...open], [])
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** The collector's binary, or why there is none. */
function collector() {
  const bin = process.env.NULLTRACE_BIN
  if (!bin) return { skip: 'NULLTRACE_BIN is not set' }
  if (!fs.existsSync(bin)) return { skip: `there is no ${bin}` }
  return { bin }
}

/** Like `collector`, if it can trace here. */
function live() {
  const { bin, skip } = collector()
  if (skip) return { skip }
  const tried = spawnSync(bin, ['run', '-q', '--json', '-', '--', 'true'], { encoding: 'utf8' })
  return tried.status === 0 ? { bin } : { skip: `nulltrace run does not work here: ${tried.stderr.trim()}` }
}

/** Runs a Node program under the collector; its summary, and a look-up by tags. */
function traced(bin, args, options = {}) {
  const dir = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'nulltrace-node-'))
  const json = path.join(dir, 'summary.json')
  try {
    const ran = spawnSync(bin, ['run', '-q', '--json', json, '--', process.execPath, ...args], { encoding: 'utf8', timeout: 60000, ...options })
    if (ran.status !== 0) throw new Error(`status ${ran.status}: ${ran.stderr}`)
    const summary = JSON.parse(fs.readFileSync(json, 'utf8'))
    const row = (...tags) => summary.spans.find((span) => JSON.stringify(span.tags) === JSON.stringify(tags))
    return { summary, row, stdout: ran.stdout }
  } finally {
    fs.rmSync(dir, { recursive: true })
  }
}

/** Runs this text as a program; its standard output. */
function program(text, env = {}) {
  const ran = spawnSync(process.execPath, ['-e', text], { cwd: root, encoding: 'utf8', env: { ...process.env, ...env }, timeout: 30000 })
  if (ran.status !== 0) throw new Error(`status ${ran.status}: ${ran.stderr}`)
  return ran.stdout
}

/** What this program writes to the null device by the kernel's account, or why that cannot be seen. */
function straced(text, env = {}) {
  const dir = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'nulltrace-node-'))
  const log = path.join(dir, 'log')
  try {
    const args = ['-f', '-y', '-s', '8192', '-e', 'trace=write,pwrite64,writev,pwritev', '-o', log, process.execPath, '-e', text]
    const ran = spawnSync('strace', args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60000 })
    if (ran.error) return { skip: `no strace: ${ran.error.code}` }
    if (ran.status !== 0 && /ptrace|PTRACE/.test(ran.stderr)) return { skip: ran.stderr.trim() }
    if (ran.status !== 0) throw new Error(`status ${ran.status}: ${ran.stderr}`)
    const lines = fs.readFileSync(log, 'utf8').split('\n')
    const writes = lines.filter((line) => /(write|pwrite64|writev|pwritev)\(\d+<\/dev\/null(<char 1:3>)?>/.test(line))
    // The log begins with the first thread, whose number is the process's.
    return { main: /^\d+/.exec(lines[0])[0], writes: writes.map((line) => /^(\d+) +(\w+)\((\d+)<[^"]*"((?:[^"\\]|\\.)*)"(\.\.\.)?, (\d+)/.exec(line).slice(1)) }
  } finally {
    fs.rmSync(dir, { recursive: true })
  }
}

/** A server of `handler` for the time of `fn(get, port)`; the markers, once all connections are gone. */
function served(handler, fn) {
  return recorded(async () => {
    const server = http.createServer(handler)
    await new Promise((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address()
    const get = (path, method = 'GET', body = '') =>
      new Promise((done, failed) => {
        const headers = body === '' ? {} : { 'content-type': 'application/json' }
        const req = http.request({ port, path, method, headers, agent: false }, (res) => {
          res.resume().once('end', () => done(res.statusCode))
        })
        req.once('error', failed).end(body)
      })
    try {
      await fn(get, port)
    } finally {
      // Each response is over for the server before its connection is.
      await new Promise((done) => server.close(done))
    }
  })
}

module.exports = { bytes, closed, collector, enters, live, markers, numbered, program, root, served, sleep, straced, recorded, traced, vectors }
