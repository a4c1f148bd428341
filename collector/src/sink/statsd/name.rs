//! From tags, which anybody may write, to names a server can be trusted with.
//!
//! Only `A-Z a-z 0-9 _ -` stay as they are and any other byte becomes `_`, dots too since dots
//! separate tags; so no tag can end a name, begin another line, set a value or forge another path's
//! depth. An empty tag becomes `_`. Two paths whose names are the same then, as they differ only in
//! replaced or cut-off bytes, or in `_` for an empty tag, are one metric.

use nulltrace_core::facts::path::TagPath;

/// The longest part of a name that one tag makes, bytes; the rest is cut off.
pub const SEGMENT_MAX: usize = 64;
/// The longest name behind the prefix, bytes; the rest is cut off.
pub const NAME_MAX: usize = 200;
/// The longest `comm` tag, bytes; the kernel gives 15.
pub const COMM_MAX: usize = 32;

/// What the names nulltrace makes for itself begin with, behind the prefix.
pub const RESERVED: &str = "nulltrace";

/// What the names begin with that nulltrace makes for itself: `PREFIX.nulltrace_`, or `PREFIX_` where the prefix
/// is nulltrace's own name already, as by default. No path can make such a name.
///
/// ```
/// use nulltrace_collector::sink::statsd::name::own;
/// assert_eq!(own("shop"), "shop.nulltrace_");
/// assert_eq!((own("nulltrace"), own("host-1.nulltrace")), ("nulltrace_".into(), "host-1.nulltrace_".into()));
/// ```
#[must_use]
pub fn own(prefix: &str) -> String {
    match prefix.rsplit('.').next() {
        Some(RESERVED) => format!("{prefix}_"),
        _ => format!("{prefix}.{RESERVED}_"),
    }
}

/// Whether `byte` is kept in a name.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Appends the name of `path`: its tags, cleaned, with dots between.
///
/// A first tag that begins like nulltrace's own names gets a `_` before it, so no path can write
/// into them.
pub(super) fn push_path(out: &mut String, path: &TagPath) {
    let start = out.len();
    for (index, tag) in path.segments().iter().enumerate() {
        if index > 0 {
            out.push('.');
        } else if tag.starts_with(RESERVED.as_bytes()) {
            out.push('_');
        }
        push_clean(out, tag, SEGMENT_MAX, is_plain);
        if out.len() - start > NAME_MAX {
            break;
        }
    }
    if out.len() == start {
        out.push('_');
    }
    out.truncate(start + NAME_MAX);
    if out.ends_with('.') {
        out.pop();
    }
}

/// Appends a DogStatsD tag value, where dots and slashes are usual too.
pub(super) fn push_tag_value(out: &mut String, value: &[u8], max: usize) {
    push_clean(out, value, max, |byte| {
        is_plain(byte) || matches!(byte, b'.' | b'/')
    });
}

fn push_clean(out: &mut String, bytes: &[u8], max: usize, keep: impl Fn(u8) -> bool) {
    if bytes.is_empty() {
        out.push('_');
    }
    out.extend(bytes.iter().take(max).map(|&byte| match keep(byte) {
        true => char::from(byte),
        false => '_',
    }));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn name(segments: &[&[u8]]) -> String {
        let mut out = String::from("p.");
        push_path(&mut out, &TagPath::new(&segments.concat(), segments));
        out
    }

    #[test]
    fn plain_tags_stay() {
        assert_eq!(name(&[b"web", b"render-2_x"]), "p.web.render-2_x");
    }

    #[test]
    fn nothing_else_passes() {
        assert_eq!(name(&[b"a:1|c\nfoo"]), "p.a_1_c_foo");
        assert_eq!(name(&[b"a.b", b"|#@"]), "p.a_b.___");
        assert_eq!(name(&["é".as_bytes(), &[0, 0xff]]), "p.__.__");
        assert_eq!(name(&[b"", b".."]), "p._.__");
        assert_eq!(name(&[]), "p._");
        for byte in 0..=u8::MAX {
            let out = name(&[&[byte]]);
            assert!(out[2..].bytes().all(is_plain), "{out}");
        }
    }

    #[test]
    fn an_empty_tag_is_an_underscore() {
        let go: [&[u8]; 6] = [b"main", b"Map[", b"", b"", b"]", b"func1"];
        assert_eq!(name(&go), "p.main.Map_._._._.func1");
        assert_eq!(name(&[b"", b"a"]), "p._.a");
        assert_eq!(name(&[b"a", b""]), "p.a._");
        assert_eq!(name(&[b"", b""]), "p._._");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_path_is_a_name(tags in vec(vec(any::<u8>(), 0..80), 1..=32)) {
            let tags: Vec<_> = tags.iter().map(Vec::as_slice).collect();
            let name = name(&tags);
            prop_assert!(name.len() <= "p.".len() + NAME_MAX);
            for part in name.split('.') {
                prop_assert!(!part.is_empty() && part.bytes().all(is_plain), "{}", name);
            }
        }
    }

    #[test]
    fn the_own_names_cannot_be_made() {
        assert_eq!(name(&[b"nulltrace_overflow"]), "p._nulltrace_overflow");
        assert_eq!(name(&[b"nulltrace", b"lost"]), "p._nulltrace.lost");
        assert_eq!(name(&[b"a", b"nulltrace"]), "p.a.nulltrace");
    }

    #[test]
    fn lengths_are_bounded() {
        let long = vec![b'x'; 4096];
        assert_eq!(name(&[&long]).len(), "p.".len() + SEGMENT_MAX);
        let deep: Vec<&[u8]> = vec![&long; 32];
        assert_eq!(name(&deep).len(), "p.".len() + NAME_MAX);
        // 63 + '.' three times is 192, the fourth dot falls on the limit
        let edge = [&long[..63], &long[..63], &long[..63], b"1234567", b"z"];
        let out = name(&edge);
        assert_eq!(out.len(), "p.".len() + NAME_MAX - 1);
        assert!(!out.ends_with('.'));
    }

    #[test]
    fn tag_values_end_no_tag() {
        let mut out = String::new();
        push_tag_value(&mut out, b"a/b.c:d,e|f#g\n@ ", COMM_MAX);
        assert_eq!(out, "a/b.c_d_e_f_g___");
    }
}
