//! Some spans only, and by any field: `--where`, `--by` and `--top` with every view.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::BTreeMap;
use std::process::Command;

use nulltrace_tests::activity::MS;
use nulltrace_tests::traced::{Ran, run};
use nulltrace_tests::{hooks, nulltrace};
use serde_json::{Value, json};

/// Requests of two carts, one of which fails and one of which is slow, each with a child; a second program does one.
const SHOP: &str = r#"
mark() { echo "$1" > /dev/null; }
request() {
    mark ">:t:req:cart=$1:"
    mark ">:t:req.db::"
    cat /dev/null
    mark "<:t:req.db::"
    $3
    mark "<:t:req:status=$2:"
}
request 7 200 :
request 7 500 'sleep 0.2'
request 8 200 :
bash -c 'echo ">:t:req:cart=9:" >/dev/null; echo "<:t:req:status=200:" >/dev/null'
true
"#;

fn ran(backend: &str, options: &[&str]) -> Ran {
    let ran = run(backend, options, &["sh", "-c", SHOP]);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    ran
}

fn ebpf() -> Vec<&'static str> {
    let hooks = hooks().into_iter();
    hooks.filter(|hook| hook.starts_with("ebpf:")).collect()
}

/// Hits by tag path.
fn hits(ran: &Ran) -> Vec<(String, u64)> {
    let spans = ran.summary["spans"].as_array().unwrap().iter();
    let hits = spans.map(|span| {
        let tags = span["tags"].as_array().unwrap().iter();
        let tags: Vec<_> = tags.map(|tag| tag.as_str().unwrap()).collect();
        (tags.join("."), span["hits"].as_u64().unwrap())
    });
    let mut hits: Vec<_> = hits.collect();
    hits.sort();
    hits
}

fn rows(ran: &Ran) -> &[Value] {
    ran.summary["view"]["rows"].as_array().unwrap()
}

fn left_out(ran: &Ran, of: &str) -> u64 {
    let all = ran.summary["view"]["left_out"].as_array();
    let mut all = all.into_iter().flatten();
    let found = all.find(|left| left["of"] == of);
    found.map_or(0, |left| left["count"].as_u64().unwrap())
}

fn of(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    let pairs = pairs.iter();
    pairs.map(|(tags, n)| ((*tags).to_owned(), *n)).collect()
}

/// What holds of a span is known when it ends, by every backend.
#[test]
fn filters_choose_spans() {
    for hook in hooks() {
        for (only, wanted) in [
            (&["span.arg.cart=7"][..], of(&[("req", 2)])),
            (&["span.exitarg.status=500"], of(&[("req", 1)])),
            (
                &["span.exitarg.status=200", "span.arg.cart!=8"],
                of(&[("req", 2)]),
            ),
            (&["span.tag[-1]=db"], of(&[("req.db", 3)])),
            (&["proc.name=bash"], of(&[("req", 1)])),
            (&["not span.arg.cart exists"], of(&[("req.db", 3)])),
            (&["span.tags=nothing"], vec![]),
            (&["span.arg.cart in (7, 9)"], of(&[("req", 3)])),
            (
                &["span.arg.cart=9 or span.exitarg.status=500"],
                of(&[("req", 2)]),
            ),
            // A span without the argument is none of another.
            (&["not span.arg.cart=7"], of(&[("req", 2)])),
            (
                &["span.duration>200000000 and not span.exitarg.status=200 or span.arg.cart = 8"],
                of(&[("req", 2)]),
            ),
            (&["span.duration < 1us"], vec![]),
            (&[r"span.tags regex 'req\..*'"], of(&[("req.db", 3)])),
            (
                &["span.tag[-1] glob [a-d]?", "len(span.tags) > 3"],
                of(&[("req.db", 3)]),
            ),
            (
                &["span.tags=req and (span.failed=true or span.self<val(span.duration))"],
                of(&[("req", 3)]),
            ),
        ] {
            let options: Vec<_> = only.iter().flat_map(|only| ["--where", only]).collect();
            assert_eq!(hits(&ran(hook, &options)), wanted, "{hook} {only:?}");
        }
    }
}

/// A view has the activity of these spans, and the account stays that of all.
#[test]
fn every_view_has_only_these() {
    for hook in ebpf() {
        for view in ["summary", "time", "syscalls", "files", "sockets", "slowest"] {
            let options = ["--view", view, "--where", "span.exitarg.status=500"];
            let ran = ran(hook, &options);
            assert_eq!(hits(&ran), of(&[("req", 1)]), "{view}");
            assert_eq!(ran.summary["ledger"]["markers"]["enter"], 7, "{view}");
            if view == "summary" {
                continue;
            }
            assert_eq!(left_out(&ran, "spans"), 6, "{view}");
            let tags = |row: &Value| row["tags"] == json!(["req"]);
            assert!(
                !rows(&ran).is_empty() && rows(&ran).iter().all(tags),
                "{view}"
            );
            if view == "time" {
                let blocked = &ran.summary["spans"][0]["time_ns"]["blocked"];
                assert!(blocked.as_u64().unwrap() >= 150 * MS, "{blocked}");
            }
        }
    }
}

/// Those that match, those that do not, and those without a value to compare are all there are.
#[test]
fn every_span_is_accounted_for() {
    for hook in hooks() {
        for (filter, wanted, said) in [
            (
                "span.arg.cart = 7",
                [2, 2, 3],
                "left out: 5 spans that do not match, 3 of them without a value to compare",
            ),
            ("not span.arg.cart = 7", [2, 2, 3], "3 of them without"),
            (
                "span.arg.cart exists",
                [4, 3, 0],
                "left out: 3 spans that do not match",
            ),
            (
                "span.arg.cart = 7 or span.tags = req.db",
                [5, 2, 0],
                "left out: 2 spans",
            ),
        ] {
            let ran = ran(hook, &["--where", filter]);
            let of = &ran.summary["where"];
            let found = ["matched", "not", "unknown"].map(|name| of[name].as_u64().unwrap());
            assert_eq!(
                (&of["of"], found),
                (&json!("spans"), wanted),
                "{hook} {filter}"
            );
            assert!(ran.stderr().contains(said), "{filter}: {}", ran.stderr());
        }
        assert_eq!(ran(hook, &[]).summary.get("where"), None);
    }
}

/// Where a filter mixes what is known of a call with what is known of its span at its end.
#[test]
fn calls_or_their_spans_are_chosen() {
    for hook in ebpf() {
        let calls = |filter: &[&str]| {
            let ran = ran(hook, &[&["--view", "syscalls"], filter].concat());
            let row = |row: &Value| {
                let tags = row["tags"].as_array()?.len();
                let count = row["calls"].as_u64()?;
                Some(((tags, row["call"].as_str()?.to_owned()), count))
            };
            let found: BTreeMap<_, _> = rows(&ran).iter().filter_map(row).collect();
            (hits(&ran), found)
        };
        // The request that failed is known at its end only; requests have one tag, what is in them two.
        let [opened, opened_in, waited, waited_in] =
            [(1, "openat"), (2, "openat"), (1, "wait4"), (2, "wait4")]
                .map(|(tags, call)| (tags, call.to_owned()));
        let (_, all) = calls(&[]);
        let (spans, opens) = calls(&["--where", "evt.type = openat"]);
        let either = "span.exitarg.status = 500 or evt.type = openat";
        let (either_spans, either) = calls(&["--where", either]);
        assert_eq!(
            (&either_spans, &spans),
            (&spans, &of(&[("req", 4), ("req.db", 3)]))
        );
        for opened in [&opened, &opened_in] {
            assert!(opens[opened] > 0, "{opens:?}");
            assert_eq!(
                (either[opened], all[opened]),
                (opens[opened], opens[opened]),
                "{hook}"
            );
        }
        // One request of four has the other calls, too, and nothing inside has.
        assert!(
            either[&waited] > 0 && either[&waited] < all[&waited],
            "{either:?} {all:?}"
        );
        assert!(
            all.contains_key(&waited_in) && !either.contains_key(&waited_in),
            "{either:?}"
        );
        assert!(!opens.contains_key(&waited));

        let neither = "not (span.exitarg.status = 200 or evt.type = openat)";
        let (spans, rest) = calls(&["--where", neither]);
        assert_eq!(spans, of(&[("req", 1)]));
        assert!(
            rest.contains_key(&waited) && !rest.contains_key(&opened),
            "{rest:?}"
        );
        assert!(rest.keys().all(|(tags, _)| *tags == 1), "{rest:?}");
    }
}

#[test]
fn comparisons_of_calls_choose_calls() {
    for hook in ebpf() {
        let options = ["--view", "syscalls", "--where", "evt.type=openat"];
        let ran = ran(hook, &options);
        assert_eq!(hits(&ran), of(&[("req", 4), ("req.db", 3)]));
        let calls = rows(&ran).iter().filter_map(|row| row["call"].as_str());
        let calls: Vec<_> = calls.collect();
        assert!(
            !calls.is_empty() && calls.iter().all(|call| *call == "openat"),
            "{calls:?}"
        );
    }
}

/// Each row is under the values of its group; a span without the argument is in a group without a value.
#[test]
fn rows_are_grouped_by_any_field_of_spans() {
    for hook in hooks() {
        let by = ["--by", "span.arg.cart,span.exitarg.status"];
        let ran = ran(hook, &[&by[..], &["--view", "summary"]].concat());
        let found = rows(&ran).iter().filter(|row| row["hits"].is_u64());
        let found = found.map(|row| {
            let tags = row["tags"].as_array().unwrap().len();
            json!([
                row["span.arg.cart"],
                row["span.exitarg.status"],
                tags,
                row["hits"]
            ])
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(Value::to_string);
        let wanted = json!([
            ["7", "200", 1, 1],
            ["7", "500", 1, 1],
            ["8", "200", 1, 1],
            ["9", "200", 1, 1],
            [null, null, 2, 3],
        ]);
        assert_eq!(json!(found), wanted, "{hook}");
        // The whole is there as well.
        assert_eq!(hits(&ran), of(&[("req", 4), ("req.db", 3)]));
        // The slow one is the first.
        assert_eq!(rows(&ran)[0]["span.arg.cart"], "7");
    }
}

#[test]
fn as_many_groups_as_asked_for_and_the_sum_of_the_others() {
    for hook in hooks() {
        let options = ["--view", "summary", "--by", "span.arg.cart", "--top", "1"];
        let ran = ran(hook, &options);
        let found = rows(&ran).iter().filter(|row| row["hits"].is_u64());
        let found =
            found.map(|row| json!([row["span.arg.cart"], row["hits"], row["others"]["count"]]));
        let found: Vec<_> = found.collect();
        assert_eq!(found[0], json!(["7", 2, null]), "{hook}");
        let others: u64 = found[1..].iter().map(|of| of[1].as_u64().unwrap()).sum();
        assert!(
            others == 5 && found[1..].iter().all(|of| of[2] == 3),
            "{found:?}"
        );
    }
}

/// Spans themselves, whatever their tags: one row for each value, and null where a span has none.
#[test]
fn spans_are_summed_by_any_field() {
    for hook in hooks() {
        let sums = ["--sum", "span.hits,span.duration,span.errors"];
        let options = [&["--by", "span.exitarg.status"][..], &sums].concat();
        let ran = ran(hook, &options);
        assert_eq!(ran.summary["by"], json!(["span.exitarg.status"]));
        let rows = ran.summary["rows"].as_array().unwrap();
        let found = rows.iter().map(|row| {
            json!([
                row["span.exitarg.status"],
                row["span.hits"],
                row["span.errors"]
            ])
        });
        let mut found: Vec<_> = found.collect();
        // The slow one is the first, as that was asked for with nothing else.
        assert!(rows.iter().all(|row| row["span.duration"].is_u64()));
        found.sort_by_key(Value::to_string);
        assert_eq!(
            json!(found),
            json!([["200", 3, 0], ["500", 1, 0], [null, 3, 0]]),
            "{hook}"
        );
        let sorted = [
            &options[..],
            &["--sort", "span.max", "--where", "span.arg.cart=7"],
        ]
        .concat();
        let ran = self::ran(hook, &sorted);
        let rows = ran.summary["rows"].as_array().unwrap();
        let order: Vec<_> = rows.iter().map(|row| &row["span.exitarg.status"]).collect();
        assert_eq!(order, ["500", "200"]);
    }
}

/// What its arguments say of an error is counted.
#[test]
fn spans_that_failed_are_counted() {
    const SCRIPT: &str = r#"
        for error in ValueError 0 none ""; do
            echo ">:t:work::" > /dev/null; echo "<:t:work:error=$error:" > /dev/null
        done
        echo ">:t:work::" > /dev/null; echo "<:t:work:status=error:" > /dev/null"#;
    for hook in hooks() {
        let ran = run(
            hook,
            &["--where", "span.failed=true"],
            &["sh", "-c", SCRIPT],
        );
        assert_eq!(ran.summary["spans"][0]["errors"], 2, "{hook}");
        assert_eq!(ran.summary["spans"][0]["hits"], 2);
        let ran = run(hook, &[], &["sh", "-c", SCRIPT]);
        assert_eq!(ran.summary["spans"][0]["errors"], 2);
        assert_eq!(ran.summary["spans"][0]["hits"], 5);
        assert!(ran.stderr().contains("errors"), "{}", ran.stderr());
    }
}

/// Names of users are looked up by a thread: a span that has ended waits for it.
#[test]
fn spans_wait_for_names() {
    for hook in hooks() {
        let ran_ = ran(
            hook,
            &["--where", "user.name=root", "--where", "user.uid=0"],
        );
        assert_eq!(hits(&ran_), of(&[("req", 4), ("req.db", 3)]), "{hook}");
        let none = ran(hook, &["--where", "user.name=nobody"]);
        assert!(hits(&none).is_empty());
        let ran = ran(hook, &["--view", "slowest", "--where", "user.name!=root"]);
        assert_eq!((rows(&ran).len(), left_out(&ran, "spans")), (0, 7));
    }
}

/// What is surely not meant is right, and is said.
#[test]
fn a_duration_without_a_unit_gets_a_note() {
    let ran = ran("ptrace", &["--where", "span.duration > 5"]);
    assert_eq!(hits(&ran), of(&[("req", 4), ("req.db", 3)]));
    let note = "note: 5 is 5 ns; write 5s or 5ms";
    assert!(ran.stderr().contains(note), "{}", ran.stderr());
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_runs() {
    for (options, status, says) in [
        (
            &["--view", "time", "--where", "fd.type=file"][..],
            2,
            "--view syscalls, files or sockets",
        ),
        (
            &["--view", "time", "--by", "fd.name"],
            2,
            "leave out --view",
        ),
        (&["--where", "span.argh.x=1"], 2, "unknown field"),
        (&["--where", "span.duration=soon"], 2, "write a duration"),
        (&["--where", "span.tags="], 2, "write `FIELD exists`"),
        (&["--where", "span.tags=a,span.arg.x=b"], 2, "write `and`"),
        (&["--where", "span.tags > a"], 2, "`>` cannot compare"),
        (
            &["--view", "time", "--by", "proc.name", "--sum", "bytes"],
            2,
            "cannot be used with",
        ),
        (
            &["--inside", "process", "--where", "proc.name=x"],
            2,
            "--inside process",
        ),
    ] {
        let output = Command::new(nulltrace())
            .arg("run")
            .args(options)
            .args(["--", "echo", "it ran"])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}
