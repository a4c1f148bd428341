#!/usr/bin/env node
// Runs a command beside a real statsd server and prints the timers that the server then holds.
//
//   readback.js [--port N] [--mgmt N] [--json] -- COMMAND [ARG…]
//
// An argument {} becomes the server's address. Without ports, free ones are taken. The exit status
// is the command's, or 1 if the server does not work. --json prints every sample, in milliseconds.
'use strict'

const { spawn } = require('child_process')
const dgram = require('dgram')
const fs = require('fs')
const net = require('net')
const os = require('os')
const path = require('path')

const PATIENCE_MS = 10000

function fail (text) {
  console.error(`readback: ${text}`)
  process.exit(1)
}

function options (args) {
  const out = { port: 0, mgmt: 0, json: false, command: [] }
  while (args.length > 0) {
    const arg = args.shift()
    if (arg === '--') {
      out.command = args
      break
    }
    if (arg === '--json') {
      out.json = true
      continue
    }
    const value = Number(args.shift())
    if (!['--port', '--mgmt'].includes(arg) || !Number.isInteger(value)) {
      fail(`unknown option: ${arg}; usage: readback.js [--port N] [--mgmt N] [--json] -- COMMAND [ARG…]`)
    }
    out[arg.slice(2)] = value
  }
  if (out.command.length === 0) fail('no command: give one after --')
  return out
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

function freeTcp () {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function freeUdp () {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4').on('error', reject)
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

// One command on a connection of its own, answered up to the line END.
function ask (port, command) {
  return new Promise((resolve, reject) => {
    let text = ''
    const stream = net.connect(port, '127.0.0.1', () => stream.write(command + '\n'))
    stream.setEncoding('utf8').setTimeout(PATIENCE_MS, () => stream.destroy(new Error('timed out')))
    stream.on('error', reject)
    stream.on('data', data => {
      text += data
      if (text.endsWith('END\n\n')) {
        stream.end()
        resolve(text.slice(0, -'END\n\n'.length))
      }
    })
    stream.on('close', () => reject(new Error('the server closed the connection')))
  })
}

async function until (what, probe) {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await probe().catch(() => undefined)
    if (found !== undefined) return found
    if (Date.now() > end) fail(`the statsd server is not ${what} within ${PATIENCE_MS} ms`)
    await pause(50)
  }
}

// Both sockets are open when a counter sent to the one shows on the other.
async function receives (port, mgmt) {
  const socket = dgram.createSocket('udp4')
  await new Promise(resolve => socket.send('readback.ready:1|c', port, '127.0.0.1', resolve))
  socket.close()
  const counters = await ask(mgmt, 'counters')
  return counters.includes('readback.ready') ? true : undefined
}

// The answer is a JavaScript literal as util.inspect prints it: names, and lists of numbers.
function parse (text) {
  const timers = new Map()
  for (const [, quoted, bare, list] of text.matchAll(/(?:'([^']*)'|([\w$]+)):\s*\[([^\]]*)\]/g)) {
    const samples = list.split(',').map(s => s.trim()).filter(s => s !== '').map(Number)
    timers.set(quoted ?? bare, samples)
  }
  return timers
}

function table (timers) {
  const rows = [['timer', 'n', 'min ms', 'avg ms', 'max ms']]
  for (const [name, samples] of [...timers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let [min, max, sum] = [Infinity, -Infinity, 0]
    for (const sample of samples) {
      min = Math.min(min, sample)
      max = Math.max(max, sample)
      sum += sample
    }
    const ms = [min, sum / samples.length, max].map(value => value.toFixed(6))
    rows.push([name, String(samples.length), ...ms])
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)))
  return rows.map(row => row.map((cell, column) =>
    column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ')).join('\n')
}

// Datagrams may still be in the server's socket when the command has ended.
async function settled (mgmt) {
  let before
  for (;;) {
    const now = await ask(mgmt, 'timers')
    if (now === before) return parse(now)
    before = now
    await pause(300)
  }
}

async function main () {
  const { port: wanted, mgmt: wantedMgmt, json, command } = options(process.argv.slice(2))
  const stats = path.join(__dirname, 'node_modules', 'statsd', 'stats.js')
  if (!fs.existsSync(stats)) fail('no statsd server; run tests/consumers/install.sh')

  const port = wanted || await freeUdp()
  const mgmt = wantedMgmt || await freeTcp()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nulltrace-readback-'))
  const config = path.join(folder, 'config.json')
  fs.writeFileSync(config, JSON.stringify({
    address: '127.0.0.1',
    port,
    mgmt_address: '127.0.0.1',
    mgmt_port: mgmt,
    backends: ['./backends/graphite'],
    // the timers are emptied at each flush: never before they are read
    flushInterval: 24 * 3600 * 1000
  }))
  const server = spawn(process.execPath, ['--require', path.join(__dirname, 'whole.js'), stats, config],
    { stdio: ['ignore', 'ignore', 'inherit'] })
  process.on('exit', () => {
    server.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  })
  server.on('exit', () => fail(`the statsd server ended; are the ports ${port} and ${mgmt} free?`))
  await until('ready', () => receives(port, mgmt))

  const [program, ...args] = command.map(arg => arg.replaceAll('{}', `127.0.0.1:${port}`))
  const status = await new Promise(resolve => {
    spawn(program, args, { stdio: 'inherit' })
      .on('error', error => fail(`cannot run ${program}: ${error.message}`))
      .on('exit', (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]))
  })

  const timers = await settled(mgmt)
  if (json) {
    console.log(JSON.stringify(Object.fromEntries(timers)))
  } else {
    console.log(`read back from a statsd server at 127.0.0.1:${port}:`)
    console.log(timers.size > 0 ? table(timers) : 'no timers')
  }
  process.exit(status)
}

main().catch(error => fail(error.message))
