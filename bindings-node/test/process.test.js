'use strict'
// The real thing: what the kernel sees, other processes, closed descriptors.

const assert = require('node:assert')
const fs = require('node:fs')
const { fork } = require('node:child_process')
const { test } = require('node:test')
const nulltrace = require('../index.js')
const { live, markers, numbered, program, straced, traced } = require('./help.js')

const WORK = `
  const { span, trace, wrap, Trace } = require('./index.js')
  span('guard', { user: 'a,b' }).end()
  wrap('f', () => {})()
  new Trace(7).start(['é', '\\n'], { n: 1 })
  new Trace(7).stop(['é', '\\n'])
  span('long', { k: 'x'.repeat(9000) }).end()`

test('the implementation is the one that was asked for', () => {
  assert.strictEqual(nulltrace.implementation, process.env.NULLTRACE_PURE === '1' ? 'pure' : 'native')
  assert.strictEqual(nulltrace.enabled(), true)
})

test('each marker is one write to the null device, by the thread that runs JavaScript', (t) => {
  const { main, writes, skip } = straced(WORK)
  if (skip) return t.skip(skip)
  const short = numbered(writes.map(([, , , text]) => text))
  const seen = writes.map(([, call, , , , size], i) => [call, short[i].length > 100 ? `${short[i].slice(0, 12)}…` : short[i], Number(size)])
  assert.deepStrictEqual(seen, [
    ['write', '>:#1:guard:^=,user=a\\\\,b:', 37],
    ['write', '<:#1:guard::', 25],
    ['write', '>:#2:f:^=:', 23],
    ['write', '<:#2:f::', 21],
    ['write', '[\\">\\",7,[\\"\\303\\251\\",\\"\\\\n\\"],[{\\"n\\":\\"1\\"}]]', 31],
    ['write', '[\\"<\\",7,[\\"\\303\\251\\",\\"\\\\n\\"]]', 19],
    ['write', '>:#3:long:^=…', 4097],
    ['write', '<:#3:long::', 24],
  ])
  assert.deepStrictEqual([...new Set(writes.map(([tid]) => tid))], [main])
})

test('the addon moves the device to a high number', { skip: nulltrace.implementation !== 'native' && 'JavaScript cannot duplicate a descriptor' }, (t) => {
  const { writes, skip } = straced(WORK)
  if (skip) return t.skip(skip)
  assert(writes.every(([, , fd]) => Number(fd) >= 64), `fd ${writes[0][2]}`)
})

test('off: nothing is written, and all works', (t) => {
  const text = `
    const n = require('./index.js')
    const assert = require('node:assert')
    assert.strictEqual(n.enabled(), false)
    const fn = () => 5
    assert.strictEqual(n.wrap(fn)(), 5)
    assert.strictEqual(n.trace('x', (span) => { span.record('a', 1); return span.id }), null)
    n.span('x').span('y').end()
    n.middleware()({}, {}, () => n.trace('x', Promise.resolve(7)).then((v) => assert.strictEqual(v, 7)))
    ${WORK}`
  program(text, { NULLTRACE: 'off' })
  const { writes, skip } = straced(text, { NULLTRACE: 'off' })
  if (skip) return t.skip(skip)
  assert.deepStrictEqual(writes, [])
})

test('what `NULLTRACE` means', () => {
  const said = (value) => program(`process.stdout.write(String(require('./index.js').enabled()))`, { NULLTRACE: value })
  for (const value of ['0', 'off', 'OFF', 'false', 'False', 'no', 'NO']) assert.strictEqual(said(value), 'false', value)
  for (const value of ['', '1', 'on', 'yes', 'true', 'offf', ' off', '00', 'none']) assert.strictEqual(said(value), 'true', value)
})

test('a descriptor closed behind our back is opened again', (t) => {
  const { writes, skip } = straced(`
    const fs = require('node:fs')
    const { span } = require('./index.js')
    span('before').end()
    const own = fs.readdirSync('/proc/self/fd').filter((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd) === '/dev/null' && fd > 2 } catch { return false } })
    if (own.length !== 1) throw new Error('descriptors: ' + own)
    fs.closeSync(Number(own[0]))
    span('after').end()`)
  if (skip) return t.skip(skip)
  const whole = writes.filter(([, , , text], i) => i === 0 || text !== writes[i - 1][3])
  assert.deepStrictEqual(numbered(whole.map(([, , , text]) => text)), ['>:#1:before:^=:', '<:#1:before::', '>:#2:after:^=:', '<:#2:after::'])
})

test('no marker lands in a file that got the number', { skip: nulltrace.implementation !== 'native' && 'JavaScript cannot duplicate a descriptor' }, () => {
  const file = program(`
    const fs = require('node:fs')
    const { span } = require('./index.js')
    span('before').end()
    // As closefrom(3) does, but for what Node itself needs.
    for (const fd of fs.readdirSync('/proc/self/fd').map(Number)) {
      let to
      try { to = fs.readlinkSync('/proc/self/fd/' + fd) } catch { continue }
      if (fd > 2 && to === '/dev/null') fs.closeSync(fd)
    }
    const path = require('node:path').join(fs.mkdtempSync(require('node:os').tmpdir() + '/nulltrace-node-'), 'file')
    const files = Array.from({ length: 40 }, () => fs.openSync(path, 'a'))
    span('after').end()
    process.stdout.write(path)`)
  assert.strictEqual(fs.readFileSync(file, 'utf8'), '')
  fs.rmSync(require('node:path').dirname(file), { recursive: true })
})

test('no descriptor to be had: silent', () => {
  // prlimit is of util-linux; the limit is set on ourselves, so that Node starts as always.
  const out = program(`
    const fs = require('node:fs')
    const fill = () => { const all = []; try { for (;;) all.push(fs.openSync('/dev/zero')) } catch (e) { if (e.code !== 'EMFILE') throw e } return all }
    require('node:child_process').execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=60:60'])
    const all = fill()
    // To load a module takes one.
    all.splice(0, 2).forEach((fd) => fs.closeSync(fd))
    const n = require('./index.js')
    fill()
    n.span('x').end()
    process.stdout.write(n.trace('x', () => 'alive'))`)
  assert.strictEqual(out, 'alive')
})

test('a child of fork traces for itself', async () => {
  const child = fork(__dirname + '/child.js', { env: { ...process.env } })
  const message = await new Promise((done, failed) => child.once('message', done).once('error', failed).once('exit', (code) => failed(new Error(`exit ${code}`))))
  assert.deepStrictEqual(numbered(message.markers), ['>:#1:in the child:^=:', '<:#1:in the child::'])
  assert.strictEqual(message.implementation, nulltrace.implementation)
  assert.notStrictEqual(message.unique, markers(() => nulltrace.span('x', null, { async: true }).end())[0])
})

const { bin, skip } = live()

test('under the collector: hits, children, nothing lost', { skip }, () => {
  const { summary, row } = traced(bin, [__dirname + '/live.js'])
  assert.strictEqual(row('sync').hits, 100)
  assert.strictEqual(row('sync').child_hits, 100)
  assert.strictEqual(row('inner').hits, 100)
  assert.strictEqual(row('handler').hits, 20)
  assert.strictEqual(row('handler', 'db').hits, 40)
  assert.strictEqual(row('handler', 'db', 'row').hits, 40)
  assert.strictEqual(row('handler', 'db').child_hits, 40)
  assert.deepStrictEqual(['gather', 'fetch', 'part'].map((tag) => [row(tag).hits, row(tag).child_hits]), [[1, 2], [2, 2], [2, 0]])
  const { min, max } = row('fetch').duration_ns
  assert(min >= 28e6 && min < 55e6 && max >= 58e6, JSON.stringify(row('fetch')))
  assert.deepStrictEqual(['request', 'query'].map((tag) => [row(tag).hits, row(tag).child_hits]), [[50, 50], [50, 0]])
  // Of each, what is outside of its query: 20 ms and up to 4.
  assert(row('request').self_ns.sum >= 50 * 19e6, JSON.stringify(row('request')))
  // None has taken the other's end: see live.js. Timers may be a millisecond early.
  for (const tag of ['twin', 'plain twin']) {
    assert.strictEqual(row(tag).hits, 2)
    assert(row(tag).duration_ns.min >= 28e6, JSON.stringify(row(tag)))
  }
  assert.strictEqual(row('tj').hits, 1)
  assert.strictEqual(row('with a, comma', '\n').hits, 1)
  assert.strictEqual(row('worker').hits, 2)
  assert(row('worker').duration_ns.min >= 98e6, JSON.stringify(row('worker')))
  assert.strictEqual(row('in the child').hits, 1)
  const { markers: seen, spans, lost } = summary.ledger
  assert.strictEqual(spans.parent_gone, 0)
  assert.strictEqual(seen.malformed, 0)
  assert.strictEqual(seen.unmatched_exit, 0)
  assert.strictEqual(seen.enter, seen.exit)
  assert.deepStrictEqual(Object.values(lost).filter((count) => count !== 0), [])
})

test('under the collector: off', { skip }, () => {
  const { summary } = traced(bin, [__dirname + '/live.js'], { env: { ...process.env, NULLTRACE: 'off' } })
  assert.strictEqual(summary.ledger.markers.seen, 0)
})
