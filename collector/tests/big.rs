//! A report on a large capture takes little memory.
//!
//! `NULLTRACE_BIG=10GiB` makes it of another size than 256 MiB.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use nulltrace_collector::units;
use nulltrace_core::capture::{Compress, Writer};
use nulltrace_core::input::full::SyscallRecord;
use nulltrace_core::input::joined::KIND_MARKER;
use nulltrace_core::input::made::Made;
use nulltrace_core::input::record::{FileId, Head};
use zerocopy::{FromZeros, IntoBytes};

/// The most memory that it may take, in bytes.
const MEMORY: u64 = 256 << 20;

/// One second of a recording: requests of eight threads, with what they call.
struct Second(Vec<(u64, Vec<u8>)>);

impl Second {
    fn new() -> Self {
        let mut made = Made::default();
        let mut records = Vec::new();
        for n in 0..40_000_u64 {
            let (ts, tid) = (n * 25_000, 100 + (n % 8) as u32);
            let id = n / 24 * 8 + n % 8;
            let text = match n / 8 % 3 {
                0 => format!(">:{id}:shop.step{}:cart={}:", n % 16, n * 7919 % 1000),
                1 => String::new(),
                _ => format!("<:{id}:shop.step{}::", (n - 16) % 16),
            };
            let head = Head {
                ts: 0,
                pid: 100,
                tid,
                size: (size_of::<Head>() + text.len()) as u16,
                kind: KIND_MARKER,
                flags: 0,
                number: 0,
            };
            if text.is_empty() {
                let mut call = SyscallRecord::new_zeroed();
                call.head = head;
                (call.nr, call.time, call.result) = (1, 900 + n * 7919 % 5000, 512);
                call.args = [u64::from(tid), n << 12, 512, 0, 0, 0];
                (call.fd, call.file.ino) = (tid.cast_signed(), u64::from(tid));
                call.file.dev = 8;
                assert_ne!(call.file, FileId::NONE);
                records.push((ts, made.syscall(call, &[]).to_vec()));
            } else {
                records.push((ts, [head.as_bytes(), text.as_bytes()].concat()));
            }
        }
        Self(records)
    }

    /// Writes it so often that the file has `size` bytes; returns how many records that are.
    fn write(&mut self, size: u64, file: &mut File) -> u64 {
        let (mut file, bytes) = (BufWriter::new(file), Cell::new(0));
        let out = &mut |block: &[u8]| {
            bytes.set(bytes.get() + block.len() as u64);
            file.write_all(block).unwrap();
        };
        // What is compressed takes longer to make.
        let mut writer = Writer::new(Compress::None);
        writer.begin(out);
        let mut made = Made::default();
        let said = [("backend", "made"), ("activity", "true")];
        writer.push(made.run(1, said), out);
        let mut second = 1_000_000_000;
        while bytes.get() < size {
            for (ts, record) in &mut self.0 {
                record[..8].copy_from_slice(&(second + *ts).to_ne_bytes());
                writer.push(record, out);
            }
            second += 1_000_000_000;
        }
        writer.end(out);
        file.flush().unwrap();
        writer.records()
    }
}

/// The most memory that a process took until now, in bytes; `None` once it has ended.
fn most(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

/// Runs a report. Returns what it printed, and the most memory that it took, in bytes.
fn report(args: &[&str]) -> (String, u64) {
    let shown = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_nulltrace"))
        .arg("report")
        .args(args)
        .stdout(shown.reopen().unwrap())
        .spawn()
        .unwrap();
    let mut memory = 0;
    let status = loop {
        memory = most(child.id()).unwrap_or_default().max(memory);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    (std::fs::read_to_string(shown.path()).unwrap(), memory)
}

#[test]
fn a_report_takes_little_memory() {
    let size = std::env::var("NULLTRACE_BIG").unwrap_or_else(|_| "256MiB".to_owned());
    let size = units::size(&size).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let begin = Instant::now();
    let mut second = Second::new();
    let is_marker = |record: &[u8]| record[18] == KIND_MARKER;
    let each = second.0.iter().filter(|of| is_marker(&of.1)).count() as u64;
    let records = second.write(size, file.as_file_mut());
    let made = begin.elapsed();
    let path = file.path().to_str().unwrap();
    let begin = Instant::now();
    let (text, memory) = report(&[path, "--json", "-"]);
    let took = begin.elapsed();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    let markers = &answer["ledger"]["markers"];
    println!(
        "{} MiB of {records} records made in {made:.1?}, reported in {took:.1?}: {:.1} M/s, {} MiB at most",
        size >> 20,
        records as f64 / took.as_secs_f64() / 1e6,
        memory >> 20
    );
    // All but what says that it is a recording.
    let seconds = (records - 1) / second.0.len() as u64;
    assert_eq!(markers["seen"].as_u64().unwrap(), seconds * each);
    assert!(memory > 0 && memory <= MEMORY, "{} MiB", memory >> 20);
}
