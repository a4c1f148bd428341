//! With the feature `off`: `cargo test -p nulltrace --features off --test off`.
#![cfg(all(feature = "off", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::hint::black_box;
use std::process::Command;
use std::task::{Context, Poll, Waker};

use nulltrace::{Id, Span, TracedExt, raw, span, tracer};

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn nulltrace_test_plain(n: u64) -> u64 {
    black_box(n) + 1
}

/// The same, with spans.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn nulltrace_test_traced(n: u64) -> u64 {
    let span = span!("off", n, text = %n);
    span.record("n", n);
    let child = span.child("child");
    let _tracer = tracer!("off.tracer").enter_with(|args| {
        args.arg("n", n);
    });
    let _dynamic = Span::enter_as(Id::Number(7), "off.dynamic");
    drop(child);
    raw::write(b">:t:off::");
    black_box(n) + 1
}

#[test]
fn spans_compile_to_nothing() {
    assert_eq!(nulltrace_test_plain(1), nulltrace_test_traced(1));
    let output = match Command::new("nm")
        .arg("-S")
        .arg(std::env::current_exe().unwrap())
        .output()
    {
        Ok(output) => String::from_utf8(output.stdout).unwrap(),
        Err(error) => return println!("skipped: no nm: {error}"),
    };
    let size = |name: &str| {
        let line = output.lines().find(|line| line.ends_with(name)).unwrap();
        u64::from_str_radix(line.split(' ').nth(1).unwrap(), 16).unwrap()
    };
    let plain = size("nulltrace_test_plain");
    assert!(plain > 0);
    assert_eq!(size("nulltrace_test_traced"), plain);
}

/// All there is to call; started by the test below.
#[test]
fn everything() {
    let mut evaluated = false;
    let span = span!(
        "off",
        n = {
            evaluated = true;
            7
        }
    );
    span.record("rows", 3);
    drop(span.child_with("child", |_| unreachable!()));
    span.exit_with(|_| unreachable!());
    drop(Span::enter("off.dynamic"));
    drop(nulltrace::__task!(
        "off.task",
        n = {
            evaluated = true;
            7
        }
    ));
    let future = std::pin::pin!(async { 7 }.traced("off.future"));
    assert_eq!(
        future.poll(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(7)
    );
    raw::open();
    raw::write(b">:t:off::");
    assert!(raw::unique() > 1 << 32);
    assert!(!evaluated && !raw::on());
}

#[test]
fn no_system_calls() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let status = Command::new("strace")
        .args(["-f", "-e", "trace=open,openat,write", "-o"])
        .arg(log.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "everything"])
        .output();
    match status {
        Err(error) => println!("skipped: no strace: {error}"),
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            let calls = std::fs::read_to_string(log.path()).unwrap();
            assert!(calls.contains("write("), "strace saw nothing: {calls}");
            assert!(
                !calls.contains("off::") && !calls.contains("/dev/null"),
                "{calls}"
            );
        }
    }
}
