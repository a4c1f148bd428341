//! Events as JSON objects, one a line.

use std::io::Write as _;

use nulltrace_core::query::field::{At, Field, Type, Value};
use nulltrace_core::view::Names as _;
use serde_json::json;

use super::clock::Clock;
use super::format::Format;
use super::number::number;
use crate::names::Machine;

/// Appends the object of an event: the fields of the format by their names. Returns whether it has all that it must.
pub(super) fn object(format: &Format, at: &At<'_>, clock: &mut Clock, to: &mut Vec<u8>) -> bool {
    to.push(b'{');
    for (place, field) in format.fields().enumerate() {
        if place > 0 {
            to.push(b',');
        }
        text(field.to_string().as_bytes(), to);
        to.push(b':');
        if field.info().source.many().is_some() {
            list(field, at, clock, to);
            continue;
        }
        match field.get(at) {
            Value::Absent if !format.partial => return false,
            found => value(&found, clock, to),
        }
    }
    to.push(b'}');
    true
}

/// All values of a field that may have several.
fn list(field: &Field, at: &At<'_>, clock: &mut Clock, to: &mut Vec<u8>) {
    to.push(b'[');
    let mut any = false;
    field.each(at, &mut |found| {
        if any {
            to.push(b',');
        }
        any = true;
        value(&found, clock, to);
    });
    to.push(b']');
}

fn value(of: &Value<'_>, clock: &mut Clock, to: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = match of {
        Value::Absent => {
            to.extend_from_slice(b"null");
            Ok(())
        }
        Value::Text(bytes) => {
            text(bytes, to);
            Ok(())
        }
        Value::Number(n) | Value::Duration(n) => {
            number(*n, to);
            Ok(())
        }
        Value::Integer(n) => write!(to, "{n}"),
        Value::Address(address) => write!(to, "\"{address}\""),
        Value::Call(nr) => {
            match clock.name(*nr) {
                Some(name) => text(name.as_bytes(), to),
                None => text(Machine.call(*nr).as_bytes(), to),
            }
            Ok(())
        }
        Value::Time(ns) => {
            to.push(b'"');
            clock.rfc_3339(*ns, to);
            to.push(b'"');
            Ok(())
        }
        Value::Boolean(is) => write!(to, "{is}"),
    };
}

/// A string. What is no UTF-8 is U+FFFD.
fn text(bytes: &[u8], to: &mut Vec<u8>) {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && !b"\"\\".contains(byte);
    if bytes.iter().all(plain) {
        to.push(b'"');
        to.extend_from_slice(bytes);
        to.push(b'"');
        return;
    }
    // Of a string this does not fail.
    let _ = serde_json::to_writer(&mut *to, &String::from_utf8_lossy(bytes));
}

/// What the objects of a format are, as a JSON schema.
#[must_use]
pub fn schema(format: &Format) -> String {
    let properties = format.fields().map(|field| {
        let info = field.info();
        let one = json_type(info.type_);
        let mut of = match info.source.many().is_some() {
            true => json!({ "type": "array", "items": { "type": one } }),
            false if format.partial => json!({ "type": [one, "null"] }),
            false => json!({ "type": one }),
        };
        of["description"] = info.meaning.into();
        if let Some(unit) = info.type_.unit().filter(|_| one == "integer") {
            of["unit"] = unit.into();
        }
        if matches!(info.type_, Type::Time) {
            of["format"] = "date-time".into();
        }
        (field.to_string(), of)
    });
    let properties: serde_json::Map<_, _> = properties.collect();
    let names: Vec<_> = properties.keys().cloned().collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nulltrace events",
        "type": "object",
        "properties": properties,
        "required": names,
    });
    format!("{schema:#}\n")
}

/// The type of a value as JSON has it.
const fn json_type(type_: Type) -> &'static str {
    match type_ {
        Type::Number | Type::Integer | Type::Duration | Type::Size => "integer",
        Type::Boolean => "boolean",
        Type::Text | Type::Address | Type::Call | Type::Time => "string",
    }
}
