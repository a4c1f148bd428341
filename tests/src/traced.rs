//! `nulltrace run` on a program, and what it said.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::nulltrace;

/// One of the C programs in `tests/programs`, built by `tests/programs/build.sh`.
///
/// # Panics
/// It was not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let dir = std::env::var_os("NULLTRACE_PROGRAMS").map_or_else(
        || {
            nulltrace()
                .ancestors()
                .find_map(|dir| Some(dir.join("programs")).filter(|dir| dir.is_dir()))
        },
        |dir| Some(dir.into()),
    );
    let path = dir
        .expect("no test programs: run tests/programs/build.sh")
        .join(name);
    assert!(
        path.is_file(),
        "no {}: run tests/programs/build.sh",
        path.display()
    );
    path
}

/// What a traced run left behind.
#[derive(Debug)]
pub struct Ran {
    /// Status, stdout and stderr.
    pub output: Output,
    /// The JSON summary.
    pub summary: Value,
}

impl Ran {
    /// The row of one tag path.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn row(&self, tags: &[&str]) -> &Value {
        crate::row(&self.summary, tags)
            .unwrap_or_else(|| panic!("no {tags:?} in {:#}", self.summary))
    }

    /// How many spans of that path ended by their exit marker; 0 when there is no row.
    #[must_use]
    pub fn hits(&self, tags: &[&str]) -> u64 {
        crate::row(&self.summary, tags).map_or(0, |row| row["hits"].as_u64().expect("a count"))
    }

    /// A number of the ledger, `markers.seen` or `lost.fault`.
    ///
    /// # Panics
    /// There is none of that name.
    #[must_use]
    pub fn ledger(&self, path: &str) -> u64 {
        let value = path
            .split('.')
            .fold(&self.summary["ledger"], |value, key| &value[key]);
        value
            .as_u64()
            .unwrap_or_else(|| panic!("no {path} in {:#}", self.summary["ledger"]))
    }

    /// What went to stderr.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// Runs `command` under `nulltrace run --backend BACKEND`.
///
/// # Panics
/// nulltrace could not be started or wrote no summary.
pub fn run<S: AsRef<OsStr>>(backend: &str, options: &[&str], command: &[S]) -> Ran {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let json = dir.path().join("summary.json");
    let output = Command::new(nulltrace())
        .args(["run", "--backend", backend, "--json"])
        .arg(&json)
        .args(options)
        .arg("--")
        .args(command)
        .output()
        .expect("nulltrace starts");
    let text = std::fs::read(&json).unwrap_or_default();
    let summary = serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    Ran { output, summary }
}
