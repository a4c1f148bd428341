//! One write of any bytes: nothing panics, borrowed text lies within the write, places of errors do
//! too, and a marker written again in either form reads the same.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use nulltrace_spec::{Code, Draft, Format, Marker, markers, parse};

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = parse(bytes) {
        assert!(error.offset <= bytes.len());
    }
    for cut in [false, true] {
        for found in markers(bytes, cut) {
            match found.marker {
                Ok(marker) => check(bytes, &marker),
                Err(error) => assert!((found.offset..=bytes.len()).contains(&error.offset)),
            }
        }
    }
});

fn check(write: &[u8], marker: &Marker<'_>) {
    let tags: Vec<Cow<'_, [u8]>> = marker.tags.iter().collect();
    let args: Vec<_> = marker.args.iter().collect();
    let texts = args.iter().flat_map(|(name, value)| [name, value]);
    for text in tags.iter().chain(texts).chain([&marker.tags.canonical()]) {
        if let Cow::Borrowed(text) = text {
            let range = write.as_ptr_range();
            assert!(text.as_ptr() >= range.start && text.as_ptr_range().end <= range.end);
        }
    }
    let tags: Vec<&[u8]> = tags.iter().map(|tag| &**tag).collect();
    let args: Vec<(&[u8], &[u8])> = args.iter().map(|(n, v)| (&**n, &**v)).collect();
    let draft = Draft {
        dir: marker.dir,
        id: marker.id,
        tags: &tags,
        args: &args,
    };
    for format in [Format::Simple, Format::Json] {
        let mut again = Vec::new();
        match draft.encode_as(format, &mut again) {
            Ok(()) => {
                let again = parse(&again).expect("what is written is read");
                assert_eq!((again.dir, again.id), (marker.dir, marker.id));
                assert!(again.tags.iter().eq(tags.iter().copied()));
                assert!(
                    again
                        .args
                        .iter()
                        .map(|(n, v)| (n.to_vec(), v.to_vec()))
                        .eq(args.iter().map(|(n, v)| (n.to_vec(), v.to_vec())))
                );
                assert_eq!(again.tags.canonical(), marker.tags.canonical());
                assert_eq!(again.tags.parent(), marker.tags.parent());
            }
            // Its own form may have been shorter, by other escapes or by a lone surrogate.
            Err(code) => match tags.iter().any(|tag| tag.is_empty()) {
                true => assert_eq!(code, Code::TagEmpty),
                false => assert!(matches!(code, Code::Escape | Code::Limit), "{code}"),
            },
        }
    }
}
