'use strict'
// A site is a tag path that is known: split, escaped and checked once, with what writes the markers of
// numbered spans, made when first needed.

const backend = require('./backend.js')
const encode = require('./encode.js')

// In UTF-8 at most three times as long: the rest of a marker is sure to have room.
const LONGEST = 1000

/** See `trials`. */
const TRIALS = 8

// A program that puts data into its tags must not fill the memory; what comes later is built again
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
    /** In `known`, so worth to be prepared. */
    this.shared = false
    /** How many calls are still treated as if they would return a promise, see context.js. */
    this.trials = 0
    this.enter = null
    this.exit = null
    /** The same with arguments, see `quickly`; null where there is no addon. */
    this.enterWith = null
    this.exitWith = null
    /** See fresh.js. */
    this.plains = null
    /** Paths below, by the text or site they were asked for. */
    this.below = null
  }

  /** Whether `enter` and the others write its markers: they do not for odd tags and those of a crowd. */
  get prepared() {
    return this.enter !== null || (this.shared && !this.json && this.path.length <= LONGEST && this.prepare())
  }

  /** @private */
  prepare() {
    if (backend.numberedWith !== null) {
      this.enterWith = backend.numberedWith('>:' + this.path + ':')
      this.exitWith = backend.numberedWith('<:' + this.path + ':')
    }
    this.enter = backend.numbered('>:' + this.path + ':')
    this.exit = backend.numbered('<:' + this.path + ':')
    return true
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
      site.trials = TRIALS
      known.set(canonical, site)
    }
    return site
  }
}

/** The path of no tags, under which all others are. */
const root = new Site([], '', false)

module.exports = { Site, TRIALS, root }
