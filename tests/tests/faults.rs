//! Bad input and faults: each is refused or survived, and counted.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::process::Command;
use std::time::Duration;

use nulltrace_tests::activity::nothing_lost;
use nulltrace_tests::marks::Puppet;
use nulltrace_tests::traced::{program, run};
use nulltrace_tests::{Agent, copy_program, hooks, no_bpf, nulltrace, row};
use serde_json::Value;

fn workload(args: &[&str]) -> Vec<String> {
    let path = program("workload").to_str().unwrap().to_owned();
    [path]
        .into_iter()
        .chain(args.iter().map(ToString::to_string))
        .collect()
}

#[test]
fn malformed_markers_are_counted_by_code_and_shown_harmless() {
    for backend in hooks() {
        let script = r#"printf '>:gui-7:a::\n' > /dev/null
            printf '>:1:a.\033[31m,b::\n' > /dev/null
            printf '>:1:main.Map[...].func1::\n<:1:main.Map[...].func1::\n' > /dev/null
            printf '[">",1,{"a":1}]\n' > /dev/null
            printf '>:99999999999999999999:huge::\n<:99999999999999999999:huge::\n' > /dev/null
            printf '>:1:good::\n<:1:good::\n' > /dev/null"#;
        let ran = run(backend, &[], &["sh", "-c", script]);
        assert_eq!(ran.hits(&["good"]), 1);
        assert_eq!(ran.hits(&["huge"]), 1);
        assert_eq!(ran.hits(&["main", "Map[", "", "", "]", "func1"]), 1);
        assert_eq!(ran.ledger("markers.malformed"), 3);
        let by_code = &ran.summary["ledger"]["markers"]["malformed_by_code"];
        assert_eq!(
            (
                &by_code["E_ID"],
                &by_code["E_TAG_CHAR"],
                &by_code["E_JSON_SHAPE"]
            ),
            (&1.into(), &1.into(), &1.into())
        );
        let said = ran.stderr();
        assert!(said.contains("E_TAG_CHAR"), "{said}");
        assert!(
            !said.contains('\x1b'),
            "control characters must be shown, not sent: {said:?}"
        );
    }
}

#[test]
fn four_kibibytes_of_random_bytes() {
    for backend in hooks() {
        let ran = run(backend, &[], &workload(&["garbage", "4096", "300"]));
        assert!(ran.output.status.success());
        assert!(ran.ledger("markers.malformed") >= 300);
        assert_eq!(ran.hits(&["after", "garbage"]), 1);
        // Each write held several lines; all that began like a marker are accounted for.
        let seen = ran.ledger("markers.seen");
        let parts = ["enter", "exit", "malformed"].map(|key| ran.ledger(&format!("markers.{key}")));
        assert_eq!(seen, parts.iter().sum::<u64>());
    }
}

#[test]
fn a_million_distinct_tags_in_bounded_memory() {
    // An emulator is some twenty times slower.
    let guest = std::env::var_os("NULLTRACE_TEST_KERNEL").is_some();
    let count = if guest { 50_000 } else { 1_000_000 };
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut puppet = Puppet::start();
    let agent = Agent::start(&[puppet.pid()], &[], &dir.path().join("s.json")).unwrap();
    let before = agent.rss();
    puppet.run(&workload(&["distinct", &count.to_string()]).join(" "));
    std::thread::sleep(Duration::from_millis(100));
    let grown = (agent.rss() - before) >> 20;
    assert!(grown < 128, "grew by {grown} MiB");
    let summary = agent.stop();
    let rows = summary["spans"].as_array().unwrap();
    assert!(rows.len() < 12_000, "{} rows", rows.len());
    let hits: u64 = rows.iter().map(|row| row["hits"].as_u64().unwrap()).sum();
    let ledger = &summary["ledger"];
    let lost = ledger["lost"]["ring_full"].as_u64().unwrap();
    assert_eq!(
        ledger["markers"]["seen"].as_u64().unwrap() + lost,
        2 * count
    );
    assert!(hits + lost >= count, "{hits} hits, {lost} lost");
}

#[test]
fn an_enter_without_exit_and_an_exit_without_enter() {
    for backend in hooks() {
        let script =
            "echo '>:g:never.ends::' > /dev/null; echo '<:g:never.began::' > /dev/null; sleep 0.01";
        let ran = run(backend, &[], &["sh", "-c", script]);
        assert_eq!(ran.ledger("markers.unmatched_exit"), 1);
        let row = ran.row(&["never", "ends"]);
        assert_eq!(row["hits"], 0);
        assert_eq!(
            row["open"].as_u64().unwrap() + row["inferred"]["process_exit"].as_u64().unwrap(),
            1
        );
        assert_eq!(ran.hits(&["never", "began"]), 0);
    }
}

#[test]
fn killed_in_a_span() {
    for backend in hooks() {
        let ran = run(
            backend,
            &[],
            &[
                "sh",
                "-c",
                "echo '>::doomed::' > /dev/null; sleep 0.02; kill -KILL $$",
            ],
        );
        assert_eq!(ran.output.status.code(), Some(137));
        let row = ran.row(&["doomed"]);
        assert_eq!(
            (&row["hits"], &row["inferred"]["process_exit"]),
            (&0.into(), &1.into())
        );
    }
}

#[test]
fn two_last_threads_that_end_in_the_same_moment() {
    for backend in hooks() {
        let program = program("together").to_str().unwrap().to_owned();
        let ran = run(backend, &[], &[program.as_str(), "300"]);
        assert!(ran.output.status.success());
        for (tags, ends) in [
            (["together", "process"], &["process_exit"][..]),
            (["together", "thread"], &["thread_exit", "process_exit"]),
        ] {
            let row = ran.row(&tags);
            let count = |how: &&str| row["inferred"][how].as_u64().unwrap();
            assert_eq!(
                ends.iter().map(count).sum::<u64>(),
                300,
                "{backend}: {row:#}"
            );
            assert_eq!(row["open"], 0);
        }
    }
}

/// The kernel refuses one of two that create a storage of the same task at once: another collector, or here
/// the traced program. That is no loss.
#[test]
fn a_storage_of_the_same_task_is_created_on_another_cpu() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let cpus = std::thread::available_parallelism().unwrap().get();
    if cpus < 2 || std::env::var_os("NULLTRACE_TEST_KERNEL").is_some() {
        return println!("skipped: no two cpus run at once");
    }
    let program = program("storage").to_str().unwrap().to_owned();
    for activity in ["off", "segments"] {
        let options = ["--activity", activity];
        let ran = run("ebpf", &options, &[program.as_str(), "20000"]);
        assert!(ran.output.status.success(), "{}", ran.stderr());
        nothing_lost(&ran.summary);
        assert_eq!(ran.hits(&["storage"]), 20_000);
        let refused = String::from_utf8_lossy(&ran.output.stdout);
        assert_ne!(refused.trim(), "0", "nothing was created at once");
    }
}

#[test]
fn the_collector_killed_and_started_again_during_spans() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let mut puppet = Puppet::start(); // with the device open before any collector
    let first = Agent::start(&[puppet.pid()], &[], &json).unwrap();
    puppet.mark(">:1:across::");
    drop(first); // SIGKILL
    puppet.mark(">:2:unseen::");
    let second = Agent::start(&[puppet.pid()], &[], &json).unwrap();
    for marker in ["<:1:across::", "<:2:unseen::", ">:3:whole::", "<:3:whole::"] {
        puppet.mark(marker);
    }
    let summary = second.stop();
    assert_eq!(summary["ledger"]["markers"]["unmatched_exit"], 2);
    assert_eq!(row(&summary, &["whole"]).unwrap()["hits"], 1);
    assert!(row(&summary, &["across"]).is_none());
}

#[test]
fn what_one_long_write_has_behind_4096_bytes_is_counted() {
    for backend in hooks() {
        let ran = run(backend, &[], &workload(&["together"]));
        assert!(ran.output.status.success());
        let markers = ["seen", "enter", "exit"].map(|key| ran.ledger(&format!("markers.{key}")));
        assert_eq!(markers, [512, 256, 256], "{backend}: those before it stay");
        assert_eq!(ran.hits(&["step", "o"]), 256);
        // Pages that are no markers are nobody's.
        assert_eq!(ran.ledger("lost.long_write_bytes"), 2 * 4096);
        let said = ran.stderr();
        assert!(said.contains("lost: long write bytes 8192;"), "{said}");
        assert!(said.contains("write each marker by itself"), "{said}");
        let script = "printf '>:1:a::\\n%04088d' 7 > /dev/null"; // 4096 bytes
        let ran = run(backend, &[], &["sh", "-c", script]);
        assert_eq!(ran.ledger("markers.enter"), 1);
        assert!(ran.stderr().contains("nothing lost"), "{}", ran.stderr());
    }
}

#[test]
fn a_ring_too_small_counts_what_it_lost() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let ran = run(
        "ebpf",
        &["--ring-size", "4KiB"],
        &workload(&["burst", "100000"]),
    );
    let (seen, lost) = (ran.ledger("markers.seen"), ran.ledger("lost.ring_full"));
    assert!(lost > 0, "a ring of one page cannot hold a burst");
    assert!(
        seen + lost >= 200_000 && seen + lost <= 200_010,
        "{seen} seen + {lost} lost"
    );
    assert!(
        ran.stderr().contains("lost"),
        "the table says so: {}",
        ran.stderr()
    );
}

#[test]
fn a_buffer_that_is_not_mapped_in_is_counted_as_a_fault() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let ran = run("ebpf", &[], &workload(&["untouched"]));
    assert_eq!(
        (ran.ledger("lost.fault"), ran.ledger("markers.seen")),
        (1, 0)
    );
    // ptrace reads by way of the kernel's own page-in and sees it.
    assert_eq!(
        run("ptrace", &[], &workload(&["untouched"])).ledger("markers.seen"),
        1
    );
}

#[test]
fn the_device_opened_before_the_collector_started_and_inherited() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut puppet = Puppet::start();
    let agent = Agent::start(&[puppet.pid()], &[], &dir.path().join("s.json")).unwrap();
    puppet.run("sh -c \"echo '>::inherited::'; echo '<::inherited::'\" >&9");
    let summary = agent.stop();
    assert_eq!(row(&summary, &["inherited"]).unwrap()["hits"], 1);
}

/// `nulltrace run` on a small script in a setting where BPF must fail.
fn without_bpf(setting: &mut Command) -> (Option<i32>, String, Value) {
    let out = setting
        .args([
            "run",
            "--json",
            "-",
            "--",
            "sh",
            "-c",
            "echo '>::x::' > /dev/null; echo '<::x::' > /dev/null; exit 3",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let summary =
        serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (out.status.code(), said, summary)
}

fn falls_back_to_ptrace(setting: &mut Command, reason: &str) {
    let (code, said, summary) = without_bpf(setting);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(summary["backend"], "ptrace");
    assert_eq!(row(&summary, &["x"]).unwrap()["hits"], 1);
    assert!(said.contains(reason), "names the reason {reason:?}: {said}");
    assert!(
        said.contains("slow"),
        "says that it is the slow one: {said}"
    );
}

#[test]
fn no_bpf_call() {
    let mut command = Command::new(program("no-bpf"));
    falls_back_to_ptrace(command.arg(nulltrace()), "bpf");
}

#[test]
fn no_rights() {
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return falls_back_to_ptrace(&mut Command::new(nulltrace()), "CAP_BPF");
    }
    // An ordinary user must be able to reach the binary.
    let dir = tempfile::tempdir().unwrap();
    let binary = dir.path().join("nulltrace");
    copy_program(nulltrace(), &binary);
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(binary);
    falls_back_to_ptrace(command.current_dir("/"), "CAP_BPF");
}

#[test]
fn no_btf() {
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return println!("skipped: hiding /sys/kernel/btf needs root");
    }
    let mut command = Command::new("unshare");
    command
        .args([
            "-m",
            "sh",
            "-c",
            "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"",
            "sh",
        ])
        .arg(nulltrace());
    falls_back_to_ptrace(&mut command, "BTF");
}

#[test]
fn no_statsd_host() {
    for (address, what) in [
        ("no.such.host.invalid:8125", "no.such.host.invalid"),
        ("127.0.0.1:notaport", "notaport"),
    ] {
        let out = Command::new(nulltrace())
            .args(["run", "--statsd", address, "--", "true"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(
            !out.status.success()
                && said.starts_with("nulltrace: ")
                && said.contains(what)
                && said.contains("; "),
            "{said}"
        );
    }
    // A host that is there with no server on the port costs its data, counted.
    let free = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for backend in hooks() {
        let script = "for i in 1 2 3 4 5; do echo \">:$i:x::\" > /dev/null; echo \"<:$i:x::\" > /dev/null; sleep 0.3; done";
        let ran = run(
            backend,
            &["--statsd", &free.to_string()],
            &["sh", "-c", script],
        );
        assert!(ran.output.status.success());
        assert_eq!(ran.hits(&["x"]), 5);
        assert!(ran.ledger("lost.sink") > 0, "{:#}", ran.summary["ledger"]);
    }
}
