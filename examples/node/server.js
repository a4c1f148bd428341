'use strict'
// A small HTTP service whose requests are spans; `nulltrace run -- node server.js` shows them.
//
// `/empty` answers nothing, `/fib/{n}` computes, `/download` sends a file of 1 KiB to 512 MiB, a random
// one or that of `?file=1` to `?file=4`.

const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const blobs = require('./blobs.js')
const { answer, download, empty, fib } = require('./handlers.js')

const USAGE = `usage: server.js [--port PORT] [--dir DIR]
  --port PORT  0 picks a free one [default: 8080]
  --dir DIR    where the files are made [default: nulltrace-example in the temporary directory]`

function options() {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' }, dir: { type: 'string' } } })
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65535) throw new RangeError(`--port ${values.port}`)
  return { port, dir: values.dir ?? path.join(os.tmpdir(), 'nulltrace-example') }
}

function route(dir, req, res) {
  if (req.method !== 'GET') return answer(res, 405, 'only GET\n')
  const [target, query = ''] = req.url.split('?')
  if (target === '/empty') return empty(res)
  if (target === '/download') return download(res, dir, blobs.choose(query))
  if (target.startsWith('/fib/')) return fib(res, target.slice('/fib/'.length))
  return answer(res, 404, 'no such page\n')
}

function serve({ port, dir }) {
  blobs.make(dir)
  const server = http.createServer(async (req, res) => {
    try {
      await route(dir, req, res)
    } catch (error) {
      // The client went away, or a file did.
      console.error(`nulltrace-example: ${error.message}`)
      res.destroy()
    }
  })
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close()
      server.closeAllConnections()
    })
  }
}

let chosen
try {
  chosen = options()
} catch (error) {
  console.error(`${error.message}\n${USAGE}`)
  process.exitCode = 2
}
if (chosen !== undefined) serve(chosen)
