'use strict'

const assert = require('node:assert')
const { test } = require('node:test')
const { types, promisify } = require('node:util')
const { Tracer, current, span, trace, wrap } = require('../index.js')
const { program, sleep, recorded } = require('./help.js')

test('each call is a span, by the name of the function', () => {
  const add = wrap(function add(a, b) { return a + b })
  let sum = 0
  assert.deepStrictEqual(recorded(() => { sum += add(1, 2) + add(3, 4) }), ['>:#1:add:^=:', '<:#1:add::', '>:#2:add:^=:', '<:#2:add::'])
  assert.strictEqual(sum, 10)
  assert.deepStrictEqual(recorded(() => wrap('math.add', (a) => a)(1)), ['>:#1:math.add:^=:', '<:#1:math.add::'])
  assert.deepStrictEqual(recorded(() => void wrap((() => () => {})())()), ['>:#1:anonymous:^=:', '<:#1:anonymous::'])
  // A name is one tag, dots and all.
  assert.deepStrictEqual(recorded(() => void wrap(Object.defineProperty(() => {}, 'name', { value: 'a.b' }))()), ['>:#1:a\\.b:^=:', '<:#1:a\\.b::'])
})

test('this, arguments, result, name, length and properties pass', () => {
  const got = []
  function method(a, b = 2, ...rest) { got.push(this, arguments.length, a, b, rest); return this }
  method.extra = { is: 'here' }
  const traced = wrap('m', method)
  const self = {}
  assert.strictEqual(traced.call(self, 1), self)
  assert.deepStrictEqual(got, [self, 1, 1, 2, []])
  assert.deepStrictEqual([traced.name, traced.length, traced.extra], ['method', 1, method.extra])
  for (const value of [undefined, null, 0, '', NaN, Symbol.iterator, [], () => {}]) assert(Object.is(wrap('m', () => value)(), value))
})

test('arguments of the span', () => {
  const options = { enterArgs: (user, n) => ({ user, n }), exitArgs: (rows) => ({ rows: rows.length }) }
  const find = wrap('find', (user, n) => Array(n).fill(user), options)
  assert.deepStrictEqual(recorded(() => void find('a:b', 2)), ['>:#1:find:^=,user=a\\:b,n=2:', '<:#1:find:rows=2:'])
  const hostile = wrap('find', () => 5, { enterArgs() { throw new Error('no') }, exitArgs() { throw new Error('no') } })
  assert.deepStrictEqual(recorded(() => void assert.strictEqual(hostile(), 5)), ['>:#1:find:^=:', '<:#1:find::'])
  const refused = wrap('find', () => 5, { enterArgs: () => ({ '': 1 }) })
  assert.deepStrictEqual(recorded(() => void assert.strictEqual(refused(), 5)), [])
})

test('exceptions pass unchanged', () => {
  const error = new SyntaxError('e')
  const fails = wrap('f', () => { throw error })
  const got = recorded(() => { for (let i = 0; i < 2; i++) assert.throws(fails, (thrown) => thrown === error) })
  assert.deepStrictEqual(got, ['>:#1:f:^=:', '<:#1:f:error=SyntaxError:', '>:#2:f:^=:', '<:#2:f:error=SyntaxError:'])
})

test('recursion: each call has a number of its own, and names the one around', () => {
  const fib = wrap('fib', (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)))
  let result
  const got = recorded(() => { result = fib(3) })
  assert.strictEqual(result, 2)
  assert.deepStrictEqual(got, ['>:#1:fib:^=:', '>:#2:fib:^=#1:', '>:#3:fib:^=#2:', '<:#3:fib::', '>:#4:fib:^=#2:', '<:#4:fib::', '<:#2:fib::', '>:#5:fib:^=#1:', '<:#5:fib::', '<:#1:fib::'])
})

test('an async function', async () => {
  const get = wrap('get', async function (n) { await sleep(n); return [this, n] }, { enterArgs: (n) => ({ n }), exitArgs: ([, n]) => ({ was: n }) })
  const self = {}
  const got = await recorded(async () => assert.deepStrictEqual(await Promise.all([get.call(self, 40), get.call(self, 1)]), [[self, 40], [self, 1]]))
  assert.deepStrictEqual(got, ['>:#1:get:^=,n=40:', '>:#2:get:^=,n=1:', '<:#2:get:was=1:', '<:#1:get:was=40:'])
})

test('compiled down to a plain function, it is recorded to be async', async () => {
  const inner = wrap('inner', () => {})
  const outer = wrap('outer', () => Promise.resolve().then(inner), { async: true })
  assert.deepStrictEqual(await recorded(outer), ['>:#1:outer:^=:', '>:#2:outer.inner:^=#1:', '<:#2:outer.inner::', '<:#1:outer::'])
})

test('wrapped twice it is still async, and both are seen', async () => {
  const get = wrap('a', wrap('b', async () => 5))
  assert.deepStrictEqual(await recorded(get), ['>:#1:a:^=:', '>:#2:a.b:^=#1:', '<:#2:a.b::', '<:#1:a::'])
})

test('within a context, plain functions lie under it', async () => {
  const inner = wrap('inner', () => 1)
  const outer = wrap('outer', () => inner())
  const got = await recorded(() => trace('h', async () => void outer()))
  assert.deepStrictEqual(got, ['>:#1:h:^=:', '>:#2:h.outer:^=#1:', '>:#3:h.outer.inner:^=#2:', '<:#3:h.outer.inner::', '<:#2:h.outer::', '<:#1:h::'])
})

test('a plain function that returns a promise', async () => {
  const get = wrap('get', (n) => sleep(n).then(() => { if (n === 30) throw new TypeError('e'); return n }), { exitArgs: (n) => ({ n }) })
  const got = await recorded(async () => {
    const all = await Promise.allSettled([get(60), get(30), get(1)])
    assert.deepStrictEqual(all.map((one) => one.status), ['fulfilled', 'rejected', 'fulfilled'])
  })
  assert.deepStrictEqual(got, ['>:#1:get:^=:', '>:#2:get:^=:', '>:#3:get:^=:', '<:#3:get:n=1:', '<:#2:get:error=TypeError:', '<:#1:get:n=60:'])
})

test('a generator: from its first step to its last', () => {
  const count = wrap(function* count(n) {
    for (let i = 0; i < n; i++) {
      const sent = yield i
      if (sent) return sent
    }
    return 'end'
  }, { enterArgs: (n) => ({ n }), exitArgs: (last) => ({ last }) })
  assert.deepStrictEqual(recorded(() => void count(1)), [])
  assert.deepStrictEqual(recorded(() => assert.deepStrictEqual([...count(3)], [0, 1, 2])), ['>:#1:count:^=,n=3:', '<:#1:count:last=end:'])
  const sent = recorded(() => {
    const steps = count(9)
    steps.next()
    assert.deepStrictEqual(steps.next('x'), { value: 'x', done: true })
  })
  assert.deepStrictEqual(sent, ['>:#1:count:^=,n=9:', '<:#1:count:last=x:'])
  const left = recorded(() => { for (const i of count(9)) if (i === 1) break })
  assert.deepStrictEqual(left, ['>:#1:count:^=,n=9:', '<:#1:count::'])
  const error = new RangeError('e')
  const thrown = recorded(() => {
    const steps = count(9)
    steps.next()
    assert.throws(() => steps.throw(error), (own) => own === error)
  })
  assert.deepStrictEqual(thrown, ['>:#1:count:^=,n=9:', '<:#1:count:error=RangeError:'])
  assert(count(1) instanceof count)
})

test('generators that interleave are not mixed', () => {
  const steps = wrap(function* steps() { yield 1; yield 2 })
  const got = recorded(() => {
    const a = steps()
    const b = steps()
    a.next(); b.next(); a.next(); b.next(); a.next(); b.next()
  })
  assert.deepStrictEqual(got, ['>:#1:steps:^=:', '>:#2:steps:^=:', '<:#1:steps::', '<:#2:steps::'])
})

test('an async generator', async () => {
  const pages = wrap(async function* pages(n) { for (let i = 0; i < n; i++) { await sleep(1); yield this.base + i } return 'end' })
  const seen = []
  const got = await recorded(async () => { for await (const page of pages.call({ base: 10 }, 3)) seen.push(page) })
  assert.deepStrictEqual(seen, [10, 11, 12])
  assert.deepStrictEqual(got, ['>:#1:pages:^=:', '<:#1:pages::'])
  const fails = wrap(async function* fails() { yield 1; throw new TypeError('e') })
  const failed = await recorded(() => assert.rejects(async () => { for await (const _ of fails()); }, TypeError))
  assert.deepStrictEqual(failed, ['>:#1:fails:^=:', '<:#1:fails:error=TypeError:'])
})

test('classes and constructors', () => {
  class Point { constructor(x) { this.x = x } static origin() { return new this(0) } }
  const Traced = wrap(Point)
  let point
  assert.deepStrictEqual(recorded(() => void (point = new Traced(3))), ['>:#1:Point:^=:', '<:#1:Point::'])
  assert(point instanceof Point && point instanceof Traced && point.x === 3)
  assert.strictEqual(Traced.origin().x, 0)
  class Sub extends Traced { get twice() { return this.x * 2 } }
  assert.strictEqual(new Sub(4).twice, 8)
  assert.throws(() => Traced(1), TypeError)
  assert.throws(() => new (wrap('arrow', () => {}))(), TypeError)
})

test('what is no function, or has no path, comes back as it is', () => {
  const fn = () => {}
  assert.strictEqual(wrap('', fn), fn)
  assert.strictEqual(wrap('x', 5), 5)
})

test('the prefix of a tracer stands once in the tags, in each call and in a context', async () => {
  const tracer = new Tracer('app')
  const [plain, later, steps, Made] = [() => {}, async () => {}, function* () {}, class {}].map((fn) => tracer.wrap('x', fn))
  for (const call of [plain, later, () => [...steps()], () => void new Made()]) {
    for (let i = 0; i < 10; i++) {
      assert.strictEqual((await recorded(async () => void (await call())))[0], '>:#1:app.x:^=:')
      assert.strictEqual((await recorded(() => tracer.trace('h', async () => void (await call()))))[1], '>:#2:app.h.app.x:^=#1:')
    }
  }
})

test('the wrapper is of the kind of its function', async () => {
  const all = [() => {}, async () => {}, function* () {}, async function* () {}, { method() {} }.method, class {}, function () {}, wrap('x', async () => {})]
  const facts = (fn) => [types.isAsyncFunction(fn), types.isGeneratorFunction(fn), fn.constructor, Object.prototype.toString.call(fn), 'prototype' in fn, String(fn)]
  for (const fn of all) assert.deepStrictEqual(facts(wrap('x', fn)), facts(fn))
  const bound = Date.bind(null, 0)
  assert.strictEqual(new (wrap('x', bound))().getTime(), 0)
  assert.strictEqual(types.isAsyncFunction(wrap('x', () => {}, { async: true })), false)
})

test('`this` of a strict function is what the caller gave', () => {
  const self = wrap('self', function () { return this })
  assert.deepStrictEqual([self(), self.call(5), self.call('a')], [undefined, 5, 'a'])
})

test('parameters of a generator are made by the call, not by the first step', async () => {
  const fail = () => { throw new TypeError('e') }
  assert.throws(wrap(function* (a = fail()) {}), TypeError)
  assert.throws(wrap(async function* (a = fail()) {}), TypeError)
  await assert.rejects(wrap(async (a = fail()) => {}), TypeError)
  const seen = []
  const steps = wrap(function* (...all) { seen.push(this, arguments.length, ...all); yield* all })
  assert.deepStrictEqual([...steps.call(7, 1, undefined)], [1, undefined])
  assert.deepStrictEqual(seen, [7, 2, 1, undefined])
  assert.strictEqual(steps.length, 0)
})

test('what a plain function returns is the same object', () => {
  const kinds = [{ then(done) { done(7) } }, new (class extends Promise {})(() => {}), Object.assign(Promise.resolve(1), { pid: 1 }), [][Symbol.iterator](), new AbortController().signal]
  for (const value of kinds) {
    const give = wrap('give', () => value)
    for (let i = 0; i < 10; i++) assert.strictEqual(give(), value)
    assert.strictEqual(trace('give', () => value), value)
  }
  class Odd { constructor() { return Promise.resolve(5) } }
  assert(types.isPromise(new (wrap(Odd))()))
})

test('properties that tools look for', async () => {
  const read = wrap('read', Object.assign((done) => done(null, 1), { [promisify.custom]: async () => 2 }))
  assert.strictEqual(await promisify(read)(), 2)
  assert.strictEqual(await promisify(wrap('read', (done) => done(null, 1)))(), 1)
  const counted = Object.assign(() => {}, { mock: { calls: [] }, _isMockFunction: true })
  assert.deepStrictEqual([wrap(counted).mock, wrap(counted)._isMockFunction], [counted.mock, true])
})

test('an argument in the middle of a call, wherever it is made', async () => {
  const fail = () => { throw new TypeError('e') }
  const note = (...all) => all.forEach((value) => current().record('n', value))
  const cases = [
    [wrap('plain', () => note(1, 2)), 'n=2'],
    [wrap('result', () => note(1), { exitArgs: () => ({ n: 3, m: 4 }) }), 'n=3,m=4'],
    [wrap('async', async () => { note(1); await null; note(2) }), 'n=2'],
    [wrap('promise', () => { note(1); return Promise.resolve() }), 'n=1'],
    [wrap('steps', function* () { note(1); yield; note(2) }), 'n=2'],
    [wrap('fails', () => { note(1); fail() }), 'n=1,error=TypeError'],
    [wrap('error', () => { current().record('error', 'mine'); fail() }), 'error=mine'],
    [wrap('rejects', async () => { current().record('error', 'mine'); fail() }), 'error=mine'],
    [() => trace('trace', (own) => { note(1); own.record('m', 2) }), /^(n=1,m=2|m=2,n=1)$/],
    [() => trace('child', () => { current().span('child').end(); current().end({ k: 'v' }) }), 'k=v'],
    [() => trace('inside', () => current().run(() => note(1))), 'n=1'],
    [() => { const open = span('open'); open.record('n', 1).record({ n: 2, m: 1 }); open.end({ m: 3 }) }, 'n=2,m=3'],
  ]
  for (const [fn, wanted] of cases) {
    for (let i = 0; i < 12; i++) {
      const got = await recorded(async () => {
        try {
          const result = fn()
          for (const _ of result?.next ? result : []);
          await result
        } catch (error) { assert(error instanceof TypeError) }
      })
      const said = /^<:#1:[^:]*:(.*):$/.exec(got.at(-1))[1]
      if (typeof wanted === 'string') assert.strictEqual(said, wanted)
      else assert.match(said, wanted)
    }
  }
})

test('the current span of a call that is over takes nothing', () => {
  let kept
  const got = recorded(() => {
    wrap('a', () => { kept = current() })()
    kept.record('late', 1)
    wrap('b', () => {})()
  })
  assert.deepStrictEqual(got, ['>:#1:a:^=:', '<:#1:a::', '>:#2:b:^=:', '<:#2:b::'])
})

test('recursion goes at least 6 tenths as deep as with a simple wrapper', () => {
  // Each in a process of its own, as what the engine learns of one changes the other. What it has compiled by then
  // differs: the best of some is what there is room for.
  const deepest = (wrapper) => Number(program(`
    const { wrap } = require('./index.js')
    const wrapper = ${wrapper}
    const all = [1, 2, 3].map(() => {
      for (let k = 200; ; k += 100) {
        const down = wrapper((n) => (n === 0 ? 0 : 1 + down(n - 1)))
        try { down(k) } catch (error) { if (error instanceof RangeError) return k - 100; throw error }
      }
    })
    process.stdout.write(String(Math.max(...all)))`))
  const simple = deepest('(fn) => function (...args) { return fn.apply(this, args) }')
  const wrapped = deepest("(fn) => wrap('down', fn)")
  assert(wrapped >= 0.6 * simple, `${wrapped} of ${simple}`)
})

test('a full stack leaves no span open, and what comes next is right', () => {
  let down
  const got = recorded(() => {
    down = wrap('down', (n) => down(n + 1))
    assert.throws(() => down(0), RangeError)
    wrap('next', () => {})()
  })
  assert.deepStrictEqual(got.slice(-2).map((one) => one.replace(/#\d+/, 'N')), ['>:N:next:^=:', '<:N:next::'])
})
