//! The first marker, the following ones and a closed descriptor within one process: what Miri can follow,
//! too, with `--cfg nulltrace_libc`. A pipe stands in the device's place; `live.rs` has the device.
#![cfg(all(
    target_os = "linux",
    not(feature = "off"),
    any(nulltrace_libc, not(miri))
))]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::io::Read;
use std::os::fd::AsRawFd;

use nulltrace::{Id, Span, TracedExt, Tracer, raw, span, tracer};

/// Every way to write a marker.
fn every_way() {
    let outer = span!("all", n = -7, text = "a:b\nc", shown = %1.5);
    outer.record("rows", 3);
    drop(outer.child_with("child", |args| {
        args.arg("k", "v,w");
    }));
    drop(Span::enter_as(Id::unique(), &["a.b", "c"]));
    static READ: Tracer<'static> = tracer!("read");
    READ.enter().exit_with(|args| {
        args.arg("error", nulltrace::error("x"));
    });
    let mut future = std::pin::pin!(async { 7 }.traced(String::from("all.future")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_ready());
}

#[test]
fn what_reaches_the_descriptor() {
    // Threads that open it at the same time agree on one.
    let threads: Vec<_> = (0..3)
        .map(|_| std::thread::spawn(raw::descriptor))
        .collect();
    let found: Vec<i32> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let fd = raw::descriptor();
    // Miri takes the next number.
    assert!(fd >= if cfg!(miri) { 3 } else { 64 }, "{fd}");
    assert_eq!(found, [fd; 3]);
    assert!(raw::on());

    let (mut tap, end) = std::io::pipe().unwrap();
    // SAFETY: the SDK's descriptor, and it must bear that.
    assert_eq!(unsafe { libc::dup2(end.as_raw_fd(), fd) }, fd);
    drop(end);
    every_way();
    raw::write(&[b'x'; 5000]);
    // SAFETY: as above.
    unsafe { libc::close(fd) };
    drop(span!("to the device again"));
    assert!(raw::on());
    let mut bytes = Vec::new();
    tap.read_to_end(&mut bytes).unwrap();

    let (text, cut) = bytes.split_at(bytes.len() - 4097);
    assert!(cut.iter().all(|&byte| byte == b'x'));
    // The unique ids are the long numbers.
    let text: Vec<&str> = std::str::from_utf8(text)
        .unwrap()
        .split(':')
        .map(|part| {
            if part.len() > 9 && part.parse::<i64>().is_ok() {
                "N"
            } else {
                part
            }
        })
        .collect();
    assert_eq!(
        text.join(":"),
        "[\">\",\"t\",[\"all\"],[{\"n\":\"-7\"},{\"text\":\"a:b\\nc\"},{\"shown\":\"1.5\"}]]\
         >:t:all.child:k=v\\,w:<:t:all.child::>:N:a\\.b.c::<:N:a\\.b.c::\
         >:t:read::<:t:read:error=x:>:N:all.future:^=:<:N:all.future::<:t:all:rows=3:"
    );
}
