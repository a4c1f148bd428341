'use strict'

const assert = require('node:assert')
const http = require('node:http')
const { test } = require('node:test')
const { middleware, span, Tracer, wrap } = require('../index.js')
const { guessed } = require('../lib/template.js')
const { closed, enters, served, sleep, recorded } = require('./help.js')


test('paths without their data', () => {
  const cases = {
    '/': '/',
    '/users': '/users',
    '/users/42?x=1#y': '/users/{n}',
    '/a/123e4567-e89b-12d3-a456-426614174000/b': '/a/{id}/b',
    '/files/d41d8cd98f00b204': '/files/{id}',
    '/v1/download/': '/v1/download/',
    '/checkout-page': '/checkout-page',
    '*': '*',
  }
  for (const [url, template] of Object.entries(cases)) assert.strictEqual(guessed(url), template)
})

test('with node:http, the handler as next', async () => {
  const traced = middleware()
  const handler = (req, res) => traced(req, res, async () => {
    await sleep(1)
    span('query').end()
    res.statusCode = req.method === 'POST' ? 201 : 200
    res.end('ok')
  })
  const got = await served(handler, async (get) => {
    assert.strictEqual(await get('/users/42?q=1'), 200)
    assert.strictEqual(await get('/users.json', 'POST'), 201)
  })
  assert.deepStrictEqual(got, [
    '>:#1:http.GET./users/{n}:^=:',
    '>:#2:http.GET./users/{n}.query:^=#1:',
    '<:#2:http.GET./users/{n}.query::',
    '<:#1:http.GET./users/{n}:status=200:',
    '>:#3:http.POST./users\\.json:^=:',
    '>:#4:http.POST./users\\.json.query:^=#3:',
    '<:#4:http.POST./users\\.json.query::',
    '<:#3:http.POST./users\\.json:status=201:',
  ])
})

test('before the routes are matched: the guess, and the route at the exit', async () => {
  const app = new Tracer('app').middleware()
  const handler = (req, res) => app(req, res, () => {
    req.baseUrl = '/api'
    req.route = { path: '/users/:name' }
    res.end()
  })
  const got = await served(handler, (get) => get('/api/users/ann'))
  assert.deepStrictEqual(got, ['>:#1:app.http.GET./api/users/ann:^=:', '<:#1:app.http.GET./api/users/ann:route=/api/users/\\:name,status=200:'])
})

test('behind the match: the route itself', async () => {
  const traced = middleware()
  const handler = (req, res) => {
    req.baseUrl = '/api'
    req.route = { path: '/users/:name' }
    traced(req, res, () => res.end())
  }
  const got = await served(handler, (get) => get('/api/users/ann'))
  assert.deepStrictEqual(got, ['>:#1:http.GET./api/users/\\:name:^=:', '<:#1:http.GET./api/users/\\:name:status=200:'])
})

test('a template of choice', async () => {
  const traced = middleware({ template: (req) => (req.url === '/bad' ? undefined : req.url === '/worse' ? JSON.parse('{') : '/chosen') })
  const got = await served((req, res) => traced(req, res, () => res.end()), async (get) => {
    for (const path of ['/x', '/bad', '/worse']) await get(path)
  })
  assert.deepStrictEqual(got.filter((one) => one[0] === '>'), ['>:#1:http.GET./chosen:^=:', '>:#2:http.GET./bad:^=:', '>:#3:http.GET.*:^=:'])
})

test('paths of a scan do not become tags without end', async () => {
  const traced = middleware()
  const tags = new Set()
  const res = { once() {} }
  const got = recorded(() => {
    for (let i = 0; i < 1000; i++) traced({ method: 'GET', url: `/scan-${String.fromCharCode(97 + (i % 26), 97 + (Math.floor(i / 26) % 26), 97 + Math.floor(i / 676))}` }, res)
  })
  for (const one of got) tags.add(one.split(':')[2])
  assert.strictEqual(tags.size, 201)
  assert(tags.has('http.GET.*'))
  const long = recorded(() => middleware()({ method: 'GET', url: '/x'.repeat(3000) }, res))
  assert.deepStrictEqual(long, ['>:#1:http.GET.*:^=:'])
})

test('a response of another kind is none of ours', () => {
  assert.deepStrictEqual(recorded(() => void assert.strictEqual(middleware()({ method: 'GET', url: '/' }, {}, () => 5), 5)), [])
})

test('a client that leaves: aborted', async () => {
  let left
  const gone = new Promise((done) => (left = done))
  const traced = middleware()
  const handler = (req, res) => {
    traced(req, res, () => res.write('part'))
    res.once('close', left)
  }
  const got = await served(handler, async (get, port) => {
    await new Promise((done) => {
      const req = http.get({ port, path: '/slow', agent: false }, (res) => res.once('data', () => req.destroy()))
      req.once('error', done).once('close', done)
    })
    await gone
  })
  assert.deepStrictEqual(got, ['>:#1:http.GET./slow:^=:', '<:#1:http.GET./slow:status=aborted:'])
})

test('a handler that throws passes its error on, and its response ends the span', async () => {
  const traced = middleware()
  const error = new TypeError('e')
  const handler = (req, res) => {
    try {
      traced(req, res, () => { throw error })
    } catch (thrown) {
      assert.strictEqual(thrown, error)
      res.statusCode = 500
      res.end()
    }
  }
  const got = await served(handler, (get) => get('/'))
  assert.deepStrictEqual(got, ['>:#1:http.GET./:^=:', '<:#1:http.GET./:error=TypeError,status=500:'])
})

test('50 requests at once, each with queries of its own, before and after its body has come', async () => {
  const traced = middleware()
  const query = wrap('db', async (i) => { await sleep(i % 7); await Promise.resolve() }, { enterArgs: (i) => ({ i }) })
  const handler = (req, res) => traced(req, res, async () => {
    const i = Number(req.url.slice(3))
    await query(i)
    let body = ''
    req.on('data', (part) => (body += part))
    req.on('end', async () => {
      setTimeout(() => query(i).then(() => query(i)).then(() => res.end(body)), i % 5)
    })
    res.once('finish', () => span('finished', { i }).end())
  })
  const got = await served(handler, async (_, port) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 })
    const post = (i) =>
      new Promise((done, failed) => {
        const req = http.request({ port, path: `/n/${i}`, method: 'POST', agent }, (res) => res.resume().once('end', done))
        req.once('error', failed).write('a')
        setTimeout(() => req.end('b'), 10)
      })
    await Promise.all(Array.from({ length: 50 }, (_, i) => post(i)))
    agent.destroy()
  })
  closed(got)
  const all = enters(got)
  const requests = all.filter(({ path }) => path === 'http.POST./n/{n}')
  assert.strictEqual(requests.length, 50)
  const seen = new Set()
  for (const { id, parent } of requests) {
    assert.strictEqual(parent, '')
    const queries = all.filter((one) => one.parent === id)
    assert.deepStrictEqual(queries.map(({ path }) => path), Array(3).fill('http.POST./n/{n}.db'))
    assert.strictEqual(new Set(queries.map(({ args }) => args)).size, 1)
    seen.add(queries[0].args)
    assert(got.includes(`<:${id}:http.POST./n/{n}:status=200:`))
  }
  assert.strictEqual(seen.size, 50)
  // Those that come when the request has ended are no part of it.
  assert(all.filter(({ path }) => path === 'finished').every(({ parent }) => parent === ''))
  assert.strictEqual(all.length, 250)
})

test('many requests at once are not mixed', async () => {
  const traced = middleware()
  const handler = (req, res) => traced(req, res, async () => {
    await sleep(Number(req.url.slice(3)) % 5)
    res.end()
  })
  const got = await served(handler, (get) => Promise.all(Array.from({ length: 40 }, (_, i) => get(`/n/${i}`))))
  assert.strictEqual(got.length, 80)
  const ids = got.filter((one) => one[0] === '>').map((one) => one.split(':')[1])
  assert.strictEqual(new Set(ids).size, 40)
})
