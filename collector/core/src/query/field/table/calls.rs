//! Fields of calls.

use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};

pub(super) const FIELDS: &[Info] = &[Info {
    name: "evt.type",
    key: KeyKind::None,
    type_: Type::Call,
    source: Source::Call,
    meaning: "the system call",
    get: |at, _| at.calls().map_or(Value::Absent, |of| Value::Call(of.nr)),
}];
