use nulltrace::traced;

const TAG: &str = "a";

#[traced("")]
fn empty() {}

#[traced("a..b")]
fn hole() {}

#[traced("a.b.")]
fn dot_at_the_end() {}

#[traced("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.31.32.33")]
fn deep() {}

#[traced(7)]
fn number() {}

#[traced(b"a")]
fn bytes() {}

#[traced('a')]
fn char() {}

#[traced("a", "b")]
fn two() {}

#[traced(TAG)]
fn constant() {}

#[traced(["a", ""])]
fn list_with_empty() {}

#[traced([])]
fn list_of_none() {}

#[traced(["a", TAG])]
fn list_with_constant() {}

#[traced(["a" "b"])]
fn list_without_comma() {}

fn main() {}
