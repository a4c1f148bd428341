// Run by ../test.sh where the packed package is installed.
const assert = require('node:assert')
const nulltrace = require('nulltrace')

assert.strictEqual(nulltrace.implementation, process.env.NULLTRACE_PURE === '1' ? 'pure' : 'native')
assert.strictEqual(nulltrace.enabled(), true)
const { Trace, span, trace, wrap } = nulltrace
assert.strictEqual(new nulltrace(7).id, 7)
const t = new Trace('smoke')
t.start('smoke.cjs')
assert.strictEqual(wrap((a) => a + 1)(1), 2)
span('smoke.cjs', { k: 'v' }).end()
trace('smoke.cjs', async () => 5).then((five) => {
  assert.strictEqual(five, 5)
  t.stop('smoke.cjs')
  console.log(nulltrace.version)
})
