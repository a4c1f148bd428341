//! Values as a person reads them.

use nulltrace_core::facts::args::ArgList;
use nulltrace_core::view::model::Cell;
use nulltrace_spec::Id;

use super::duration::human;
use super::moment;

/// Bytes in three digits and a binary unit.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = match (unit, value) {
        (0, _) => 0,
        (_, value) if value < 9.995 => 2,
        (_, value) if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A part of 1.
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// An id as markers have it.
pub(super) fn id(id: Id) -> String {
    match id {
        Id::None => String::new(),
        Id::Global => "g".to_owned(),
        Id::Thread => "t".to_owned(),
        Id::Process => "p".to_owned(),
        Id::Parent => "pp".to_owned(),
        Id::Number(n) => n.to_string(),
    }
}

/// Arguments as text that is not yet safe: `name=value`, with commas between.
pub(super) fn args(args: &ArgList) -> Vec<u8> {
    let pairs = args.iter().map(|(name, value)| [name, value].join(&b'='));
    pairs.collect::<Vec<_>>().join(&b',')
}

/// A sentence. What is text goes through `text`, which knows whether its end says most.
pub(super) fn words(words: &[Cell], text: impl Fn(&[u8], bool) -> String) -> String {
    let word = |cell: &Cell| match cell {
        Cell::Absent => "-".to_owned(),
        Cell::Text(bytes) => text(bytes, false),
        Cell::Path(bytes) => text(bytes, true),
        Cell::Tags { path, .. } => text(&path.text(), false),
        Cell::Number(n) => n.to_string(),
        Cell::Id(of) => id(*of),
        Cell::Args(of) => text(&args(of), false),
        Cell::Time(ns) => moment::time_of_day(*ns),
        Cell::Ns(ns) => human(*ns),
        Cell::Bytes(n) => bytes(*n),
        Cell::Share(part) => percent(*part),
        Cell::Counts(counts) => {
            let counts: Vec<_> = counts.iter().map(u64::to_string).collect();
            counts.join(", ")
        }
    };
    words.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (1024, "1.00 KiB"),
            (65_536, "64.0 KiB"),
            (536_870_912, "512 MiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }
}
