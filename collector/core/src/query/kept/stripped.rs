//! Markers without their arguments.

use std::borrow::Cow;

use nulltrace_spec::{Draft, Format, Marker, PARENT_ARG, Parent, parse};

/// The marker without its arguments, but for the one that names the parent: it says where the span belongs. `None` if it
/// cannot be written so.
pub(super) fn stripped(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let marker = parse(bytes).ok()?;
    if marker.args.is_empty() {
        return Some(Cow::Borrowed(bytes));
    }
    let parent = marker.parent().0.map(|parent| match parent {
        Parent::Root => String::new(),
        Parent::Span(id) => id.to_string(),
        // What is no number of a span says so again, and nothing else.
        Parent::Unknown => "0".to_owned(),
    });
    let parent = parent.as_ref().map(String::as_bytes);
    match marker.format {
        Format::Simple => simple(bytes, parent).map(Cow::Owned),
        Format::Json => json(&marker, parent).map(Cow::Owned),
    }
}

/// As it is written up to its arguments: a path that nobody would write stays as it is, too.
fn simple(bytes: &[u8], parent: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut escaped = false;
    let mut colons = bytes.iter().enumerate().filter(|(_, byte)| {
        let is = **byte == b':' && !escaped;
        escaped = **byte == b'\\' && !escaped;
        is
    });
    let (last, _) = colons.nth(2)?;
    let mut out = bytes.get(..=last)?.to_vec();
    if let Some(parent) = parent {
        out.extend_from_slice(PARENT_ARG);
        out.push(b'=');
        out.extend_from_slice(parent);
    }
    out.push(b':');
    Some(out)
}

fn json(marker: &Marker<'_>, parent: Option<&[u8]>) -> Option<Vec<u8>> {
    let tags: Vec<_> = marker.tags.iter().collect();
    let tags: Vec<_> = tags.iter().map(|tag| &**tag).collect();
    let args: Vec<_> = parent.into_iter().map(|of| (PARENT_ARG, of)).collect();
    let draft = Draft {
        dir: marker.dir,
        id: marker.id,
        tags: &tags,
        args: &args,
    };
    let mut out = Vec::new();
    draft.encode_as(Format::Json, &mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_marker() {
        for (whole, left) in [
            (">:t:a.b:cart=7,user=ann:", ">:t:a.b::"),
            (r">:t:a\:b\\:k=\:v:", r">:t:a\:b\\::"),
            ("<:7:a:status=500:", "<:7:a::"),
            (">:t:a::", ">:t:a::"),
            (
                ">:4294967298:db:^=4294967297,table=users:",
                ">:4294967298:db:^=4294967297:",
            ),
            (">::a:^=,k=v:", ">::a:^=:"),
            (">::a:^=secret:", ">::a:^=0:"),
            // Elsewhere that is an argument like any other.
            ("<::a:^=1:", "<::a::"),
            (r#"[">",7,["a","b"],{"k":"v"}]"#, r#"[">",7,["a","b"],{}]"#),
        ] {
            let left = parse(left.as_bytes()).unwrap();
            let got = stripped(whole.as_bytes()).unwrap();
            let got = parse(&got).unwrap_or_else(|error| panic!("{whole}: {got:?} {error:?}"));
            assert_eq!((got.dir, got.id), (left.dir, left.id), "{whole}");
            assert_eq!(got.tags.canonical(), left.tags.canonical(), "{whole}");
            let args = |of: &Marker<'_>| -> Vec<_> {
                let each = of.args.iter();
                each.map(|(name, value)| (name.to_vec(), value.to_vec()))
                    .collect()
            };
            assert_eq!(args(&got), args(&left), "{whole}");
        }
        assert!(stripped(b"no marker").is_none());
    }
}
