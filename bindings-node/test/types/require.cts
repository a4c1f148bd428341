// As a program written for node-trace has it.
import nulltrace = require('nulltrace')

const t = new nulltrace.Trace('some-unique-id')
t.start('request')
nulltrace.trace('x', () => t.stop('request'))
