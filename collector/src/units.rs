//! Sizes, durations and ways to compress as people write them in flags and in the configuration.
//!
//! ```
//! use nulltrace_collector::units::{duration, ring_size, size};
//! assert_eq!(size("16MiB"), Ok(16 << 20));
//! assert_eq!(duration("1.5s").unwrap().as_millis(), 1500);
//! assert_eq!(size("16 parsecs").unwrap_err(), "unknown unit \"parsecs\": write B, KiB, MiB or GiB");
//! assert_eq!(ring_size("5KiB").unwrap_err(), "not a power of two from 4KiB to 1GiB: write 4KiB or 8KiB");
//! ```

use std::num::NonZeroU32;
use std::time::Duration;

use nulltrace_core::capture::Compress;

/// Bytes from `4096`, `512KiB`, `16MiB`, `1GiB`; `K`, `M` and `G` mean the same.
///
/// # Errors
/// A sentence that says what is wrong and what may be written.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text:?} is not a size: write for example 16MiB"))?;
    let factor = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return Err(format!("unknown unit {unit:?}: write B, KiB, MiB or GiB")),
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("{text:?} is too large"))
}

/// The smallest and the largest ring, in bytes.
const RING: std::ops::RangeInclusive<u64> = 4096..=1 << 30;

/// The size of the kernel's ring buffer: a [`size`] that is a power of two from 4KiB to 1GiB.
///
/// # Errors
/// A sentence that says what is wrong and what may be written.
pub fn ring_size(text: &str) -> Result<u32, String> {
    let bytes = size(text)?;
    if bytes.is_power_of_two() && RING.contains(&bytes) {
        return u32::try_from(bytes).map_err(|_| format!("{text:?} is too large"));
    }
    // The powers of two on either side, as far as they are allowed.
    let above = bytes.clamp(*RING.start(), *RING.end()).next_power_of_two();
    let below = above >> u32::from(RING.contains(&bytes));
    let remedy = match below == above {
        true => size_name(above),
        false => format!("{} or {}", size_name(below), size_name(above)),
    };
    let (least, most) = (size_name(*RING.start()), size_name(*RING.end()));
    Err(format!(
        "not a power of two from {least} to {most}: write {remedy}"
    ))
}

/// A size as [`size`] reads it, in the largest unit of which it is a whole number.
///
/// ```
/// use nulltrace_collector::units::size_name;
/// assert_eq!([size_name(1536), size_name(256 << 20), size_name(7)], ["1536B", "256MiB", "7B"]);
/// ```
#[must_use]
pub fn size_name(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = |&&(unit, _): &&(u64, &str)| bytes > 0 && bytes.is_multiple_of(unit);
    let (unit, name) = units.iter().find(whole).copied().unwrap_or((1, "B"));
    format!("{}{name}", bytes / unit)
}

/// A duration from `200ms`, `1.5s`, `5m`, `1h`.
///
/// # Errors
/// A sentence that says what is wrong and what may be written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{text:?} is not a duration: write for example 500ms or 1h"))?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(format!("unknown unit {unit:?}: write us, ms, s, m, h or d")),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("{text:?} is out of range"))
}

/// A count of what there must be one of.
///
/// # Errors
/// A sentence that says what may be written.
pub fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number of at least 1"))
}

/// How a capture is compressed: `none`, `zstd` or `zstd:1` to `zstd:19`.
///
/// # Errors
/// A sentence that says what is wrong and what may be written.
pub fn compress(text: &str) -> Result<Compress, String> {
    let level = |text: &str| text.parse().ok().filter(|level| (1..=19).contains(level));
    let how = match text.split_once(':') {
        None if text == "none" => Some(Compress::None),
        None if text == "zstd" => Some(Compress::Fast),
        Some(("zstd", text)) => level(text).map(Compress::Level),
        _ => None,
    };
    how.ok_or_else(|| format!("cannot compress by {text:?}: write none, zstd or zstd:1 to zstd:19"))
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// [`duration`] for serde, of a key that may be left out: `#[serde(with = "units::duration_text")]`.
pub(crate) mod duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de::Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let duration = super::duration(&String::deserialize(from)?);
        duration.map(Some).map_err(D::Error::custom)
    }
}

/// [`ring_size`] for serde: `#[serde(with = "units::ring_size_text")]`.
pub(crate) mod ring_size_text {
    use serde::{Deserialize, Deserializer, de::Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
        let size = super::ring_size(&String::deserialize(from)?);
        size.map(Some).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64 KiB"), Ok(65536));
        for bad in ["", "x", "-1", "1.5MiB", "99999999999GiB", "1MB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ring_is_a_power_of_two_and_the_error_names_the_nearest() {
        for (text, bytes) in [("4KiB", 4096), ("16MiB", 16 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(ring_size(text), Ok(bytes));
        }
        for (text, remedy) in [
            ("0", "write 4KiB"),
            ("2KiB", "write 4KiB"),
            ("5KiB", "write 4KiB or 8KiB"),
            ("600MiB", "write 512MiB or 1GiB"),
            ("2GiB", "write 1GiB"),
            ("1025MiB", "write 1GiB"),
            ("3x", "write B, KiB, MiB or GiB"),
            ("lots", "write for example 16MiB"),
        ] {
            let error = ring_size(text).unwrap_err();
            assert!(error.ends_with(remedy), "{text}: {error}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for bytes in [0, 1, 1023, 1024, 3 << 20, 256 << 20, 1 << 30, (1 << 30) + 1] {
            assert_eq!(size(&size_name(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn ways_to_compress() {
        assert_eq!(compress("none"), Ok(Compress::None));
        assert_eq!(compress("zstd"), Ok(Compress::Fast));
        assert_eq!(compress("zstd:19"), Ok(Compress::Level(19)));
        for bad in ["", "gzip", "zstd:0", "zstd:20", "zstd:x", "none:1"] {
            assert!(compress(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for bad in ["", "5", "1y", "-1s", "1e400s", "..s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
