//! What was probably meant by a name that does not exist.

use nulltrace_core::query::field::{self, Info, KeyKind, Subject};

use crate::nearest::nearest;

/// The field that was probably meant; all that there are would be too many to read here.
pub(super) fn meant_field(unknown: &str) -> String {
    // The name that a person chooses is no part of a likeness.
    let text = |info: &Info| match info.key {
        KeyKind::Name => info.name.to_owned(),
        _ => info.to_string(),
    };
    let of_calls = || {
        let subjects = [Subject::Call, Subject::Span, Subject::Event];
        field::all().filter(move |info| subjects.iter().any(|of| info.is_of(*of)))
    };
    let names: Vec<_> = of_calls().map(text).collect();
    let name = nearest(unknown, names.iter().map(String::as_str));
    match name.and_then(|name| of_calls().find(|info| text(info) == name)) {
        Some(info) => format!("did you mean `{info}`?"),
        None => "`nulltrace fields` lists those that exist".to_owned(),
    }
}

/// Which was probably meant; which there are, unless they are too many to read.
pub(super) fn meant<'n>(unknown: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    match nearest(unknown, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.len() > NAMES_MAX => "write a name that exists".to_owned(),
        None => format!("write one of {}", names.join(", ")),
    }
}

const NAMES_MAX: usize = 50;
