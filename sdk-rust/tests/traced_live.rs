//! The collector sees traced functions: a tree of spans that nest, on threads and between them.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::process::Command;
use std::time::Duration;

use nulltrace::{TracedExt, traced};

#[traced("job", args(n), ret, err)]
fn job(n: u32) -> Result<u32, String> {
    let part = part(n);
    if part > 2 {
        Err(format!("{part} is too much"))
    } else {
        Ok(part)
    }
}

#[traced("job.part")]
fn part(n: u32) -> u32 {
    n + 1
}

#[traced("request", args(n))]
async fn request(n: u32) {
    for _ in 0..3 {
        read(n).await;
    }
}

#[traced("request.read")]
async fn read(n: u32) {
    tokio::time::sleep(Duration::from_micros(u64::from(n) * 100)).await;
}

#[traced]
async fn cancelled() {
    std::future::pending::<()>().await;
}

/// The program, when this test runs itself under the collector.
fn program() {
    for n in 0..4 {
        let _ = job(n);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_time()
        .build();
    runtime.unwrap().block_on(async {
        let requests: Vec<_> = (0..8).map(|n| tokio::spawn(request(n))).collect();
        let waiting = tokio::spawn(cancelled());
        for request in requests {
            request.await.unwrap();
        }
        waiting.abort();
        let _ = waiting.await;
    });
}

/// Requests that all wait on one thread, each for its own query.
fn tasks() {
    #[traced("fetch")]
    async fn fetch() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ask().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    #[traced("ask")]
    async fn ask() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(nulltrace::span!("parse"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let all = async {
        let fetching: Vec<_> = (0..20)
            .map(|_| tokio::spawn(fetch().in_current_context()))
            .collect();
        for fetch in fetching {
            fetch.await.unwrap();
        }
    };
    runtime.unwrap().block_on(all.traced("all"));
}

/// The summary of this test's own run as a child, which `program` is.
fn summary(test: &str, program: fn()) -> Option<serde_json::Value> {
    if std::env::var_os("NULLTRACE_TEST_CHILD").is_some() {
        program();
        return None;
    }
    let Some(nulltrace) = std::env::var_os("NULLTRACE_BIN") else {
        println!("skipped: NULLTRACE_BIN names no collector");
        return None;
    };
    if cfg!(feature = "off") {
        println!("skipped: nothing is written with the feature off");
        return None;
    }
    let out = Command::new(nulltrace)
        .args(["run", "--quiet", "--json", "-", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--quiet"])
        .env("NULLTRACE_TEST_CHILD", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    // Behind what the test harness of the child prints.
    let summary = text.lines().find(|line| line.starts_with('{')).unwrap();
    Some(serde_json::from_str(summary).unwrap())
}

#[test]
#[cfg_attr(miri, ignore = "it runs the collector")]
fn the_collector_sees_it() {
    let Some(summary) = summary("the_collector_sees_it", program) else {
        return;
    };
    let rows = summary["spans"].as_array().unwrap();
    let mut seen: Vec<_> = rows
        .iter()
        .map(|row| {
            let tags: Vec<_> = row["tags"]
                .as_array()
                .unwrap()
                .iter()
                .map(|tag| tag.as_str().unwrap())
                .collect();
            format!("{} {}", tags.join("."), row["hits"])
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            "cancelled 1",
            "job 4",
            "job.part 4",
            "request 8",
            "request.read 24"
        ],
        "{summary}"
    );
    let ledger = &summary["ledger"];
    assert_eq!(
        (
            &ledger["markers"]["malformed"],
            &ledger["markers"]["unmatched_exit"]
        ),
        (&0.into(), &0.into())
    );
    assert_eq!(ledger["spans"]["exit"], ledger["spans"]["opened"]);
}

#[test]
#[cfg_attr(miri, ignore = "it runs the collector")]
fn tasks_on_one_thread() {
    let Some(summary) = summary("tasks_on_one_thread", tasks) else {
        return;
    };
    let rows = summary["spans"].as_array().unwrap();
    let row = |tag: &str| rows.iter().find(|row| row["tags"][0] == tag).unwrap();
    for (tag, hits, child_hits) in [
        ("all", 1, 20),
        ("fetch", 20, 20),
        ("ask", 20, 20),
        ("parse", 20, 0),
    ] {
        let row = row(tag);
        assert_eq!(
            (&row["hits"], &row["child_hits"]),
            (&hits.into(), &child_hits.into()),
            "{tag}: {summary}"
        );
    }
    // What is not its own query's is a request's own: 40 ms of 60, on a machine that may be late.
    let times = |row: &serde_json::Value| {
        (
            row["duration_ns"]["sum"].as_u64(),
            row["self_ns"]["sum"].as_u64(),
        )
    };
    let ((Some(fetch), Some(own)), (Some(ask), _)) = (times(row("fetch")), times(row("ask")))
    else {
        panic!("{summary}");
    };
    assert_eq!(own, fetch - ask);
    assert!(own >= 20 * 40_000_000, "{own}");
}
