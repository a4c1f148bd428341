/// <reference lib="esnext.disposable" />

/**
 * Where a span is: `"checkout.pay"` is the tags `checkout` and `pay`; in a list each element is one
 * tag, dots and all. At most 32 tags, none empty: otherwise nothing is written.
 */
export type Path = string | readonly (string | Uint8Array)[]

/** `undefined` leaves the argument out; what is no text goes by `String(value)`, bytes as they are. */
export type Value = string | number | bigint | boolean | null | undefined | Uint8Array | { toString(): string }

/**
 * At most 64, of which a span's parent takes one on entering. Pairs where a name may come twice, or is bytes.
 * The first of an enter is not named `^`: nothing is written then.
 */
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
  /** An argument for the exit. A name that is set twice has the last value. */
  record(name: string, value: Value): this
  record(args: Args): this
  /** Ends the span, once. */
  end(args?: Args | null): void
  /** Ends it with the name of what was thrown as `error`, unless that was set already. */
  fail(thrown: unknown): void
  /** Opens a child: its tags are these and its own. */
  span(path: Path, args?: Args | null): Span
  /** Calls `fn` with the span as its context: what it opens, now or after an await, is inside. */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface SpanOptions {
  /** This id and no other; the context is passed over, and the marker does not say a parent. */
  id?: Id
  /** The span will be open across an `await`: then it is no parent of what others open meanwhile. */
  async?: boolean
}

export interface WrapOptions<F extends AnyFunction> {
  /** Arguments of the enter, made of those of the call. */
  enterArgs?: (...args: Parameters<F>) => Args | null | undefined
  /** Arguments of the exit, made of the result, of a promise's once it is there. */
  exitArgs?: (result: Awaited<ReturnType<F>>) => Args | null | undefined
  /**
   * `fn` is asynchronous, though not written as `async` (it was compiled down, say): the tags of what it
   * opens begin with its own. Without it they do not, but they are inside all the same.
   */
  async?: boolean
}

/** A function that `wrap` takes. */
export type AnyFunction = (...args: never[]) => unknown
/** A class that `wrap` takes: each `new` is a span. */
export type AnyClass = abstract new (...args: never[]) => unknown

/** A decorator of methods, getters, setters, accessors, fields that are functions, and classes. */
export interface WrapDecorator {
  <T, F extends (this: T, ...args: any) => any>(value: F, context: ClassMethodDecoratorContext<T, F>): F
  <T, V>(value: (this: T) => V, context: ClassGetterDecoratorContext<T, V>): (this: T) => V
  <T, V>(value: (this: T, value: V) => void, context: ClassSetterDecoratorContext<T, V>): (this: T, value: V) => void
  <C extends AnyClass>(value: C, context: ClassDecoratorContext): C
  <T, V>(value: undefined, context: ClassFieldDecoratorContext<T, V>): (this: T, initial: V) => V
  <T, V>(value: ClassAccessorDecoratorTarget<T, V>, context: ClassAccessorDecoratorContext<T, V>): ClassAccessorDecoratorResult<T, V>
  /** With TypeScript's `experimentalDecorators`; a field cannot be wrapped there. */
  <T>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<T>): TypedPropertyDescriptor<T>
  <C extends AnyClass>(value: C): C
  <F extends AnyFunction>(fn: F): F
}

/** See `Tracer.wrap`. */
export interface Wrap {
  <F extends AnyFunction>(fn: F, options?: WrapOptions<F>): F
  <F extends AnyFunction>(path: Path, fn: F, options?: WrapOptions<F>): F
  <C extends AnyClass>(path: Path, value: C): C
  // As a decorator: `@wrap`, or `@wrap('path', options)`.
  <T, F extends (this: T, ...args: any) => any>(value: F, context: ClassMethodDecoratorContext<T, F>): F
  <T, V>(value: (this: T) => V, context: ClassGetterDecoratorContext<T, V>): (this: T) => V
  <T, V>(value: (this: T, value: V) => void, context: ClassSetterDecoratorContext<T, V>): (this: T, value: V) => void
  <C extends AnyClass>(value: C, context: ClassDecoratorContext): C
  <T, V>(value: undefined, context: ClassFieldDecoratorContext<T, V>): (this: T, initial: V) => V
  <T, V>(value: ClassAccessorDecoratorTarget<T, V>, context: ClassAccessorDecoratorContext<T, V>): ClassAccessorDecoratorResult<T, V>
  <T>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<T>): TypedPropertyDescriptor<T>
  <C extends AnyClass>(value: C): C
  <F extends AnyFunction = (...args: any[]) => any>(path: Path, options?: WrapOptions<F>): WrapDecorator
  <F extends AnyFunction = (...args: any[]) => any>(options: WrapOptions<F>): WrapDecorator
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

export interface MiddlewareOptions<Req = Request> {
  /** The path without its data, as it shall stand in the tag; `undefined` to have it guessed. */
  template?: (req: Req) => string | undefined
}

/** What the middleware for koa needs of a context. */
export interface KoaContext {
  req: Request
  res: Response
  originalUrl: string
  path: string
}

/** What the plugin for fastify needs of a request. */
export interface FastifyRequest {
  raw: Request
  routeOptions?: { url?: string | undefined }
}

export type Middleware<Req extends Request = Request> = <R>(req: Req, res: Response, next?: () => R) => R | undefined

/** Opens spans, all of them under one path. */
export class Tracer {
  /** @param prefix put before every path */
  constructor(prefix?: Path)

  /**
   * Opens a span, to be ended by `end()` or `using`. Outside of all context it is around what is opened
   * before its end: end it before the next `await`, or give `async: true`.
   */
  span(path: Path, args?: Args | null, options?: SpanOptions): Span

  /**
   * Calls `body` within a span, which is around all that it opens, now or later. If it returns a promise,
   * the span lasts until that settles. What is returned or thrown, passes; an error's name becomes the
   * exit's `error`.
   */
  trace<R>(path: Path, body: (span: Span) => R): R
  trace<R>(path: Path, args: Args | null | undefined, body: (span: Span) => R): R
  /** Follows a promise: its span lasts from now until it settles. */
  trace<T>(path: Path, body: PromiseLike<T>): Promise<T>
  trace<T>(path: Path, args: Args | null | undefined, body: PromiseLike<T>): Promise<T>

  /**
   * A function that does what `fn` does, each call within a span; of a generator from its first step to
   * its last. The path is the function's name if none is given. It is a decorator too.
   */
  wrap: Wrap

  /**
   * `(req, res, next)` for express and its like, or for `node:http` with the handler as `next`. A span
   * `http`, METHOD, path template, with `status` on exit; `status=aborted` if the client left.
   */
  middleware<Req extends Request = Request>(options?: MiddlewareOptions<Req>): Middleware<Req>
  /** The same for koa: `app.use(koa())`. The `error` of a request is what its handlers throw. */
  koa<Ctx extends KoaContext = KoaContext>(options?: MiddlewareOptions<Ctx>): (ctx: Ctx, next: () => Promise<any>) => Promise<any>
  /** The same for fastify, as a plugin: `app.register(fastify())`. */
  fastify<Req extends FastifyRequest = FastifyRequest>(options?: MiddlewareOptions<Req>): (app: any, options: any, done: (error?: Error) => void) => void
}

/** The tracer of the functions below. */
export const tracer: Tracer
export const span: Tracer['span']
export const trace: Tracer['trace']
export const wrap: Tracer['wrap']
export const middleware: Tracer['middleware']
export const koa: Tracer['koa']
export const fastify: Tracer['fastify']

/**
 * The open span whose function is running; one that does nothing outside of all. That of a function ends with it:
 * `end` then only sets arguments.
 */
export function current(): Span
/** Calls `fn` with `span` as its context, as `span.run` does; with `null` outside of all. */
export function withContext<A extends unknown[], R>(span: Span | null, fn: (...args: A) => R, ...args: A): R
/** `fn`, which is called in the context of now, whenever that is: for schedulers and pools of one's own. */
export function bind<F extends AnyFunction>(fn: F): F

/** Who writes: the addon, or `fs.writeSync` where it does not load or `NULLTRACE_PURE=1` is set. */
export const implementation: 'native' | 'pure'
/**
 * Whether spans are begun. Not at the start if `NULLTRACE` is `0`, `off`, `false` or `no`, and never on other
 * systems than Linux.
 */
export function enabled(): boolean
/**
 * Switches on or off, in this thread. A span that is open writes its exit all the same; one that was begun while off
 * writes nothing.
 */
export function setEnabled(on: boolean): void
export const version: string

export default Trace
