// The same package as an ES module.
import Trace, { Trace as Named, span, trace } from 'nulltrace'
import type { Args, Id, Path, Span } from 'nulltrace'

const t: Named = new Trace('x')
const path: Path = ['a', 'b']
const args: Args = { k: 'v' }
const id: Id = 'g'
t.start(path, args)
const open: Span = span('x', args, { id })
open.end()
const six: number = await trace('x', async () => 6)
void six
