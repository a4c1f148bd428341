//! The axis of time below what goes on in it.

use super::paint::{DIM, Style, line};
use crate::show::duration::human;
use crate::text::width;

/// A line with the time at the beginning of `columns` columns after `before` others, and at their end.
pub(super) fn draw(
    out: &mut String,
    (start_ns, end_ns): (u64, u64),
    before: usize,
    columns: usize,
    style: Style,
) {
    let (start, end) = (human(start_ns.into()), human(end_ns.into()));
    let gap = columns.saturating_sub(width(&start) + width(&end)).max(1);
    let text = format!("{}{start}{}{end}", " ".repeat(before), " ".repeat(gap));
    line(out, style, DIM, &text);
}
