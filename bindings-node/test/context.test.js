'use strict'
// Which span is inside which: each enter names its parent.

const assert = require('node:assert')
const { execFile } = require('node:child_process')
const { EventEmitter } = require('node:events')
const { test } = require('node:test')
const { promisify } = require('node:util')
const ts = require('typescript')
const nulltrace = require('../index.js')
const { Trace, bind, current, span, trace, withContext, wrap } = nulltrace
const { check } = require('./chance.js')
const { closed, enters, markers, program, sleep, recorded } = require('./help.js')

/** `path -> path of its parent` for each enter, in order. */
function tree(all) {
  const found = enters(all)
  const named = (id) => found.find((one) => one.id === id)?.path ?? id
  return found.map(({ path, parent }) => `${path} < ${parent === undefined ? '?' : parent === '' ? '-' : named(parent)}`)
}

const inner = wrap('inner', () => 1)

test('synchronous functions, on the first calls and on later ones', () => {
  const outer = wrap('outer', () => inner() + inner())
  for (let i = 0; i < 30; i++) {
    const got = recorded(() => trace('top', { i }, () => void outer()))
    assert.deepStrictEqual(got, [
      `>:#1:top:^=,i=${i}:`, '>:#2:outer:^=#1:', '>:#3:inner:^=#2:', '<:#3:inner::', '>:#4:inner:^=#2:', '<:#4:inner::', '<:#2:outer::', '<:#1:top::',
    ])
  }
})

test('a known function in a new one, and a new one in a known one', () => {
  const text = program(`
    const { recorded } = require('./test/help.js')
    const { trace, wrap } = require('./index.js')
    const leaf = wrap('leaf', () => 1)
    const known = wrap('known', (of) => trace('part', () => (leaf(), of?.())))
    for (let i = 0; i < 20; i++) known()
    const all = [recorded(() => void wrap('new', () => known())()), recorded(() => void known(wrap('new', () => leaf()))), recorded(() => trace('new', () => void known(() => wrap('more', () => known())())))]
    console.log(JSON.stringify(all))`)
  assert.deepStrictEqual(JSON.parse(text).map(tree), [
    ['new < -', 'known < new', 'part < known', 'leaf < part'],
    ['known < -', 'part < known', 'leaf < part', 'new < part', 'leaf < new'],
    ['new < -', 'known < new', 'part < known', 'leaf < part', 'more < part', 'known < more', 'part < known', 'leaf < part'],
  ])
})

test('a known function in which the first asynchronous span begins', () => {
  const text = program(`
    const { sleep, recorded } = require('./test/help.js')
    const { trace, wrap } = require('./index.js')
    const leaf = wrap('leaf', () => 1)
    const known = wrap('known', (of) => of?.())
    for (let i = 0; i < 20; i++) known()
    const new_ = () => wrap('new', () => void trace('job', async () => { await sleep(1); leaf() }))()
    recorded(() => known(() => { new_(); leaf(); return sleep(5).then(leaf) })).then((all) => console.log(JSON.stringify(all)))`)
  assert.deepStrictEqual(tree(JSON.parse(text)), ['known < -', 'new < known', 'job < new', 'leaf < known', 'job.leaf < job', 'leaf < known'])
})

test('a plain function that returns a promise is around what goes on', async () => {
  for (let i = 0; i < 3; i++) {
    const got = await recorded(() => trace('all', () => Promise.all([sleep(2).then(inner), trace('a', async () => { await sleep(1); inner() }), wrap('b', () => sleep(1).then(inner))()])))
    assert.deepStrictEqual(tree(got).sort(), ['a < all', 'a.inner < a', 'all < -', 'b < all', 'inner < all', 'inner < b'])
    closed(got)
  }
})

test('async functions compiled to ES2016', async () => {
  const text = `
    const { trace, wrap } = nulltrace
    const load = wrap('load', async (ms) => { await sleep(ms); inner(); await sleep(1); inner(); return ms })
    return trace('page', async () => { const all = await Promise.all([load(9), load(3)]); inner(); return all })`
  const { outputText } = ts.transpileModule(`async function run(nulltrace, inner, sleep) {${text}}`, { compilerOptions: { target: ts.ScriptTarget.ES2016 } })
  assert.doesNotMatch(outputText, /async (function|\()/)
  const run = new Function(`${outputText}; return run`)()
  const got = await recorded(async () => assert.deepStrictEqual(await run(nulltrace, inner, sleep), [9, 3]))
  closed(got)
  const all = enters(got)
  const [page, first, second] = all
  assert.deepStrictEqual([page.path, page.parent, first.parent, second.parent], ['page', '', page.id, page.id])
  assert.deepStrictEqual(all.slice(3).map(({ parent }) => parent).sort(), [first.id, first.id, page.id, second.id, second.id].sort())
})

test('timers, ticks, microtasks, emitters and thenables', async () => {
  const emitter = new EventEmitter()
  const once = (start) => new Promise((done) => start(() => done(inner())))
  const body = async () => {
    await once((next) => setTimeout(next, 1))
    await once(setImmediate)
    await once(process.nextTick)
    await once(queueMicrotask)
    await once((next) => { emitter.once('x', next); emitter.emit('x') })
    await { then: (done) => setTimeout(() => done(inner()), 1) }
    await once((next) => require('node:fs').stat('/', next))
    await once((next) => require('node:dns').lookup('127.0.0.1', next))
  }
  for (const of of [body, () => body()]) {
    const got = await recorded(() => Promise.all([trace('a', of), trace('b', of)]))
    closed(got)
    const all = enters(got)
    assert.strictEqual(all.length, 18)
    for (const path of ['a', 'b']) {
      const { id, parent } = all.find((one) => one.path === path)
      assert.strictEqual(parent, '')
      assert.strictEqual(all.filter((one) => one.parent === id).length, 8)
    }
  }
})

test('siblings at once have a number each, and their own exits', async () => {
  const get = wrap('get', (i) => sleep(20 - i).then(() => { if (i === 7) throw new TypeError('e'); return i }), { enterArgs: (i) => ({ i }), exitArgs: (i) => ({ was: i }) })
  const got = await recorded(() => trace('h', () => Promise.allSettled(Array.from({ length: 10 }, (_, i) => get(i)))))
  closed(got)
  const all = enters(got)
  assert.strictEqual(new Set(all.map(({ id }) => id)).size, 11)
  for (const { id, parent, args } of all.slice(1)) {
    assert.strictEqual(parent, all[0].id)
    const i = args.slice(2)
    assert(got.includes(i === '7' ? `<:${id}:get:error=TypeError:` : `<:${id}:get:was=${i}:`), i)
  }
})

test('asynchronous inside of synchronous', async () => {
  const start = wrap('start', () => void trace('job', async () => { await sleep(1); inner() }))
  for (let i = 0; i < 20; i++) assert.deepStrictEqual(tree(await recorded(async () => { start(); await sleep(5) })), ['start < -', 'job < start', 'job.inner < job'])
})

test('what has ended is no parent; its own may be', async () => {
  const late = wrap('late', (ms) => void setTimeout(inner, ms))
  const got = await recorded(() => trace('h', async () => { late(1); await sleep(10); trace('x', async (own) => { own.end(); inner() }) }))
  assert.deepStrictEqual(tree(got), ['h < -', 'h.late < h', 'h.inner < h', 'h.x < h', 'h.inner < h'])
  const after = await recorded(async () => { await trace('h', async () => void setTimeout(inner, 5)); await sleep(15) })
  assert.deepStrictEqual(tree(after), ['h < -', 'inner < -'])
})

test('a plain span that is ended in its body', () => {
  for (let i = 0; i < 20; i++) {
    const got = recorded(() => trace('o', () => trace('x', (own) => { own.end(); inner() })))
    assert.deepStrictEqual(tree(got), ['o < -', 'x < o', 'inner < o'])
  }
})

test('a timer that starts itself again: its tags do not grow', async () => {
  let left = 50
  const got = await recorded(() => new Promise((done) => {
    const tick = () => trace('tick', async () => void (left-- > 0 ? setTimeout(tick) : done()))
    tick()
  }))
  assert.deepStrictEqual([...new Set(tree(got))], ['tick < -'])
})

test('the steps of a generator, and where it is used', async () => {
  const steps = wrap(function* steps() { inner(); yield 1; inner(); yield 2 })
  const pages = wrap(async function* pages() { await sleep(1); inner(); yield 1; await sleep(1); inner() })
  const got = recorded(() => { for (const _ of steps()) trace('use', () => {}) })
  assert.deepStrictEqual(tree(got), ['steps < -', 'inner < steps', 'use < -', 'inner < steps', 'use < -'])
  closed(got)
  const later = await recorded(() => trace('h', async () => { for await (const _ of pages()) inner() }))
  assert.deepStrictEqual(tree(later), ['h < -', 'h.pages < h', 'h.inner < h.pages', 'h.inner < h', 'h.inner < h.pages'])
  closed(later)
})

test('by hand, outside of all: around what is opened before its end', async () => {
  const got = recorded(() => {
    const a = span('a')
    inner()
    const b = a.span('b')
    inner()
    b.end()
    inner()
    a.end()
    inner()
  })
  assert.deepStrictEqual(tree(got), ['a < -', 'inner < a', 'a.b < a', 'inner < a.b', 'inner < a', 'inner < -'])
  const nested = wrap('nested', () => { const a = span('a'); inner(); a.end(); inner() })
  for (let i = 0; i < 20; i++) assert.deepStrictEqual(tree(recorded(nested)), ['nested < -', 'a < nested', 'inner < a', 'inner < nested'])
  // Left open, it is around nothing that comes from elsewhere.
  const open = await recorded(async () => {
    const a = span('a')
    await sleep(2)
    inner()
    a.end()
  })
  assert.deepStrictEqual(tree(open), ['a < -', 'inner < -'])
})

test('by hand, to be open across an await', async () => {
  const one = async (path) => {
    const own = span(path, null, { async: true })
    inner()
    await sleep(1)
    own.run(inner)
    own.end()
  }
  const got = await recorded(() => Promise.all([one('a'), one('b')]))
  assert.deepStrictEqual(tree(got), ['a < -', 'inner < -', 'b < -', 'inner < -', 'a.inner < a', 'b.inner < b'])
})

test('by hand, in a context: siblings do not lie in one another', async () => {
  const one = async (path) => {
    const own = span(path)
    await sleep(1)
    own.end()
  }
  const got = await recorded(() => trace('h', () => Promise.all([trace('f', async () => Promise.all([one('a'), one('b')]))])))
  assert.deepStrictEqual(tree(got), ['h < -', 'f < h', 'f.a < f', 'f.b < f'])
})

test('what Trace started cannot be named: its children say nothing, unless others may run', async () => {
  const t = new Trace('some id')
  const around = (fn) => recorded(() => { t.start('request'); fn(); t.stop('request') })
  assert.deepStrictEqual(tree(around(() => { inner(); trace('x', () => inner()) })), ['request < ?', 'inner < ?', 'x < ?', 'inner < x'])
  const other = span('other', null, { async: true })
  assert.deepStrictEqual(tree(around(inner)), ['request < ?', 'inner < -'])
  other.end()
  assert.deepStrictEqual(tree(recorded(inner)), ['inner < -'])
})

test('`^` is no name for the first argument of an enter', () => {
  const caret = { '^': 1 }
  const refused = [
    () => span('x', caret).end(),
    () => span('x', { none: undefined, '^': 1 }).end(),
    () => span('x', { '^': 1, k: 2 }).end(),
    () => span('x', { '^': 1, k: 2, l: 3, m: 4 }).end(),
    () => span('x', { '^': '\n' }).end(),
    () => span('x', [['^', 1]]).end(),
    () => span('x', [[Buffer.from('^'), 1]]).end(),
    () => span('\n', caret).end(),
    () => span('x', caret, { id: 7 }).end(),
    () => new Trace('t').start('x', caret),
    () => new Trace('t').start('x', { '^': '\n' }),
  ]
  for (const of of refused) assert.deepStrictEqual(recorded(() => void of()), [], String(of))
  for (let i = 0; i < 20; i++) {
    assert.deepStrictEqual(recorded(() => void assert.strictEqual(wrap('x', () => 5, { enterArgs: () => caret })(), 5)), [])
    assert.deepStrictEqual(recorded(() => void assert.strictEqual(trace('x', caret, () => 5), 5)), [])
  }
  const hot = wrap('x', () => 5, { enterArgs: () => caret, exitArgs: () => caret })
  for (let i = 0; i < 20; i++) assert.deepStrictEqual(recorded(() => void assert.strictEqual(hot(), 5)), [])
  // Elsewhere it is.
  assert.deepStrictEqual(recorded(() => span('x', { k: 1, '^': 2 }).end(caret)), ['>:#1:x:^=,k=1,^=2:', '<:#1:x:^=1:'])
  const t = new Trace('t')
  assert.deepStrictEqual(recorded(() => { t.start('x', [['k', 1], ['^', '\n']]); t.stop('x', caret) }), ['[">","t",["x"],[{"k":"1"},{"^":"\\n"}]]', '<:t:x:^=1:'])
})

test('the parent in JSON, and where the tags are bytes; it is one of 64 arguments', () => {
  const got = recorded(() => trace('o', () => { span('\n', { k: 1 }).end(); span([Buffer.from('é')], { k: '\n' }).end() }))
  assert.deepStrictEqual(got, [
    '>:#1:o:^=:', '[">",#2,["\\n"],[{"^":"#1"},{"k":"1"}]]', '["<",#2,["\\n"]]', '[">",#3,["é"],[{"^":"#1"},{"k":"\\n"}]]', '<:#3:é::', '<:#1:o::',
  ])
  const args = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
  assert.strictEqual(recorded(() => span('x', args(63)).end()).length, 2)
  assert.strictEqual(recorded(() => span('x', args(64)).end()).length, 0)
  assert.strictEqual(recorded(() => span('x').end(args(64))).length, 2)
})

test('ids of choice', () => {
  const low = 2 ** 32 + 1
  const named = recorded(() => span('x', null, { id: low }).run(() => { inner(); trace('y', () => inner()) }))
  assert.deepStrictEqual(named, ['>:#1:x::', '>:#2:x.inner:^=#1:', '<:#2:x.inner::', '>:#3:x.y:^=#1:', '>:#4:x.y.inner:^=#3:', '<:#4:x.y.inner::', '<:#3:x.y::'])
  // One that is not unique cannot be named: its children bear it, so that their tags tell the parent.
  const got = recorded(() => {
    const x = span('x', null, { id: 42 })
    x.run(() => { inner(); span('y').end() })
    x.end()
  })
  assert.deepStrictEqual(got, ['>:42:x::', '>:42:x.inner::', '<:42:x.inner::', '>:42:x.y::', '<:42:x.y::', '<:42:x::'])
  const twins = recorded(() => trace('h', async () => {
    const x = span('x', null, { id: 42 })
    x.run(() => { const a = span('y'); const b = span('y'); a.end(); b.end() })
    x.end()
  }))
  return twins.then((all) => assert.deepStrictEqual(all, ['>:#1:h:^=:', '>:42:x::', '>:42:x.y::', '>:#2:x.y:^=:', '<:42:x.y::', '<:#2:x.y::', '<:42:x::', '<:#1:h::']))
})

test('withContext and bind', async () => {
  const got = await recorded(async () => {
    let kept
    let later
    await trace('a', async (own) => {
      kept = current()
      assert.strictEqual(kept, own)
      later = bind(function (n) { inner(); return [this, n, current()] })
      // As a pool's worker would, that was started elsewhere.
      await trace('b', async () => {
        assert.strictEqual(withContext(kept, (x, y) => (inner(), x + y), 2, 3), 5)
        withContext(null, inner)
        const self = {}
        assert.deepStrictEqual(later.call(self, 7), [self, 7, own])
      })
      assert.throws(() => withContext(kept, () => { throw new RangeError('e') }), RangeError)
      assert.strictEqual(current(), own)
    })
    later()
    withContext(span(''), inner)
  })
  assert.deepStrictEqual(tree(got), ['a < -', 'a.b < a', 'a.inner < a', 'inner < -', 'a.inner < a', 'inner < -', 'inner < -'])
  for (let i = 0; i < 20; i++) {
    let plain
    const all = recorded(() => { trace('p', () => { plain = bind(inner); inner(); plain() }); plain() })
    assert.deepStrictEqual(tree(all), ['p < -', 'inner < p', 'inner < p', 'inner < -'])
  }
})

test('an error, or a stack that is full, leaves no context behind', () => {
  const deep = wrap('deep', (n) => deep(n + 1) + 1)
  const fails = wrap('fails', () => { throw new TypeError('e') })
  for (let i = 0; i < 3; i++) {
    assert.throws(() => deep(0), RangeError)
    assert.throws(fails, TypeError)
    assert.throws(() => trace('x', fails), TypeError)
    assert.deepStrictEqual(recorded(inner), ['>:#1:inner:^=:', '<:#1:inner::'])
  }
})

test('enter arguments that open spans of their own', () => {
  const odd = wrap('odd', () => inner(), { enterArgs: () => ({ get k() { inner(); return 'v' } }), exitArgs: () => ({ get k() { inner(); return 'w' } }) })
  for (let i = 0; i < 20; i++) {
    const got = recorded(odd)
    closed(got)
    const all = enters(got)
    const own = all.find(({ path }) => path === 'odd')
    assert.strictEqual(own.args, 'k=v')
    assert.deepStrictEqual(all.filter(({ parent }) => parent === own.id).length, 1)
    assert(got.includes(`<:${own.id}:odd:k=w:`))
  }
})

test('a number as text', () => {
  const { FIRST, LAST, textOf } = require('../lib/numbers.js')
  const all = [FIRST, LAST, FIRST + 1, 2 ** 32 + 1, 2 ** 33, 199999999999999, 200000000000000, 123456000000000, 123456000000001, 123455999999999]
  for (let i = 0; i < 5000; i++) all.push(FIRST + Math.floor(Math.random() * (LAST - FIRST)))
  for (const one of all) assert.strictEqual(textOf(one), String(one))
})

test('at the end of their range the numbers begin again', () => {
  const { numbers, FIRST, LAST } = require('../lib/numbers.js')
  for (const one of [() => inner(), () => trace('t', () => {}), () => span('s').end()]) {
    const before = numbers[2]
    numbers[2] = LAST - 1
    const ids = markers(() => { one(); one() }).filter((text) => text[0] === '>').map((text) => text.split(':')[1])
    numbers[2] = before
    assert.deepStrictEqual(ids, [String(LAST), String(FIRST)])
  }
})

test('AsyncLocalStorage is off as long as all is synchronous', () => {
  const text = (rest) => `
    const { span, trace, wrap } = require('./index.js')
    const { context, state } = require('./lib/context.js')
    const f = wrap('f', () => 1), g = wrap('g', { enterArgs: () => ({ k: 1 }) }, () => f())
    for (let i = 0; i < 100; i++) { f(); trace('x', () => f()); const s = span('s'); s.span('c').end(); s.end(); try { wrap('e', () => { throw 1 })() } catch {} }
    ${rest}
    console.log(JSON.stringify([state.lasting, state.slow, state.trials, state.floating, context.enabled === true]))`
  assert.deepStrictEqual(JSON.parse(program(text(''))), [false, 0, 0, 0, false])
  assert.deepStrictEqual(JSON.parse(program(text(`trace('a', async () => {})`)))[0], true)
  assert.deepStrictEqual(JSON.parse(program(text(`f; trace('x', () => Promise.resolve())`)))[0], true)
})

test('a function that has long been synchronous gives a promise, the first of the process', async () => {
  const got = program(`
    const { recorded } = require('./test/help.js')
    const { trace, wrap } = require('./index.js')
    const inner = wrap('inner', () => 1)
    // In this order, however long the loop was held up.
    const due = [1, 10, 20]
    const sleep = (ms) => new Promise((done) => {
      const look = () => ms === 0 || due[0] === ms ? done(due.splice(0, ms && 1)) : setTimeout(look, 1)
      setTimeout(look, ms)
    })
    const get = wrap('get', (ms) => ms === 0 ? 0 : (sleep(0), inner(), sleep(ms).then(() => { inner(); return ms })), { exitArgs: (ms) => ({ ms }) })
    const outer = wrap('outer', (ms) => get(ms))
    for (let i = 0; i < 100; i++) outer(0)
    recorded(async () => {
      const first = outer(20)
      inner()
      await Promise.all([first, outer(10), outer(1)])
    }).then((all) => console.log(JSON.stringify(all)))`)
  assert.deepStrictEqual(JSON.parse(got), [
    '>:#1:outer:^=:', '>:#2:get:^=#1:', '>:#3:inner:^=#2:', '<:#3:inner::',
    // its exit is its own, and it is no parent of what is beside it
    '>:#4:inner:^=:', '<:#4:inner::',
    '>:#5:outer:^=:', '>:#6:get:^=#5:', '>:#7:inner:^=#6:', '<:#7:inner::',
    '>:#8:outer:^=:', '>:#9:get:^=#8:', '>:#10:inner:^=#9:', '<:#10:inner::',
    '>:#11:inner:^=#9:', '<:#11:inner::', '<:#9:get:ms=1:', '<:#8:outer::',
    '>:#12:inner:^=#6:', '<:#12:inner::', '<:#6:get:ms=10:', '<:#5:outer::',
    // the one that could not be known: nobody is its parent, rather than a wrong one
    '>:#13:inner:^=:', '<:#13:inner::', '<:#2:get:ms=20:', '<:#1:outer::',
  ])
})

for (let seed = 1; seed <= 20; seed++) test(`a program by chance, ${seed}`, () => check(seed))

test('programs by chance that begin anew', async () => {
  const ran = Array.from({ length: 10 }, (_, i) => promisify(execFile)(process.execPath, [`${__dirname}/chance.js`, String(100 + i)]))
  await Promise.all(ran)
})
