'use strict'
// A site is a tag path that is known: split, escaped and checked once, with its markers of id `t`
// built when first needed.

const backend = require('./backend.js')
const encode = require('./encode.js')

// A program that puts data into its tags must not fill the memory; what comes later is built anew
// each time.
const MOST = 4096

/** @type {Map<string, Site>} by canonical path */
const known = new Map()

class Site {
  constructor(tags, path, json) {
    this.tags = tags
    /** Canonical; `null` if it holds bytes that are no text. */
    this.path = path
    /** The simple form cannot say these tags. */
    this.json = json
    /** In `known`: so all who open this path see the same `busy`. */
    this.shared = false
    /** A span of this path with id `t` is open. */
    this.busy = false
    this.enterT = null
    this.exitT = null
    /** The same with arguments, see `quickly`. */
    this.enterWith = null
    this.exitWith = null
    /** Paths below, by the text or site they were asked for. */
    this.below = null
  }

  /** Builds what writes the markers of id `t`. */
  prepare() {
    if (backend.headed !== null && !this.json) {
      this.enterWith = backend.headed('>:t:' + this.path + ':')
      this.exitWith = backend.headed('<:t:' + this.path + ':')
    }
    this.enterT = backend.prepared(encode.marker('>', 't', this.tags, null))
    this.exitT = backend.prepared(encode.marker('<', 't', this.tags, null))
  }

  /** The site of a path under this one; `null` if that is refused. */
  child(path) {
    const found = this.below === null ? undefined : this.below.get(path)
    if (found !== undefined) return found
    const made = this.make(path)
    // A list may be changed by its owner, so it is no key.
    if (made !== null && made.shared && !Array.isArray(path)) {
      this.below ??= new Map()
      if (this.below.size < MOST) this.below.set(path, made)
    }
    return made
  }

  make(path) {
    const own = path instanceof Site ? path.tags : encode.tagsOf(path)
    if (own === null || own.length === 0) return null
    const tags = this.tags.length === 0 ? own : this.tags.concat(own)
    if (tags.length > encode.MAX_TAGS || own.some((tag) => tag.length === 0)) return null
    if (tags.some(encode.isBytes)) return new Site(tags, null, false)
    const canonical = encode.escapedPath(tags)
    const found = known.get(canonical)
    if (found !== undefined) return found
    const site = new Site(tags, canonical, encode.CONTROL.test(canonical))
    if (known.size < MOST) {
      site.shared = true
      known.set(canonical, site)
    }
    return site
  }
}

/** The path of no tags, under which all others are. */
const root = new Site([], '', false)

module.exports = { Site, root }
