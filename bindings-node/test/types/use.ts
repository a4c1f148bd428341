// Compiled by types.test.js as a CommonJS module, without running it.
import nulltrace, { Trace, Tracer, bind, current, enabled, fastify, implementation, koa, middleware, setEnabled, span, trace, tracer, version, withContext, wrap } from 'nulltrace'
import http = require('node:http')

const same: typeof Trace = nulltrace
const t = new same('some-unique-id')
t.start('request', { user: 'ann', n: 1, big: 1n, none: undefined, bytes: new Uint8Array(1) })
t.stop(['a.b', new Uint8Array(1)], [['k', 1], ['k', 2]])
new Trace(42).start('a')
new Trace(42n).start('a', new Map([['k', 'v']]))
new Trace()

{
  using open = span('x', { n: 1 }, { async: true })
  using child = open.span('y')
  child.record('rows', 3).record({ a: true }).end()
  const id: string | null = open.id
  id?.toString()
}

async function body(): Promise<void> {
  await using open = tracer.span('x')
  const sum: number = open.run((a: number, b: number) => a + b, 1, 2)
  const five: number = trace('x', () => 5)
  const later: number = await trace('x', { sum }, async (own) => (own.record('n', five), 6))
  const followed: string = await trace('x', Promise.resolve('text'))
  current().record('a', followed + later)
}
void body()

const product: number = withContext(current(), (a: number, b: number) => a * b, 2, 3)
const later: (text: string) => number = bind((text: string) => text.length)
withContext(null, later, `${product}`)

const find = wrap('find', (user: string, n: number) => Array<string>(n).fill(user), {
  enterArgs: (user, n) => ({ user: user.trim(), n: n.toFixed() }),
  exitArgs: (rows) => ({ rows: rows.length }),
})
const rows: string[] = find('ann', 2)
const get = wrap(async (n: number) => n, { exitArgs: (n) => ({ n: n.toFixed() }) })
const got: Promise<number> = get(rows.length)
void got

const traced = middleware({ template: (req) => req.url?.slice(0, 5) })
http.createServer((req, res) => traced(req, res, () => res.end()))
new Tracer('app').middleware()
koa({ template: (ctx) => ctx.path })
new Tracer('app').fastify({ template: (request) => request.routeOptions?.url })
fastify()

const who: 'native' | 'pure' = implementation
const facts: [boolean, string] = [enabled(), version]
setEnabled(true)
void who
void facts

// @ts-expect-error: no path
span()
// @ts-expect-error: a path is no number
span(5)
// @ts-expect-error: no id is an object
new Trace({})
// @ts-expect-error: arguments are named
t.start('x', 'text')
// @ts-expect-error: what is wrapped keeps its type
find(1, 'ann')
