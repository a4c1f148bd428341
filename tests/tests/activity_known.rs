//! Work of known size is found in the right spans, on the right files, to the byte.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::{activity, known, no_bpf};

/// The program's facts hold under each hook; there must be at least so many.
fn holds(program: &str, facts: usize) {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    activity::each(program, |ran, not_the_tasks| {
        let found = known::check(ran, not_the_tasks);
        assert!(found >= facts, "{found} facts");
    });
}

#[test]
fn files() {
    holds("files", 50);
}

#[test]
fn sockets_pipes_and_anonymous_files() {
    holds("channels", 60);
}

#[test]
fn threads_and_processes() {
    holds("threads", 35);
}
