//! What kernel activity costs the threads that are looked at and those that are not, beside tracers that
//! tell the same.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::measure::quartile;
use crate::subject::Subject;
use crate::table::{absent, at_most, part, row};
use crate::watch::Watch;

const ROUNDS: usize = 8;
/// The others' costs are so much larger that they need fewer.
const ROUNDS_OF_OTHERS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Op {
    Getppid,
    Read,
    /// Of a span within the span.
    Marker,
    Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thread {
    /// Never wrote a marker.
    Stranger,
    Inside,
    /// Its spans are closed.
    After,
}

const OPS: [Op; 4] = [Op::Getppid, Op::Read, Op::Marker, Op::Switch];
const THREADS: [Thread; 3] = [Thread::Stranger, Thread::Inside, Thread::After];

/// What was measured, a pair of numbers a round.
#[derive(Default)]
struct Costs(BTreeMap<(Watch, Thread, Op), Vec<[f64; 2]>>);

impl Costs {
    /// Number `i` of what was measured: the lower quartile of the rounds, since what disturbs only adds.
    fn of(&self, watch: Watch, thread: Thread, op: Op, i: usize) -> f64 {
        let rounds = &self.0[&(watch, thread, op)];
        quartile(rounds.iter().map(|pair| pair[i]).collect())
    }

    fn added(&self, watch: Watch, thread: Thread, op: Op, i: usize) -> f64 {
        self.of(watch, thread, op, i) - self.of(Watch::Nothing, thread, op, i)
    }

    /// CPU ns added to a call; to a switch, without what is added to its calls.
    fn tax(&self, watch: Watch, thread: Thread, op: Op) -> f64 {
        let added = self.added(watch, thread, op, 0);
        if op != Op::Switch {
            return added;
        }
        let calls = self.of(watch, thread, op, 1);
        added - calls * self.tax(watch, thread, Op::Getppid)
    }
}

/// All rows.
pub(crate) fn rows(dir: &Path) -> io::Result<()> {
    part(
        "kernel activity inside spans: what is added to a call, and to a context switch beyond what is to its calls\n\
         (empty programs, on sys_enter, sys_exit and sched_switch: no others there cost less; nor do any that
\
         tell durations cost less than those that read the clock)",
    );
    let mut costs = Costs::default();
    let mut others = Watch::OTHERS.to_vec();
    for round in 0..ROUNDS {
        for watch in Watch::OURS {
            measure(watch, dir, &mut costs)?;
        }
        if round < ROUNDS_OF_OTHERS {
            others.retain(|&watch| match measure(watch, dir, &mut costs) {
                Ok(()) => true,
                Err(error) => {
                    absent(watch.name(), &error);
                    false
                }
            });
        }
    }
    for op in OPS {
        let name = format!("{}: {}", Watch::Nothing.name(), op_name(op));
        let cost = costs.of(Watch::Nothing, threads(Watch::Nothing, op)[0], op, 0);
        row(&name, cost, "ns", None);
    }
    for op in OPS {
        for watch in [Watch::Empty, Watch::Clock, Watch::Off, Watch::Segments] {
            for &thread in threads(watch, op) {
                let tax = costs.tax(watch, thread, op);
                let mut name = format!(
                    "{}: {}, {}",
                    watch.name(),
                    op_short(op),
                    thread_name(thread)
                );
                if watch == Watch::Segments {
                    // Who tells no durations needs no clock.
                    let (least, of) = match thread {
                        Thread::Inside => (Watch::Clock, "the clock"),
                        _ => (Watch::Empty, "empty"),
                    };
                    let floor = costs.tax(least, threads(least, op)[0], op);
                    name += &format!(" (above {of}: {:.0})", tax - floor);
                }
                match limit(watch, thread, op) {
                    Some(limit) => at_most(&name, tax, "ns", limit),
                    None => row(&name, tax, "ns", None),
                }
            }
        }
    }
    for watch in others {
        for op in [Op::Getppid, Op::Read] {
            let elapsed = costs.added(watch, Thread::Stranger, op, 1);
            let name = format!("{}: {} (elapsed {elapsed:+.0})", watch.name(), op_short(op));
            row(&name, costs.tax(watch, Thread::Stranger, op), "ns", None);
        }
    }
    Ok(())
}

/// Of which threads there is a row.
fn threads(watch: Watch, op: Op) -> &'static [Thread] {
    match (watch, op) {
        (_, Op::Marker) => &[Thread::Inside],
        (Watch::Nothing | Watch::Empty | Watch::Clock, _) => &[Thread::Stranger],
        (_, Op::Switch) => &[Thread::Stranger, Thread::Inside],
        _ => &THREADS,
    }
}

fn limit(watch: Watch, thread: Thread, op: Op) -> Option<f64> {
    match (watch, op, thread) {
        (Watch::Segments, Op::Getppid, Thread::Inside) => Some(110.0),
        (Watch::Segments, Op::Getppid, _) => Some(40.0),
        (Watch::Segments, Op::Switch, Thread::Inside) => Some(130.0),
        (Watch::Segments, Op::Switch, _) => Some(60.0),
        _ => None,
    }
}

/// One round of one.
fn measure(watch: Watch, dir: &Path, costs: &mut Costs) -> io::Result<()> {
    let mut subject = Subject::start(&watch.prefix(dir))?;
    let watching = watch.attach(subject.program(), dir)?;
    let ours = Watch::OURS.contains(&watch);
    // Under the others a call takes long enough for short batches.
    let batch = if ours { 2_000 } else { 200 };
    for thread in THREADS {
        let marker = match thread {
            Thread::Stranger => None,
            Thread::Inside => Some(">:t:bench.span::"),
            Thread::After => Some("<:t:bench.span::"),
        };
        if let Some(marker) = marker {
            subject.ask(&format!("mark {marker}"))?;
        }
        let mut keep = |op, pair| costs.0.entry((watch, thread, op)).or_default().push(pair);
        keep(Op::Getppid, subject.ask(&format!("getppid {batch}"))?);
        keep(Op::Read, subject.ask(&format!("read {batch}"))?);
        if !ours {
            break;
        }
        if thread == Thread::Inside {
            // Few enough for the ring to hold them all: one that is refused is cheaper.
            keep(Op::Marker, subject.ask("marker 200")?);
        }
        if thread != Thread::After {
            let order = format!("switch 100 {}", marker.unwrap_or_default());
            keep(Op::Switch, subject.ask(order.trim_end())?);
        }
    }
    let summary = watching.stop()?;
    if let Some(summary) = summary {
        // The thread of the calls, and under a marker of their own the two of the switches.
        let row = nulltrace_tests::row(&summary, &["bench", "span"]);
        assert!(row.is_some_and(|row| row["hits"] == 1), "{summary:#}");
    }
    Ok(())
}

fn op_name(op: Op) -> &'static str {
    match op {
        Op::Getppid => "getppid",
        Op::Read => "read of 64 B of a file",
        Op::Marker => "marker",
        Op::Switch => "context switch and its two futex calls",
    }
}

fn op_short(op: Op) -> &'static str {
    match op {
        Op::Getppid => "on getppid",
        Op::Read => "on a read",
        Op::Marker => "on a marker",
        Op::Switch => "on a switch",
    }
}

fn thread_name(thread: Thread) -> &'static str {
    match thread {
        Thread::Stranger => "thread without markers",
        Thread::Inside => "in a span",
        Thread::After => "spans closed",
    }
}
