//! Fields that are recorded after their span began: kept with the span until it ends.

use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::fields::{FIELDS_MAX, Fields};
use crate::sites;

/// The most bytes of values that are kept for a span: no more fits into its marker.
const KEPT_MAX: usize = 4097;

/// What a span has recorded, the newest value of each name.
#[derive(Default)]
struct Late {
    fields: Vec<(&'static str, Vec<u8>)>,
}

/// Keeps these fields of the span. Not for the hot path: allocates.
pub(crate) fn keep<S: for<'s> LookupSpan<'s>>(span: &SpanRef<'_, S>, fields: &Fields) {
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<Late>().is_none() {
        extensions.insert(Late::default());
    }
    if let Some(late) = extensions.get_mut::<Late>() {
        for (name, value) in fields.pairs() {
            late.set(name, value);
        }
    }
    if let Some(site) = sites::find(span.metadata()) {
        site.records_late();
    }
}

impl Late {
    fn set(&mut self, name: &'static str, value: &[u8]) {
        self.fields.retain(|(kept, _)| *kept != name);
        let kept: usize = self.fields.iter().map(|(_, value)| value.len()).sum();
        if self.fields.len() < FIELDS_MAX {
            let fits = value.len().min(KEPT_MAX.saturating_sub(kept));
            self.fields.push((name, value[..fits].to_vec()));
        }
    }
}

/// The argument of an exit that a panic makes.
pub(crate) const PANICKED: (&[u8], &[u8]) = (b"error", b"panic");

/// Hands out what the span recorded, as arguments; with that of a panic unless it recorded an `error` itself.
pub(crate) fn with<S: for<'s> LookupSpan<'s>>(
    span: &SpanRef<'_, S>,
    panicked: bool,
    take: impl FnOnce(&[(&[u8], &[u8])]),
) {
    let late = span.extensions_mut().remove::<Late>().unwrap_or_default();
    let mut pairs: [(&[u8], &[u8]); FIELDS_MAX + 1] = [(&[], &[]); FIELDS_MAX + 1];
    for (pair, (name, value)) in pairs.iter_mut().zip(&late.fields) {
        *pair = (name.as_bytes(), value);
    }
    let mut count = late.fields.len().min(FIELDS_MAX);
    if panicked && late.fields.iter().all(|(name, _)| *name != "error") {
        pairs[count] = PANICKED;
        count += 1;
    }
    take(&pairs[..count]);
}
