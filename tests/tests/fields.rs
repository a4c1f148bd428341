//! What the program says of its fields, to people and programs.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::process::{Command, Output};

use nulltrace_tests::nulltrace;
use serde_json::{Value, json};

fn fields(args: &[&str]) -> Output {
    let mut command = Command::new(nulltrace());
    command.arg("fields").args(args).output().unwrap()
}

#[test]
fn a_table_and_json() {
    let output = fields(&["user."]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "field      type    unit  of   meaning\n\
         user.uid   number        all  real user id\n\
         user.name  text          all  name of the user\n"
    );
    let output = fields(&["user.uid", "--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["nulltrace"], 1);
    assert_eq!(
        found["fields"],
        json!([{
            "name": "user.uid", "key": null, "type": "number", "unit": null,
            "of": ["call", "segment", "span", "marker", "process"], "many": false,
            "meaning": "real user id",
        }])
    );
    let output = fields(&["usr."]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no field begins so: usr."), "{said}");
}
