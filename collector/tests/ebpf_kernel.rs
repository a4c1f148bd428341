//! Requests to block devices, and interrupts, of programs that make them.
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;
mod ebpf_full_common;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ebpf_full_common::{Traced, wait_for_parent};
use nulltrace_collector::source::ebpf::{Options, Scope};
use nulltrace_collector::source::{KernelEvents, Source};

const WRITES: usize = 16;
const BLOCK: usize = 64 << 10;
/// `REQ_OP_WRITE`.
const OP_WRITE: u32 = 1;

fn options(kernel: KernelEvents) -> Options {
    Options {
        scope: Scope::Members,
        kernel,
        ..Options::default()
    }
}

/// A new file whose writes go past the page cache, to a block device.
fn direct() -> Option<(PathBuf, File)> {
    ["/var/tmp", "/tmp", "."].iter().find_map(|dir| {
        let path = PathBuf::from(dir).join(format!("nulltrace-direct-{}", ebpf_common::tid()));
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .custom_flags(libc::O_DIRECT);
        let file = options.open(&path);
        let on_device = |file: &File| libc::major(file.metadata().unwrap().dev()) != 0;
        let file = file.ok().filter(on_device);
        if file.is_none() {
            let _absent = std::fs::remove_file(&path);
        }
        Some((path, file?))
    })
}

#[test]
#[ignore = "run by the other tests"]
fn writes() {
    wait_for_parent();
    let Some((path, mut file)) = direct() else {
        return;
    };
    let mut room = vec![7_u8; 2 * BLOCK];
    let at = room.as_ptr().align_offset(4096);
    for _ in 0..WRITES {
        file.write_all(&room[at..at + BLOCK]).unwrap();
    }
    file.sync_all().unwrap();
    room.clear();
    std::fs::remove_file(path).unwrap();
}

/// Whether there is a block device to write to.
fn has_device() -> bool {
    let Some((path, _)) = direct() else {
        eprintln!("no file system on a block device: nothing is written to one");
        return false;
    };
    std::fs::remove_file(path).unwrap();
    true
}

/// Follows a program from before its first write to its end.
fn run(kernel: KernelEvents, scope: Scope) -> Option<(Traced, u32)> {
    let follows = scope == Scope::Members;
    let mut traced = Traced::start(&Options {
        scope,
        ..options(kernel)
    })?;
    let mut child = match follows {
        true => traced.follow("writes"),
        false => Traced::child("writes"),
    };
    child.stdin.take().unwrap().write_all(b"g").unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        traced.drain();
        traced.source().wait(Duration::from_millis(1));
    }
    traced.drain();
    assert!(child.wait().unwrap().success());
    assert!(
        !traced.source().lost().any(),
        "{:?}",
        traced.source().lost()
    );
    Some((traced, child.id()))
}

#[test]
fn requests_are_of_who_issued_them() {
    let kernel = KernelEvents {
        block: true,
        irq: false,
    };
    let Some((traced, pid)) = run(kernel, Scope::Members) else {
        return;
    };
    for of in &traced.blocks {
        assert_eq!((of.head.pid, of.error), (pid, 0), "{of:?}");
        assert!(of.time > 0 && of.time < 60_000_000_000, "{of:?}");
        assert!(of.dev >> 20 > 0, "{of:?}");
    }
    assert!(traced.irqs.is_empty());
    if !has_device() {
        return;
    }
    // The writes themselves, in as many requests as the device likes; what the journal adds is another's or more.
    let writes = traced.blocks.iter().filter(|of| of.op & 0xff == OP_WRITE);
    let bytes: usize = writes.clone().map(|of| of.bytes as usize).sum();
    assert!(bytes >= WRITES * BLOCK, "{bytes} of {:?}", traced.blocks);
    let sectors: std::collections::HashSet<_> = writes.map(|of| of.sector).collect();
    assert!(sectors.len() >= WRITES / 2, "{sectors:?}");
}

#[test]
fn interrupts_have_their_handlers() {
    let kernel = KernelEvents {
        block: false,
        irq: true,
    };
    let Some((traced, _)) = run(kernel, Scope::Machine) else {
        return;
    };
    let name =
        |irq: &nulltrace_core::input::full::IrqRecord| irq.name.iter().any(|&byte| byte != 0);
    let hard = traced.irqs.iter().filter(|(_, soft)| !soft);
    assert!(
        !has_device() || hard.clone().count() > 0,
        "a device that was written to interrupted nobody"
    );
    assert!(hard.clone().all(|(irq, _)| name(irq)));
    let soft = traced.irqs.iter().filter(|(_, soft)| *soft);
    assert!(soft.clone().count() > 0);
    assert!(soft.clone().all(|(irq, _)| !name(irq) && irq.irq < 10));
    assert!(traced.irqs.iter().all(|(irq, _)| irq.time < 10_000_000_000));
    assert!(traced.blocks.is_empty());
}
