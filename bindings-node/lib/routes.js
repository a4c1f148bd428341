'use strict'
// The templates of the routes that a framework matches, seen when it notes them in the request: what it notes beside
// them, the path of the router for one, is gone when the request is over.

const { guessed } = require('./template.js')

/** Calls `seen` with each value that is put into a property. */
function watch(object, name, seen) {
  let value = object[name]
  const set = (next) => {
    const before = value
    value = next
    try {
      seen(next, before)
    } catch {
      // a getter of the framework's threw
    }
  }
  Object.defineProperty(object, name, { get: () => value, set, enumerable: true, configurable: true })
}

/** A route behind the path of its router. */
const joined = (base, path) => (path === '/' && base !== '' ? base : base + path)

/** The part of a router's path that was matched, with `:name` for what was matched by that. */
function unmatched(part, params) {
  const names = Object.entries(params ?? {})
  const nameOf = (text) => names.find(([, value]) => value === text)?.[0]
  const own = (text) => {
    const name = nameOf(decodeURIComponent(text))
    return name === undefined ? guessed(text) : `:${name}`
  }
  return part.split('/').map(own).join('/')
}

/** Of express: a function that gives the template of the last route it matched, with those of the routers around. */
function express(req) {
  const bases = new Map([['', '']])
  let route = null

  const baseOf = (base) => bases.get(base) ?? guessed(base)
  const noteBase = (base, before) => {
    const parent = before ?? ''
    if (base.length > parent.length && base.startsWith(parent)) bases.set(base, baseOf(parent) + unmatched(base.slice(parent.length), req.params))
  }
  const noteRoute = (matched) => {
    const path = matched?.path
    if (typeof path === 'string') route = joined(baseOf(req.baseUrl ?? ''), path)
    else if (path instanceof RegExp) route = joined(baseOf(req.baseUrl ?? ''), String(path))
  }

  noteRoute(req.route)
  watch(req, 'baseUrl', noteBase)
  watch(req, 'route', noteRoute)
  return () => route
}

/** The same of koa with @koa/router, whose routes have the paths of the routers around; koa-mount takes its own away. */
function koa(ctx) {
  let route = null
  const noteRoute = (path) => {
    if (path === undefined) return
    const [whole] = ctx.originalUrl.split('?')
    const mount = whole.endsWith(ctx.path) ? whole.slice(0, whole.length - ctx.path.length) : ''
    route = joined(mount, String(path))
  }
  noteRoute(ctx._matchedRoute)
  watch(ctx, '_matchedRoute', noteRoute)
  return () => route
}

module.exports = { express, koa }
