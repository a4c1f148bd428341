//! How the modules of each crate may import each other.
//!
//! **No circles.** At each level of a crate, the modules declared side by side, each with all that is below
//! it, and the file that declares them (`mod`) import each other in one direction only.
//!
//! - An import is a `use`, or a path in the code. What a re-export gives is followed to the module that
//!   declares it; a re-export that is not in a module around the importer counts as well.
//! - A file may declare its children and show them to others (`pub use`): that is no import. If it uses them
//!   itself, they must not use what the file declares. What both need gets a file of its own.
//! - A module in braces belongs to its file. What only tests have (`#[cfg(test)]`) is left out.
//!
//! **One direction.** The rooms of a crate stand in an order ([`ORDER`]); none imports one after it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

mod cfg;
mod circles;
mod crates;
mod edges;
mod order;
mod source;
mod texts;
mod tokens;

use std::path::Path;
use std::sync::OnceLock;

use crates::Crate;
use edges::{Edge, edges};
use nulltrace_tests::languages::repository;
use source::Source;

/// The order of a crate's rooms. A crate may have several: what is in no list with another is free.
const ORDER: &[(&str, &[&str])] = &[
    (
        "nulltrace-core",
        &[
            "count", "ledger", "input", "facts", "activity", "spans", "query", "measure", "view",
            "capture",
        ],
    ),
    ("nulltrace-collector", &["source", "show", "cli"]),
    ("nulltrace-collector", &["sink", "show", "cli"]),
];

/// The crates of which every room has its place in the order.
const ALL_IN_ORDER: &[&str] = &["nulltrace-core"];

/// Circles that are known, to be removed: the crate, the level, all modules in it. One that is not there any
/// more, or has other modules, fails the test.
const KNOWN: &[(&str, &str, &[&str])] = &[];

/// A crate that was read.
struct Read {
    name: String,
    source: Source,
    edges: Vec<Edge>,
}

/// All crates, read once; none where there is no repository.
fn read_all() -> Option<&'static [Read]> {
    static CRATES: OnceLock<Vec<Read>> = OnceLock::new();
    if std::env::var_os("NULLTRACE_TEST_KERNEL").is_some() {
        println!("skipped: no repository in a guest");
        return None;
    }
    Some(CRATES.get_or_init(|| {
        let root = repository("").canonicalize().unwrap();
        let crates = crates::all(&root).into_iter();
        crates.map(|found| read(found, &root)).collect()
    }))
}

fn read(Crate { name, root: file }: Crate, root: &Path) -> Read {
    let source = Source::read(&file, &|path| std::fs::read_to_string(path).ok());
    let mut edges = edges(&source);
    for edge in &mut edges {
        if let Ok(short) = edge.file.strip_prefix(root) {
            edge.file = short.to_owned();
        }
    }
    Read {
        name,
        source,
        edges,
    }
}

#[test]
fn every_crate_is_read() {
    let Some(crates) = read_all() else { return };
    let names: Vec<_> = crates.iter().map(|read| read.name.as_str()).collect();
    for name in [
        "bench-sdk bin sdk",
        "nulltrace",
        "nulltrace-c",
        "nulltrace-collector",
        "nulltrace-collector bin nulltrace",
        "nulltrace-collector test ptrace",
        "nulltrace-core",
        "nulltrace-macros",
        "nulltrace-node",
        "nulltrace-node build script",
        "nulltrace-python",
        "nulltrace-spec",
        "nulltrace-spec-fuzz bin write",
        "nulltrace-tests",
        "nulltrace-tests bin bench",
        "nulltrace-tests test layout",
        "nulltrace-tracing",
    ] {
        assert!(names.contains(&name), "no {name} among {names:?}");
    }
    // A crate whose files import nothing of each other was not read.
    for read in crates {
        let files = order::rooms(&read.source).len();
        assert!(files < 3 || !read.edges.is_empty(), "{}", read.name);
    }
}

#[test]
fn no_circles() {
    let Some(crates) = read_all() else { return };
    let mut known: Vec<_> = KNOWN.to_vec();
    let mut wrong = Vec::new();
    for Read {
        name,
        source,
        edges,
    } in crates
    {
        for knot in circles::knots(source, edges) {
            let same = known.iter().position(|(of, level, members)| {
                of == name && *level == knot.level && *members == knot.members
            });
            if let Some(same) = same {
                known.swap_remove(same);
                continue;
            }
            let level = if knot.level.is_empty() {
                "crate"
            } else {
                &knot.level
            };
            let (members, circle) = (knot.members.join(", "), knot.circle);
            wrong.push(format!("{name}, {level}: {members}\n  {circle}"));
        }
    }
    for (name, level, members) in known {
        let members = members.join(", ");
        wrong.push(format!(
            "{name}, {level}: {members}: not there, take it out of KNOWN"
        ));
    }
    assert!(wrong.is_empty(), "circles:\n{}", wrong.join("\n"));
}

#[test]
fn rooms_stand_in_order() {
    let Some(crates) = read_all() else { return };
    let mut wrong = Vec::new();
    for (name, order) in ORDER {
        let read = crates.iter().find(|read| read.name == *name);
        let Read { source, edges, .. } = read.unwrap_or_else(|| panic!("no crate {name}"));
        let rooms = order::rooms(source);
        for room in order.iter().filter(|room| !rooms.contains(*room)) {
            wrong.push(format!("{name}: there is no {room}: take it out of ORDER"));
        }
        if ALL_IN_ORDER.contains(name) {
            for room in rooms.iter().filter(|room| !order.contains(*room)) {
                wrong.push(format!("{name}: {room} has no place in ORDER"));
            }
        }
        let backward = order::backward(source, edges, order);
        wrong.extend(backward.iter().map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "against the order:\n{}", wrong.join("\n"));
}
