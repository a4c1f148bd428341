//! The reader itself, on crates of a few lines.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::circles::{Knot, knots};
use crate::edges::{Edge, edges};
use crate::order::backward;
use crate::source::Source;

/// A crate of these files, `lib.rs` first.
fn read(files: &[(&str, &str)]) -> (Source, Vec<Edge>) {
    let texts: HashMap<PathBuf, &str> = files
        .iter()
        .map(|(name, text)| (Path::new("/src").join(name), *text))
        .collect();
    let text = |path: &Path| texts.get(path).map(|&text| text.to_owned());
    let source = Source::read(Path::new("/src/lib.rs"), &text);
    let edges = edges(&source);
    (source, edges)
}

fn circles(files: &[(&str, &str)]) -> Vec<Knot> {
    let (source, edges) = read(files);
    knots(&source, &edges)
}

/// The level and the members of each knot.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let name = |knot: &Knot| format!("{}: {}", knot.level, knot.members.join(" "));
    circles(files).iter().map(name).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_circle_is_written_out() {
    let knots = circles(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n"),
        ("a.rs", "use crate::b::B;\npub struct A;"),
        (
            "b.rs",
            "// First a comment.\nuse crate::c::C;\npub struct B;",
        ),
        (
            "c.rs",
            "pub struct C;\nfn f() {\n    let a = crate::a::A;\n}",
        ),
        ("d.rs", "use crate::a::A;"),
    ]);
    let [knot] = &knots[..] else {
        panic!("{knots:?}")
    };
    assert_eq!(knot.members, ["a", "b", "c"]);
    let circle: Vec<_> = knot.circle.lines().map(str::trim).collect();
    let wanted = [
        "a -> b -> c -> a",
        "a -> b: /src/a.rs:1: crate::b::B",
        "b -> c: /src/b.rs:2: crate::c::C",
        "c -> a: /src/c.rs:3: crate::a::A",
    ];
    assert_eq!(circle, wanted);
}

#[test]
fn one_direction_is_no_circle() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::*;\n"),
        ("a.rs", "pub struct A;\nuse std::fmt;\nuse other::B;"),
        (
            "b.rs",
            "use crate::A;\nuse super::a::A as Other;\npub struct B;",
        ),
    ];
    assert_eq!(found(&files), NONE);
}

#[test]
fn all_ways_to_write_an_import() {
    for import in [
        "use crate::b::B;",
        "use crate::b;\nfn f() -> b::B { b::B }",
        "use crate::{c, b::{self, B}};",
        "use crate::b::*;",
        "use crate::b::B as _;",
        "use super::b::B;",
        "use self::super::b::B;",
        "pub use crate::b::B;",
        "pub(crate) use crate::{b as other};",
        "fn f() { use crate::b::B; }",
        "fn f(b: &crate::b::B) {}",
        "fn f() { let b = super::b::B::new(); }",
        "impl crate::b::T for A {}",
        "fn f() { assert!(true, crate::b::B); }",
        "fn f() { vec![format!(\"{}\", super::b::f(1))]; }",
        "macro_rules! m { () => { $crate::b::B } }",
        "#[cfg(not(test))]\nuse crate::b::B;",
        "#[cfg(any(test, unix))]\nuse crate::b::B;",
        "mod inner { use super::super::b::B; }",
        "use crate::shown;",
        "use crate::B;",
        "use crate::made;",
        "use crate::through::B;",
        "use own::b::B;",
        "use ::own::{b::B};",
        "fn f(b: ::own::b::B) {}",
        "fn f() { m!(own::b::B, 1) }",
        "fn f() { m!(1, ::own::b::B) }",
        "fn f() { m!(match 1 { _ => ::own::b::B }) }",
    ] {
        let files = [
            (
                "lib.rs",
                "extern crate self as own;\nmod a;\nmod b;\nmod c;\nmod through;\npub use b::B;\npub use b::f as shown;\n",
            ),
            ("a.rs", &format!("pub struct A;\n{import}")),
            (
                "b.rs",
                "use crate::a::A;\npub struct B;\npub trait T {}\npub fn f() {}\n#[macro_export]\nmacro_rules! made { () => {} }",
            ),
            ("c.rs", ""),
            ("through.rs", "pub(crate) use crate::b::*;"),
        ];
        let import_is_seen = found(&files).iter().any(|knot| knot.contains("a b"));
        assert!(import_is_seen, "{import}");
    }
}

#[test]
fn what_a_glob_brings_from_around() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use b::B;\npub struct Root;"),
        ("a.rs", "use super::*;\npub struct A;\nfn f(b: B) {}"),
        ("b.rs", "use crate::a::A;\npub struct B;"),
    ];
    assert_eq!(found(&files), [": a b"]);
    let named_only = [
        ("lib.rs", "mod a;\npub use a::A;\npub struct Root;"),
        ("a.rs", "use super::*;\npub struct A;\nfn f(b: Box<A>) {}"),
    ];
    assert_eq!(found(&named_only), NONE);
}

#[test]
fn names_in_what_a_macro_is_given() {
    let found = |tokens: &str| {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use b::*;"),
            (
                "a.rs",
                &format!("use super::*;\npub struct A;\nfn f() {{ m!({tokens}); }}"),
            ),
            ("b.rs", "use crate::a::A;\npub struct B;\npub fn make() {}"),
        ];
        found(&files)
    };
    for named in ["B", "make()", "0..make()", "vec![B {}]", "_ => make()"] {
        assert_eq!(found(named), [": a b"], "{named}");
    }
    for other in [
        "make",
        "it.make()",
        "it.b",
        "<u8 as T>::make()",
        "Vec::<u8>::make(1)",
        "::make(1)",
        "\"B\"",
    ] {
        assert_eq!(found(other), NONE, "{other}");
    }
}

#[test]
fn no_circle_hides_behind_a_reexport() {
    // `a` needs `front` to name what is in `c`.
    let files = [
        ("lib.rs", "mod a;\nmod c;\nmod front;\n"),
        ("a.rs", "use crate::front::C;\npub struct A;"),
        ("c.rs", "pub struct C;"),
        ("front.rs", "pub use crate::c::C;\nuse crate::a::A;"),
    ];
    assert_eq!(found(&files), [": a front"]);
    // Neither does what the root shows, by however many steps.
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use b::Shown as B;\n"),
        ("a.rs", "use crate::B;\npub struct A;"),
        ("b.rs", "mod deep;\npub use deep::{Deep as Shown};"),
        ("b/deep.rs", "use crate::a::A;\npub struct Deep;"),
    ];
    assert_eq!(found(&files), [": a b"]);
}

#[test]
fn a_file_and_what_it_declares() {
    let child = ("a/child.rs", "use super::Shared;\npub struct Child;");
    let lib = ("lib.rs", "mod a;");
    // To declare and to show is no import.
    let shows = "mod child;\npub use child::Child;\npub struct Shared;";
    assert_eq!(found(&[lib, ("a.rs", shows), child]), NONE);
    let uses = "mod child;\nuse child::Child;\npub struct Shared;";
    assert_eq!(found(&[lib, ("a.rs", uses), child]), ["a: child mod"]);
    let both = "mod child;\npub use child::Child;\npub struct Shared;\nfn f() -> Child { Child }";
    assert_eq!(found(&[lib, ("a.rs", both), child]), ["a: child mod"]);
    let path = "mod child;\npub struct Shared;\nfn f() { child::Child; }";
    assert_eq!(found(&[lib, ("a/mod.rs", path), child]), ["a: child mod"]);
    // What both need has a file of its own.
    let apart = "mod child;\nmod shared;\nuse child::Child;\npub use shared::Shared;";
    let shared = ("a/shared.rs", "pub struct Shared;");
    assert_eq!(found(&[lib, ("a.rs", apart), child, shared]), NONE);
    // A variable of the child's name is not the child.
    let variable = "mod child;\npub struct Shared;\nfn f(child: u8) { g(child); h!(child) }";
    assert_eq!(found(&[lib, ("a.rs", variable), child]), NONE);
}

#[test]
fn modules_below_count_with_the_one_above() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "mod one;\nmod two;"),
        ("a/one.rs", "use crate::b::three::Three;"),
        ("a/two.rs", "pub struct Two;"),
        ("b.rs", "pub mod three;\npub mod four;"),
        ("b/three.rs", "pub struct Three;"),
        ("b/four.rs", "use crate::a::two::Two;"),
    ];
    assert_eq!(found(&files), [": a b"]);
}

#[test]
fn a_module_in_braces_belongs_to_its_file() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n"),
        (
            "a.rs",
            "pub struct A;\nmod inner { use super::A; pub struct In; }\nuse inner::In;",
        ),
        ("b.rs", "use crate::a::A;"),
    ];
    assert_eq!(found(&files), NONE);
}

#[test]
fn comments_texts_and_tests_are_no_imports() {
    for aside in [
        "// use crate::b::B;",
        "/* use crate::b::B; */",
        "/// See [`crate::b::B`].\npub struct C;",
        "const TEXT: &str = \"use crate::b::B;\";",
        "const TEXT: &str = r#\"crate::b::B\"#;",
        "pub(in crate::b) struct C;",
        "use ::b::B;",
        "fn f() { m!(::b::B, it.b::<u8>()); }",
        "#[cfg(test)]\nuse crate::b::B;",
        "#[cfg(test)]\nmod tests { use crate::b::B; }",
        "#[cfg(all(test, unix))]\nmod tests { use crate::b::B; }",
        "#[cfg(any(test, all(test, unix)))]\nmod tests { use crate::b::B; }",
        "#[cfg(test)]\nmod tests;",
        "impl A {\n#[cfg(test)]\nfn f(b: crate::b::B) {} }",
    ] {
        let files = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", &format!("pub struct A;\n{aside}")),
            ("a/tests.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A;\npub struct B;"),
        ];
        assert_eq!(found(&files), NONE, "{aside}");
    }
}

#[test]
fn where_the_files_are() {
    let files = [
        (
            "lib.rs",
            "mod a;\nmod b { pub mod c; }\n#[path = \"other/d.rs\"]\nmod d;",
        ),
        ("a/mod.rs", "pub mod e;"),
        ("a/e.rs", "use crate::d::D;\npub struct E;"),
        ("b/c.rs", "use crate::a::e::E;\npub struct C;"),
        ("other/d.rs", "pub mod f;\npub struct D;"),
        ("other/f.rs", "use crate::b::c::C;"),
    ];
    assert_eq!(found(&files), [": a c d"]);
}

#[test]
fn a_module_of_several_files_is_one() {
    let files = [
        (
            "lib.rs",
            "#[cfg(unix)]\nmod a;\n#[cfg(not(unix))]\n#[path = \"none.rs\"]\nmod a;\nmod b;",
        ),
        ("a.rs", "pub struct A;"),
        ("none.rs", "use crate::b::B;\npub struct A;"),
        ("b.rs", "use crate::a::A;\npub struct B;"),
    ];
    assert_eq!(found(&files), [": a b"]);
}

#[test]
fn an_arrow_back_is_found() {
    let (source, edges) = read(&[
        ("lib.rs", "mod free;\nmod one;\nmod two;"),
        ("free.rs", "pub struct Free;\nuse crate::two::sub::Two;"),
        (
            "one.rs",
            "pub struct One;\n\nuse crate::two::sub::Two;\nuse crate::free::Free;",
        ),
        ("two.rs", "pub mod sub;"),
        ("two/sub.rs", "use crate::one::One;\npub struct Two;"),
    ]);
    let arrow = "one -> two: /src/one.rs:3: crate::two::sub::Two";
    assert_eq!(backward(&source, &edges, &["one", "two"]), [arrow]);
    let arrow = "two -> one: /src/two/sub.rs:1: crate::one::One";
    assert_eq!(backward(&source, &edges, &["two", "one"]), [arrow]);
    assert_eq!(backward(&source, &edges, &["one"]), NONE);
}
