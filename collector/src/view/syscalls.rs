//! The system calls of spans, by name.

use nulltrace_core::input::record::CALLS_COMPAT;
use nulltrace_core::measure::calls::CallStats;
use nulltrace_core::measure::summary::Row;

use super::grid::Style;
use super::sheet::{self, Sheet};
use super::table;

/// Calls of the numbers there was no room for.
pub(super) const OTHER: &str = "other calls";

/// The name of a system call of this machine's tables; the one for 32-bit callers is told.
pub(super) fn name(nr: u32) -> String {
    #[cfg(target_arch = "aarch64")]
    use syscalls::arm as compat;
    #[cfg(target_arch = "x86_64")]
    use syscalls::x86 as compat;

    if nr & CALLS_COMPAT != 0 {
        let nr = nr & !CALLS_COMPAT;
        return match compat::Sysno::new(nr as usize) {
            Some(call) => format!("{} (32-bit)", call.name()),
            None => format!("system call {nr} (32-bit)"),
        };
    }
    match syscalls::Sysno::new(nr as usize) {
        Some(call) => call.name().to_owned(),
        None => format!("system call {nr}"),
    }
}

/// Bytes as a person reads them: three digits and a binary unit.
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

/// One row for each call in each span and all inside, the longest first.
pub(super) fn draw(out: &mut String, rows: &[Row<'_>], style: Style) {
    let mut sheet = Sheet::default();
    for (row, label) in rows.iter().zip(table::labels(rows)) {
        sheet.span(label);
        let calls = &row.stats.calls;
        let mut named: Vec<_> = calls.iter().collect();
        named.sort_by_key(|(_, both)| std::cmp::Reverse(both.all().time));
        for (nr, both) in named {
            sheet.calls(name(nr).into_bytes(), "", both.all().clone());
        }
        if let Some(both) = calls.other_numbers() {
            sheet.rest(OTHER, both.all().clone());
        }
    }
    let columns = vec![
        sheet.number("calls", 0, &|calls| calls.count.to_string()),
        sheet.number("errors", 5, &sheet::errors),
        sheet.bytes("bytes", 2, &|calls| calls.bytes),
        sheet.time("time", 1, &|calls| calls.time),
        sheet.time("blocked", 3, &|calls| calls.blocked),
        sheet.per_call("avg", 4, &CallStats::mean),
        sheet.per_call("min", 8, &|calls| calls.min),
        sheet.per_call("max", 7, &|calls| calls.max),
        sheet.per_call("p99", 6, &|calls| calls.quantile(0.99)),
    ];
    sheet.draw(out, columns, style);
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

    #[test]
    fn calls_have_names() {
        assert_eq!(name(syscalls::Sysno::read as u32), "read");
        assert_eq!(name(100_000), "system call 100000");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(name(CALLS_COMPAT | 3), "read (32-bit)");
    }
}
