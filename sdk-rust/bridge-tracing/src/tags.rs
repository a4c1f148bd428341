//! The name of a span as tags.

/// The deepest tag path.
const TAGS_MAX: usize = 32;

/// A tag path on the stack.
pub(crate) struct Tags {
    tags: [&'static [u8]; TAGS_MAX],
    /// Filled from the end: the innermost span is met first.
    first: usize,
}

impl Tags {
    pub(crate) fn new() -> Self {
        Self {
            tags: [&[]; TAGS_MAX],
            first: TAGS_MAX,
        }
    }

    /// Puts the tags of a name before those that are there; what is too deep is left away.
    pub(crate) fn prepend(&mut self, name: &'static str) {
        let name = name.as_bytes();
        if is_path(name) {
            name.rsplit(|&byte| byte == b'.')
                .for_each(|tag| self.prepend_one(tag));
        } else {
            self.prepend_one(name);
        }
    }

    fn prepend_one(&mut self, tag: &'static [u8]) {
        if let Some(before) = self.first.checked_sub(1) {
            self.tags[before] = tag;
            self.first = before;
        }
    }

    pub(crate) fn get(&self) -> &[&[u8]] {
        &self.tags[self.first..]
    }
}

/// Whether the dots of a name separate tags. One that would leave a tag empty, or too many, does not.
fn is_path(name: &[u8]) -> bool {
    let (mut length, mut tags) = (0_usize, 1_usize);
    for &byte in name {
        if byte == b'.' {
            if length == 0 {
                return false;
            }
            (length, tags) = (0, tags + 1);
        } else {
            length += 1;
        }
    }
    length > 0 && tags <= TAGS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&'static str]) -> String {
        let mut tags = Tags::new();
        names.iter().rev().for_each(|name| tags.prepend(name));
        let tags: Vec<_> = tags
            .get()
            .iter()
            .map(|tag| String::from_utf8_lossy(tag))
            .collect();
        tags.join("|")
    }

    #[test]
    fn dots_separate_where_they_can() {
        for (name, expected) in [
            ("a", "a"),
            ("a.b", "a|b"),
            ("GET /a..b", "GET /a..b"),
            (".a", ".a"),
            ("a.", "a."),
            (".", "."),
        ] {
            assert_eq!(tags(&[name]), expected);
        }
        assert_eq!(tags(&["a.b", "c", "d."]), "a|b|c|d.");
    }

    #[test]
    fn the_innermost_32_are_kept() {
        let names: Vec<&'static str> = std::iter::once("a.b").chain(vec!["x"; 31]).collect();
        assert_eq!(tags(&names), format!("b{}", "|x".repeat(31)));
    }
}
