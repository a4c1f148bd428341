//! Reading what spans did out of a summary, and under which hooks to look.

use serde_json::Value;

use crate::hooks;
use crate::traced::{Ran, program, run};

/// One millisecond, in nanoseconds.
pub const MS: u64 = 1_000_000;

/// Runs one of the programs of known work once under each hook that sees activity, with a path of its
/// own. `check` is told, beside what came, how long the cpus did what no thread is charged for,
/// nanoseconds.
///
/// # Panics
/// The program failed, or something was lost.
pub fn each(name: &str, check: impl Fn(&Ran, u64)) {
    let program = program(name);
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        println!("{hook}");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let before = not_the_tasks();
        let ran = run(
            hook,
            &[],
            &[program.as_os_str(), dir.path().join("work").as_os_str()],
        );
        let not_the_tasks = not_the_tasks() - before;
        assert!(ran.output.status.success(), "{}", ran.stderr());
        nothing_lost(&ran.summary);
        check(&ran, not_the_tasks);
    }
}

/// # Panics
/// The summary says that something was lost.
pub fn nothing_lost(summary: &Value) {
    let lost = summary["ledger"]["lost"]
        .as_object()
        .expect("what was lost");
    assert!(lost.values().all(|n| n == 0), "{lost:?}");
}

/// What holds of every summary: parts add up, and nothing took longer than there was time.
///
/// # Panics
/// It does not hold.
pub fn possible(summary: &Value) {
    let number = |of: &Value| of.as_u64().expect("a number");
    let elapsed = number(&summary["elapsed_ns"]);
    for row in summary["spans"].as_array().expect("spans") {
        let wall = ns(row, "wall");
        let parts = ns(row, "on_cpu") + ns(row, "runnable") + ns(row, "blocked");
        assert_eq!(parts, wall, "{row:#}");
        assert_eq!(ns(row, "user") + ns(row, "kernel"), ns(row, "on_cpu"));
        assert!(ns(row, "unfinished") <= wall, "{row:#}");
        for call in row["activity"].as_array().expect("activity") {
            let time = |key: &str| number(&call["time_ns"][key]);
            let (sum, max) = (time("sum"), time("max"));
            assert!(
                max <= elapsed && max <= sum && sum <= wall,
                "{elapsed}: {row:#}"
            );
            assert!(time("blocked") + time("runnable") <= sum, "{row:#}");
            assert!(time("going") <= sum, "{row:#}");
        }
    }
}

/// Time that passed for a thread on a cpu without being the thread's, of all cpus: interrupts, and what
/// a hypervisor took. The scheduler does not count it, a clock does.
fn not_the_tasks() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
    let ticks = |field: usize| -> u64 {
        let text = stat
            .lines()
            .next()
            .and_then(|line| line.split_whitespace().nth(field));
        text.map_or(0, |ticks| ticks.parse().expect("a number"))
    };
    // irq, softirq, steal; hundredths of a second.
    (ticks(6) + ticks(7) + ticks(8)) * 10 * MS
}

/// A time of a row, nanoseconds, or a number told among its times.
///
/// # Panics
/// There is none of that name.
#[must_use]
pub fn ns(row: &Value, key: &str) -> u64 {
    let value = row["time_ns"][key].as_u64();
    value.unwrap_or_else(|| panic!("no {key} in {row:#}"))
}

/// The calls of one name; `None` if there was none.
///
/// # Panics
/// The row is not one of activity.
#[must_use]
pub fn find_call<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    let calls = row["activity"].as_array().expect("activity");
    calls.iter().find(|call| call["syscall"] == name)
}

/// The calls of one name.
///
/// # Panics
/// There was none.
#[must_use]
pub fn call<'a>(row: &'a Value, name: &str) -> &'a Value {
    find_call(row, name).unwrap_or_else(|| panic!("no {name} in {row:#}"))
}

/// The sum of one number over the calls of some names.
///
/// # Panics
/// The row is not one of activity.
#[must_use]
pub fn sum(row: &Value, names: &[&str], key: &str) -> u64 {
    let calls = row["activity"].as_array().expect("activity");
    let named = calls
        .iter()
        .filter(|call| names.iter().any(|name| call["syscall"] == *name));
    named
        .map(|call| call[key].as_u64().expect("a number"))
        .sum()
}
