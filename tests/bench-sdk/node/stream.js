'use strict'
// A template string into an fs.WriteStream, which is how tj/node-trace writes: every marker goes
// through the thread pool. A span waits for its writes, since the stream puts those that wait for
// each other into one, of which a collector would see the first marker only.

const fs = require('node:fs')
const { serve } = require('./worker.js')

const stream = fs.createWriteStream('/dev/null', { highWaterMark: 0 })

function mark (direction, id, tags, done) {
  stream.write(`${direction}:${id}:${tags}::`, done)
}

async function spans (n) {
  for (let i = 0; i < n; i++) {
    mark('>', i, 'checkout.cart.tax.amount')
    await new Promise(resolve => mark('<', i, 'checkout.cart.tax.amount', resolve))
  }
}

serve({ stream: spans })
