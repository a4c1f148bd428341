// Loaded before the statsd server: its management port prints through util.inspect, which leaves out
// all but the first hundred samples of a timer.
'use strict'

require('util').inspect.defaultOptions.maxArrayLength = null
