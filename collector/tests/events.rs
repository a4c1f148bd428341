//! `nulltrace events` of captures that are made here: every option, and what differs with the end of a span.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nulltrace_core::capture::{Compress, Writer};
use nulltrace_core::input::full::{SyscallRecord, Text, TextKind};
use nulltrace_core::input::joined::KIND_MARKER;
use nulltrace_core::input::made::Made;
use nulltrace_core::input::record::{FileRecord, Head, KIND_FILE, KIND_PROCESS, ProcessRecord};
use serde_json::Value;
use syscalls::Sysno;
use zerocopy::{FromZeros, Immutable, IntoBytes};

const SECOND: u64 = 1_000_000_000;
/// 2026-11-29T03:00:00Z, when it began; ten seconds after the machine did.
const WALL: i64 = 1_795_921_200_000_000_000;
const BEGAN: u64 = 10 * SECOND;

/// A capture that is being written.
struct Capture {
    path: PathBuf,
    file: File,
    writer: Writer,
    made: Made,
}

impl Capture {
    fn create(path: &Path) -> Self {
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(path)
            .unwrap();
        let mut capture = Self {
            path: path.to_owned(),
            file,
            writer: Writer::new(Compress::default()),
            made: Made::default(),
        };
        let Self { writer, file, .. } = &mut capture;
        writer.begin(&mut |bytes| file.write_all(bytes).unwrap());
        capture
    }

    /// What the recording is, and what is known of the machine and the process.
    fn head(&mut self, part: u64) {
        let (began, wall, part) = (BEGAN.to_string(), WALL.to_string(), part.to_string());
        let run = [
            ("backend", "made"),
            ("activity", "true"),
            ("began", &*began),
            ("wall", &*wall),
            ("series", "s"),
            ("part", &*part),
        ];
        let mut made = Made::default();
        self.push(made.run(BEGAN, run));
        self.push(made.host(BEGAN, [("zone", "Etc/GMT-1")]));
        self.push(made.clock(BEGAN, WALL, BEGAN));
        let mut process = ProcessRecord::new_zeroed();
        (process.head.ts, process.head.pid, process.head.tid) = (BEGAN, 7, 7);
        (process.ppid, process.uid, process.start) = (1, 1000, BEGAN - SECOND);
        process.comm[..4].copy_from_slice(b"shop");
        self.record(KIND_PROCESS, process, &[]);
        self.push(made.user(BEGAN, 1000, b"ann"));
        let mut file = FileRecord::new_zeroed();
        (file.head.ts, file.head.pid, file.head.tid) = (BEGAN, 7, 7);
        (file.id.ino, file.id.dev, file.mode) = (9, 8 << 20 | 1, 0o100_644);
        let names = b"pass\x1bwd\0etc\0";
        file.names = names.len() as u32;
        self.record(KIND_FILE, file, names);
        self.push(made.run(BEGAN, [("stream", "")]));
    }

    fn push(&mut self, record: &[u8]) {
        let Self { writer, file, .. } = self;
        writer.push(record, &mut |bytes| file.write_all(bytes).unwrap());
    }

    fn record(&mut self, kind: u8, fixed: impl IntoBytes + Immutable, tail: &[u8]) {
        let size = size_of_val(&fixed) + tail.len();
        let mut words = vec![0_u64; size.div_ceil(8)];
        let bytes = words.as_mut_bytes();
        bytes[..size - tail.len()].copy_from_slice(fixed.as_bytes());
        bytes[size - tail.len()..size].copy_from_slice(tail);
        let size = size as u16;
        bytes[16..18].copy_from_slice(&size.to_ne_bytes());
        bytes[18] = kind;
        self.push(&words.as_bytes()[..size.into()]);
    }

    fn marker(&mut self, ts: u64, text: &str) {
        let mut head = Head::new_zeroed();
        (head.ts, head.pid, head.tid) = (BEGAN + ts, 7, 8);
        self.record(KIND_MARKER, head, text.as_bytes());
    }

    fn call(&mut self, ts: u64, name: Sysno, result: i64, args: [u64; 3], text: Option<Text<'_>>) {
        let mut call = SyscallRecord::new_zeroed();
        (call.head.ts, call.head.pid, call.head.tid) = (BEGAN + ts, 7, 8);
        (call.nr, call.time, call.result) = (name as u32, 500, result);
        (call.fd, call.cpu) = (-1, 3);
        if result >= 0 {
            (call.fd, call.file.ino, call.file.dev) = (6, 9, 8 << 20 | 1);
        }
        call.args[..3].copy_from_slice(&args);
        let mut made = std::mem::take(&mut self.made);
        self.push(made.syscall(call, text.as_slice()));
        self.made = made;
    }

    /// What was given is in the file.
    fn flush(&mut self) {
        let Self { writer, file, .. } = self;
        writer.block(&mut |bytes| file.write_all(bytes).unwrap());
    }

    fn end(mut self, is_last: bool) -> PathBuf {
        if is_last {
            let mut made = Made::default();
            let ended = (BEGAN + SECOND).to_string();
            self.push(made.run(BEGAN + SECOND, [("ended", &*ended)]));
        }
        let Self {
            mut writer,
            mut file,
            path,
            ..
        } = self;
        writer.end(&mut |bytes| file.write_all(bytes).unwrap());
        path
    }
}

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();

fn path(bytes: &[u8]) -> Option<Text<'_>> {
    Some(Text {
        arg: 1,
        kind: Some(TextKind::String),
        cut: false,
        bytes,
    })
}

/// A request that opens a file and reads from it, one that does not find its file, and a read outside of spans.
fn shop(dir: &Path) -> PathBuf {
    let mut capture = Capture::create(&dir.join("shop.ntc"));
    capture.head(1);
    capture.marker(1_000, ">:t:download_handler:cart=7:");
    capture.marker(2_000, ">:t:download_handler.read::");
    capture.call(
        4_000,
        Sysno::openat,
        6,
        [AT_FDCWD, 0x7f00, 0],
        path(b"/etc/pass\x1bwd"),
    );
    let data = Text {
        arg: 1,
        kind: Some(TextKind::Data),
        cut: false,
        bytes: b"root\x1b:x\nann\n",
    };
    capture.call(6_000, Sysno::read, 12, [6, 0x7f00, 4096], Some(data));
    capture.marker(7_000, "<:t:download_handler.read::");
    capture.marker(9_000_000, "<:t:download_handler:status=200:");
    capture.marker(9_001_000, ">:t:download_handler:cart=8:");
    capture.call(
        9_002_000,
        Sysno::openat,
        -2,
        [AT_FDCWD, 0x7f00, 0],
        path(b"/none"),
    );
    capture.marker(9_003_000, "<:t:download_handler:status=500:");
    capture.call(9_004_000, Sysno::read, 0, [6, 0x7f00, 4096], None);
    capture.marker(9_005_000, ">:t:open::");
    capture.call(9_006_000, Sysno::getpid, 7, [0; 3], None);
    capture.end(true)
}

fn events(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nulltrace"));
    command.arg("events").args(args).output().unwrap()
}

/// The lines of a run that succeeds, and what it says.
fn lines(args: &[&str]) -> (Vec<String>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = events(args);
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{said}");
    let text = String::from_utf8(stdout).unwrap();
    (text.lines().map(str::to_owned).collect(), said)
}

fn numbers(args: &[&str]) -> Vec<u64> {
    let (lines, said) = lines(&[&["-p", "%evt.num"], args].concat());
    assert_eq!(said, "", "{args:?}");
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_line_each() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    let (found, said) = lines(&[file]);
    assert_eq!(said, "");
    assert_eq!(
        found,
        [
            "1 04:00:00.000001000 <NA> shop (8) > tracer id=t tags=download_handler args=cart=7",
            "2 04:00:00.000002000 <NA> shop (8) > tracer id=t tags=download_handler.read",
            r"3 04:00:00.000004000 3 shop (8) < openat res=6(<f>/etc/pass\u{1b}wd) dfd=AT_FDCWD filename=/etc/pass\u{1b}wd flags=0x0 mode=00",
            r"4 04:00:00.000006000 3 shop (8) < read res=12 fd=6(<f>/etc/pass\u{1b}wd) buf=root\u{1b}:x\nann\n count=4096",
            "5 04:00:00.000007000 <NA> shop (8) < tracer id=t tags=download_handler.read",
            "6 04:00:00.009000000 <NA> shop (8) < tracer id=t tags=download_handler args=status=200",
            "7 04:00:00.009001000 <NA> shop (8) > tracer id=t tags=download_handler args=cart=8",
            "8 04:00:00.009002000 3 shop (8) < openat res=-2(ENOENT) dfd=AT_FDCWD filename=/none flags=0x0 mode=00",
            "9 04:00:00.009003000 <NA> shop (8) < tracer id=t tags=download_handler args=status=500",
            r"10 04:00:00.009004000 3 shop (8) < read res=0 fd=6(<f>/etc/pass\u{1b}wd) buf=0x7f00 count=4096",
            "11 04:00:00.009005000 <NA> shop (8) > tracer id=t tags=open",
            "12 04:00:00.009006000 3 shop (8) < getpid res=7",
        ]
    );
}

#[test]
fn filters_choose() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    for (filter, want) in [
        ("evt.type=open", &[3, 8][..]),
        ("evt.type=openat and evt.dir=<", &[3, 8]),
        ("evt.type=creat", &[]),
        ("evt.type=tracer and evt.dir=>", &[1, 2, 7, 11]),
        ("evt.failed=true", &[8]),
        ("evt.rawres=-2", &[8]),
        ("evt.type=read and fd.num=6", &[4, 10]),
        (
            "fd.type=file and evtin.span.tag[0]=download_handler and fd.directory!=/dev/pts",
            &[3, 4],
        ),
        ("span.tags=download_handler.read", &[2, 3, 4, 5]),
        ("evtin.span.arg.cart=7", &[1, 2, 3, 4, 5, 6]),
        ("evt.type!=tracer and not evtin.span.tags exists", &[10]),
        ("span.depth=1", &[2, 3, 4, 5]),
        // Of the process, which has one thread that writes markers.
        ("evtin.span.p.arg.cart=8", &[7, 8]),
        ("evtin.span.m.tags=open", &[11, 12]),
        ("evtin.span.s.tag[0]=nothing", &[]),
        ("evt.buffer contains ann", &[4]),
        ("evt.reltime>=9005us", &[11, 12]),
        ("user.name=ann and evt.category=file", &[3, 4, 8, 10]),
        // Its result does not decide yet, but the call does.
        ("evt.type=getpid and evt.cpu=3", &[12]),
    ] {
        assert_eq!(numbers(&[file, filter]), want, "{filter}");
    }
    assert_eq!(numbers(&["-n", "2", file, "evt.type=open"]), [3, 8]);
    assert_eq!(numbers(&["-n", "1", file]), [1]);
}

/// What is known of a span when it ends decides then: what lies inside waits.
#[test]
fn the_end_of_a_span_decides() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    let of = |filter: &str| {
        let (lines, said) = lines(&["-p", "%evt.num", file, filter]);
        let numbers = lines.iter().map(|line| line.parse().unwrap());
        (numbers.collect::<Vec<u64>>(), said)
    };
    let (found, said) = of("span.duration>5000000");
    assert_eq!(found, [1, 6]);
    // Two events of the span that has no end.
    assert!(said.contains("events that are not shown: 2"), "{said}");
    assert_eq!(of("span.duration<1ms and evt.type=open").0, [3, 8]);
    assert_eq!(of("span.exitarg.status=500").0, [7, 8, 9]);
    assert_eq!(
        of("span.exitarg.status=500 and evt.failed=true"),
        (vec![8], String::new())
    );
    // Where it does not depend on the end, nothing waits.
    assert_eq!(of("span.duration>1h or evt.num=12").0, [12]);
    assert_eq!(of("span.status=ok").0, [2, 3, 4, 5]);
}

#[test]
fn formats() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    let of = |format: &str, filter: &str| lines(&["-p", format, file, filter]).0;
    assert_eq!(of("%evt.num: %proc.name.", "evt.num=3"), ["3: shop."]);
    assert_eq!(
        of("[%-6evt.num][%6evt.type]%%", "evt.num=4"),
        ["[4     ][  read]%"]
    );
    assert_eq!(
        of("%evtin.span.tags", "evt.num=3"),
        ["download_handler.read,download_handler"]
    );
    assert_eq!(of("%span.arg.cart %evt.arg[1]", "evt.num=8"), ["8 /none"]);
    assert_eq!(of(r#"%span.arg["cart"]!"#, "evt.num=8"), ["8!"]);
    // One without a field is left out, unless that was asked for.
    assert!(of("%fd.num", "evt.type=tracer").is_empty());
    assert_eq!(of("*%evt.num %fd.num", "evt.num<3"), ["1 <NA>", "2 <NA>"]);
    for (time, want) in [
        ("h", "04:00:00.000004000"),
        ("a", "1795921200.000004000"),
        ("r", "0.000004000"),
    ] {
        let (found, _) = lines(&["-t", time, "-p", "%evt.time", file, "evt.num=3"]);
        assert_eq!(found, [want]);
    }
    let (found, _) = lines(&["-t", "d", "-p", "%evt.time", file, "evt.type=open"]);
    assert_eq!(found, ["0.000000000", "0.008998000"]);
    for (format, place) in [
        ("%evt.tim", "did you mean `evt.time`?"),
        ("100%", "write %%"),
        ("%9999evt.num", "too wide"),
    ] {
        let out = events(&["-p", format, file]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2));
        assert!(said.contains(place), "{said}");
    }
}

#[test]
fn json_objects() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    let format = "%evt.time %fd.directory %fd.filename";
    let filter = "evt.type=open and evt.dir=<";
    let (found, _) = lines(&["-j", "-p", format, file, filter]);
    // The one that failed has no file.
    let [line] = &found[..] else {
        panic!("{found:?}")
    };
    let of: Value = serde_json::from_str(line).unwrap();
    assert_eq!(of["evt.time"], "2026-11-29T04:00:00.000004000+01:00");
    assert_eq!(
        (&of["fd.directory"], &of["fd.filename"]),
        (&"/etc".into(), &"pass\u{1b}wd".into())
    );
    let (found, _) = lines(&[
        "-j",
        "-p",
        "*%evt.rawres %evt.failed %evtin.span.tags %evt.latency %fd.num",
        file,
    ]);
    assert_eq!(found.len(), 12);
    let of: Value = serde_json::from_str(&found[7]).unwrap();
    let want = serde_json::json!({
        "evt.rawres": -2, "evt.failed": true, "evtin.span.tags": ["download_handler"], "evt.latency": 500, "fd.num": null,
    });
    assert_eq!(of, want);

    let schema = events(&[
        "--json-schema",
        "-p",
        "*%evt.num %evtin.span.tags %evt.time",
    ]);
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let properties = &schema["properties"];
    assert_eq!(
        properties["evt.num"]["type"],
        serde_json::json!(["integer", "null"])
    );
    assert_eq!(properties["evtin.span.tags"]["items"]["type"], "string");
    assert_eq!(properties["evt.time"]["format"], "date-time");
}

#[test]
fn data() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    let filter = "evt.type=read and fd.num=6";
    let (found, _) = lines(&["-A", "-p", "%evt.num", file, filter]);
    assert_eq!(found, ["4", "root.:x", "ann", "10"]);
    let (found, _) = lines(&["-A", "-p", "%evt.buffer", file, filter]);
    assert_eq!(found, ["root.:x", "ann", ""]);
    let (found, _) = lines(&["-X", "-p", "%evt.num", file, filter]);
    let hex = "\t0x0000: 726f 6f74 1b3a 780a 616e 6e0a            root.:x.ann.";
    assert_eq!(found, ["4", hex, "10"]);
}

#[test]
fn the_beginning_of_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    let format = "%evt.num %evt.reltime %evt.dir %evt.type %evt.info";
    let (found, _) = lines(&[
        "--enter-events",
        "-p",
        format,
        file,
        "evt.type=read and evt.num=4",
    ]);
    assert_eq!(
        found,
        [
            r"4 5500 > read fd=6(<f>/etc/pass\u{1b}wd) count=4096",
            r"4 6000 < read res=12 fd=6(<f>/etc/pass\u{1b}wd) buf=root\u{1b}:x\nann\n count=4096",
        ]
    );
}

#[test]
fn a_part_of_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = shop(dir.path());
    let file = file.to_str().unwrap();
    assert_eq!(
        numbers(&["--from", "+9ms", "--to", "+9002us", file]),
        [6, 7, 8]
    );
    assert_eq!(
        numbers(&["--from", "2026-11-29T03:00:00.009005Z", file]),
        [11, 12]
    );
    // Where it was recorded the clock was an hour ahead.
    assert_eq!(numbers(&["--from", "04:00:00.009005", file]), [11, 12]);
    assert_eq!(numbers(&["--to", "04:00:00.000002", file]), [1, 2]);
    let out = events(&["--from", "noon", file]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn explained() {
    let (found, _) = lines(&[
        "--explain",
        "shop.ntc",
        "evt.type=open and (span.duration>5s or fd.num=3)",
    ]);
    assert_eq!(
        found,
        [
            "event   evt.type = open",
            "end     span.duration > 5s or fd.num = 3: when its span ends; until then it waits",
        ]
    );
}

/// The lines of a process, as they come.
struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(file: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nulltrace"))
            .args(["events", "-f", "-p", "%span.arg.n"])
            .args([file.as_os_str(), "evt.type=getpid".as_ref()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Option<u64> {
        self.lines.next().map(|line| line.unwrap().parse().unwrap())
    }

    fn end(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        said
    }
}

/// A span with a call in it.
fn put(capture: &mut Capture, n: u64) {
    let ts = 1000 * n;
    capture.marker(ts, &format!(">:t:a:n={n}:"));
    capture.call(ts + 10, Sysno::getpid, 7, [0; 3], None);
    capture.marker(ts + 20, "<:t:a::");
}

#[test]
fn what_is_added_is_shown_as_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let mut capture = Capture::create(&dir.path().join("a.ntc"));
    capture.head(1);
    put(&mut capture, 1);
    capture.flush();
    let mut follower = Follower::start(&capture.path);
    assert_eq!(follower.next(), Some(1));
    let began = Instant::now();
    for n in 2..6 {
        put(&mut capture, n);
        capture.flush();
        assert_eq!(follower.next(), Some(n));
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    capture.end(true);
    assert_eq!(follower.next(), None);
    assert_eq!(follower.end(), "");
}

#[test]
fn twenty_rotations_and_nothing_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let name = |part: u64| dir.path().join(format!("a.{part:04}.ntc"));
    let mut capture = Capture::create(&name(1));
    capture.head(1);
    capture.flush();
    let mut follower = Follower::start(&capture.path);
    let mut n = 0;
    for part in 2..=21 {
        for _ in 0..50 {
            n += 1;
            put(&mut capture, n);
        }
        // A span that goes on in the next file.
        capture.marker(1000 * n + 30, ">:t:over::");
        capture.end(false);
        capture = Capture::create(&name(part));
        capture.head(part);
        capture.marker(1000 * n + 40, "<:t:over::");
        if part % 3 == 0 {
            capture.flush();
        }
    }
    put(&mut capture, n + 1);
    capture.end(true);
    let mut found = Vec::new();
    while let Some(n) = follower.next() {
        found.push(n);
    }
    assert_eq!(found, (1..=1001).collect::<Vec<_>>());
    assert_eq!(follower.end(), "");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut capture = Capture::create(&dir.path().join("a.ntc"));
    capture.head(1);
    for n in 1..20_000 {
        put(&mut capture, n);
    }
    let file = capture.end(true);
    let mut child = Command::new(env!("CARGO_BIN_EXE_nulltrace"))
        .arg("events")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    assert!(child.wait().unwrap().success());
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn what_is_no_capture() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.ntc");
    std::fs::write(&file, "no capture at all\n".repeat(100)).unwrap();
    for args in [&["a"][..], &["-f"]] {
        let mut all = vec!["events"];
        all.extend(args.iter().filter(|of| of.starts_with('-')));
        let out = Command::new(env!("CARGO_BIN_EXE_nulltrace"))
            .args(all)
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains("not a capture"), "{said}");
    }
    let out = events(&["missing.ntc"]);
    assert_eq!(out.status.code(), Some(1));
}
