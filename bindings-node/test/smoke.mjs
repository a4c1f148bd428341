// Run by ../test.sh where the packed package is installed.
import assert from 'node:assert'
import Trace, { enabled, implementation, span, trace, version, wrap } from 'nulltrace'

assert.strictEqual(implementation, process.env.NULLTRACE_PURE === '1' ? 'pure' : 'native')
assert.strictEqual(enabled(), true)
assert.strictEqual(new Trace(7).id, 7)
assert.strictEqual(wrap((a) => a + 1)(1), 2)
span('smoke.mjs', { k: 'v' }).end()
assert.strictEqual(await trace('smoke.mjs', async () => 5), 5)
console.log(version)
