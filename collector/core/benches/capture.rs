//! What a capture takes and costs: bytes a record, and records a second on one core, best of some.
//!
//! `cargo bench -p nulltrace-core --bench capture` for made records, `… -- FILE` for those of a capture.
#![allow(clippy::expect_used, reason = "a measurement, with its own arguments")]

use std::time::{Duration, Instant};

use nulltrace_core::capture::{Compress, Reader, Writer};
use nulltrace_core::input::full::SyscallRecord;
use nulltrace_core::input::joined::KIND_MARKER;
use nulltrace_core::input::made::Made;
use nulltrace_core::input::record::{FileId, Head};
use zerocopy::{FromZeros, IntoBytes};

/// How many records are made.
const MARKERS: u64 = 1_000_000;
const CALLS: u64 = 200_000;
/// Each measurement is the best of so many.
const BEST_OF: usize = 5;
const THREADS: u64 = 8;

/// Records, one behind the other, each at a multiple of eight bytes.
#[derive(Default)]
struct Load {
    words: Vec<u64>,
    /// Where each begins, in words, and its bytes.
    at: Vec<(usize, usize)>,
}

impl Load {
    fn push(&mut self, record: &[u8]) {
        let at = self.words.len();
        self.words.resize(at + record.len().div_ceil(8), 0);
        let room = &mut self.words.as_mut_bytes()[at * 8..];
        room[..record.len()].copy_from_slice(record);
        self.at.push((at, record.len()));
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.words.as_bytes();
        self.at
            .iter()
            .map(|&(at, len)| &bytes[at * 8..at * 8 + len])
    }

    /// The file that it becomes.
    fn write(&self, file: &mut Vec<u8>) {
        file.clear();
        let mut writer = Writer::new(Compress::Fast);
        let out = &mut |bytes: &[u8]| file.extend_from_slice(bytes);
        writer.begin(out);
        self.iter().for_each(|record| writer.push(record, out));
        writer.end(out);
    }
}

/// A number that looks like chance.
fn chance(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

/// Markers of eight threads, with 16 tags in all, counted ids and one argument.
fn markers() -> Load {
    let mut load = Load::default();
    let mut ts = 1_000_000_000;
    for n in 0..MARKERS {
        ts += 800 + chance(n) % 512;
        let (thread, of) = (n % THREADS, n / THREADS);
        let (id, tag) = (of / 2 * THREADS + thread, (of / 2 + thread) % 16);
        let text = match of % 2 {
            0 => format!(">:{id}:shop.step{tag}:cart={}:", chance(id) % 1000),
            _ => format!("<:{id}:shop.step{tag}::"),
        };
        let head = Head {
            ts,
            pid: 100,
            tid: 100 + thread as u32,
            size: (size_of::<Head>() + text.len()) as u16,
            kind: KIND_MARKER,
            flags: 0,
            number: of as u32 + 1,
        };
        load.push(&[head.as_bytes(), text.as_bytes()].concat());
    }
    load
}

/// Reads and writes of a server of eight threads, each on connections and files of its own.
fn calls() -> Load {
    let mut load = Load::default();
    let mut made = Made::default();
    let mut ts = 1_000_000_000;
    for n in 0..CALLS {
        ts += 500 + chance(n) % 4096;
        let thread = chance(n / 5) % THREADS;
        let mut call = SyscallRecord::new_zeroed();
        (call.head.ts, call.head.pid) = (ts, 100);
        call.head.tid = 100 + thread as u32;
        let fd = 10 + thread + 8 * (chance(n / 40) % 2);
        let asked = [4096, 8192, 65536, 16][(chance(n) % 4) as usize];
        call.args = [fd, 0x7f00_0000_0000 + thread * 65536, asked, 0, 0, 0];
        call.nr = [0, 1, 232, 45][(n % 4) as usize];
        call.result = if n % 3 == 0 {
            asked as i64
        } else {
            (chance(n + 1) % asked) as i64
        };
        call.time = 400 + chance(n + 2) % 8192;
        call.fd = fd as i32;
        call.file = FileId {
            ino: 1000 + fd,
            dev: 8,
            generation: 1,
        };
        call.cpu = (thread % 2) as u16;
        load.push(made.syscall(call, &[]));
    }
    load
}

fn best(mut run: impl FnMut()) -> Duration {
    let times = (0..BEST_OF).map(|_| {
        let begin = Instant::now();
        run();
        begin.elapsed()
    });
    times.min().unwrap_or_default()
}

fn row(name: &str, load: &Load) {
    let mut file = Vec::new();
    let written = best(|| load.write(&mut file));
    let mut count = 0;
    let read = best(|| {
        count = 0;
        let mut reader = Reader::default();
        reader.push(&file, &mut |record| {
            count += usize::from(!record.is_empty());
        });
    });
    // The first that is read is the layout.
    assert_eq!(count, load.at.len() + 1);
    let rate = |took: Duration| load.at.len() as f64 / took.as_secs_f64() / 1e6;
    println!(
        "{name:<24}{:>10}{:>12}{:>10.2}{:>12.2}{:>10.2}",
        load.at.len(),
        file.len(),
        file.len() as f64 / load.at.len() as f64,
        rate(written),
        rate(read),
    );
}

/// The records of the capture at `path`, without the layout.
fn of_file(path: &str) -> Load {
    let bytes = std::fs::read(path).expect("a capture");
    let mut load = Load::default();
    let mut reader = Reader::default();
    reader.push(&bytes, &mut |record| load.push(record));
    load.at.remove(0);
    load
}

fn main() {
    println!(
        "{:<24}{:>10}{:>12}{:>10}{:>12}{:>10}",
        "", "records", "bytes", "B/record", "written M/s", "read M/s"
    );
    let files: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    if files.is_empty() {
        row("markers", &markers());
        row("system calls", &calls());
    }
    for path in &files {
        let load = of_file(path);
        row(path, &load);
        let kinds: std::collections::BTreeSet<_> = load
            .iter()
            .filter_map(|record| record.get(18))
            .copied()
            .collect();
        for kind in kinds {
            let mut of = Load::default();
            load.iter()
                .filter(|record| record.get(18) == Some(&kind))
                .for_each(|record| of.push(record));
            row(&format!("  kind {kind} alone"), &of);
        }
    }
}
