// What only the decorators of the language have; compiled and run by decorators.test.js.
import { wrap } from 'nulltrace'

@wrap
export class Point {
  @wrap accessor x = 1
  @wrap double = (n: number): number => n * 2
  @wrap name = 'p'
  @wrap static #hidden(n: number): number {
    return n + 1
  }
  static next(n: number): number {
    return Point.#hidden(n)
  }
  #y = 0
  @wrap set y(value: number) {
    this.#y = value
  }
  get y(): number {
    return this.#y
  }
}

const point = new Point()
point.x = 5
point.y = 7
export const result: Promise<unknown> = Promise.resolve([point.x, point.double(4), point.name, Point.next(1), point.y, point instanceof Point])
