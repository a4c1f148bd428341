//! What `#[traced]` refuses, and in which words: goldens, remade with `TRYBUILD=overwrite`.

#[test]
#[cfg_attr(miri, ignore = "it runs the compiler")]
fn refused() {
    trybuild::TestCases::new().compile_fail("tests/ui/traced/*.rs");
}
