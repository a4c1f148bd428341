'use strict'
// Path templates: what of a request's path may stand in a tag.

const MOST = 200
// Of a longer one the tags would not fit into a marker, or not into anyone's head.
const LONGEST = 256
const NUMBER = /^[0-9]+$/
// UUIDs, hashes, keys: eight characters and more with a digit among them.
const KEY = /^(?=.*[0-9])[0-9A-Za-z_-]{8,}$/

/** A path without its data: `/users/42?x=1` is `/users/{n}`. */
function guessed(url) {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  return path
    .split('/')
    .map((part) => (NUMBER.test(part) ? '{n}' : KEY.test(part) ? '{id}' : part))
    .join('/')
}

/** A function that guesses. Paths come from anyone: after so many, all are `*`. */
function guesser() {
  const guesses = new Set()
  return function guess(url) {
    const template = guessed(url) || '/'
    if (guesses.has(template)) return template
    if (guesses.size >= MOST || template.length > LONGEST) return '*'
    guesses.add(template)
    return template
  }
}

module.exports = { guessed, guesser }
