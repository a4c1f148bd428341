//! What the kernel programs see of this very process's writes.
#![allow(
    clippy::unwrap_used,
    clippy::unused_io_amount,
    reason = "a failed test panics; the null device takes all it is given"
)]

mod ebpf_common;

use std::fs::File;
use std::io::{IoSlice, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use ebpf_common::{Kind, Live, null, tid};
use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::{EbpfError, EbpfSource, Options, Scope};

/// Sees this process only: others may write markers, and lose them, meanwhile.
fn live() -> Option<Live> {
    small(Options::default().ring_bytes)
}

fn small(ring_bytes: u32) -> Option<Live> {
    let mut live = Live::start(&Options {
        ring_bytes,
        scope: Scope::Members,
        ..Options::default()
    })?;
    live.source.follow(std::process::id()).unwrap();
    Some(live)
}

#[test]
fn bytes_ids_and_facts_are_exact() {
    let opened_before = null();
    let Some(mut live) = live() else { return };
    let marker = b">:t:checkout.pay:cart=7:";
    (&opened_before).write_all(marker).unwrap();
    live.drain();
    let mine: Vec<_> = live
        .all
        .iter()
        .filter(|seen| seen.tid == tid())
        .cloned()
        .collect();
    let [first, second] = &mine[..] else {
        panic!("{mine:#?}")
    };
    assert_eq!(second.what, Kind::write(marker));
    assert_eq!(first.pid, std::process::id());
    assert_eq!(second.pid, std::process::id());

    let Kind::Process {
        comm,
        exe,
        ppid,
        uid,
        start,
        cgroup,
        exec,
    } = &first.what
    else {
        panic!("the facts go before the first marker: {mine:#?}")
    };
    let file = std::env::current_exe().unwrap();
    let file = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(exe, &file[..file.len().min(63)]);
    assert!(file.starts_with(comm.as_str()), "{comm}");
    assert_eq!(*ppid, std::os::unix::process::parent_id());
    // SAFETY: no arguments.
    assert_eq!(*uid, unsafe { libc::getuid() });
    assert!(!exec && *cgroup != 0);
    // /proc counts from the same moment in ticks of 10 ms, time in suspend included.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: u64 = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(19)?.parse().ok())
        .unwrap();
    assert!(start.abs_diff(ticks * 10_000_000) < 1_000_000_000);
    assert!(*start < second.ts);
}

#[test]
fn the_facts_are_reported_once() {
    let Some(mut live) = live() else { return };
    for _ in 0..3 {
        std::thread::spawn(|| {
            null().write_all(b">:t:a::").unwrap();
            null().write_all(b"<:t:a::").unwrap();
        })
        .join()
        .unwrap();
    }
    let mine = live.of(std::process::id());
    let count = |pick: fn(&Kind) -> bool| mine.iter().filter(|what| pick(what)).count();
    assert_eq!(count(|what| matches!(what, Kind::Process { .. })), 1);
    assert_eq!(count(|what| matches!(what, Kind::Write { .. })), 6);
}

#[test]
fn every_write_call_is_seen() {
    let Some(mut live) = live() else { return };
    let mut file = null();
    let fd = file.as_raw_fd();
    file.write_all(b">:1:write::").unwrap();
    file.write_at(b">:1:pwrite::", 0).unwrap();
    let parts = ["", ">:1:", "wri", "", "tev", "::"].map(|part| IoSlice::new(part.as_bytes()));
    file.write_vectored(&parts).unwrap();
    let raw = parts.as_ptr().cast::<libc::iovec>();
    // SAFETY: IoSlice is an iovec by its documentation, and the slices outlive the calls.
    unsafe {
        assert_eq!(libc::pwritev(fd, raw, 6, 0), 12);
        assert_eq!(libc::pwritev2(fd, raw, 6, -1, 0), 12);
        assert_eq!(libc::writev(fd, raw.add(1), 1), 4);
    }
    assert_eq!(
        live.own_writes(),
        [
            Kind::write(b">:1:write::"),
            Kind::write(b">:1:pwrite::"),
            Kind::write(b">:1:writev::"),
            Kind::write(b">:1:writev::"),
            Kind::write(b">:1:writev::"),
            Kind::write(b">:1:"),
        ]
    );
    assert_eq!(live.source.lost(), Default::default());
}

#[test]
fn other_files_and_other_text_are_not_seen() {
    let Some(mut live) = live() else { return };
    let marker = b">:1:no::";
    let mut zero = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/zero")
        .unwrap();
    zero.write_all(marker).unwrap();
    zero.write_vectored(&[IoSlice::new(marker)]).unwrap();
    tempfile::tempfile().unwrap().write_all(marker).unwrap();
    // Refused by the kernel: not open for writing, and not open at all.
    assert!(File::open("/dev/null").unwrap().write(marker).is_err());
    // SAFETY: the descriptor is in no use; the bytes are readable.
    let closed = unsafe { libc::write(1 << 19, marker.as_ptr().cast(), marker.len()) };
    assert_eq!(closed, -1);
    let mut null = null();
    null.write_all(b"noise").unwrap();
    null.write_all(b"").unwrap();
    null.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"noise")])
        .unwrap();
    null.write_vectored(&[]).unwrap();
    // And after all that, the descriptor is as good as before.
    null.write_all(b"[\"<\",1,[\"yes\"]]").unwrap();
    assert_eq!(live.own_writes(), [Kind::write(b"[\"<\",1,[\"yes\"]]")]);
    assert_eq!(live.source.lost(), Default::default());
}

#[test]
fn a_long_write_is_cut_and_says_so() {
    let Some(mut live) = live() else { return };
    let long: Vec<u8> = b">:1:"
        .iter()
        .copied()
        .chain((4..5000).map(|i| b'a' + (i % 26) as u8))
        .collect();
    let mut file = null();
    let cut = |bytes: &[u8], beyond| Kind::Write {
        bytes: bytes.into(),
        beyond,
        cont: false,
    };
    for (len, beyond) in [(129, 0), (4095, 0), (4096, 0), (4097, 1), (5000, 904)] {
        file.write_all(&long[..len]).unwrap();
        assert_eq!(live.own_writes(), [cut(&long[..len.min(4096)], beyond)]);
        let halves = [
            IoSlice::new(&long[..len / 2]),
            IoSlice::new(&long[len / 2..len]),
        ];
        file.write_vectored(&halves).unwrap();
        assert_eq!(live.own_writes()[1], cut(&long[..len.min(4096)], beyond));
        live.all.clear();
    }
}

#[test]
fn every_piece_of_a_write_is_seen() {
    let Some(mut live) = live() else { return };
    let mut file = null();
    let mut marker = b">:1:many:k=".to_vec();
    marker.resize(1023, b'x');
    marker.push(b':');
    for count in [16, 17, 200, 1024] {
        let pieces: Vec<IoSlice<'_>> = marker[..count].chunks(1).map(IoSlice::new).collect();
        file.write_vectored(&pieces).unwrap();
        assert_eq!(live.own_writes(), [Kind::write(&marker[..count])]);
        live.all.clear();
    }
    // Empty ones hide nothing, wherever they stand.
    for empty in [1, 15, 16, 17, 1023] {
        let mut pieces = vec![IoSlice::new(b""); empty];
        pieces.push(IoSlice::new(b">:1:last::"));
        file.write_vectored(&pieces).unwrap();
        assert_eq!(live.own_writes(), [Kind::write(b">:1:last::")]);
        live.all.clear();
    }
    // Large pieces behind the sixteenth are cut as in any write.
    let large = vec![b'y'; 3000];
    let mut pieces = vec![IoSlice::new(b">:1:"); 1];
    pieces.extend(vec![IoSlice::new(b""); 20]);
    pieces.extend([IoSlice::new(&large), IoSlice::new(&large)]);
    file.write_vectored(&pieces).unwrap();
    let whole = [&b">:1:"[..], &large, &large].concat();
    let cut = Kind::Write {
        bytes: whole[..4096].into(),
        beyond: 6004 - 4096,
        cont: false,
    };
    assert_eq!(live.own_writes(), [cut]);
    live.all.clear();
    // What the kernel refuses is no marker.
    let pieces = vec![IoSlice::new(b">:1:many::"); 1025];
    // SAFETY: IoSlice is an iovec by its documentation.
    let done = unsafe { libc::writev(file.as_raw_fd(), pieces.as_ptr().cast(), 1025) };
    assert_eq!(done, -1);
    assert_eq!(live.own_writes(), []);
    assert_eq!(live.source.lost(), Default::default());
}

#[test]
fn fragments_are_sent_as_long_as_they_may_continue() {
    let Some(mut live) = live() else { return };
    let mut file = null();
    let mut check = |live: &mut Live, parts: &[(&[u8], Option<Kind>)]| {
        for (bytes, _) in parts {
            file.write_all(bytes).unwrap();
        }
        let expected: Vec<Kind> = parts.iter().filter_map(|(_, kind)| kind.clone()).collect();
        assert_eq!(live.own_writes(), expected);
        live.all.clear();
    };
    let whole = |bytes: &'static [u8]| (bytes, Some(Kind::write(bytes)));
    let part = |bytes: &'static [u8]| (bytes, Some(Kind::cont(bytes)));
    let not = |bytes: &'static [u8]| (bytes, None);

    check(&mut live, &[whole(b">:t:fr"), part(b"ag"), part(b"::\n")]);
    // Surely ended, with and without a newline: what follows is nobody's business.
    check(
        &mut live,
        &[
            whole(b">:t:a::"),
            not(b"noise"),
            whole(b"<:t:a::\n"),
            not(b"noise"),
        ],
    );
    // Perhaps not ended: an escaped colon, a direction, one colon, JSON.
    for open in [
        &b">:t:a\\::"[..],
        b">:t:a>::",
        b">:t:a:b=1:",
        b"[\">\",1,[\"a::",
    ] {
        check(&mut live, &[whole(b">:t:a::"), whole(open), part(b"noise")]);
    }
    // The rest of 4096 bytes may follow, and an empty budget sends no more.
    check(&mut live, &[whole(b">:t:open")]);
    let long = vec![b'x'; 4080];
    file_write(&long);
    file_write(b"12345678");
    file_write(b"never");
    assert_eq!(
        live.own_writes(),
        [Kind::cont(&long), Kind::cont(b"12345678")]
    );
    live.all.clear();
    // Another thread's writes continue nothing.
    check(&mut live, &[whole(b">:t:open")]);
    let other = std::thread::spawn(|| {
        file_write(b"noise");
        tid()
    });
    let other = other.join().unwrap();
    live.drain();
    assert!(live.all.iter().all(|seen| seen.tid != other));
    live.all.clear();
    // Nor does what comes a second later.
    std::thread::sleep(Duration::from_millis(1100));
    check(&mut live, &[not(b"noise")]);
}

fn file_write(bytes: &[u8]) {
    null().write_all(bytes).unwrap();
}

#[test]
fn an_unmapped_buffer_is_counted() {
    let Some(mut live) = live() else { return };
    let mut backing = tempfile::tempfile().unwrap();
    // Wherever a write begins, it begins like a marker.
    backing.write_all(&b">:".repeat(4096)).unwrap();
    // SAFETY: a fresh mapping of a file of that size, unmapped by the end of the process.
    let map = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            8192,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            backing.as_raw_fd(),
            0,
        )
    };
    assert_ne!(map, libc::MAP_FAILED);
    // SAFETY: the mapping is that long; faulting around is switched off.
    unsafe { libc::madvise(map, 8192, libc::MADV_RANDOM) };
    let file = null();
    // SAFETY: the mapping is readable for 8192 bytes.
    assert_eq!(unsafe { libc::write(file.as_raw_fd(), map, 100) }, 100);
    assert_eq!(live.own_writes(), []);
    assert_eq!(live.source.lost().fault, 1);
    // Touched, it is seen; and a write that runs into the next page is not.
    // SAFETY: both bytes are in the mapping.
    unsafe {
        assert_eq!(map.cast::<u8>().read_volatile(), b'>');
        assert_eq!(libc::write(file.as_raw_fd(), map, 100), 100);
        assert_eq!(libc::write(file.as_raw_fd(), map.add(4000), 100), 100);
        assert_eq!(libc::write(file.as_raw_fd(), map, 5000), 5000);
    }
    let first = Kind::write(&b">:".repeat(50));
    assert_eq!(live.own_writes()[0], first);
    let lost = live.source.lost();
    assert_eq!(
        live.own_writes().len() as u64 + lost.fault.known().unwrap(),
        4,
        "every write was seen or counted"
    );
    // SAFETY: it was mapped above and nothing refers to it.
    unsafe { libc::munmap(map, 8192) };
}

#[test]
fn a_ring_too_small_loses_exactly_what_it_says() {
    let Some(mut live) = small(4096) else {
        return;
    };
    let mut file = null();
    let (rounds, each) = (5, 300);
    for round in 0..rounds {
        for i in 0..each {
            file.write_all(format!("<:{round}:a.b.c:i={i}::").as_bytes())
                .unwrap();
        }
        live.drain();
    }
    let seen = live.own_writes().len() as u64;
    let facts = live.of(std::process::id()).len() as u64 - seen;
    assert_eq!(facts, 1, "told once, even so");
    assert!(seen < rounds * each, "the ring was large enough");
    assert_eq!(
        seen + live.source.lost().ring_full.known().unwrap(),
        rounds * each
    );
}

#[test]
fn facts_that_found_no_room_are_reported_later() {
    let Some(mut live) = small(4096) else {
        return;
    };
    // A child fills the ring to the last bytes, so that this process's facts find no room.
    let filled = std::process::Command::new("sh")
        .args([
            "-c",
            "i=0; while [ $i -lt 120 ]; do printf '>:1:%040d::' $i; i=$((i+1)); done; \
             while [ $i -gt 0 ]; do printf '>:1:a::'; i=$((i-1)); done",
        ])
        .stdout(null())
        .status()
        .unwrap();
    assert!(filled.success());
    let mut file = null();
    let before = live.source.lost().ring_full.known().unwrap();
    file.write_all(&b"<:".repeat(200)).unwrap();
    file.write_all(&b"<:".repeat(200)).unwrap();
    assert_eq!(
        live.source.lost().ring_full,
        before + 4,
        "two facts, two markers"
    );
    assert_eq!(live.own_writes(), []);
    file.write_all(b"<:1:a::").unwrap();
    let mine = live.of(std::process::id());
    assert!(
        matches!(
            &mine[..],
            [Kind::Fork { .. }, Kind::Process { .. }, Kind::Write { .. }]
        ),
        "{mine:?}"
    );
}

#[test]
fn a_bad_ring_size_is_refused() {
    for ring_bytes in [0, 1, 2048, 5000, 3 << 20, 1 << 31] {
        let refused = EbpfSource::attach(&Options {
            ring_bytes,
            ..Options::default()
        });
        assert!(matches!(refused, Err(EbpfError::RingSize(size)) if size == ring_bytes));
    }
}

/// A 32-bit caller: `int $0x80` takes the numbers and registers of i386.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_32_bit_caller_is_understood() {
    // Where the kernel has no 32-bit calls the attempt is SIGSEGV: ask a child.
    let Some(mut live) = live() else { return };
    let file = null();
    // SAFETY: an anonymous mapping below 4 GiB.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    let marker = b">:1:compat::";
    // SAFETY: the page is writable; the two segments of a 32-bit writev lie behind the marker.
    unsafe {
        page.cast::<u8>().copy_from(marker.as_ptr(), marker.len());
        let segments = page.cast::<u32>().add(16);
        let base = page.addr() as u32;
        segments.copy_from([base, 4, base + 4, marker.len() as u32 - 4].as_ptr(), 4);
    }
    let call = |number: u64, buffer: usize, len: u64| {
        let done: u64;
        // SAFETY: the system call reads the page only. rbx is kept, as LLVM reserves it.
        unsafe {
            std::arch::asm!(
                "xchg {fd}, rbx", "int 0x80", "xchg {fd}, rbx",
                fd = inout(reg) i64::from(file.as_raw_fd()) => _,
                inlateout("rax") number => done,
                in("rcx") buffer, in("rdx") len, in("rsi") 0, in("rdi") 0,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        done as u32 as usize
    };
    // SAFETY: the child makes system calls only.
    match unsafe { libc::fork() } {
        0 => {
            call(20, 0, 0); // getpid
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) }
        }
        child => {
            let mut status = 0;
            // SAFETY: `status` is writable.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            if status != 0 {
                eprintln!("skipped: this kernel takes no 32-bit system calls");
                return;
            }
        }
    }
    assert_eq!(call(4, page.addr(), marker.len() as u64), marker.len());
    assert_eq!(call(146, page.addr() + 64, 2), marker.len());
    // Behind twenty empty pieces.
    // SAFETY: the page has room for 22 pairs behind byte 256, which are zero but for the last two.
    unsafe {
        let (from, to) = (page.byte_add(64), page.byte_add(256 + 20 * 8));
        to.cast::<u64>().copy_from(from.cast(), 2);
    }
    assert_eq!(call(146, page.addr() + 256, 22), marker.len());
    // i386's 20 is getpid and x86_64's is writev: no marker.
    call(20, page.addr() + 64, 2);
    assert_eq!(
        live.own_writes(),
        [
            Kind::write(marker),
            Kind::write(marker),
            Kind::write(marker)
        ]
    );
    // SAFETY: mapped above.
    unsafe { libc::munmap(page, 4096) };
}

#[test]
fn a_descriptor_given_away_is_recognised() {
    let Some(mut live) = live() else { return };
    // SAFETY: dup makes a descriptor that File then owns.
    let mut copy = unsafe { File::from_raw_fd(libc::dup(null().as_raw_fd())) };
    copy.write_all(b">:1:dup::").unwrap();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    std::fs::write(&path, b">:1:link::").unwrap();
    assert_eq!(
        live.own_writes(),
        [Kind::write(b">:1:dup::"), Kind::write(b">:1:link::")]
    );
}
