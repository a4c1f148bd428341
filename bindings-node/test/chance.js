'use strict'
// Programs by chance, of whose contexts another AsyncLocalStorage tells the truth. Run by context.test.js, also as
// `node chance.js SEED`, where all begins anew.

const assert = require('node:assert')
const { AsyncLocalStorage } = require('node:async_hooks')
const { span, trace, wrap } = require('../index.js')
const { closed, sleep, recorded } = require('./help.js')

function chance(seed) {
  const next = (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const truth = new AsyncLocalStorage()
  /** @type {Map<string, string[]>} what each span was opened in, the nearest first */
  const around = new Map()
  /** What nobody waits for. */
  const left = []

  /** Opens a span in one of the ways, and runs `of` in it. */
  function open(of) {
    const name = `s${around.size}`
    const names = truth.getStore() ?? []
    around.set(name, names)
    const within = (fn) => truth.run([name, ...names], fn)
    const sync = () => within(of)
    const promised = () => within(() => sleep(next(3)).then(of))
    const body = async () => within(async () => { await sleep(next(3)); await of() })
    switch (next(8)) {
      case 0: return trace([name], sync)
      case 1: return trace([name], promised)
      case 2: return trace([name], body)
      case 3: return wrap([name], sync)()
      case 4: return wrap([name], promised)()
      case 5: return wrap([name], body)()
      case 6: {
        const hand = span([name], null, { async: true })
        return hand.run(body).then(() => hand.end())
      }
      default: {
        const steps = wrap([name], function* () { left.push(within(step)); yield 1; left.push(within(step)) })()
        steps.next()
        return sleep(next(3)).then(() => void (steps.next(), steps.next()))
      }
    }
  }

  /** Some work: children one after another, side by side, or later. */
  function step() {
    if (around.size > 200) return undefined
    switch (next(4)) {
      case 0: return undefined
      case 1: return open(step)
      case 2: return Promise.all([open(step), open(step), open(step)])
      default: return sleep(next(2)).then(() => open(step))
    }
  }

  async function run() {
    left.push(open(step), open(step), open(step), sleep(1).then(() => open(step)))
    while (left.length > 0) await left.pop()
  }

  return { around, run }
}

/** Runs one, and looks whether each span names the nearest that is open of those it was opened in. */
async function check(seed) {
  const { around, run } = chance(seed)
  const got = await recorded(async () => { await run(); await sleep(5) })
  closed(got)
  const open = new Map()
  let seen = 0
  for (const one of got) {
    const [, dir, id, path, parent] = /^([<>]):([^:]*):([^:]*):(?:\^=([^:]*))?:$/.exec(one)
    const name = path.split('.').at(-1)
    if (dir === '<') {
      open.delete(id)
      continue
    }
    seen++
    const right = around.get(name).find((own) => [...open.values()].includes(own)) ?? ''
    assert.strictEqual(parent === '' ? '' : open.get(parent), right, `${name} in ${around.get(name)}`)
    open.set(id, name)
  }
  assert.strictEqual(seen, around.size)
}

module.exports = { check }
if (require.main === module) check(Number(process.argv[2]))
