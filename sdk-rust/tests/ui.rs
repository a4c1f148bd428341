//! What must not compile, and what the compiler says then. `TRYBUILD=overwrite` writes that anew.

#[test]
fn mistakes_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
