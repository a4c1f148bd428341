//! Every system call as a record of its own, of programs whose calls are known.
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;
mod ebpf_full_common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use ebpf_common::null;
use ebpf_full_common::{Call, Traced, between, edge, options, wait_for_parent};
use nulltrace_collector::source::Full;
use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::Options;
use nulltrace_core::input::full::TextKind;

/// A call without effect that is told apart from all others: no such descriptor is open.
fn unique(n: i32) {
    // SAFETY: closes nothing.
    unsafe { libc::close(1_000_000 + n) };
}

fn is_unique(call: &Call) -> Option<u64> {
    (call.nr == libc::SYS_close as u32 && call.args[0] >= 1_000_000)
        .then(|| call.args[0] - 1_000_000)
}

/// Paths, descriptors, failures and addresses.
#[test]
#[ignore = "run by the other tests"]
fn known_calls() {
    let long = [vec![b'x'; 300], vec![0]].concat();
    let hosts = c"/etc/passwd";
    let port = std::env::var("PORT").unwrap().parse().unwrap();
    let SocketAddr::V4(to) = SocketAddr::from(([127, 0, 0, 1], port)) else {
        unreachable!();
    };
    // SAFETY: numbers.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_port = to.port().to_be();
    address.sin_addr.s_addr = u32::from(*to.ip()).to_be();
    let mut buffer = [0_u8; 10];
    edge(1);
    // SAFETY: what is pointed to outlives each call, and is as long as it says.
    unsafe {
        let fd = libc::openat(
            libc::AT_FDCWD,
            hosts.as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        );
        libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
        libc::pread(fd, buffer.as_mut_ptr().cast(), 0, 7);
        libc::close(fd);
        libc::openat(libc::AT_FDCWD, long.as_ptr().cast(), libc::O_RDONLY);
        libc::rename(c"/no/such/file".as_ptr(), c"/no/such/other".as_ptr());
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        libc::connect(socket, (&raw const address).cast(), 16);
        libc::close(socket);
        libc::syscall(libc::SYS_getppid, 1, 2, 3, 4, 5, 6);
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, 8, 0);
        libc::syscall(400_000, 1, 2, 3, 4, 5, 6);
    }
    edge(2);
}

#[test]
fn every_call_is_there_once_with_what_it_was_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    traced.run("known_calls", &[("PORT", &port.to_string())]);
    let calls = between(&traced.calls, 1, 2);
    let numbers: Vec<_> = calls.iter().map(|call| i64::from(call.nr)).collect();
    let rename = match cfg!(target_arch = "x86_64") {
        true => 82,
        false => libc::SYS_renameat,
    };
    assert_eq!(
        numbers,
        [
            libc::SYS_openat,
            libc::SYS_read,
            libc::SYS_pread64,
            libc::SYS_close,
            libc::SYS_openat,
            rename,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_close,
            libc::SYS_getppid,
            libc::SYS_openat,
            400_000,
        ]
    );
    let [
        open,
        read,
        pread,
        close,
        long,
        rename,
        socket,
        connect,
        shut,
        ppid,
        bad,
        unknown,
    ] = &calls[..]
    else {
        panic!()
    };
    let cwd = u64::from(libc::AT_FDCWD.cast_unsigned());
    assert_eq!(open.args[0] & 0xffff_ffff, cwd);
    assert_eq!(open.args[2], (libc::O_RDONLY | libc::O_CLOEXEC) as u64);
    assert_eq!(open.args[4..], [0, 0], "it has four");
    assert!(open.result >= 3 && i64::from(open.fd) == open.result);
    assert_eq!(
        open.texts,
        [(1, TextKind::String, false, b"/etc/passwd".to_vec())]
    );
    assert_eq!(traced.names[&open.file], b"passwd\0etc\0");
    assert_eq!(
        (read.args[0], read.args[2], read.args[3]),
        (open.result as u64, 10, 0)
    );
    assert_eq!((read.result, read.fd, read.file), (10, open.fd, open.file));
    assert_eq!((pread.result, pread.args[3], pread.file), (0, 7, open.file));
    assert_eq!(
        (close.result, close.fd, close.file),
        (0, open.fd, open.file)
    );
    assert_eq!(long.result, -i64::from(libc::ENAMETOOLONG));
    assert_eq!(long.texts, [(1, TextKind::String, false, vec![b'x'; 300])]);
    assert_eq!((long.fd, long.file.ino), (-1, 0));
    assert_eq!(rename.result, -i64::from(libc::ENOENT));
    let texts: Vec<_> = rename.texts.iter().map(|text| &text.3[..]).collect();
    assert_eq!(texts, [&b"/no/such/file"[..], b"/no/such/other"]);
    assert_eq!(i64::from(socket.fd), socket.result);
    assert_eq!(
        (connect.result, connect.fd, connect.file),
        (0, socket.fd, socket.file)
    );
    let address = [
        &2_u16.to_ne_bytes()[..],
        &port.to_be_bytes(),
        &[127, 0, 0, 1],
        &[0; 8],
    ]
    .concat();
    assert_eq!(connect.texts, [(1, TextKind::Address, false, address)]);
    assert_eq!((shut.fd, shut.file), (socket.fd, socket.file));
    assert_eq!(
        (ppid.result, ppid.args),
        (i64::from(std::process::id()), [0; 6])
    );
    assert_eq!(bad.result, -i64::from(libc::EFAULT));
    assert_eq!(bad.texts, [(1, TextKind::String, true, Vec::new())]);
    assert_eq!(unknown.result, -i64::from(libc::ENOSYS));
    assert_eq!(unknown.args, [1, 2, 3, 4, 5, 6]);
    for pair in calls.windows(2) {
        assert!(pair[0].ts <= pair[1].ts - pair[1].time, "{pair:?}");
    }
    assert!(
        !traced.source().lost().any(),
        "{:?}",
        traced.source().lost()
    );
}

const THREADS: i32 = 8;
const EACH: i32 = 2_000;

#[test]
#[ignore = "run by the other tests"]
fn threads() {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (0..EACH).for_each(|n| unique(thread * EACH + n)));
        }
    });
}

#[test]
fn those_of_all_threads_are_there_once() {
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    traced.run("threads", &[]);
    let mut seen: Vec<_> = traced.calls.iter().filter_map(is_unique).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..(THREADS * EACH) as u64).collect::<Vec<_>>());
    let own = std::process::id();
    assert!(traced.calls.iter().all(|call| call.pid != own));
    assert_eq!(traced.source().lost().call, 0);
    // The process wrote no marker, and is known all the same.
    let pid = traced.calls[0].pid;
    assert!(traced.processes.contains(&pid));
}

#[test]
fn what_exec_was_given_is_there_when_it_succeeded() {
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    traced.spawn("/bin/sh", &["-c", "exec /bin/echo one two"], &[]);
    traced.until_end();
    let mut execs = traced
        .calls
        .iter()
        .filter(|call| i64::from(call.nr) == libc::SYS_execve);
    let echo = execs.rfind(|call| call.result == 0).unwrap();
    let texts: Vec<_> = echo
        .texts
        .iter()
        .map(|text| (text.1, &text.3[..]))
        .collect();
    assert_eq!(
        texts,
        [
            (TextKind::String, &b"/bin/echo"[..]),
            (TextKind::Strings, b"/bin/echo\0one\0two\0")
        ]
    );
    let last = traced.calls.last().unwrap();
    assert_eq!(i64::from(last.nr), libc::SYS_exit_group);
    assert!(last.no_return && last.pid == echo.pid);
    assert_eq!((last.args, last.result), ([0; 6], 0));
    let write = traced
        .calls
        .iter()
        .find(|call| call.nr == libc::SYS_write as u32 && call.args[2] == 8);
    assert_eq!(write.unwrap().result, 8);
}

const FLOOD: i32 = 200_000;
const MARKERS: i32 = 1_000;

/// Waits until it is followed, so that it is known which of its calls can be seen.
#[test]
#[ignore = "run by the other tests"]
fn flood() {
    let mut null = null();
    wait_for_parent();
    for n in 0..FLOOD {
        unique(n);
        if n % (FLOOD / MARKERS) == 0 {
            null.write_all(b">:t:flood::").unwrap();
        }
    }
    wait_for_parent();
}

#[test]
fn a_flood_of_calls_loses_calls_that_are_counted_and_no_marker() {
    let mut options = options(Full::All);
    options.ring_bytes = 1 << 18;
    let Some(mut traced) = Traced::start(&options) else {
        return;
    };
    let mut child = traced.follow("flood");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"g").unwrap();
    traced.until("the last marker", |seen| seen.markers == MARKERS as usize);
    // It is at its second read when it is seen to sleep.
    let tid = traced.calls[0].tid;
    let stat = format!("/proc/{}/task/{tid}/syscall", child.id());
    let read = format!("{} ", libc::SYS_read);
    while !std::fs::read_to_string(&stat).unwrap().starts_with(&read) {
        traced.drain();
    }
    traced.drain();
    let sent = traced.calls.iter().filter_map(is_unique).count() as u64;
    let lost = traced.source().lost();
    assert!(sent < FLOOD as u64, "the ring is not small enough");
    // Of its switches and wake-ups some may be lost too.
    let status =
        std::fs::read_to_string(format!("/proc/{}/task/{tid}/status", child.id())).unwrap();
    let switches = status
        .lines()
        .filter_map(|line| line.split_once("_ctxt_switches:"));
    let switches: u64 = switches
        .map(|(_, n)| n.trim().parse::<u64>().unwrap())
        .sum();
    let others = lost.call.known().unwrap() + sent - FLOOD as u64;
    assert!(others <= 3 * switches, "{others} of {switches}");
    assert_eq!(
        (lost.ring_full, lost.ring_full_markers),
        (0.into(), 0.into())
    );
    stdin.write_all(b"g").unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "run by the other tests"]
fn others() {
    wait_for_parent();
    unique(7);
    wait_for_parent();
}

#[test]
fn who_is_not_in_scope_is_not_seen() {
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    let (mut in_scope, mut other) = (traced.follow("others"), Traced::child("others"));
    for child in [&mut other, &mut in_scope] {
        child.stdin.as_mut().unwrap().write_all(b"g").unwrap();
    }
    traced.until("its call", |seen| !seen.calls.is_empty());
    for mut child in [other, in_scope] {
        child.stdin.take().unwrap().write_all(b"g").unwrap();
        let id = child.id();
        assert!(child.wait().unwrap().success());
        traced.drain();
        let seen = traced.calls.iter().filter(|call| call.pid == id);
        let of_it: Vec<_> = seen.filter_map(is_unique).collect();
        assert_eq!(
            of_it.is_empty(),
            !traced.calls.iter().any(|call| call.pid == id)
        );
        assert!(of_it.len() <= 1);
    }
    let pids: std::collections::HashSet<_> = traced.calls.iter().map(|call| call.pid).collect();
    assert_eq!(pids.len(), 1);
}

#[test]
#[ignore = "run by the other tests"]
fn spans() {
    let mut null = null();
    unique(1);
    null.write_all(b">:t:outer::").unwrap();
    unique(2);
    null.write_all(b">:t:inner::").unwrap();
    unique(3);
    null.write_all(b"<:t:inner::").unwrap();
    unique(4);
    null.write_all(b"no marker").unwrap();
    null.write_all(b"<:t:outer::").unwrap();
    std::thread::spawn(|| unique(5)).join().unwrap();
}

#[test]
fn of_those_in_spans_only() {
    let Some(mut traced) = Traced::start(&options(Full::Spans)) else {
        return;
    };
    traced.run("spans", &[]);
    let seen: Vec<_> = traced.calls.iter().filter_map(is_unique).collect();
    assert_eq!(seen, [2, 3, 4]);
    assert_eq!(traced.markers, 4);
    // A marker's write is no call beside it; another write to the same device is.
    let writes = traced
        .calls
        .iter()
        .filter(|call| i64::from(call.nr) == libc::SYS_write && call.args[0] == traced.null_fd());
    assert_eq!(writes.map(|call| call.result).collect::<Vec<_>>(), [9]);
}

/// Where a marker's write is the first call that is seen of a thread.
#[test]
fn markers_are_no_calls() {
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    traced.run("spans", &[]);
    let seen: Vec<_> = traced.calls.iter().filter_map(is_unique).collect();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(traced.markers, 4);
    let null = traced.null_fd();
    let to_null = |call: &&Call| i64::from(call.nr) == libc::SYS_write && call.args[0] == null;
    assert_eq!(traced.calls.iter().filter(to_null).count(), 1);
}

#[test]
#[ignore = "run by the other tests"]
fn data() {
    let (mut from, mut to) = std::io::pipe().unwrap();
    let mut buffer = [0; 64];
    edge(1);
    to.write_all(b"what was written").unwrap();
    from.read_exact(&mut buffer[..4]).unwrap();
    let count = from.read(&mut buffer).unwrap();
    assert_eq!(count, 12);
    let pieces = [b"one ", b"two "].map(|piece| std::io::IoSlice::new(piece));
    assert_eq!(to.write_vectored(&pieces).unwrap(), 8);
    drop(to);
    let count = from.read(&mut buffer).unwrap();
    assert_eq!((count, from.read(&mut buffer).unwrap()), (8, 0));
    edge(2);
}

#[test]
fn what_was_read_and_written_is_there_as_far_as_was_asked() {
    for snaplen in [0, 12, 4096] {
        let Some(mut traced) = Traced::start(&Options {
            snaplen,
            ..options(Full::All)
        }) else {
            return;
        };
        traced.run("data", &[]);
        let calls = between(&traced.calls, 1, 2);
        let data: Vec<_> = calls.iter().flat_map(|call| &call.texts).collect();
        let text = |bytes: &[u8], more| {
            let kept = bytes.len().min(snaplen as usize);
            (
                1,
                TextKind::Data,
                more || kept < bytes.len(),
                bytes[..kept].to_vec(),
            )
        };
        let expected = [
            text(b"what was written", false),
            text(b"what", false),
            text(b" was written", false),
            text(b"one ", true),
            text(b"one two ", false),
        ];
        let expected = expected.iter().filter(|_| snaplen > 0);
        assert_eq!(data, expected.collect::<Vec<_>>());
    }
}

/// By its number for i386, that of `getppid`.
#[cfg(target_arch = "x86_64")]
const GETPPID_32: u32 = 64;

/// A process of its own makes the call: where the kernel has no 32-bit calls it is killed.
#[cfg(target_arch = "x86_64")]
#[test]
#[ignore = "run by the other tests"]
fn compat() {
    // SAFETY: the child makes system calls only.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: the call touches no memory. rbx is kept, as LLVM reserves it.
        unsafe {
            std::arch::asm!(
                "xchg {first}, rbx", "int 0x80", "xchg {first}, rbx",
                first = inout(reg) 11_u64 => _,
                inlateout("rax") u64::from(GETPPID_32) => _,
                in("rcx") 12, in("rdx") 13, in("rsi") 14, in("rdi") 15,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
            libc::_exit(0)
        }
    }
    let mut status = 0;
    // SAFETY: `status` is writable.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    unique(status);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn of_a_32_bit_caller_there_are_numbers() {
    let Some(mut traced) = Traced::start(&options(Full::All)) else {
        return;
    };
    traced.run("compat", &[]);
    let ended: Vec<_> = traced.calls.iter().filter_map(is_unique).collect();
    if ended != [0] {
        eprintln!("skipped: this kernel takes no 32-bit system calls");
        return;
    }
    let compat = traced.calls.iter().filter(|call| call.nr >> 31 == 1);
    let [call] = &compat.collect::<Vec<_>>()[..] else {
        panic!("{:?}", traced.calls);
    };
    assert_eq!(call.nr & !(1 << 31), GETPPID_32);
    assert_eq!(call.args[..5], [11, 12, 13, 14, 15]);
    assert!(call.result > 0 && call.fd == -1 && call.texts.is_empty());
}
