//! `make bench`: what a marker costs, who pays what, and how much the collector bears.
//!
//! CPU time, not wall time; observed and unobserved rounds interleave; the tenth percentile of many
//! short batches. Absolute numbers drift with the machine; the ratios are the result.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::empty::Empty;
use nulltrace_tests::{Agent, cpu, marks, nulltrace};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

const MARKER: &[u8] = b">:42:web.render:page=home,user=1234:::"; // 38 bytes
const OTHER: &[u8] = b"a line of a log that nobody will read\n"; // 38 bytes
const BATCH: u32 = 2_000;
const BATCHES: usize = 60;
const ROUNDS: usize = 8;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["cost"] => {
            for op in Op::ALL {
                println!("{}", cost(op));
            }
            Ok(())
        }
        ["produce", seconds, rate] => {
            produce(
                seconds.parse().expect("seconds"),
                rate.parse().expect("rate"),
            );
            Ok(())
        }
        ["open", count] => open_spans(count.parse().expect("count")),
        _ => Err(io::Error::other(
            "usage: bench [cost | produce SECONDS RATE | open COUNT]",
        )),
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Marker,
    Other,
    Getppid,
}

impl Op {
    const ALL: [Self; 3] = [Self::Marker, Self::Other, Self::Getppid];
}

fn thread_cpu() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// CPU ns of one operation: the tenth percentile of batches.
fn cost(op: Op) -> f64 {
    let mut null = marks::null();
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let began = thread_cpu();
            for _ in 0..BATCH {
                match op {
                    Op::Marker => drop(black_box(null.write(MARKER))),
                    Op::Other => drop(black_box(null.write(OTHER))),
                    Op::Getppid => {
                        // SAFETY: takes nothing, cannot fail; glibc does not cache it.
                        black_box(unsafe { libc::getppid() });
                    }
                }
            }
            (thread_cpu() - began) as f64 / f64::from(BATCH)
        })
        .collect();
    percentile(&mut batches, 0.1)
}

fn percentile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q) as usize]
}

fn median(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 0.5)
}

/// Writes pairs of markers for `seconds`, at most `rate` markers a second (0: as fast as it goes).
fn produce(seconds: f64, rate: f64) {
    let mut null = marks::null();
    let began = Instant::now();
    let mut written = 0_u64;
    while began.elapsed().as_secs_f64() < seconds {
        for _ in 0..100 {
            marks::write(&mut null, b">:t:bench.produce::");
            marks::write(&mut null, b"<:t:bench.produce::");
        }
        written += 200;
        while rate > 0.0 && written as f64 / began.elapsed().as_secs_f64() > rate {
            std::hint::spin_loop();
        }
    }
    println!("{written} {}", began.elapsed().as_secs_f64());
}

/// Opens `count` spans and waits for a line on stdin before it ends.
fn open_spans(count: u64) -> io::Result<()> {
    let mut null = marks::null();
    for id in 0..count {
        marks::write(&mut null, format!(">:{id}:bench.open::"));
        // Slow enough that even a busy machine's reader keeps up.
        if id % 1000 == 999 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    println!("done");
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

fn row(name: &str, value: f64, unit: &str, verdict: Option<(bool, &str)>) {
    let verdict = verdict.map_or_else(String::new, |(ok, limit)| {
        format!("{limit:>24}  {}", if ok { "reached" } else { "MISSED" })
    });
    println!("{name:<62} {value:>12.2} {unit:<10}{verdict}");
}

fn table() -> io::Result<()> {
    header()?;
    let dir = tempfile::tempdir()?;
    let json = dir.path().join("summary.json");
    costs(&json)?;
    ptrace_cost()?;
    rates(&json)?;
    memory(&json)?;
    Ok(())
}

fn header() -> io::Result<()> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": ?");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cpus = std::thread::available_parallelism()?;
    let date = Command::new("date").arg("+%F").output()?;
    println!(
        "machine{model}, {cpus} CPUs, Linux {}, {}\n",
        kernel.trim(),
        String::from_utf8_lossy(&date.stdout).trim()
    );
    Ok(())
}

/// Unobserved, then each hook that attaches: interleaved rounds in this very process.
fn costs(json: &Path) -> io::Result<()> {
    let own = std::process::id();
    let mut unobserved: [Vec<f64>; 3] = Default::default();
    let mut empty: [Vec<f64>; 3] = Default::default();
    let mut attach = Vec::new();
    let mut hooks = Vec::new();
    for hook in ["ebpf:fentry", "ebpf:raw_tracepoint"] {
        match Agent::start(&[own], &["--backend", hook], json) {
            Ok(agent) => {
                let _ = agent.stop();
                hooks.push((hook, <[Vec<f64>; 3]>::default()));
            }
            Err(error) => println!(
                "{hook}: not here: {}",
                error.to_string().lines().next().unwrap_or("")
            ),
        }
    }
    for _ in 0..ROUNDS {
        for op in Op::ALL {
            unobserved[op as usize].push(cost(op));
        }
        if let Ok(_attached) = Empty::attach() {
            for op in Op::ALL {
                empty[op as usize].push(cost(op));
            }
        }
        for (hook, costs) in &mut hooks {
            let agent = Agent::start(&[own], &["--backend", hook], json)?;
            attach.push(agent.attached_in.as_secs_f64() * 1e3);
            for op in Op::ALL {
                costs[op as usize].push(cost(op));
            }
            let _ = agent.stop();
        }
    }
    let base = unobserved.map(median);
    for op in Op::ALL {
        row(
            &format!("unobserved: {}", name(op)),
            base[op as usize],
            "ns",
            None,
        );
    }
    if !empty[0].is_empty() {
        // No program on that hook can cost less.
        for (op, costs) in Op::ALL.into_iter().zip(empty.map(median)) {
            let tax = costs - base[op as usize];
            let name = format!("an empty raw_tracepoint: tax on {}", name(op));
            row(&name, tax, "ns", None);
        }
    }
    for (hook, costs) in hooks {
        let costs = costs.map(median);
        let ratio = costs[0] / base[0];
        row(
            &format!("{hook}: {}", name(Op::Marker)),
            costs[0],
            "ns",
            None,
        );
        row(
            &format!("{hook}: marker, observed / unobserved"),
            ratio,
            "x",
            Some((ratio <= 2.7, "<= 2.70")),
        );
        for op in [Op::Other, Op::Getppid] {
            let tax = costs[op as usize] - base[op as usize];
            row(
                &format!("{hook}: tax on {}", name(op)),
                tax,
                "ns",
                Some((tax <= 20.0, "<= 20")),
            );
        }
    }
    let attach = median(attach);
    row(
        "from start to attached, median",
        attach,
        "ms",
        Some((attach <= 300.0, "<= 300")),
    );
    Ok(())
}

fn name(op: Op) -> &'static str {
    match op {
        Op::Marker => "marker write, 38 B",
        Op::Other => "other write to /dev/null, 38 B",
        Op::Getppid => "getppid",
    }
}

/// The same under ptrace: a child that measures itself, traced and not, one after the other.
fn ptrace_cost() -> io::Result<()> {
    let own = std::env::current_exe()?;
    let mut ratios: [Vec<f64>; 3] = Default::default();
    for _ in 0..3 {
        let plain = numbers(Command::new(&own).arg("cost"))?;
        let traced = numbers(
            Command::new(nulltrace())
                .args(["run", "-q", "--backend", "ptrace", "--"])
                .arg(&own)
                .arg("cost"),
        )?;
        for op in Op::ALL {
            ratios[op as usize].push(traced[op as usize] / plain[op as usize]);
        }
    }
    let ratios = ratios.map(median);
    for op in Op::ALL {
        row(
            &format!("ptrace: {}, traced / plain", name(op)),
            ratios[op as usize],
            "x",
            None,
        );
    }
    Ok(())
}

fn numbers(command: &mut Command) -> io::Result<Vec<f64>> {
    let out = command.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&out.stdout);
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    if numbers.is_empty() {
        Err(io::Error::other(format!("no numbers in {text:?}")))
    } else {
        Ok(numbers)
    }
}

/// The highest rate of one and of two producers that loses nothing in ten seconds.
fn rates(json: &Path) -> io::Result<()> {
    for producers in [1, 2] {
        let mut pace = 0.0;
        loop {
            let run = rate(json, producers, pace)?;
            println!(
                "{producers} producer(s){}: {:.2} M/s, seen {}, lost {}, collector {:.0} ns CPU per marker",
                if pace > 0.0 { " paced" } else { "" },
                run.rate / 1e6,
                run.seen,
                run.lost,
                run.cpu_ns
            );
            assert_eq!(
                run.written,
                run.seen + run.lost,
                "every marker is seen or counted as lost"
            );
            if run.lost == 0 {
                let limit = (producers == 1).then_some((run.rate >= 1e6, ">= 1,000,000"));
                row(
                    &format!("{producers} producer(s), nothing lost in 10 s"),
                    run.rate,
                    "markers/s",
                    limit,
                );
                if producers == 1 {
                    row(
                        "collector, ring to summary, CPU per marker",
                        run.cpu_ns,
                        "ns",
                        Some((run.cpu_ns <= 250.0, "<= 250")),
                    );
                }
                break;
            }
            pace = run.rate / f64::from(producers) * 0.85;
        }
    }
    Ok(())
}

struct Rate {
    rate: f64,
    written: u64,
    seen: u64,
    lost: u64,
    cpu_ns: f64,
}

fn rate(json: &Path, producers: u32, pace: f64) -> io::Result<Rate> {
    let own = std::env::current_exe()?;
    let agent = Agent::start(&[std::process::id()], &[], json)?;
    let before = cpu(agent.pid());
    let children: Vec<_> = (0..producers)
        .map(|_| {
            Command::new(&own)
                .args(["produce", "10", &pace.to_string()])
                .stdout(Stdio::piped())
                .spawn()
        })
        .collect::<io::Result<_>>()?;
    let (mut written, mut rate) = (0, 0.0);
    for child in children {
        let out = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&out.stdout);
        let mut words = text.split_whitespace();
        let mut next = || {
            words
                .next()
                .and_then(|word| word.parse::<f64>().ok())
                .unwrap_or(f64::NAN)
        };
        let (count, seconds) = (next(), next());
        written += count as u64;
        rate += count / seconds;
    }
    std::thread::sleep(Duration::from_millis(200));
    let used = (agent.cpu() - before).as_nanos() as f64;
    let summary = agent.stop();
    let seen = count(&summary["ledger"]["markers"]["seen"]);
    let lost = count(&summary["ledger"]["lost"]["ring_full"]);
    Ok(Rate {
        rate,
        written,
        seen,
        lost,
        cpu_ns: used / seen as f64,
    })
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a count")
}

/// Resident memory with nothing, 100 thousand and a million spans open.
fn memory(json: &Path) -> io::Result<()> {
    for spans in [0_u64, 100_000, 1_000_000] {
        let agent = Agent::start(&[std::process::id()], &[], json)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["open", &spans.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut String::new())?;
        std::thread::sleep(Duration::from_millis(500));
        let rss = agent.rss() as f64 / f64::from(1 << 20);
        let limit = (spans == 100_000).then_some((rss <= 64.0, "<= 64"));
        row(
            &format!("resident memory, {spans} open spans"),
            rss,
            "MiB",
            limit,
        );
        // Closing its stdin ends it.
        drop(child.stdin.take());
        child.wait()?;
        let summary = agent.stop();
        assert_eq!(
            count(&summary["ledger"]["markers"]["enter"]),
            spans,
            "the agent saw them all"
        );
    }
    Ok(())
}
