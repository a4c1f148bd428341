//! The collector sees traced functions: a tree of spans that nest, on threads and between them.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::process::Command;
use std::time::Duration;

use nulltrace::traced;

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

#[test]
#[cfg_attr(miri, ignore = "it runs the collector")]
fn the_collector_sees_it() {
    if std::env::var_os("NULLTRACE_TEST_CHILD").is_some() {
        return program();
    }
    let Some(nulltrace) = std::env::var_os("NULLTRACE_BIN") else {
        println!("skipped: NULLTRACE_BIN names no collector");
        return;
    };
    if cfg!(feature = "off") {
        println!("skipped: nothing is written with the feature off");
        return;
    }
    let out = Command::new(nulltrace)
        .args(["run", "--quiet", "--json", "-", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_collector_sees_it", "--quiet"])
        .env("NULLTRACE_TEST_CHILD", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    // Behind what the test harness of the child prints.
    let summary = text.lines().find(|line| line.starts_with('{')).unwrap();
    let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
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
