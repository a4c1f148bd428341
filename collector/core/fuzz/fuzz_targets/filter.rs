//! Any text as a filter: nothing panics, a mistake has a place in the text, and what is read is shown so that it is read
//! again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nulltrace_core::query::field::{At, Known, Subject};
use nulltrace_core::query::filter::{Filter, TEXT_MAX, Words};

fuzz_target!(|text: &str| {
    for subjects in [&[][..], &[Subject::Span, Subject::Call]] {
        let call = |name: &str| (name == "read").then_some(0).into_iter().collect();
        let words = Words {
            subjects,
            call: &call,
        };
        match Filter::parse(text, &words) {
            Ok(filter) => {
                let shown = filter.to_string();
                // Escapes may make it longer than a filter may be.
                if shown.len() <= TEXT_MAX {
                    assert_eq!(Filter::parse(&shown, &words).as_ref(), Ok(&filter));
                }
                let _ = filter.check(&At::process(7, None, Known::default()));
            }
            Err(bad) => assert!(text.get(bad.at).is_some()),
        }
    }
});
