'use strict'
// The worker's side of driver.py's protocol: a line `row spans warm-up` in, the CPU time of the
// spans in ns out. CPU time is the process's: the runtime's own threads work for the caller.

const fs = require('node:fs')

function * lines () {
  const chunk = Buffer.alloc(256)
  let text = ''
  for (;;) {
    const end = text.indexOf('\n')
    if (end >= 0) {
      yield text.slice(0, end)
      text = text.slice(end + 1)
      continue
    }
    const read = fs.readSync(0, chunk)
    if (read === 0) return
    text += chunk.toString('latin1', 0, read)
  }
}

// Answers commands until there are no more; `rows` maps a name to what makes so many spans.
exports.serve = async function serve (rows) {
  for (const line of lines()) {
    const [name, spans, warm] = line.split(' ')
    const row = rows[name]
    if (!row) return fs.writeSync(1, '! no such row\n')
    const early = row(+warm)
    if (early) await early
    const began = process.cpuUsage()
    const late = row(+spans)
    if (late) await late
    const { user, system } = process.cpuUsage(began)
    fs.writeSync(1, `${(user + system) * 1000}\n`)
  }
}
