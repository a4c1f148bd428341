//! Looking inside spans where things go wrong, or get too many: what is told stays true, and what is
//! not told is counted.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use nulltrace_tests::activity::{MS, call, find_call, nothing_lost, ns, possible};
use nulltrace_tests::known::files;
use nulltrace_tests::marks::Puppet;
use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{Agent, hooks, no_bpf, row};
use serde_json::Value;

macro_rules! need_bpf {
    () => {
        if let Some(why) = no_bpf() {
            return println!("skipped: {why}");
        }
    };
}

/// An emulator is some twenty times slower.
fn scaled(count: u64) -> u64 {
    if guest() { count / 20 } else { count }
}

/// In a guest a segment may last for so long that it is told in parts before it has no more room.
fn guest() -> bool {
    std::env::var_os("NULLTRACE_TEST_KERNEL").is_some()
}

fn hostile(args: &[&str]) -> Vec<String> {
    let path = program("hostile").to_str().unwrap().to_owned();
    [path]
        .into_iter()
        .chain(args.iter().map(ToString::to_string))
        .collect()
}

/// Runs the program under each hook. A status of 77 says that this machine cannot do it.
fn each(options: &[&str], args: &[&str], check: impl Fn(&Ran)) {
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let ran = run(hook, options, &hostile(args));
        match ran.output.status.code() {
            Some(0) => {
                possible(&ran.summary);
                check(&ran);
            }
            Some(77) => println!("skipped: {args:?} cannot be done here"),
            status => panic!("{status:?}: {}", ran.stderr()),
        }
    }
}

/// The summary of an agent that watched the program, and by how many bytes the agent grew.
fn watched(args: &[&str]) -> (Value, u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut puppet = Puppet::start();
    let options = ["--activity", "segments"];
    let agent = Agent::start(&[puppet.pid()], &options, &dir.path().join("s.json")).unwrap();
    let before = agent.rss();
    puppet.run(&format!(
        "{} >{}",
        hostile(args).join(" "),
        dir.path().join("said").display()
    ));
    std::thread::sleep(Duration::from_millis(100));
    let after = agent.rss();
    println!(
        "{args:?}: the collector has {} KiB, {} at first",
        after >> 10,
        before >> 10
    );
    let summary = agent.stop();
    possible(&summary);
    (summary, after.saturating_sub(before))
}

fn count(of: &Value) -> (u64, u64) {
    (of["count"].as_u64().unwrap(), of["bytes"].as_u64().unwrap())
}

fn all_calls(row: &Value) -> u64 {
    let calls = row["activity"].as_array().unwrap();
    calls
        .iter()
        .map(|call| call["count"].as_u64().unwrap())
        .sum()
}

fn lost(summary: &Value, what: &str) -> u64 {
    summary["ledger"]["lost"][what].as_u64().unwrap()
}

#[test]
fn a_call_that_never_returns() {
    need_bpf!();
    each(&[], &["killed"], |ran| {
        nothing_lost(&ran.summary);
        for (tag, end) in [
            ("killed", "process_exit"),
            ("cancelled", "thread_exit"),
            ("ended", "thread_exit"),
        ] {
            let row = ran.row(&["bad", tag]);
            assert_eq!(
                (&row["hits"], &row["inferred"][end]),
                (&0.into(), &1.into()),
                "{row:#}"
            );
        }
        // The kernel lets a call that it interrupts return, before the signal kills.
        let read = call(ran.row(&["bad", "killed"]), "read");
        assert_eq!(
            (count(read), &read["errors"]["interrupted"]),
            ((2, 1), &1.into())
        );
        assert_eq!(
            count(call(ran.row(&["bad", "ended"]), "clock_nanosleep")).0,
            1
        );
    });
    each(&["--inside", "script"], &["killed"], |ran| {
        nothing_lost(&ran.summary);
        // The first thread slept for 200 ms and waited for those that slept for 100, 100 and 30 meanwhile.
        let all = ran.row(&["bad"]);
        assert_eq!(all["hits"], 1);
        assert!(ns(all, "blocked") >= (200 + 50 + 50 + 25) * MS, "{all:#}");
    });
}

#[test]
fn a_number_of_a_process_that_is_used_again() {
    need_bpf!();
    each(&[], &["reused"], |ran| {
        let attempts: u64 = String::from_utf8_lossy(&ran.output.stdout)
            .trim()
            .parse()
            .unwrap();
        println!("the number came again at attempt {attempts}");
        let first = ran.row(&["bad", "first"]);
        assert_eq!(
            (&first["hits"], &first["inferred"]["process_exit"]),
            (&0.into(), &attempts.into())
        );
        assert_eq!(count(call(first, "read")), (attempts, 2 * attempts));
        assert_eq!(find_call(first, "pread64"), None, "{first:#}");
        let second = ran.row(&["bad", "second"]);
        assert_eq!(second["hits"], 1);
        assert_eq!(count(call(second, "pread64")), (3, 15));
        assert_eq!(ran.ledger("markers.unmatched_exit"), 1);
    });
}

#[test]
fn many_threads_in_bounded_memory() {
    need_bpf!();
    let threads = scaled(10_000);
    let (summary, grown) = watched(&["threads", &threads.to_string()]);
    nothing_lost(&summary);
    assert_eq!(summary["ledger"]["markers"]["seen"], 2 * threads);
    let many = row(&summary, &["bad", "many"]).unwrap();
    assert_eq!(many["hits"], threads);
    assert_eq!(count(call(many, "pread64")), (3 * threads, 12 * threads));
    assert!(grown < 128 << 20, "grew by {} KiB", grown >> 10);
}

/// How much was called on all files of a row, and what they took.
fn on_files(row: &Value) -> (u64, u64, u64) {
    let files = files(row);
    let add =
        |sum: (u64, u64, u64), of: (u64, u64, u64)| (sum.0 + of.0, sum.1 + of.1, sum.2 + of.2);
    files.into_values().fold((0, 0, 0), add)
}

#[test]
fn many_files_in_one_span() {
    need_bpf!();
    let made = scaled(100_000);
    let (summary, grown) = watched(&["files", &made.to_string()]);
    println!("{} names were lost", lost(&summary, "name"));
    for cause in ["segment", "ring_full", "slots"] {
        assert_eq!(lost(&summary, cause), 0, "{cause}");
    }
    let span = row(&summary, &["bad", "files"]).unwrap();
    // Each was made, written and closed: three calls, each of which is on the file.
    assert_eq!(all_calls(span), 3 * made);
    assert_eq!(count(call(span, "write")), (made, 3 * made));
    assert_eq!(on_files(span), (3 * made, 0, 3 * made));
    assert!(grown < 128 << 20, "grew by {} KiB", grown >> 10);
}

#[test]
fn many_files_each_in_its_span() {
    need_bpf!();
    let (made, apart) = (scaled(100_000), scaled(10_000));
    let (summary, grown) = watched(&["files", &made.to_string(), &apart.to_string()]);
    // On a busy machine the ring may overflow; what is lost then is known by its number.
    let (markers, segments) = (lost(&summary, "ring_full"), lost(&summary, "segment"));
    let each = row(&summary, &["bad", "each"]).unwrap();
    let others = made - made / apart;
    let near = |found: u64, wanted: u64, lost: u64| found <= wanted && found + lost >= wanted;
    assert!(
        near(each["hits"].as_u64().unwrap(), others, markers),
        "{markers}"
    );
    let (writes, bytes) = count(call(each, "write"));
    assert!(
        near(writes, others, markers + segments),
        "{writes}, {segments}"
    );
    assert_eq!(bytes, 3 * writes);
    assert_eq!(on_files(each), (3 * writes, 0, bytes));
    if markers + segments + lost(&summary, "name") > 0 {
        return println!("skipped: so busy is this machine that names may have been lost");
    }
    // However many files the other span has, there is room for those of these.
    for sample in (0..made).step_by(apart as usize) {
        let row = row(&summary, &["bad", &format!("sample{sample}")]).unwrap();
        let found: Vec<_> = files(row).into_iter().collect();
        let name = format!("memfd:many-{sample}");
        assert_eq!(found, [(("memfd", "-", name.as_str()), (3, 0, 3))]);
    }
    assert!(grown < 128 << 20, "grew by {} KiB", grown >> 10);
}

/// Rings that get half full now and then, with little lost, and that surely do, with much.
const CROWDED: [(&str, bool); 2] = [("512KiB", false), ("64KiB", true)];

/// All calls are accounted for; of segments that were lost only how many those were is known.
fn as_many(told: u64, made: u64, ran: &Ran) {
    match ran.ledger("lost.segment") {
        0 => assert_eq!(told, made),
        _ => assert!(told <= made, "{told} of {made}"),
    }
}

#[test]
fn more_files_than_a_segment_has_room_for() {
    need_bpf!();
    let others = |span: &Value| {
        let files = files(span);
        files.get(&("-", "-", "-")).copied().unwrap_or_default()
    };
    each(&[], &["crowd", "20", "40"], |ran| {
        nothing_lost(&ran.summary);
        let span = ran.row(&["bad", "crowd"]);
        assert_eq!(count(call(span, "pread64")), (20 * 40, 20 * 40));
        assert_eq!(on_files(span), (20 * 40, 20 * 40, 0));
        assert_eq!(others(span).0, 0, "the ring has room to tell all apart");
    });
    let spans = scaled(2000);
    let crowd = ["crowd", &spans.to_string(), "40"];
    for (ring, surely) in CROWDED {
        each(&["--ring-size", ring], &crowd, |ran| {
            let span = ran.row(&["bad", "crowd"]);
            let some = others(span).0 > 0;
            assert!(some || !surely || guest(), "{:#}", ran.summary["ledger"]);
            as_many(on_files(span).0, spans * 40, ran);
        });
    }
}

#[test]
fn more_kinds_of_calls_than_a_segment_has_room_for() {
    need_bpf!();
    each(&[], &["kinds", "20"], |ran| {
        nothing_lost(&ran.summary);
        assert_eq!(all_calls(ran.row(&["bad", "kinds"])), 20 * 40);
    });
    // Each span has 40 kinds and a segment room for 32. Where the ring is half full they are not told in parts.
    let spans = scaled(2000);
    let kinds = ["kinds", &spans.to_string()];
    for (ring, surely) in CROWDED {
        each(&["--ring-size", ring], &kinds, |ran| {
            let slots = ran.ledger("lost.slots");
            let told = all_calls(ran.row(&["bad", "kinds"]));
            let some = slots > 0;
            assert!(some || !surely || guest(), "{:#}", ran.summary["ledger"]);
            assert!(!some || ran.stderr().contains("lost"));
            as_many(told + slots, spans * 40, ran);
        });
    }
}

#[test]
fn a_ring_too_small_for_what_was_done() {
    need_bpf!();
    let count_of = scaled(100_000);
    each(
        &["--ring-size", "4KiB"],
        &["burst", &count_of.to_string()],
        |ran| {
            let (seen, full) = (ran.ledger("markers.seen"), ran.ledger("lost.ring_full"));
            let segments = ran.ledger("lost.segment");
            assert!(full > 0 && segments > 0, "{:#}", ran.summary["ledger"]);
            let markers = ran.ledger("lost.ring_full_markers");
            assert_eq!(seen + markers, count_of + 2, "{seen} seen, {markers} lost");
            assert!(markers <= full && segments <= full);
            let bad = ran.row(&["bad"]);
            // Its own exit came, but so may another's have: when it ended is not known.
            assert_eq!(
                (&bad["hits"], &bad["inferred"]["lost"]),
                (&0.into(), &1.into())
            );
            // Nor therefore whether what came after the first loss was inside.
            let reads = count(call(bad, "pread64")).0;
            assert!(
                reads > 0 && reads.is_multiple_of(3) && reads <= 3 * seen,
                "{reads} reads, {segments} segments lost"
            );
        },
    );
}

#[test]
fn a_long_span_is_told_while_it_goes_on() {
    need_bpf!();
    let dir = tempfile::tempdir().unwrap();
    let mut puppet = Puppet::start();
    let agent = |name: &str| {
        let options = ["--activity", "segments"];
        Agent::start(&[puppet.pid()], &options, &dir.path().join(name)).unwrap()
    };
    let (first, second) = (agent("1.json"), agent("2.json"));
    let said = dir.path().join("said");
    puppet.run(&format!(
        "{} >{} & long=$!",
        hostile(&["long", "3000"]).join(" "),
        said.display()
    ));
    std::thread::sleep(Duration::from_millis(2300));
    let midway = first.stop();
    puppet.run("wait $long");
    let whole = second.stop();

    possible(&midway);
    let part = row(&midway, &["bad", "long"]).unwrap();
    assert_eq!((&part["hits"], &part["open"]), (&0.into(), &1.into()));
    assert!(count(call(part, "pread64")).0 >= 20, "{part:#}");
    let naps = call(part, "clock_nanosleep")["time_ns"]["sum"]
        .as_u64()
        .unwrap();
    assert!((900 * MS..2600 * MS).contains(&naps), "{part:#}");

    possible(&whole);
    nothing_lost(&whole);
    let span = row(&whole, &["bad", "long"]).unwrap();
    let calls: u64 = std::fs::read_to_string(&said)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_eq!(count(call(span, "pread64")), (calls, 10 * calls));
    assert_eq!(count(call(span, "clock_nanosleep")).0, calls);
    assert_eq!(span["duration_ns"]["sum"], ns(span, "wall"));
    assert_eq!(
        files(span),
        [(("memfd", "-", "memfd:long-0"), (calls, 10 * calls, 0))].into()
    );
}

#[test]
fn a_collector_that_comes_in_the_middle() {
    need_bpf!();
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(program("hostile"))
        .arg("midway")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut byte = [0];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut byte)
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let options = ["--activity", "segments"];
    let agent = Agent::start(&[child.id()], &options, &dir.path().join("s.json")).unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b".").unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    let summary = agent.stop();
    possible(&summary);
    nothing_lost(&summary);
    assert!(row(&summary, &["bad", "midway"]).is_none(), "{summary:#}");
    assert_eq!(summary["ledger"]["markers"]["unmatched_exit"], 1);
    let whole = row(&summary, &["bad", "whole"]).unwrap();
    assert_eq!(count(call(whole, "pread64")), (7, 56));
    assert_eq!(all_calls(whole), 7, "{whole:#}");
    let outside = summary["outside_ns"]["wall"].as_u64().unwrap();
    assert!(
        outside <= summary["elapsed_ns"].as_u64().unwrap(),
        "{summary:#}"
    );
}

#[test]
fn calls_of_a_32_bit_program_are_not_taken_for_others() {
    need_bpf!();
    each(&[], &["foreign"], |ran| {
        let span = ran.row(&["bad", "foreign"]);
        assert_eq!(span["hits"], 1);
        let calls = span["activity"].as_array().unwrap();
        let told = calls
            .iter()
            .map(|of| (of["syscall"].as_str().unwrap(), count(of)));
        // How many bytes those took is known by native numbers only.
        let known = [
            ("lseek", (1, 0)),
            ("pread64", (1, 21)),
            ("read (32-bit)", (10, 0)),
            ("getpid (32-bit)", (500, 0)),
        ];
        assert_eq!(told.collect::<BTreeMap<_, _>>(), known.into());
        assert_eq!(
            files(span),
            [(("memfd", "-", "memfd:foreign-0"), (2, 21, 0))].into()
        );
    });
}
