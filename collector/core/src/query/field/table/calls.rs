//! Fields of calls, by segments or one by one.

use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use super::events::type_of;

pub(super) const FIELDS: &[Info] = &[Info {
    name: "evt.type",
    key: KeyKind::None,
    type_: Type::Call,
    source: Source::Call,
    meaning: "the system call; of other events tracer (a marker), switch, wakeup, block, irq or softirq",
    get: |at, _| match at.single() {
        Some((event, _)) => Value::Call(type_of(event)),
        None => at.calls().map_or(Value::Absent, |of| Value::Call(of.nr)),
    },
}];
