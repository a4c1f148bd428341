//! The account of a run.

use nulltrace_core::ledger::{Ledger, Lost, Markers, Spans};
use serde::Serialize;
use serde_json::{Map, Value};

use super::plain::object;

#[derive(Serialize)]
pub(super) struct LedgerKeys {
    markers: Map<String, Value>,
    spans: Map<String, Value>,
    lost: Map<String, Value>,
    /// Of which causes it is not known how much they lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<&'static str>,
}

impl LedgerKeys {
    pub(super) fn new(of: &Ledger) -> Self {
        Self {
            markers: markers(&of.markers),
            spans: spans(&of.spans),
            lost: lost(&of.lost),
            unknown: of.lost.unknown().collect(),
        }
    }
}

/// What is not known is null.
fn lost(of: &Lost) -> Map<String, Value> {
    let causes = of.causes().into_iter();
    causes
        .map(|(name, n)| (name.to_owned(), n.known().into()))
        .collect()
}

fn markers(of: &Markers) -> Map<String, Value> {
    // Taken apart, here and below, so that a count added to the ledger cannot be forgotten.
    let Markers {
        seen,
        enter,
        exit,
        malformed: _,
        cut,
        unmatched_exit,
        unmatched_after_expiry,
        not_markers,
        late,
    } = of;
    let mut keys = object([
        ("seen", *seen),
        ("enter", *enter),
        ("exit", *exit),
        ("malformed", of.refused()),
        ("cut", *cut),
        ("unmatched_exit", *unmatched_exit),
        ("unmatched_after_expiry", *unmatched_after_expiry),
        ("not_markers", *not_markers),
        ("late", *late),
    ]);
    let by_code = object(of.refused_by_code());
    if !by_code.is_empty() {
        keys.insert("malformed_by_code".to_owned(), by_code.into());
    }
    keys
}

fn spans(of: &Spans) -> Map<String, Value> {
    let Spans {
        opened,
        before,
        exit,
        thread_exit,
        process_exit,
        expired,
        evicted,
        lost,
        lost_exit,
        open,
        parent_gone,
    } = *of;
    object([
        ("opened", opened),
        ("before", before),
        ("exit", exit),
        ("thread_exit", thread_exit),
        ("process_exit", process_exit),
        ("expired", expired),
        ("evicted", evicted),
        ("lost", lost),
        ("lost_exit", lost_exit),
        ("open", open),
        ("parent_gone", parent_gone),
    ])
}
