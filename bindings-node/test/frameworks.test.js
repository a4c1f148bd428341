'use strict'
// Real frameworks: the templates of their routes, what handlers open, and errors.

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const nulltrace = require('../index.js')
const { recorded, root, served, sleep } = require('./help.js')

const consumers = path.join(root, '..', 'tests', 'consumers', 'frameworks')
const skip = !fs.existsSync(path.join(consumers, 'node_modules')) && 'no frameworks: run tests/consumers/install.sh'
const frameworks = createRequire(path.join(consumers, 'package.json'))

const { fastify, koa, middleware, span, wrap } = nulltrace
const query = wrap('query', async () => { await sleep(1) })

/** Of markers the tags of each enter, and the arguments of each exit of a request behind its own. */
function summary(markers) {
  const tags = (one) => /^[<>]:[^:]*:((?:[^:\\]|\\.)*):/.exec(one)[1].replace(/\\(.)/g, '$1')
  const args = (one) => /:((?:[^:\\]|\\.)*):$/.exec(one)[1].replace(/\\(.)/g, '$1')
  return markers.flatMap((one) => (one[0] === '>' ? [tags(one)] : args(one) === '' ? [] : [`${tags(one)} ${args(one)}`]))
}

for (const name of ['express4', 'express']) {
  const guess = (url) => `http.GET.${url}`
  function app(use) {
    const express = frameworks(name)
    const made = express()
    const [users, teams, members] = [express.Router(), express.Router(), express.Router({ mergeParams: true })]
    if (use) made.use(middleware())
    users.get('/users/:id', ...(use ? [] : [middleware()]), async (req, res) => { await query(); res.send('ok') })
    users.get('/', ...(use ? [] : [middleware()]), (req, res) => res.send('ok'))
    users.get('/fail/:id', ...(use ? [] : [middleware()]), (req, res, next) => next(new TypeError('e')))
    made.use('/api', users)
    members.get('/m/:who', ...(use ? [] : [middleware()]), (req, res) => res.send('ok'))
    teams.use('/teams/:team', members)
    made.use('/v1', teams)
    made.get(/^\/files\/.*/, ...(use ? [] : [middleware()]), (req, res) => res.send('ok'))
    made.use((error, req, res, next) => { void next; res.status(503).send('no') })
    return made
  }

  test(`${name}: above all routes the route is the exit's, with its routers`, { skip }, async () => {
    const got = await served(app(true), async (get) => {
      for (const [url, status] of [['/api/users/ann', 200], ['/api', 200], ['/api/fail/x', 503], ['/v1/teams/blue/m/joe?x=1', 200], ['/v1/teams/7/m/7', 200], ['/none', 404]]) {
        assert.strictEqual(await get(url), status)
      }
    })
    assert.deepStrictEqual(summary(got), [
      guess('/api/users/ann'), `${guess('/api/users/ann')}.query`, `${guess('/api/users/ann')} route=/api/users/:id,status=200`,
      guess('/api'), `${guess('/api')} status=200`,
      guess('/api/fail/x'), `${guess('/api/fail/x')} route=/api/fail/:id,status=503`,
      guess('/v1/teams/blue/m/joe'), `${guess('/v1/teams/blue/m/joe')} route=/v1/teams/:team/m/:who,status=200`,
      guess('/v1/teams/{n}/m/{n}'), `${guess('/v1/teams/{n}/m/{n}')} route=/v1/teams/:team/m/:who,status=200`,
      guess('/none'), `${guess('/none')} status=404`,
    ])
  })

  test(`${name}: in a route the tags have its template, with its routers`, { skip }, async () => {
    const got = await served(app(false), async (get) => {
      for (const url of ['/api/users/ann', '/api', '/api/fail/x', '/files/a/b', '/v1/teams/7/m/joe']) await get(url)
    })
    assert.deepStrictEqual(summary(got), [
      guess('/api/users/:id'), `${guess('/api/users/:id')}.query`, `${guess('/api/users/:id')} status=200`,
      guess('/api'), `${guess('/api')} status=200`,
      guess('/api/fail/:id'), `${guess('/api/fail/:id')} status=503`,
      guess('/^\\/files\\/.*/'), `${guess('/^\\/files\\/.*/')} status=200`,
      guess('/v1/teams/{n}/m/:who'), `${guess('/v1/teams/{n}/m/:who')} status=200`,
    ])
  })
}

test('fastify: templates with prefixes, bodies, errors, and routes of plugins', { skip }, async () => {
  const app = frameworks('fastify')()
  app.register(fastify())
  app.register(async (api) => {
    api.get('/users/:id', async () => { await query(); return 'ok' })
    api.post('/users', async (request) => { span('body', { name: request.body.name }).end(); await query(); return 'ok' })
    api.get('/fail', async () => { throw new RangeError('e') })
  }, { prefix: '/api' })
  await app.ready()
  const got = await served(app.routing, async (get) => {
    assert.strictEqual(await get('/api/users/ann?x=1'), 200)
    assert.strictEqual(await get('/api/users', 'POST', '{"name":"joe"}'), 200)
    assert.strictEqual(await get('/api/fail'), 500)
    assert.strictEqual(await get('/none/12'), 404)
  })
  assert.deepStrictEqual(summary(got), [
    'http.GET./api/users/:id', 'http.GET./api/users/:id.query', 'http.GET./api/users/:id status=200',
    'http.POST./api/users', 'http.POST./api/users.body', 'http.POST./api/users.query', 'http.POST./api/users status=200',
    'http.GET./api/fail', 'http.GET./api/fail error=RangeError,status=500',
    'http.GET./none/{n}', 'http.GET./none/{n} status=404',
  ])
  const injected = await recorded(() => app.inject('/api/users/bob'))
  assert.deepStrictEqual(summary(injected), ['http.GET./api/users/:id', 'http.GET./api/users/:id.query', 'http.GET./api/users/:id status=200'])
  await app.close()
})

test('koa: nested and mounted routers, errors', { skip }, async () => {
  const Koa = frameworks('koa')
  const { Router } = frameworks('@koa/router')
  const app = new Koa()
  app.silent = true
  app.use(koa())
  const users = new Router()
  users.get('/users/:id', async (ctx) => { await query(); ctx.body = 'ok' })
  users.get('/fail', async (ctx) => ctx.throw(403, 'no'))
  users.get('/bug', async () => { throw new TypeError('e') })
  const api = new Router({ prefix: '/api' })
  api.use('/:team', users.routes())
  const inner = new Koa()
  const own = new Router()
  own.get('/x/:y', koa(), async (ctx) => { ctx.body = 'ok' })
  inner.use(own.routes())
  app.use(frameworks('koa-mount')('/mounted', inner))
  app.use(api.routes())
  const got = await served(app.callback(), async (get) => {
    for (const [url, status] of [['/api/blue/users/ann', 200], ['/api/blue/fail', 403], ['/api/blue/bug', 500], ['/mounted/x/z?q', 200], ['/none', 404]]) {
      assert.strictEqual(await get(url), status)
    }
  })
  assert.deepStrictEqual(summary(got), [
    'http.GET./api/blue/users/ann', 'http.GET./api/blue/users/ann.query', 'http.GET./api/blue/users/ann route=/api/:team/users/:id,status=200',
    'http.GET./api/blue/fail', 'http.GET./api/blue/fail error=ForbiddenError,route=/api/:team/fail,status=403',
    'http.GET./api/blue/bug', 'http.GET./api/blue/bug error=TypeError,route=/api/:team/bug,status=500',
    // Both end with the response, the first one first.
    'http.GET./mounted/x/z', 'http.GET./mounted/x/z.http.GET./mounted/x/:y', 'http.GET./mounted/x/z route=/mounted/x/:y,status=200', 'http.GET./mounted/x/z.http.GET./mounted/x/:y status=200',
    'http.GET./none', 'http.GET./none status=404',
  ])
})

test('in all of them: a template of choice, off, and a prefix', { skip }, async () => {
  const tracer = new nulltrace.Tracer('app')
  const Koa = frameworks('koa')
  const app = new Koa().use(tracer.koa({ template: (ctx) => `/for${ctx.path}` })).use((ctx) => { ctx.body = 'ok' })
  const fast = frameworks('fastify')()
  fast.register(tracer.fastify({ template: (request) => `/for${request.url}` })).get('/a', () => 'ok')
  await fast.ready()
  for (const handler of [app.callback(), fast.routing]) {
    assert.deepStrictEqual(summary(await served(handler, (get) => get('/a'))), ['app.http.GET./for/a', 'app.http.GET./for/a status=200'])
    nulltrace.setEnabled(false)
    try {
      assert.deepStrictEqual(await served(handler, async (get) => assert.strictEqual(await get('/a'), 200)), [])
    } finally {
      nulltrace.setEnabled(true)
    }
  }
  await fast.close()
})

test('jest: mocks that are wrapped are mocks', { skip }, () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'nulltrace-jest-'))
  try {
    fs.writeFileSync(path.join(dir, 'package.json'), '{}')
    fs.writeFileSync(path.join(dir, 'mock.test.js'), `
      const { trace, wrap, enabled, implementation } = require(${JSON.stringify(root)})
      test('mocks', async () => {
        expect(enabled()).toBe(true)
        expect(implementation).toBe(${JSON.stringify(nulltrace.implementation)})
        const mock = jest.fn((n) => n + 1)
        const add = wrap('add', mock)
        expect(add(1)).toBe(2)
        expect(add).toHaveBeenCalledWith(1)
        expect(jest.isMockFunction(add)).toBe(true)
        add.mockReturnValueOnce(7)
        expect(add(1)).toBe(7)
        const store = { find: wrap('find', () => 1) }
        jest.spyOn(store, 'find').mockReturnValue(2)
        expect(store.find()).toBe(2)
        const load = wrap('load', jest.fn().mockResolvedValue(3))
        await expect(load()).resolves.toBe(3)
        await expect(trace('t', async () => { throw new TypeError('e') })).rejects.toThrow(TypeError)
        await expect(trace('t', require('node:fs').promises.readFile('/dev/null', 'utf8'))).resolves.toBe('')
      })`)
    const ran = spawnSync(process.execPath, [path.join(path.dirname(frameworks.resolve('jest/package.json')), 'bin', 'jest.js'), '--rootDir', dir, '--watchman=false'], { cwd: dir, encoding: 'utf8', env: { ...process.env, CI: '1' } })
    assert.strictEqual(ran.status, 0, ran.stderr)
  } finally {
    fs.rmSync(dir, { recursive: true })
  }
})
