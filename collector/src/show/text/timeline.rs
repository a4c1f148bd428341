//! Timelines for a terminal: a lane of characters for each track.

use nulltrace_core::view::model::{Timeline, Track};

use super::axis;
use super::paint::{Style, line};
use crate::text::{safe_within, width};

/// A lane has at least so many columns, however narrow it is.
const LANE_MIN: usize = 8;
/// Space by which a track is indented under the one it is a part of.
const INDENT: usize = 2;

pub(super) fn draw(out: &mut String, timeline: &Timeline, style: Style) {
    let most = style.width / 3;
    let name = |track: &Track| {
        // However deep, half of the room is left for the name itself.
        let indent = (track.depth * INDENT).min(most / 2);
        let name = safe_within(&track.name, most - indent);
        format!("{}{name}", " ".repeat(indent))
    };
    let names: Vec<_> = timeline.tracks.iter().map(name).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let columns = style.width.saturating_sub(widest + 1).max(LANE_MIN);
    for (track, name) in timeline.tracks.iter().zip(&names) {
        let room = " ".repeat(widest - width(name));
        let lane = lane(track, timeline, columns);
        line(out, style, "", format!("{name}{room} {lane}").trim_end());
    }
    let times = (timeline.start_ns, timeline.end_ns);
    axis::draw(out, times, widest + 1, columns, style);
}

/// `#` where something went on for most of the time, `-` where it did for less.
fn lane(track: &Track, timeline: &Timeline, columns: usize) -> String {
    let (start, end) = (timeline.start_ns, timeline.end_ns);
    let all = u128::from(end.saturating_sub(start)).max(1);
    // In parts of a column, of which each has `all`.
    let place = |ns: u64| u128::from(ns.clamp(start, end.max(start)) - start) * columns as u128;
    let mut taken = vec![None; columns];
    for of in &track.intervals {
        if of.end_ns < start || of.start_ns > end {
            continue;
        }
        let (from, to) = (place(of.start_ns), place(of.end_ns.max(of.start_ns)));
        let first = ((from / all) as usize).min(columns - 1);
        let last = ((to.saturating_sub(1) / all) as usize).clamp(first, columns - 1);
        for (at, taken) in taken.iter_mut().enumerate().take(last + 1).skip(first) {
            let column = at as u128 * all;
            let part = to.min(column + all).saturating_sub(from.max(column));
            *taken = Some(taken.unwrap_or(0_u128).saturating_add(part));
        }
    }
    let shade = |taken: &Option<u128>| match taken {
        None => ' ',
        Some(part) if part * 2 < all => '-',
        Some(_) => '#',
    };
    taken.iter().map(shade).collect()
}
