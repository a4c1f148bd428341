//! Where the kernel's counters cannot be read, what was lost is not known.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;

use std::io::Write;

use ebpf_common::{Live, null};
use nulltrace_collector::pipeline::{Limits, Pipeline};
use nulltrace_collector::show::json;
use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::Options;
use nulltrace_core::count::Count;

/// From now on bpf(2) fails in this thread, as under the profile of a container that is put on late.
fn forbid_bpf() {
    let filter = |code: u32, jt, jf, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let number = std::mem::offset_of!(libc::seccomp_data, nr) as u32;
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    let code = [
        filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, number),
        filter(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::SYS_bpf as u32,
        ),
        filter(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
        filter(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: code.len() as u16,
        filter: code.as_ptr().cast_mut(),
    };
    // SAFETY: both calls take numbers but for the program, which outlives the second.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let done = libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        );
        assert_eq!(done, 0);
    }
}

#[test]
fn losses_are_unknown_where_the_counters_cannot_be_read() {
    // A filter cannot be taken off again: this thread ends with it.
    let test = std::thread::spawn(|| {
        let Some(mut live) = Live::start(&Options::default()) else {
            return;
        };
        let source: &mut dyn Source = &mut live.source;
        assert_eq!(source.lost().fault, 0);
        null().write_all(b">:p:open::").unwrap();
        forbid_bpf();
        let lost = source.lost();
        assert_eq!(
            lost.unknown().collect::<Vec<_>>(),
            [
                "ring_full",
                "ring_full_markers",
                "fault",
                "storage",
                "segment",
                "name",
                "call",
                "scope"
            ]
        );
        assert_eq!((lost.fault, lost.slots), (Count::Unknown, 0));
        // That a process cannot be looked up does not mean that it is gone.
        assert!(!source.has_lost_sight_of(std::process::id()));
        let pipeline = Pipeline::new(Limits::default());
        let ledger = pipeline.finish(source).unwrap().measured.ledger;
        // The ring is memory, so the markers come all the same, and their account holds.
        ledger.check().unwrap();
        assert!(ledger.spans.open >= 1);
        let json = serde_json::to_value(json::ledger(&ledger)).unwrap();
        assert!(json["lost"]["ring_full"].is_null() && json["lost"]["sink"] == 0);
        assert_eq!(json["unknown"].as_array().unwrap().len(), 8);
    });
    test.join().unwrap();
}
