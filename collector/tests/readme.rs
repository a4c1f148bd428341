//! The README says what the program's own tables say, and the files that DESIGN.md names exist.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use nulltrace_collector::memory::{Budget, SHARES};
use nulltrace_core::query::field::{self, Info, Subject};
use nulltrace_core::view::VIEWS;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// What stands between the marks in the README, and must.
fn part(name: &str, fresh: &str) {
    let text = fs::read_to_string(README).unwrap();
    let [begin, end] = [format!("<!-- {name} -->\n"), format!("<!-- /{name} -->")];
    let (before, rest) = text.split_once(&begin).expect("the README has the mark");
    let (old, after) = rest.split_once(&end).expect("the README has the end mark");
    if old == fresh {
        return;
    }
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(README, format!("{before}{begin}{fresh}{end}{after}")).unwrap();
        return;
    }
    panic!(
        "the list of {name} in the README is old: \
         UPDATE_README=1 cargo test -p nulltrace-collector --test readme\nit has\n{old}\nand should\n{fresh}"
    );
}

#[test]
fn views() {
    let row = |view: &nulltrace_core::view::View| format!("| `{}` | {} |\n", view.name, view.help);
    let rows: String = VIEWS.iter().map(row).collect();
    part("views", &format!("| `--view` | shows |\n|---|---|\n{rows}"));
}

#[test]
fn memory() {
    let budget = Budget::default();
    let rows = SHARES.iter().map(|of| {
        let room = of.room(budget);
        format!("| {} | {} | {room} | {} |\n", of.holds, of.share, of.full)
    });
    let rows: String = rows.collect();
    let head = "| holds | share of 1024 | at 1GiB | when full |\n|---|---|---|---|\n";
    part("memory", &format!("{head}{rows}"));
}

#[test]
fn fields() {
    let row = |info: &Info| {
        let of = info.source.subjects();
        let of = match of.len() == Subject::ALL.len() {
            true => "all".to_owned(),
            false => of.iter().map(|of| of.name()).collect::<Vec<_>>().join(", "),
        };
        let type_ = match info.type_.unit() {
            Some(unit) => format!("{}, {unit}", info.type_.name()),
            None => info.type_.name().to_owned(),
        };
        let meaning = info.meaning.replace('<', "`<`").replace('>', "`>`");
        format!("| `{info}` | {type_} | {of} | {meaning} |\n")
    };
    let rows: String = field::all().map(row).collect();
    part(
        "fields",
        &format!("| field | type | of | meaning |\n|---|---|---|---|\n{rows}"),
    );
}

/// The files and folders that a text names: between backticks, below the root of the repository.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |name: &&str| {
        let of_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        let ends = name.ends_with('/') || Path::new(name).extension().is_some();
        name.contains('/') && !name.starts_with('/') && ends && name.chars().all(of_path)
    };
    quoted.filter(is_path).collect()
}

#[test]
fn files_that_the_design_names_exist() {
    let text = fs::read_to_string(format!("{ROOT}/DESIGN.md")).unwrap();
    // Else the backticks of a block would turn inside and outside around.
    let text = text.replace("```", "");
    let named = paths(&text);
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(
            Path::new(ROOT).join(name).exists(),
            "DESIGN.md names {name}"
        );
    }
}

#[test]
fn paths_are_found_in_a_text() {
    let text = "`a/b.rs` and `c/`, not `/dev/null`, `iter/task`, `a / b.rs` or `records.h`";
    assert_eq!(paths(text), ["a/b.rs", "c/"]);
}
