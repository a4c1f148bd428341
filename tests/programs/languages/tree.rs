//! The spans of `tests/tests/languages.rs`, in Rust.

use nulltrace::span;

fn main() {
    {
        let tree = span!("tree", run = 1);
        for n in 0..3 {
            let step = span!("tree.step", n);
            if n == 1 {
                let _leaf = step.child("leaf");
            }
            step.record("rows", n * 10);
        }
        {
            let _span = span!(
                [".:=,\\<>", "a b ü"],
                ":=,\\" = ":=,\\<>[]{}'\"",
                "text" = "früh 日本"
            );
        }
        {
            let span = span!(
                ["line\nbreak", "\t\"\\\u{1}\u{1f}\u{7f}"],
                "n\n" = "v\r\u{b}",
                "empty" = ""
            );
            span.record("status", "a:b,c=d");
        }
        tree.record("status", "ok");
    }
    let thread = std::thread::spawn(|| {
        let worker = span!("worker");
        let _inner = worker.child("inner");
    });
    // A panic there fails the run, for its spans are missing.
    let _ = thread.join();
}
