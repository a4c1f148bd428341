//! Parts of markers, as JSON has them.

use nulltrace_spec::Id;
use serde_json::{Value, json};

/// An id: a number, or the text that stands for one.
pub(crate) fn id(of: Id) -> Value {
    match of {
        Id::None => json!(""),
        Id::Global => json!("g"),
        Id::Thread => json!("t"),
        Id::Process => json!("p"),
        Id::Parent => json!("pp"),
        Id::Number(number) => json!(number),
    }
}

/// Arguments: pairs of name and value, in their order.
pub(crate) fn args<N: AsRef<[u8]>, V: AsRef<[u8]>>(of: impl Iterator<Item = (N, V)>) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs = of.map(|(name, value)| json!([text(name.as_ref()), text(value.as_ref())]));
    pairs.collect()
}
