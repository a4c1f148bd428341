//! Sums of calls by fields, against what is known of the work and what the summary says of it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use nulltrace_tests::activity::nothing_lost;
use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{Agent, copy_program, hooks, no_bpf, nulltrace};
use serde_json::{Value, json};

/// The words of a line: between spaces, or between single quotes.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (part, quoted) in line.split('\'').zip([false, true].into_iter().cycle()) {
        match quoted {
            true => words.push(part),
            false => words.extend(part.split_whitespace()),
        }
    }
    words
}

/// Under each hook that sees activity, `options` as the words of a line.
fn each(options: &str, command: &[&str], check: impl Fn(&Ran)) {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        println!("{hook} {options}");
        let ran = run(hook, &words(options), command);
        assert!(ran.output.status.success(), "{}", ran.stderr());
        let lost = ran.summary["ledger"]["lost"].as_object().unwrap();
        assert!(lost.values().all(|n| n == 0), "{lost:?}");
        check(&ran);
    }
}

/// The program of known work.
fn activity(options: &str, check: impl Fn(&Ran, &str)) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    let workload = program("activity");
    each(options, &[workload.to_str().unwrap(), file], |ran| {
        check(ran, file);
    });
}

/// The program that moves bytes; what it printed, and the two files.
fn group(options: &str, check: impl Fn(&Ran, u64, &str, &str)) {
    let dir = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| dir.path().join(name).display().to_string());
    std::fs::write(&from, vec![b'x'; 100_000]).unwrap();
    let workload = program("group");
    each(options, &[workload.to_str().unwrap(), &from, &to], |ran| {
        let port = String::from_utf8_lossy(&ran.output.stdout);
        check(ran, port.trim().parse().unwrap(), &from, &to);
    });
}

fn rows(summary: &Value) -> &[Value] {
    summary["rows"].as_array().unwrap()
}

/// The row that has all of these values.
fn row<'a>(summary: &'a Value, values: &[(&str, &str)]) -> &'a Value {
    let mut found = rows(summary)
        .iter()
        .filter(|row| values.iter().all(|(name, value)| row[name] == *value));
    let row = found.next();
    assert!(found.next().is_none(), "two rows of {values:?}");
    row.unwrap_or_else(|| panic!("no {values:?} in {:#}", summary["rows"]))
}

/// By span and call: count, bytes, errors and time.
type Sums = BTreeMap<(String, String), [u64; 4]>;

fn of_rows(summary: &Value, span: &str) -> Sums {
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        let sums = ["count", "bytes", "errors", "time"].map(|name| row[name].as_u64().unwrap());
        Some(((text(span)?, text("evt.type")?), sums))
    };
    rows(summary).iter().filter_map(row).collect()
}

/// The same from the summary: calls in the spans themselves, or in them and all inside.
fn of_summary(summary: &Value, own: bool) -> Sums {
    let mut found = Sums::new();
    for span in summary["spans"].as_array().unwrap() {
        let tags: Vec<_> = span["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap())
            .collect();
        for call in span["activity"].as_array().unwrap() {
            let counts = if own { &call["self"] } else { call };
            let errors = counts["errors"]
                .as_object()
                .unwrap()
                .values()
                .map(|n| n.as_u64().unwrap());
            let number = |value: &Value| value.as_u64().unwrap();
            let sums = [
                number(&counts["count"]),
                number(&counts["bytes"]),
                errors.sum(),
                number(&counts["time_ns"]["sum"]),
            ];
            if sums[0] > 0 {
                let name = call["syscall"].as_str().unwrap().to_owned();
                found.insert((tags.join("."), name), sums);
            }
        }
    }
    found
}

#[test]
fn groups_by_span_and_call_are_what_the_summary_has() {
    activity(
        "--by span.tags,evt.type --sum count,bytes,errors,time",
        |ran, _| {
            let found = of_rows(&ran.summary, "span.tags");
            assert_eq!(found, of_summary(&ran.summary, true));
            let of = |span: &str, call: &str| found[&(span.to_owned(), call.to_owned())];
            assert_eq!(of("all.files", "write")[..3], [200, 200 * 4096, 0]);
            assert_eq!(of("all.files", "pread64")[..3], [100, 100 * 1000, 0]);
            assert_eq!(of("all.files", "openat")[..3], [2, 0, 1]);
            assert_eq!(of("all.again", "read")[..3], [70, 0, 70]);
            assert_eq!(of("all.fork", "wait4")[..3], [20, 0, 0]);
            let counts: Vec<_> = rows(&ran.summary)
                .iter()
                .map(|row| row["count"].as_u64())
                .collect();
            assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
        },
    );
}

#[test]
fn enclosing_spans_have_what_is_inside_once() {
    activity(
        "--by evtin.span.tags --by evt.type --sum count,bytes,errors,time",
        |ran, _| {
            let found = of_rows(&ran.summary, "evtin.span.tags");
            assert_eq!(found, of_summary(&ran.summary, false));
        },
    );
    // All spans have the same first tag: a call is not in its group twice.
    activity(
        "--by evtin.span.tag[0] --sum count --where evt.type=pread64",
        |ran, _| {
            assert_eq!(
                ran.summary["rows"],
                json!([{"evtin.span.tag[0]": "all", "count": 104}])
            );
        },
    );
}

#[test]
fn bytes_by_file() {
    activity(
        "--by fd.name --sum bytes,bytes.in,bytes.out --where fd.type=file",
        |ran, file| {
            assert_eq!(
                *row(&ran.summary, &[("fd.name", file)]),
                // Written, read, opened once of two tries, synced, closed.
                json!({
                    "fd.name": file,
                    "bytes": 200 * 4096 + 100 * 1000,
                    "bytes.in": 100 * 1000,
                    "bytes.out": 200 * 4096,
                    "count": 200 + 100 + 1 + 1 + 1,
                })
            );
            assert!(ran.stderr().contains(file), "{}", ran.stderr());
        },
    );
    activity(
        "--by fd.type,evt.type --sum errors --where span.tags=all.again",
        |ran, _| {
            assert_eq!(
                ran.summary["rows"],
                json!([{"fd.type": "pipe", "evt.type": "read", "errors": 70, "count": 70}])
            );
        },
    );
}

/// Of all calls, how many match, do not, and have nothing to compare.
fn filtered(summary: &Value) -> [u64; 3] {
    let of = &summary["where"];
    assert_eq!((&of["of"], &of["undecided"]), (&json!("calls"), &json!(0)));
    ["matched", "not", "unknown"].map(|name| of[name].as_u64().unwrap())
}

#[test]
fn filters_choose_among_calls() {
    let counts = |ran: &Ran| -> Vec<_> {
        let row = |row: &Value| (row["evt.type"].clone(), row["count"].as_u64().unwrap());
        rows(&ran.summary).iter().map(row).collect()
    };
    for filter in [
        "span.tags=all.files and evt.type in (write, pread64)",
        "span.tags = all.files and not (evt.type = openat or evt.type = close or evt.type = fsync) and fd.type = file",
        "fd.type=file and evtin.span.tag[1]=files and fd.directory!=/dev/pts and evt.type in (write, pread64)",
    ] {
        let options = format!("--by evt.type --sum count --where '{filter}'");
        activity(&options, |ran, _| {
            let found = counts(ran);
            assert_eq!(found, [(json!("write"), 200), (json!("pread64"), 100)]);
            let [matched, not, _] = filtered(&ran.summary);
            assert!(matched == 300 && not > 0, "{matched} {not}");
        });
    }
    // What is known of a call that has no file is nothing, and `not` of that is nothing, too.
    activity(
        "--by fd.type --sum count --where 'not fd.type = pipe and span.tags = all.files'",
        |ran, _| {
            let all = rows(&ran.summary);
            assert!(all.iter().all(|row| row["fd.type"].is_string()), "{all:#?}");
            let [matched, _, unknown] = filtered(&ran.summary);
            let of_rows: u64 = all.iter().map(|row| row["count"].as_u64().unwrap()).sum();
            assert_eq!(matched, of_rows);
            let line = format!("left out: {unknown} call");
            assert!(
                unknown > 0 && ran.stderr().contains(&line),
                "{}",
                ran.stderr()
            );
        },
    );
    group(
        "--by fd.name --sum bytes --where 'span.tag[0]=move and fd.name regex \".*/(from|to)\"'",
        |ran, _, from, to| {
            let names = rows(&ran.summary)
                .iter()
                .map(|row| row["fd.name"].as_str().unwrap());
            assert_eq!(names.collect::<Vec<_>>(), [from, to]);
        },
    );
    group(
        "--by evt.type --sum bytes --where 'fd.ip = 127.0.0.0/8 and fd.port > 1023 and evt.type in (write, recvfrom)'",
        |ran, _, _, _| {
            for call in ["write", "recvfrom"] {
                assert_eq!(row(&ran.summary, &[("evt.type", call)])["bytes"], 64_000);
            }
        },
    );
}

#[test]
fn a_copy_is_on_both_of_its_files_and_one_call() {
    group(
        "--by fd.filename,evt.type --sum bytes,bytes.in,bytes.out --where span.tags=move.copy",
        |ran, _, _, _| {
            let side = |name: &str, own: u64, other: u64| {
                json!({
                    "fd.filename": name, "evt.type": "sendfile",
                    "bytes": 100_000, "bytes.in": own, "bytes.out": other, "count": 10,
                })
            };
            assert_eq!(
                ran.summary["rows"],
                json!([side("from", 100_000, 0), side("to", 0, 100_000)])
            );
        },
    );
    group(
        "--by span.tags --sum bytes,bytes.in,bytes.out --where evt.type=sendfile",
        |ran, _, _, _| {
            assert_eq!(
                ran.summary["rows"],
                json!([{
                    "span.tags": "move.copy",
                    "bytes": 100_000, "bytes.in": 100_000, "bytes.out": 100_000, "count": 10,
                }])
            );
        },
    );
}

#[test]
fn the_network_and_files_apart() {
    group(
        "--by fd.l4proto,fd.rip,fd.rport,evt.type --sum bytes --where 'fd.l4proto exists' --where 'fd.rport exists'",
        |ran, port, _, _| {
            let writes = row(&ran.summary, &[("evt.type", "write")]);
            assert_eq!(
                *writes,
                json!({
                    "fd.l4proto": "tcp", "fd.rip": "127.0.0.1", "fd.rport": port, "evt.type": "write",
                    "bytes": 64_000, "count": 64,
                })
            );
            let reads = row(&ran.summary, &[("evt.type", "recvfrom")]);
            assert_eq!(
                (&reads["bytes"], &reads["count"]),
                (&64_000.into(), &64.into())
            );
            assert_ne!(reads["fd.rport"], port, "it is the other end");
        },
    );
    // Each end of a socket has what went through it.
    group(
        "--by fd.port --sum bytes --where evt.type=write --where 'fd.port exists'",
        |ran, port, _, _| {
            let [one, other] = rows(&ran.summary) else {
                panic!("{:#}", ran.summary["rows"]);
            };
            let ports = [&one["fd.port"], &other["fd.port"]].map(|port| port.as_u64().unwrap());
            assert!(ports.contains(&port) && ports[0] != ports[1], "{ports:?}");
            assert_eq!(
                (&one["bytes"], &other["bytes"]),
                (&64_000.into(), &64_000.into())
            );
        },
    );
    group(
        "--by fd.name --sum bytes --where fd.type=file --where span.tag[0]=move",
        |ran, _, from, to| {
            let names: Vec<_> = rows(&ran.summary)
                .iter()
                .map(|row| row["fd.name"].as_str().unwrap())
                .collect();
            assert_eq!(names, [from, to]);
        },
    );
}

#[test]
fn facts_of_processes() {
    let by = "--by proc.name,proc.pname,proc.cmdline,proc.exe,proc.pid,proc.ppid,user.uid,user.name --where span.tag[0]=all";
    activity(by, |ran, file| {
        let [row] = rows(&ran.summary) else {
            panic!("{:#}", ran.summary["rows"]);
        };
        assert_eq!(
            (&row["proc.name"], &row["proc.pname"]),
            (&json!("activity"), &json!("nulltrace"))
        );
        let exe = program("activity").display().to_string();
        assert_eq!(row["proc.cmdline"], format!("{exe} {file}"));
        assert!(row["proc.pid"].is_u64() && row["proc.ppid"].is_u64());
        assert_eq!(row["user.uid"], rustix::process::getuid().as_raw());
        let named = Command::new("id").arg("-un").output().unwrap().stdout;
        assert_eq!(row["user.name"], String::from_utf8(named).unwrap().trim());
    });
}

/// A loop over carts: in `job`, which has an argument for each, a read, and another in `job.inner`, which has none.
fn carts(options: &str, check: impl Fn(&[Value])) {
    let script = r#"
        for cart in 7 8 7; do
            echo ">:t:job:cart=$cart,a\\,b=c=$cart:" >/dev/null; read line </proc/version
            echo ">:t:job.inner::" >/dev/null; read line </proc/version
            echo "<:t:job.inner::" >/dev/null; echo "<:t:job::" >/dev/null
        done"#;
    let options =
        format!("{options} --sum count --where evt.type=read --where fd.name=/proc/version");
    each(&options, &["bash", "-c", script], |ran| {
        check(rows(&ran.summary))
    });
}

/// Values and count of each row; as many reads as it takes to read that file once are one.
fn readings<const N: usize>(rows: &[Value], names: [&str; N]) -> Vec<([Value; N], u64)> {
    let count = |row: &Value| row["count"].as_u64().unwrap();
    let once = rows.iter().map(count).min().unwrap();
    let row = |row: &Value| (names.map(|name| row[name].clone()), count(row) / once);
    let mut found: Vec<_> = rows.iter().map(row).collect();
    found.sort_by_key(|(values, _)| values.each_ref().map(Value::to_string));
    assert!(rows.iter().all(|row| count(row) % once == 0), "{rows:#?}");
    found
}

#[test]
fn calls_by_the_arguments_of_spans() {
    let cart = "span.arg.cart";
    carts("--by span.arg.cart,span.tags", |rows| {
        assert_eq!(
            readings(rows, [cart, "span.tags"]),
            [
                ([json!("7"), json!("job")], 2),
                ([json!("8"), json!("job")], 1),
                ([Value::Null, json!("job.inner")], 3),
            ]
        );
    });
    // What the span inside did is of the cart, too.
    carts("--by evtin.span.arg.cart", |rows| {
        let found = readings(rows, ["evtin.span.arg.cart"]);
        assert_eq!(found, [([json!("7")], 2), ([json!("8")], 1)]);
    });
    carts("--by span.tags --where span.arg.cart=7", |rows| {
        assert_eq!(readings(rows, ["span.tags"]), [([json!("job")], 1)]);
    });
    carts("--by span.tags --where evtin.span.arg.cart=8", |rows| {
        let found = readings(rows, ["span.tags"]);
        assert_eq!(found, [([json!("job")], 1), ([json!("job.inner")], 1)]);
    });
    carts(
        r#"--by span.arg["a,b"] --where 'span.arg["a,b"] != "c=8"'"#,
        |rows| {
            let found = readings(rows, [r#"span.arg["a,b"]"#]);
            assert_eq!(found, [([json!("c=7")], 1)]);
        },
    );
}

#[test]
fn each_span_apart() {
    carts("--by span.seq,span.ntags,span.enterargs", |rows| {
        let names = ["span.ntags", "span.enterargs"];
        let args = |cart: u8| json!(format!(r"cart={cart},a\,b=c\={cart}"));
        let inner = ([json!(2), Value::Null], 1);
        let job = |cart| ([json!(1), args(cart)], 1);
        assert_eq!(
            readings(rows, names),
            [job(7), job(7), job(8), inner.clone(), inner.clone(), inner]
        );
        let mut numbers: Vec<_> = rows.iter().map(|row| row["span.seq"].as_u64()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 6);
    });
}

#[test]
fn as_many_rows_as_are_wanted_in_the_order_that_is() {
    activity(
        "--by evt.type --sum bytes --sort count --top 2 --where span.tags=all.files",
        |ran, _| {
            let [first, second, others] = rows(&ran.summary) else {
                panic!("{:#}", ran.summary["rows"]);
            };
            assert_eq!(
                (&first["evt.type"], &first["count"]),
                (&json!("write"), &json!(200))
            );
            assert_eq!(
                (&second["evt.type"], &second["count"]),
                (&json!("pread64"), &json!(100))
            );
            assert_eq!(others["evt.type"], Value::Null);
            let groups = others["others"]["groups"].as_u64().unwrap();
            assert!(groups >= 3, "openat, fsync and close: {others}");
            let text = ran.stderr();
            assert!(text.contains(&format!("({groups} more)")), "{text}");
        },
    );
}

/// Runs copies of the shell by names that tell who is who: `inner` ends at once, with a span and a read in
/// it; `middle` runs that, and `outer` runs `script`, which has the directory of them all in `$1`.
fn shells(options: &str, script: &str, check: impl Fn(&[Value])) {
    let dir = tempfile::tempdir().unwrap();
    // Not sh, which may be one of many programs in one that goes by the name it is called.
    let path = std::env::var_os("PATH").unwrap();
    let shell = std::env::split_paths(&path).map(|dir| dir.join("bash"));
    let shell = shell.into_iter().find(|path| path.is_file()).unwrap();
    let inner =
        r#"echo ">::job::" >/dev/null; read line </proc/version; echo "<::job::" >/dev/null"#;
    // Something to do after it: a shell becomes the last program it runs.
    let middle = r#"sleep "$2"; "$1/inner" "$1/inner.sh"; true"#;
    for (name, script) in [("outer", script), ("middle", middle), ("inner", inner)] {
        copy_program(&shell, dir.path().join(name));
        std::fs::write(dir.path().join(format!("{name}.sh")), script).unwrap();
    }
    let [outer, script] = ["outer", "outer.sh"].map(|name| dir.path().join(name));
    let command = [&outer, &script, dir.path()].map(|path| path.to_str().unwrap());
    let options = format!("{options} --where evt.type=read --where fd.name=/proc/version");
    each(&options, &command, |ran| check(rows(&ran.summary)));
}

fn texts<const N: usize>(row: &Value, names: [&str; N]) -> [String; N] {
    names.map(|name| row[name].as_str().unwrap_or("-").to_owned())
}

#[test]
fn a_chain_of_programs_that_end_at_once() {
    let script = r#""$1/middle" "$1/middle.sh" "$1" 0; true"#;
    let by = "--by proc.aname[3],proc.aname[2],proc.aname[1],proc.aname[0],proc.pname";
    shells(by, script, |rows| {
        let [row] = rows else { panic!("{rows:#?}") };
        let names = [
            "proc.aname[3]",
            "proc.aname[2]",
            "proc.aname[1]",
            "proc.aname[0]",
            "proc.pname",
        ];
        assert_eq!(
            texts(row, names),
            ["nulltrace", "outer", "middle", "inner", "middle"]
        );
    });
    // It is in a group of each of its ancestors.
    shells("--by proc.aname --sum count", script, |rows| {
        let of = |name: &str| rows.iter().find(|row| row["proc.aname"] == name);
        let [outer, middle] = ["outer", "middle"].map(|name| of(name).unwrap()["count"].as_u64());
        assert_eq!(outer, middle);
        assert!(outer > Some(0) && of("inner").is_none(), "{rows:#?}");
    });
    for (only, any) in [
        ("proc.aname=outer", 1),
        ("proc.aname=inner", 0),
        ("proc.aname!=middle", 0),
        ("proc.aname[2]=outer", 1),
    ] {
        let options = format!("--by fd.name --where {only}");
        shells(&options, script, |rows| {
            assert_eq!(rows.len(), any, "{only}")
        });
    }
}

/// `outer` makes a shell that makes `middle` and ends: the kernel gives `middle` another parent, and its
/// ancestors remain who they were.
#[test]
fn who_forked_remains_the_parent() {
    let script = r#"("$1/middle" "$1/middle.sh" "$1" 0.3 &); true"#;
    let by = "--by proc.aname[3],proc.aname[2],proc.aname[1],proc.apid[1],proc.ppid";
    shells(by, script, |rows| {
        let [row] = rows else { panic!("{rows:#?}") };
        let names = ["proc.aname[3]", "proc.aname[2]", "proc.aname[1]"];
        assert_eq!(texts(row, names), ["outer", "outer", "middle"]);
        assert!(row["proc.ppid"].is_u64() && row["proc.apid[1]"] == row["proc.ppid"]);
    });
}

/// In a pid namespace of its own the collector's `/proc` has others under the ids that the kernel tells: it is
/// not asked.
#[test]
fn ids_of_another_namespace_are_nobodys() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let json = tempfile::NamedTempFile::new().unwrap();
    // Enough processes that the id of the collector, as the kernel tells it, is that of another one here.
    let script = r#"
        echo $(($2 + 300)) >/proc/sys/kernel/ns_last_pid
        for n in $(seq 500); do sleep 60 & done
        "$0" run -q --json "$1" --by proc.aname[1],proc.aname[2] -- sh -c \
            'sh -c "echo \">::job::\"; read line </proc/version; echo \"<::job::\"" >/dev/null; true'
    "#;
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", script]);
    command.arg(nulltrace()).arg(json.path());
    let last = std::fs::read_to_string("/proc/sys/kernel/ns_last_pid").unwrap_or_default();
    let output = command.arg(last.trim()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return println!("skipped: {said}");
    }
    let summary: Value = serde_json::from_slice(&std::fs::read(json.path()).unwrap()).unwrap();
    let [row] = rows(&summary) else {
        panic!("{summary:#}");
    };
    assert_eq!(row["proc.aname[1]"], "sh");
    assert_eq!(row["proc.aname[2]"], Value::Null, "{row:#}");
}

/// A cgroup of the unified hierarchy named as Docker names them, gone again at the end.
struct Container {
    root: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Container {
    const ID: &str = "4bca1f9fd3b52cf0c3ad3b0bc2a5f1b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f2";

    fn make() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "cgroup2", "none"])
            .arg(root.path())
            .output()
            .unwrap();
        if !mount.status.success() {
            println!("skipped: {}", String::from_utf8_lossy(&mount.stderr).trim());
            return None;
        }
        let path = root.path().join("docker").join(Self::ID);
        std::fs::create_dir_all(&path).unwrap();
        Some(Self { root, path })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Others may have theirs below the same directory.
        let _ = std::fs::remove_dir(&self.path);
        let _ = std::fs::remove_dir(self.path.parent().unwrap());
        let _ = Command::new("umount").arg(self.root.path()).status();
    }
}

/// The kernel tells the path: by the time anybody could look into /proc, the process is gone.
#[test]
fn a_container_is_known_by_its_cgroup() {
    let Some(container) = Container::make() else {
        return;
    };
    let script = r#"
        echo $$ >"$0/cgroup.procs"
        exec sh -c 'echo ">::job::" >/dev/null; read line <"$0"; echo "<::job::" >/dev/null' "$1"
    "#;
    let path = container.path.to_str().unwrap();
    let options = "--by container.full_id,container.type,fd.name --sum count --where evt.type=read";
    each(
        options,
        &["sh", "-c", script, path, "/proc/version"],
        |ran| {
            let row = row(
                &ran.summary,
                &[
                    ("container.full_id", Container::ID),
                    ("container.type", "docker"),
                    ("fd.name", "/proc/version"),
                ],
            );
            assert!(row["count"].as_u64() > Some(0));
        },
    );
}

#[test]
fn an_agent_looks_because_it_is_asked() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh")
        .args(["-c", "read go; exec \"$0\" \"$1\""])
        .arg(program("activity"))
        .arg(dir.path().join("file"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let config = dir.path().join("agent.toml");
    std::fs::write(&config, "where = 'span.tags=all.files'\n").unwrap();
    let config = config.to_str().unwrap();
    let options = ["--by", "evt.type", "--sum", "count", "--config", config];
    let agent = Agent::start(&[shell.id()], &options, &dir.path().join("json")).unwrap();
    shell.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(shell.wait().unwrap().success());
    let summary = agent.stop();
    assert_eq!(row(&summary, &[("evt.type", "write")])["count"], 200);
    // An option stands in place of what the file says.
    let wrong = Command::new(nulltrace())
        .args([
            "agent", "--config", config, "--view", "time", "--where", "fd.typ=x",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(said.contains("did you mean `fd.type`?"), "{said}");
    std::fs::write(config, "where = 'fd.type=file'\n").unwrap();
    let wrong = Command::new(nulltrace())
        .args(["agent", "--config", config, "--view", "time"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(said.contains("not of spans: where\n"), "{said}");
}

#[test]
fn what_is_not_seen_has_no_rows_and_says_why() {
    for (backend, options, why) in [
        ("ptrace", &["--by", "fd.name"][..], "by ptrace"),
        (
            "auto",
            &["--by", "fd.name", "--activity", "off"],
            "--activity off",
        ),
    ] {
        let ran = run(backend, options, &["true"]);
        assert!(ran.stderr().contains(why), "{}", ran.stderr());
        assert_eq!(ran.summary.get("rows"), None);
    }
}

#[test]
fn mistakes_are_wrong_usage() {
    for (options, says) in [
        (&["--by", "fd.nam"][..], "did you mean `fd.name`?"),
        (
            &["--by", "fd.name", "--sum", "byte"],
            "did you mean `bytes`?",
        ),
        (
            &["--by", "fd.name", "--where", "fd.lport=x"],
            "not a value of type number: \"x\"",
        ),
        (&["--by", "marker.dir"], "not of system calls"),
        (
            &["--by", "fd.name", "--sort", "byte"],
            "did you mean `bytes`?",
        ),
        (&["--by", "fd.name", "--top", "few"], "--top"),
        (&["--by", "fd.name", "--view", "time"], "--view"),
        (&["--sum", "bytes"], "--by"),
    ] {
        let output = Command::new(nulltrace())
            .arg("run")
            .args(options)
            .args(["--", "true"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.contains(says), "{options:?}: {said}");
    }
}

/// A directory service that takes its time holds up nothing: the ring is drained meanwhile, and what was done
/// until the name came is in its row, not in one without a name.
#[test]
fn a_slow_directory_service_holds_up_nothing() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("summary.json");
    let marks = "i=0; while [ $i -lt 2000 ]; do echo '>:t:job::'; : < /dev/null; echo '<:t:job::'; i=$((i+1)); done > /dev/null";
    // A guest under emulation has one cpu for all, and what is drained late there says nothing.
    let ring = match std::env::var_os("NULLTRACE_TEST_KERNEL") {
        Some(_) => "16MiB",
        None => "1MiB",
    };
    let options = "--by user.name --sum count --where span.tags=job --ring-size";
    let out = Command::new(nulltrace())
        .env("LD_PRELOAD", program("slow_names.so"))
        .arg("run")
        .args(options.split(' '))
        .arg(ring)
        .arg("--json")
        .arg(&json)
        .args(["--", "sh", "-c", marks])
        .output()
        .unwrap();
    let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(out.status.success(), "{out:?}");
    assert_eq!(
        nulltrace_tests::row(&summary, &["job"]).unwrap()["hits"],
        2000
    );
    nothing_lost(&summary);
    let rows = summary["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["user.name"], "slow");
    // Each opens a file, at least.
    assert!(rows[0]["count"].as_u64().unwrap() >= 2000);
}
