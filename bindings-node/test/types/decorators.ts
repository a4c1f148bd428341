// Compiled and run by decorators.test.js, once with the decorators of the language, once with
// `experimentalDecorators`.
import { Tracer, wrap } from 'nulltrace'

const tracer = new Tracer('app')

export class Store {
  rows = ['ann', 'bob']

  @wrap
  find(name: string): number {
    return this.rows.indexOf(name)
  }

  @wrap('db.load', { enterArgs: (n: number) => ({ n }), exitArgs: (rows: string[]) => ({ rows: rows.length }) })
  async load(n: number): Promise<string[]> {
    await null
    return this.rows.slice(0, n)
  }

  @wrap({ exitArgs: () => ({ done: true }) })
  *each(): Generator<string, void, unknown> {
    yield* this.rows
  }

  @wrap
  get size(): number {
    return this.rows.length
  }

  @tracer.wrap
  static open(this: typeof Store): Store {
    return new this()
  }

  @wrap(['a.b', 'c'])
  plus(a: number, b = 1): number {
    return a + b + this.size
  }

  @wrap
  fail(): never {
    throw new RangeError(String(this.size))
  }
}

const store = Store.open()
const at: number = store.find('bob')
const sum: number = store.plus(1)
const names: string[] = [...store.each()]
let thrown = ''
try {
  store.fail()
} catch (error) {
  thrown = (error as Error).name
}
export const result: Promise<unknown> = store.load(1).then((rows) => [at, sum, names, thrown, rows, store.find.name, store.plus.length])
