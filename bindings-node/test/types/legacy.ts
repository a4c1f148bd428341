// A class decorator with `experimentalDecorators`; compiled and run by decorators.test.js.
import { wrap } from 'nulltrace'

@wrap('made')
export class Named {
  constructor(readonly name: string) {}
}

@wrap
export class Bare {
  value = 1
}

export const result: Promise<unknown> = Promise.resolve([new Named('n').name, new Bare().value, Named.name])
