//! The writes of one thread, split out of any bytes: nothing panics, and nothing held or given is
//! larger than a marker.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nulltrace_spec::{FRAGMENT_NS, Fragment, Joined, MARKER_MAX};

fuzz_target!(|bytes: &[u8]| {
    let mut thread = Fragment::new();
    let mut now = 0_u64;
    let mut check = |joined: Joined<'_>| {
        assert!(joined.bytes.len() <= MARKER_MAX);
        if let Err(error) = joined.marker {
            assert!(error.offset <= joined.bytes.len());
        }
    };
    // The first byte of each part says how long it is, and in its two high bits what is odd about it.
    let mut rest = bytes;
    while let [head, tail @ ..] = rest {
        let (part, after) = tail.split_at(tail.len().min(usize::from(head & 0x3f)));
        rest = after;
        now += if head & 0x80 != 0 { FRAGMENT_NS / 2 } else { 1 };
        thread.push(now, part, head & 0x40 != 0, &mut check);
        if let Some(since) = thread.since() {
            assert!(since <= now);
        }
    }
    thread.end(&mut check);
    assert_eq!(thread.since(), None);
});
