/// <reference lib="esnext.disposable" />

/**
 * Where a span is: `"checkout.pay"` is the tags `checkout` and `pay`; in a list each element is one
 * tag, dots and all. At most 32 tags, none empty: otherwise nothing is written.
 */
export type Path = string | readonly (string | Uint8Array)[]

/** `undefined` leaves the argument out; what is no text goes by `String(value)`, bytes as they are. */
export type Value = string | number | bigint | boolean | null | undefined | Uint8Array | { toString(): string }

/** At most 64. Pairs where a name may come twice, or is bytes. */
export type Args = { readonly [name: string]: Value } | Iterable<readonly [string | Uint8Array, Value]>

/**
 * A number of 63 bits and a sign; `"t"`, `"p"`, `"pp"` for the number of the thread, the process or its
 * parent; `"g"` or `""`. Decimal digits are that number. Any other text is mapped to a number, the
 * same in every process, and kept as the argument `id` of the enter.
 */
export type Id = number | bigint | string

/** Start and stop by hand, under one id. Several may be open at once if their ids or tags differ. */
export class Trace {
  /** @param id `"t"` if left out */
  constructor(id?: Id)
  readonly id: Id | undefined
  start(path: Path, args?: Args | null): void
  stop(path: Path, args?: Args | null): void
}

/** An open span. It does nothing if its path was refused or nulltrace is off. */
export class Span {
  private constructor()
  /** As it stands in the markers; `null` if nothing is written. */
  readonly id: string | null
  /** An argument for the exit. */
  record(name: string, value: Value): this
  record(args: Args): this
  /** Ends the span, once. */
  end(args?: Args | null): void
  /** Ends it with the name of what was thrown as `error`. */
  fail(thrown: unknown): void
  /** Opens a child: these tags and its own, and the same id, unless one like it is open. */
  span(path: Path, args?: Args | null): Span
  /** Calls `fn` with the span as its context: what it opens, now or after an await, lies under it. */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface SpanOptions {
  /** This id and no other; context is passed over. */
  id?: Id
  /** The span will be open across an `await`, so it must have an id of its own. */
  async?: boolean
}

export interface WrapOptions<F extends (...args: never[]) => unknown> {
  /** Arguments of the enter, made of those of the call. */
  enterArgs?: (...args: Parameters<F>) => Args | null | undefined
  /** Arguments of the exit, made of the result, of a promise's once it is there. */
  exitArgs?: (result: Awaited<ReturnType<F>>) => Args | null | undefined
  /** `fn` is asynchronous, though not written as `async` (it was compiled down, say). */
  async?: boolean
}

/** What the middleware needs of a request; those of `node:http` and express have it. */
export interface Request {
  method?: string | undefined
  url?: string | undefined
  originalUrl?: string
  baseUrl?: string
  route?: { path?: unknown }
}

/** What the middleware needs of a response. */
export interface Response {
  statusCode: number
  writableFinished: boolean
  once(event: 'finish' | 'close', listener: () => void): unknown
}

export interface MiddlewareOptions<Req extends Request = Request> {
  /** The path without its data, as it shall stand in the tag; `undefined` to have it guessed. */
  template?: (req: Req) => string | undefined
}

export type Middleware<Req extends Request = Request> = <R>(req: Req, res: Response, next?: () => R) => R | undefined

/** Opens spans, all of them under one path. */
export class Tracer {
  /** @param prefix put before every path */
  constructor(prefix?: Path)

  /**
   * Opens a span, to be ended by `end()` or `using`. Outside of all context its id is `t`: end it before
   * the next `await`, or give `async: true`.
   */
  span(path: Path, args?: Args | null, options?: SpanOptions): Span

  /**
   * Calls `body` within a span. That of an `async` function lasts until its promise settles, and it is
   * the context of what the function opens. What is returned or thrown, passes; an error's name
   * becomes the exit's `error`.
   */
  trace<R>(path: Path, body: (span: Span) => R): R
  trace<R>(path: Path, args: Args | null | undefined, body: (span: Span) => R): R
  /** Follows a promise: its span lasts from now until it settles. */
  trace<T>(path: Path, body: PromiseLike<T>): Promise<T>
  trace<T>(path: Path, args: Args | null | undefined, body: PromiseLike<T>): Promise<T>

  /**
   * A function that does what `fn` does, each call within a span; of a generator from its first step to
   * its last. The path is the function's name if none is given.
   */
  wrap<F extends (...args: never[]) => unknown>(fn: F, options?: WrapOptions<F>): F
  wrap<F extends (...args: never[]) => unknown>(path: Path, fn: F, options?: WrapOptions<F>): F

  /**
   * `(req, res, next)` for express and its like, or for `node:http` with the handler as `next`. A span
   * `http`, METHOD, path template, with `status` on exit; `status=aborted` if the client left.
   */
  middleware<Req extends Request = Request>(options?: MiddlewareOptions<Req>): Middleware<Req>
}

/** The tracer of the functions below. */
export const tracer: Tracer
export const span: Tracer['span']
export const trace: Tracer['trace']
export const wrap: Tracer['wrap']
export const middleware: Tracer['middleware']

/** The span whose function is running; one that does nothing outside of all. */
export function current(): Span

/** Who writes: the addon, or `fs.writeSync` where it does not load or `NULLTRACE_PURE=1` is set. */
export const implementation: 'native' | 'pure'
/** False with `NULLTRACE=off`, read once, and where there is no null device: then all this is idle. */
export const on: boolean
export const version: string

export default Trace
