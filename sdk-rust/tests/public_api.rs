//! The public items, as `tests/public-api.txt` has them. `UPDATE_GOLDEN=1` writes it anew.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::path::Path;
use std::process::Command;

/// The format of rustdoc's JSON that the crate `public-api` reads.
const FORMAT: u64 = 57;

#[test]
fn the_public_items_are_the_known_ones() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rustdoc");
    // The JSON is not stable yet; a stable compiler writes it when told that it may.
    let output = Command::new(env!("CARGO"))
        .args([
            "rustdoc",
            "--quiet",
            "--lib",
            "--features",
            "mock",
            "--target-dir",
        ])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTDOCFLAGS")
        .current_dir(here)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let json = target.join("doc/nulltrace.json");
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    if value["format_version"] != FORMAT {
        return println!(
            "skipped: this compiler's rustdoc writes format {}, not {FORMAT}",
            value["format_version"]
        );
    }
    let api = public_api::Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap();
    let lines: Vec<String> = api.items().map(ToString::to_string).collect();
    let text = lines.join("\n") + "\n";
    let golden = here.join("tests/public-api.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, text).unwrap();
    } else {
        let known = std::fs::read_to_string(&golden).unwrap();
        for line in known
            .lines()
            .filter(|line| !lines.iter().any(|new| new == line))
        {
            println!("- {line}");
        }
        for line in lines
            .iter()
            .filter(|line| !known.lines().any(|old| old == *line))
        {
            println!("+ {line}");
        }
        assert!(
            known == text,
            "the public items changed: UPDATE_GOLDEN=1 if that is meant"
        );
    }
}

/// What users may count on, which the list does not say.
#[test]
fn what_may_move_between_threads() {
    fn send_sync<T: Send + Sync>() {}
    send_sync::<nulltrace::Tracer<'_>>();
    send_sync::<nulltrace::Path<'_>>();
    send_sync::<nulltrace::Id>();
    send_sync::<nulltrace::Traced<std::future::Ready<()>, String>>();
    send_sync::<nulltrace::__private::Task<'_>>();
    send_sync::<nulltrace::raw::Buffer>();
}
