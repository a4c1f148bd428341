//! A thread that is held, and does not wait for anything, is told so.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::hooks;
use nulltrace_tests::traced::{program, run};

#[test]
fn time_that_a_thread_was_held_is_no_page_fault() {
    let program = program("stopped").to_str().unwrap().to_owned();
    for backend in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        for (how, key) in [
            ("signal", "stopped"),
            ("tracer", "traced"),
            ("freezer", "frozen"),
            ("freezer1", "frozen"),
        ] {
            for what in ["busy", "asleep"] {
                let ran = run(backend, &["--view", "time"], &[&program, how, what]);
                assert!(ran.output.status.success(), "{}", ran.stderr());
                let said = String::from_utf8_lossy(&ran.output.stdout);
                let Some(held) = said.lines().find_map(|line| line.parse::<u64>().ok()) else {
                    println!("skipped: {said}");
                    continue;
                };
                let times = &ran.row(&["held"])["time_ns"];
                let of = |key: &str| times[key].as_u64().unwrap();
                assert!(
                    of(key) >= held,
                    "{backend} {how} {what}: {held} of {times:#}"
                );
                let held_in_all = of("stopped") + of("traced") + of("frozen");
                assert_eq!(held_in_all, of(key), "{backend} {how} {what}: {times:#}");
                assert!(of("fault") >= held_in_all && of("blocked") >= of("fault"));
                let told = format!("{key} ");
                let line = |line: &str| line.trim_start().starts_with(&told);
                assert!(ran.stderr().lines().any(line), "{}", ran.stderr());
            }
        }
    }
}
