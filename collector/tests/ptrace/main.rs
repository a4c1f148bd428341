//! The ptrace source with real programs, as the user who runs the tests and as an ordinary one.

#![allow(clippy::unwrap_used, reason = "the helpers are part of the tests")]

mod support;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_collector::error::Error;
use nulltrace_collector::source::{Source, ptrace};
use support::{Seen, drain, program, programs, run};

/// Set in a helper process that a test starts from this very binary.
const HELPER: &str = "NULLTRACE_TEST_HELPER";

#[test]
fn a_script() {
    let run = run(&[
        "sh",
        "-c",
        "echo '>:t:a.b:k=v:' > /dev/null; /bin/true; echo hi > /dev/null; echo '<:t:a.b::' > /dev/null; exit 3",
    ]);
    run.check();
    assert_eq!(run.status.code(), Some(3));
    // "hi" may continue a marker that ends in `v:`; only the format can tell.
    assert_eq!(run.texts(), [">:t:a.b:k=v:\n", "hi\n", "<:t:a.b::\n"]);
    let flags: Vec<_> = run
        .writes()
        .iter()
        .map(|write| (write.2, write.3))
        .collect();
    assert_eq!(flags, [(0, false), (0, true), (0, false)]);
    assert!(
        run.writes()
            .iter()
            .all(|write| (write.0.pid, write.0.tid) == (run.pid, run.pid))
    );

    let Seen::Process {
        ppid,
        uid,
        start,
        comm,
        exe,
        exec,
    } = &run.records[0].seen
    else {
        panic!("{:?} is first", run.records[0]);
    };
    assert_eq!(
        (*ppid, comm.as_str(), *exec),
        (std::process::id(), "sh", true)
    );
    assert_eq!(*uid, rustix::process::getuid().as_raw());
    let shell = std::fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(exe.as_str(), shell.file_name().unwrap());
    // The kernel counts the start in hundredths of a second.
    assert!(run.records[0].ts - start < 5_000_000_000, "{start}");
    assert!(*start <= run.records[0].ts + 20_000_000);

    // /bin/true: forked before it ran, with its own facts and end.
    let (parent, child) = run.forks()[0];
    assert_eq!((run.forks().len(), parent), (1, run.pid));
    assert!(run.records.iter().any(|record| record.pid == child
        && matches!(&record.seen, Seen::Process { comm, exec: true, .. } if comm == "true")));
    assert_eq!(
        run.exits(),
        [(child, child, 0, 0, true), (run.pid, run.pid, 0, 3, true)]
    );
}

#[test]
fn threads_have_their_own_ids() {
    let run = program("threads");
    run.check();
    let writes = run.writes();
    assert_eq!(writes.len(), 16);
    let mut by_thread: HashMap<u32, Vec<String>> = HashMap::new();
    for (record, text, ..) in writes {
        assert_eq!(record.pid, run.pid);
        assert_ne!(record.tid, run.pid);
        by_thread.entry(record.tid).or_default().push(text);
    }
    assert_eq!(by_thread.len(), 8);
    for (tid, texts) in by_thread {
        // The thread says its own id in its last marker.
        assert!(
            texts[1].ends_with(&format!(":tid={tid}:")),
            "{tid} wrote {texts:?}"
        );
        assert!(run.exits().contains(&(run.pid, tid, 0, 0, false)));
    }
    assert_eq!(run.exits().len(), 9);
    assert!(run.forks().is_empty());
}

#[test]
fn every_call_that_writes() {
    let run = program("calls");
    run.check();
    assert_eq!(
        run.texts(),
        [
            ">:t:write::",
            ">:t:pwrite::",
            ">:t:vector::",
            ">:t:vector::",
            ">:t:vector::"
        ]
    );
    assert_eq!(run.faults, 0);
}

#[test]
fn what_is_no_marker_is_left_alone() {
    let run = program("others");
    run.check();
    assert_eq!(run.texts(), [">:t:copy::"]);
    assert_eq!((run.faults, run.unseen), (2, 0));
}

#[test]
fn a_write_that_the_kernel_refuses_is_no_marker() {
    let run = program("refused");
    run.check();
    assert_eq!(run.texts(), [">:t:sync::", ">:t:far::"]);
    assert_eq!((run.faults, run.unseen), (0, 0));
}

#[test]
fn children_that_are_not_to_be_traced() {
    let run = program("untraced");
    run.check();
    assert_eq!(run.texts(), [">:t:clone::", ">:t:clone3::"]);
    let children: Vec<u32> = run.forks().iter().map(|fork| fork.1).collect();
    let writers: Vec<u32> = run.writes().iter().map(|write| write.0.pid).collect();
    assert_eq!(children, writers);
    assert_eq!((run.faults, run.unseen), (0, 0));
}

#[test]
fn json_markers_in_parts() {
    let run = program("json");
    run.check();
    let seen: Vec<_> = run
        .writes()
        .iter()
        .map(|write| (write.1.clone(), write.3))
        .collect();
    let wanted = [
        ("[\">\",1,[\"ns::", false),
        ("a::", true),
        ("b\"]]\n", true),
        (">:t:a::\n[\"<\",1,[\"ns::", false),
        ("a::b\"]]", true),
    ];
    assert_eq!(seen, wanted.map(|(text, part)| (text.to_owned(), part)));
}

#[test]
fn a_program_that_hides_its_memory() {
    let run = program("hides");
    run.check();
    let seen = match rustix::process::getuid().is_root() {
        true => (3, 0), // Nothing is hidden from root; the other run of these tests has it.
        false => (1, 1),
    };
    assert_eq!((run.writes().len(), run.unseen), seen);
    assert_eq!(run.faults, 0);
}

#[test]
fn a_program_that_cannot_be_read() {
    if rustix::process::getuid().is_root() {
        return; // Nothing is hidden from root; the other run of these tests has it.
    }
    let dir = tempfile::tempdir().unwrap();
    let hidden = dir.path().join("hidden");
    std::fs::copy(programs(), &hidden).unwrap();
    std::fs::set_permissions(&hidden, PermissionsExt::from_mode(0o111)).unwrap();
    let script = format!("{} calls; {} calls", hidden.display(), programs().display());
    let run = run(&["sh", "-c", &script]);
    run.check();
    assert_eq!(run.status.code(), Some(0));
    assert_eq!((run.unseen, run.faults), (1, 0));
    assert_eq!(run.writes().len(), 5, "the other program is seen as ever");
}

/// A program of another ABI that writes two markers and ends with 0. Without any library.
#[cfg(target_arch = "x86_64")]
const FOREIGN: &str = r#"
static int call(int n, int a, const char *b, int c)
{ int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory"); return r; }
void _start(void)
{ int fd = call(5, (int)"/dev/null", (char *)1, 0);
  int bad = call(4, fd, ">:t:foreign::", 13) != 13; call(1, bad, 0, 0); }
"#;

#[test]
#[cfg(target_arch = "x86_64")]
fn a_foreign_program_runs_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let (source, program) = (dir.path().join("foreign.c"), dir.path().join("foreign"));
    std::fs::write(&source, FOREIGN).unwrap();
    let built = Command::new("cc")
        .args([
            "-m32",
            "-w",
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-fno-pic",
            "-no-pie",
        ])
        .args(["-fno-stack-protector", "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(built.success());
    if Command::new(&program).status().is_err() {
        return; // This kernel has no i386.
    }
    let run = run(&[program.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(0));
    assert_eq!((run.writes().len(), run.unseen), (0, 1));
}

#[test]
fn vfork_and_exec() {
    let run = program("vforked");
    run.check();
    let (parent, child) = run.forks()[0];
    assert_eq!(parent, run.pid);
    assert_eq!(run.writes().len(), 5);
    assert!(run.writes().iter().all(|write| write.0.pid == child));
}

#[test]
fn two_hundred_children() {
    let run = program("forks");
    run.check();
    let children: HashSet<u32> = run.forks().into_iter().map(|fork| fork.1).collect();
    assert_eq!(children.len(), 200);
    assert!(run.forks().iter().all(|fork| fork.0 == run.pid));
    let mut writes: HashMap<u32, Vec<String>> = HashMap::new();
    for (record, text, ..) in run.writes() {
        assert_eq!(record.pid, record.tid);
        writes.entry(record.pid).or_default().push(text);
    }
    assert_eq!(writes.len(), 200);
    for (pid, texts) in writes {
        assert!(children.contains(&pid));
        assert_eq!(texts, [">:p:child::", "<:p:child::"]);
    }
    let mut codes: Vec<u8> = run.exits().iter().map(|exit| exit.3).collect();
    codes.sort_unstable();
    let mut wanted: Vec<u8> = (0..200).map(|n| n % 100).chain([0]).collect();
    wanted.sort_unstable();
    assert_eq!(codes, wanted);
}

#[test]
fn exec_in_a_thread_takes_over_the_leader() {
    let run = program("exec_thread");
    run.check();
    let writes = run.writes();
    assert_eq!(writes.len(), 7);
    let thread = writes
        .iter()
        .find(|write| write.1 == ">:t:moved::")
        .unwrap()
        .0
        .tid;
    assert_ne!(thread, run.pid);
    // The leader ended with the exec; the caller goes on under its id.
    assert_eq!(
        run.exits(),
        [
            (run.pid, run.pid, 0, 0, false),
            (run.pid, run.pid, 0, 0, true)
        ]
    );
    assert!(writes[2..].iter().all(|write| write.0.tid == run.pid));
    let execs = run
        .records
        .iter()
        .filter(|record| matches!(record.seen, Seen::Process { exec: true, .. }));
    let callers: Vec<u32> = execs.map(|record| record.tid).collect();
    assert_eq!(callers, [run.pid, thread], "by their ids before");
}

#[test]
fn a_leader_that_ends_first() {
    let run = run(&[programs().to_str().unwrap(), "leader_first"]);
    run.check();
    assert_eq!(run.status.code(), Some(7));
    assert_eq!(
        run.exits(),
        [
            (run.pid, run.pid, 0, 0, false),
            (run.pid, run.pid, 0, 7, true)
        ]
    );
    // Not when the process was gone, but when it happened.
    let at = |wanted: &dyn Fn(&Seen) -> bool| {
        run.records
            .iter()
            .find(|record| wanted(&record.seen))
            .unwrap()
            .ts
    };
    let leader = at(&|seen| matches!(seen, Seen::Exit { group: false, .. }));
    let last = at(&|seen| matches!(seen, Seen::Exit { group: true, .. }));
    assert!(last - leader > 50_000_000);
}

#[test]
fn a_thread_with_its_own_descriptors() {
    let run = program("unshared");
    run.check();
    assert_eq!(run.texts(), [">:t:own::"]);
}

#[test]
fn killed_inside_a_span() {
    let run = run(&[programs().to_str().unwrap(), "killed"]);
    run.check();
    assert_eq!(run.status.signal(), Some(libc::SIGKILL));
    assert_eq!(run.texts(), [">:t:open::"]);
    assert_eq!(
        run.exits(),
        [(run.pid, run.pid, libc::SIGKILL as u8, 0, true)]
    );
}

#[test]
fn killed_at_any_moment() {
    let run = program("massacre");
    run.check();
    assert_eq!(run.forks().len(), 100);
    let kills = run
        .exits()
        .iter()
        .filter(|exit| exit.4 && exit.2 == libc::SIGKILL as u8)
        .count();
    assert_eq!(kills, 100);
    assert_eq!(run.faults, 0);
}

#[test]
fn stop_and_continue() {
    let run = program("stopped");
    run.check();
    // The child did not run between its stop and the parent's marker.
    let once = [">:t:child::", ">:t:parent::", "<:t:child::"];
    assert_eq!(run.texts(), [once, once].concat());
}

#[test]
fn fragments() {
    let run = program("fragments");
    run.check();
    assert_eq!(
        run.texts(),
        [">", ":t:", "a.", "b::\n", "[\">\",", "1,[\"c\"]]"]
    );
    let continues: Vec<bool> = run.writes().iter().map(|write| write.3).collect();
    assert_eq!(continues, [false, true, true, true, false, true]);
}

#[test]
fn long_markers_are_cut() {
    let run = program("cut");
    run.check();
    let seen: Vec<_> = run
        .writes()
        .iter()
        .map(|write| (write.1.len(), write.2))
        .collect();
    assert_eq!(seen, [(4096, 0), (4096, 1), (4096, 100_000 - 4096)]);
    assert!(
        run.texts()
            .iter()
            .all(|text| text.starts_with(">:t:long:k=x") && text.ends_with("xx"))
    );
}

/// Runs this binary as a helper that traces `words` with `stdout`.
fn helper(words: &[&str], stdout: Stdio) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "as_helper",
            "--nocapture",
            "--quiet",
            "--include-ignored",
        ])
        .env(HELPER, words.join("\n"))
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// No test: what a helper does. Its records go to stderr, since stdout is the command's.
#[test]
#[ignore = "the part of the other tests that runs in a process of its own"]
fn as_helper() {
    let Ok(words) = std::env::var(HELPER) else {
        return;
    };
    let run = run(&words.split('\n').collect::<Vec<_>>());
    run.check();
    eprintln!("markers {}", run.writes().len());
    eprintln!("status {}", run.status.into_raw());
}

#[test]
fn the_null_device_inherited_as_stdout() {
    let null = File::options().write(true).open("/dev/null").unwrap();
    let helper = helper(&[programs().to_str().unwrap(), "to_stdout"], null.into());
    let output = helper.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("markers 2\nstatus 0\n"), "{text}");
}

#[test]
fn ignored_signals() {
    // As a process that ignores SIGCHLD starts it: the status is told all the same.
    let mut helper = Command::new(std::env::current_exe().unwrap());
    helper
        .args(["--exact", "as_helper", "--nocapture", "--include-ignored"])
        .env(HELPER, "sed\n-n\ns/SigIgn://p;$q9\n/proc/self/status")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: signal is async-signal-safe.
    unsafe {
        helper.pre_exec(|| {
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            libc::signal(libc::SIGUSR1, libc::SIG_IGN);
            Ok(())
        });
    }
    let output = helper.spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&format!("status {}\n", 9 << 8)), "{told}");
    let ignored = said
        .split_whitespace()
        .find(|word| word.len() == 16)
        .unwrap();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    let has = |signal: i32| ignored >> (signal - 1) & 1 == 1;
    assert!(
        has(libc::SIGCHLD) && has(libc::SIGUSR1) && !has(libc::SIGPIPE),
        "{ignored:x}"
    );
}

#[test]
fn ordinary_output_is_unharmed() {
    // 64 KiB blocks through a pipe, some of them beginning like a marker.
    let script = "head -c 3000000 /dev/zero | tr '\\0' '>' | dd bs=65536 iflag=fullblock 2> /dev/null; \
                  seq 1 200000; ls -l /usr/bin | cat";
    let plain = Command::new("sh").args(["-c", script]).output().unwrap();
    let begun = Instant::now();
    let helper = helper(&["sh", "-c", script], Stdio::piped());
    let traced = helper.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60));
    let text = String::from_utf8_lossy(&traced.stderr);
    assert!(text.contains("markers 0\nstatus 0\n"), "{text}");
    // The test harness of the helper says something before and after.
    let at = traced
        .stdout
        .windows(64)
        .position(|bytes| bytes == [b'>'; 64])
        .unwrap();
    assert_eq!(
        plain.stdout.len(),
        3_000_000 + plain.stdout[3_000_000..].len()
    );
    assert!(traced.stdout[at..].starts_with(&plain.stdout));
}

#[test]
fn descendants_outlive_the_command() {
    let words = [programs().into(), "orphan".into()];
    let (mut source, command) = ptrace::spawn(&words).unwrap();
    let begun = Instant::now();
    while command.status().is_none() {
        source.wait(Duration::from_secs(5));
    }
    assert_eq!(command.status().unwrap().code(), Some(4));
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "the end of the command wakes the reader"
    );
    assert_eq!(source.alive(), Some(1));
    let records = drain(&mut source);
    let Some(last) = records
        .iter()
        .rfind(|record| matches!(record.seen, Seen::Write { .. }))
    else {
        panic!("the orphan's marker is missing");
    };
    assert_ne!(last.pid, command.pid());
}

/// Whether process `pid` is there and no zombie.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

#[test]
fn all_can_be_killed() {
    let words: [OsString; 2] = [programs().into(), "endless".into()];
    for drop_it in [false, true] {
        let (mut source, command) = ptrace::spawn(&words).unwrap();
        let (begun, mut pids) = (Instant::now(), HashSet::from([command.pid()]));
        while pids.len() < 8 {
            source.wait(Duration::from_millis(20));
            source
                .drain(&mut |record| {
                    pids.insert(support::Record::decode(record).pid);
                })
                .unwrap();
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
        assert_eq!(source.alive(), Some(8));
        assert!(pids.iter().all(|&pid| runs(pid)));
        if drop_it {
            drop(source);
        } else {
            command.kill_all();
            assert_eq!(source.alive(), Some(0));
            let ends = drain(&mut source)
                .iter()
                .filter(|record| {
                    matches!(
                        record.seen,
                        Seen::Exit {
                            signal: 9,
                            group: true,
                            ..
                        }
                    )
                })
                .count();
            assert_eq!(ends, 8);
        }
        assert_eq!(command.status().unwrap().signal(), Some(libc::SIGKILL));
        assert!(pids.iter().all(|&pid| !runs(pid)));
    }
}

#[test]
fn the_command_dies_with_its_tracer() {
    let mut helper = helper(&["sh", "-c", "echo $$; exec sleep 1000"], Stdio::piped());
    let mut output = std::io::BufReader::new(helper.stdout.take().unwrap());
    let pid = loop {
        let mut line = String::new();
        assert_ne!(
            std::io::BufRead::read_line(&mut output, &mut line).unwrap(),
            0
        );
        if let Ok(pid) = line.trim().parse::<u32>() {
            break pid;
        }
    };
    assert!(runs(pid));
    helper.kill().unwrap();
    helper.wait().unwrap();
    let begun = Instant::now();
    while runs(pid) {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_full_buffer_holds_the_command_up() {
    let words = [
        programs().into(),
        "cost".into(),
        "60000".into(),
        ">:t:full::".into(),
    ];
    let (mut source, command) = ptrace::spawn(&words).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(command.status(), None, "60000 records do not fit undrained");
    let records = drain(&mut source);
    let writes = records
        .iter()
        .filter(|record| matches!(record.seen, Seen::Write { .. }))
        .count();
    assert_eq!(writes, 60000);
}

#[test]
fn commands_that_cannot_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for (word, status, says) in [
        (
            "/nowhere/at/all",
            127,
            "cannot run the command: /nowhere/at/all: No such file",
        ),
        ("no-such-command-anywhere", 127, "check its name and PATH"),
        (file.to_str().unwrap(), 126, "Permission denied"),
        ("a\0b", 126, "NUL byte"),
    ] {
        let error = ptrace::spawn(&[word.into(), "x".into()]).err().unwrap();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(Error::from(error).status(), status, "{says}");
    }
    assert!(matches!(ptrace::spawn(&[]), Err(ptrace::Error::Empty)));
}

#[test]
fn new_privileges_are_given_up_only_where_they_must_be() {
    let run = run(&[programs().to_str().unwrap(), "privileges"]);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let caps = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:\t"))
        .unwrap();
    let may = u64::from_str_radix(caps, 16).unwrap() >> 21 & 1 == 1;
    assert_eq!(run.status.code(), Some(i32::from(!may)));
}

#[test]
fn as_an_ordinary_user() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    // Where that user can reach it.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let own = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &own).unwrap();
    let output = Command::new(&own)
        .env("TMPDIR", dir.path())
        .current_dir(dir.path())
        .uid(65534)
        .gid(65534)
        .output();
    let output = match output {
        // A user namespace that knows no other user.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => return,
        output => output.unwrap(),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("test two_hundred_children ... ok"), "{text}");
}

/// Prints what a write costs; run with `--release -- --ignored --nocapture cost`.
#[test]
#[ignore = "a measurement"]
fn cost() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("nanoseconds");
    let (out, program) = (out.to_str().unwrap(), programs().to_str().unwrap());
    for text in [
        ">:t:checkout.pay:cart=7:",
        "checkout.pay:cart=7 is no marker",
    ] {
        let script = format!("{program} cost 5000 '{text}' > {out}");
        let took = || {
            let text = std::fs::read_to_string(out).unwrap();
            text.trim().parse::<f64>().unwrap()
        };
        // The least of several: all else is the machine's other work.
        let (mut plain, mut traced) = (f64::MAX, f64::MAX);
        for _ in 0..15 {
            Command::new("sh").args(["-c", &script]).status().unwrap();
            plain = plain.min(took());
            run(&["sh", "-c", &script]);
            traced = traced.min(took());
        }
        let times = traced / plain;
        println!("{text}: {plain:.0} ns, traced {traced:.0} ns: {times:.0} times");
    }
}
