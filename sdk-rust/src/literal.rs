//! Markers of literal tags, made while the program is compiled.

use crate::Path;
use crate::dir::Dir;
use crate::escape::{CONTROL, IN_ARG, IN_JSON, IN_TAG, class, in_json};
use crate::limits::{ARGS_MAX, LONGEST, TAGS_MAX};

/// The two markers of a literal path, with the id `t` and without arguments.
///
/// In the simple form, `>:t:a.b::`, so that other ids and arguments can be put around its tags; in JSON
/// only where the simple form cannot be.
#[derive(Debug)]
pub struct Literal {
    pub(crate) path: Path<'static>,
    pub(crate) enter: &'static [u8],
    pub(crate) exit: &'static [u8],
}

impl Literal {
    /// Of the path and both markers.
    ///
    /// # Panics
    /// One is empty: while compiling.
    #[must_use]
    pub const fn new(path: Path<'static>, enter: &'static [u8], exit: &'static [u8]) -> Self {
        assert!(!enter.is_empty() && !exit.is_empty());
        Self { path, enter, exit }
    }

    /// Of the simple form, what stands before the arguments, `>:t:a.b:`, if that is its form.
    #[inline(always)]
    pub(crate) const fn simple(&self, dir: Dir) -> Option<&'static [u8]> {
        let marker = match dir {
            Dir::Enter => self.enter,
            Dir::Exit => self.exit,
        };
        match marker {
            [b'[', ..] | [] => None,
            [before @ .., _] => Some(before),
        }
    }
}

/// The name of an argument that is a literal.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    pub(crate) text: &'static str,
    /// Nothing in it needs an escape in either form.
    pub(crate) plain: bool,
}

impl Name {
    /// # Panics
    /// The name is empty: while compiling.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(
            !text.is_empty(),
            "nulltrace: the name of an argument is empty"
        );
        let (mut at, mut plain) = (0, true);
        while at < text.len() {
            plain &= class(text.as_bytes()[at]) & (IN_ARG | IN_JSON | CONTROL) == 0;
            at += 1;
        }
        Self { text, plain }
    }
}

/// The names of the arguments of an enter.
///
/// # Panics
/// There are more than 64, or the first would name the parent: while compiling.
pub const fn check_names(names: &[&str]) {
    assert!(names.len() <= ARGS_MAX, "nulltrace: more than 64 arguments");
    if let [first, ..] = names {
        assert!(
            !matches!(first.as_bytes(), b"^"),
            "nulltrace: a first argument `^` would name the parent"
        );
    }
}

/// How long both markers of a path are.
///
/// # Panics
/// No marker can have these tags: while compiling.
#[must_use]
pub const fn len(path: Path<'static>) -> usize {
    let len = write(path, Dir::Enter, &mut []);
    assert!(
        len < LONGEST,
        "nulltrace: the tags are too long for a marker of 4096 bytes"
    );
    len
}

/// Both markers, enter and exit.
#[must_use]
pub const fn markers<const N: usize>(path: Path<'static>) -> [[u8; N]; 2] {
    let mut both = [[0; N]; 2];
    write(path, Dir::Enter, &mut both[0]);
    write(path, Dir::Exit, &mut both[1]);
    both
}

/// Puts bytes into an array that is known to be long enough, or only counts them if it has no room at
/// all.
struct Out<'o> {
    bytes: &'o mut [u8],
    len: usize,
}

impl Out<'_> {
    const fn put(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            self.put_one(bytes[at]);
            at += 1;
        }
    }

    const fn put_one(&mut self, byte: u8) {
        if self.len < self.bytes.len() {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
    }
}

const fn write(path: Path<'static>, dir: Dir, bytes: &mut [u8]) -> usize {
    let mut out = Out { bytes, len: 0 };
    let json = has_control(path);
    out.put(match (json, dir) {
        (false, Dir::Enter) => b">:t:",
        (false, Dir::Exit) => b"<:t:",
        (true, Dir::Enter) => b"[\">\",\"t\",[\"",
        (true, Dir::Exit) => b"[\"<\",\"t\",[\"",
    });
    let (list, text): (&[&str], bool) = match path {
        Path::List(list) => (list, false),
        Path::Text(text) => (&[text], true),
    };
    assert!(!list.is_empty(), "nulltrace: there is no tag");
    // `length` is that of the tag so far: 0 behind a separator.
    let (mut element, mut tags) = (0, 0);
    while element < list.len() {
        let tag = list[element].as_bytes();
        let (mut at, mut length) = (0, 0);
        tags += 1;
        if element > 0 {
            between(&mut out, json);
        }
        while at < tag.len() {
            if text && tag[at] == b'.' {
                assert!(length > 0, "nulltrace: a tag is empty");
                tags += 1;
                length = 0;
                between(&mut out, json);
            } else {
                one(&mut out, tag[at], json);
                length += 1;
            }
            at += 1;
        }
        assert!(length > 0, "nulltrace: a tag is empty");
        element += 1;
    }
    assert!(tags <= TAGS_MAX, "nulltrace: more than 32 tags");
    out.put(if json { b"\"]]" } else { b"::" });
    out.len
}

const fn between(out: &mut Out<'_>, json: bool) {
    out.put(if json { b"\",\"" } else { b"." });
}

const fn one(out: &mut Out<'_>, byte: u8, json: bool) {
    let class = class(byte);
    if json && class & IN_JSON != 0 {
        let (escape, len) = in_json(byte);
        let (escape, _) = escape.split_at(len);
        out.put(escape);
    } else {
        if !json && class & IN_TAG != 0 {
            out.put_one(b'\\');
        }
        out.put_one(byte);
    }
}

const fn has_control(path: Path<'static>) -> bool {
    let list: &[&str] = match path {
        Path::List(list) => list,
        Path::Text(text) => &[text],
    };
    let (mut element, mut found) = (0, false);
    while element < list.len() {
        let tag = list[element].as_bytes();
        let mut at = 0;
        while at < tag.len() {
            found |= class(tag[at]) & CONTROL != 0;
            at += 1;
        }
        element += 1;
    }
    found
}
