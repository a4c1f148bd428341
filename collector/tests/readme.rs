//! The README says what the program's own tables say.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use nulltrace_collector::memory::{Budget, SHARES};
use nulltrace_core::query::field::{self, Info, Subject};
use nulltrace_core::view::VIEWS;

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
