//! What a marker costs its writer under each hook, and what the hooks cost others.

use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use nulltrace_tests::empty::Empty;
use nulltrace_tests::{Agent, marks, nulltrace};

use crate::measure::{self, median};
use crate::table::{absent, part, row};

const MARKER: &[u8] = b">:42:web.render:page=home,user=1234:::"; // 38 bytes
const OTHER: &[u8] = b"a line of a log that nobody will read\n"; // 38 bytes
const BATCH: u32 = 2_000;
const ROUNDS: usize = 8;

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

/// CPU ns of one operation.
fn cost(op: Op) -> f64 {
    let mut null = marks::null();
    let cost = match op {
        Op::Marker => measure::cost(BATCH, || drop(black_box(null.write(MARKER)))),
        Op::Other => measure::cost(BATCH, || drop(black_box(null.write(OTHER)))),
        Op::Getppid => measure::cost(BATCH, measure::getppid),
    };
    cost.cpu
}

/// What `ptrace_cost` reads.
pub(crate) fn print_costs() {
    for op in Op::ALL {
        println!("{}", cost(op));
    }
}

/// All rows.
pub(crate) fn rows(json: &Path) -> io::Result<()> {
    part("markers");
    costs(json)?;
    ptrace_cost()
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
            Err(error) => absent(hook, &error),
        }
    }
    for _ in 0..ROUNDS {
        for op in Op::ALL {
            unobserved[op as usize].push(cost(op));
        }
        if let Ok(_attached) = Empty::attach(&[c"sys_enter"]) {
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
    measure::numbers(&command.stderr(Stdio::inherit()).output()?.stdout)
}
