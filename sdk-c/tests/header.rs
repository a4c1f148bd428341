//! Makes `include/nulltrace.h`, and sees that it is fresh.
//!
//! `make -C sdk-c header` runs this with `NULLTRACE_BLESS=1`, which writes the file.

#![allow(clippy::unwrap_used)] // the lint knows tests only by their attribute, not their helpers

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use cbindgen::{Builder, Config, ItemType};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What cbindgen says of the items of these kinds.
fn declared(kinds: &[ItemType]) -> String {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    config.export.item_types = kinds.to_vec();
    let bindings = Builder::new()
        .with_crate(crate_dir)
        .with_config(config)
        .generate()
        .unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    for_c(&String::from_utf8(text).unwrap())
}

/// Rust's documentation as C's: without the sections and links that speak of Rust.
fn for_c(text: &str) -> String {
    let mut kept = String::new();
    let mut safety = false;
    for line in text.lines() {
        if line.trim() == "* # Safety" {
            // With the empty line before it.
            kept.truncate(kept.trim_end_matches(['*', ' ', '\n']).len());
            kept.push('\n');
            safety = true;
        }
        if line.trim() == "*/" {
            safety = false;
        }
        // C90 and C++98 have no comma behind the last value of an enum.
        if line.starts_with('}') && kept.ends_with(",\n") {
            kept.truncate(kept.len() - 2);
            kept.push('\n');
        }
        if !safety {
            let text = line.trim_start_matches("        ");
            let tabs = (line.len() - text.len()) / 8;
            kept.extend(std::iter::repeat_n('\t', tabs));
            // Nor has C90 these comments.
            match text.split_once("// ") {
                Some((code, comment)) if code.starts_with(['#', '}']) => {
                    write!(kept, "{} /* {comment} */", code.trim_end()).unwrap();
                }
                _ => kept.push_str(text.trim_end()),
            }
            kept.push('\n');
        }
    }
    kept.trim().to_owned()
}

/// What the header needs of the compiler.
const STANDARD: &str = r#"
#if defined(__STRICT_ANSI__) && !defined(__cplusplus) && \
	(!defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L)
#error "nulltrace.h needs C99, or for C90 -std=gnu89: it has inline functions"
#endif
/* It has bool and 64-bit numbers too, which older standards know as extensions. */
#if defined(__GNUC__) && (defined(__cplusplus) ? __cplusplus < 201103L : !defined(__STDC_VERSION__))
#define NT_OLD_STANDARD_
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
"#;
const END: &str = r#"
#ifdef NT_OLD_STANDARD_
#undef NT_OLD_STANDARD_
#pragma GCC diagnostic pop
#endif
"#;

fn header() -> String {
    let types = declared(&[
        ItemType::Constants,
        ItemType::Enums,
        ItemType::Structs,
        ItemType::Typedefs,
    ]);
    let functions = declared(&[ItemType::Functions]);
    let version = env!("CARGO_PKG_VERSION");
    let [top, off, macros] = ["top", "off", "macros"].map(|part| read(&format!("header/{part}.h")));
    let mut text = String::new();
    write!(
        text,
        "/* Made from the crate nulltrace-c by `make -C sdk-c header`; do not edit. */\n\
         {top}\n\
         #ifndef NULLTRACE_H\n#define NULLTRACE_H\n\n\
         {standard}\n\
         #include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n\
         /** The version of this header. */\n#define NT_VERSION \"{version}\"\n\n\
         /** As a length: the text ends at its first NUL. */\n#define NT_Z SIZE_MAX\n\n\
         {types}\n\n\
         #ifdef NULLTRACE_OFF\n\n{off}\n#else\n\n{functions}\n\n#endif /* NULLTRACE_OFF */\n\n\
         {macros}\n{end}\n#endif /* NULLTRACE_H */\n",
        standard = STANDARD.trim_start(),
        end = END.trim_start(),
        off = off.trim_end().to_owned() + "\n",
        macros = macros.trim_end().to_owned() + "\n",
    )
    .unwrap();
    text
}

/// The functions that a text declares or defines for other files.
fn functions(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let Some((before, _)) = line.split_once('(') else {
            continue;
        };
        let Some(name) = before.rsplit([' ', '*']).next() else {
            continue;
        };
        // A declaration begins in the first column and has a type before the name.
        if name.starts_with("nt_") && before.len() > name.len() && !before.starts_with(['\t', ' '])
        {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn header_is_fresh() {
    let text = header();
    if std::env::var_os("NULLTRACE_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/nulltrace.h");
        std::fs::write(path, &text).unwrap();
    }
    assert!(
        text == read("include/nulltrace.h"),
        "include/nulltrace.h is stale: run `make -C sdk-c header`"
    );
}

#[test]
fn a_length_that_says_terminated_is_the_same_in_both() {
    assert_eq!(nulltrace_c::NT_Z, usize::MAX); // SIZE_MAX in C
}

#[test]
fn off_and_the_symbols_are_whole() {
    let declared = functions(&declared(&[ItemType::Functions]));
    assert!(declared.contains("nt_enter"), "{declared:?}");
    assert_eq!(functions(&read("header/off.h")), declared);
    let exported: BTreeSet<String> = read("nulltrace.map")
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';'))
        .filter(|name| name.starts_with("nt_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(exported, declared);
}
