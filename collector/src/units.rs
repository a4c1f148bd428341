//! Sizes and durations as people write them in flags and in the configuration.
//!
//! ```
//! use nulltrace_collector::units::{duration, size};
//! assert_eq!(size("16MiB"), Ok(16 << 20));
//! assert_eq!(duration("1.5s").unwrap().as_millis(), 1500);
//! assert_eq!(size("16 parsecs").unwrap_err(), "no unit \"parsecs\": write B, KiB, MiB or GiB");
//! ```

use std::time::Duration;

/// Bytes from `4096`, `512KiB`, `16MiB`, `1GiB`; `K`, `M` and `G` mean the same.
///
/// # Errors
/// A sentence that says what is wrong and what may be written.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no size: write for example 16MiB"))?;
    let factor = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return Err(format!("no unit {unit:?}: write B, KiB, MiB or GiB")),
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("{text:?} is too large"))
}

/// A duration from `200ms`, `1.5s`, `5m`, `1h`.
///
/// # Errors
/// A sentence that says what is wrong and what may be written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no duration: write for example 500ms or 1h"))?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(format!("no unit {unit:?}: write us, ms, s, m, h or d")),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("{text:?} is out of range"))
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// [`duration`] for serde: `#[serde(with = "units::duration_text")]`.
pub(crate) mod duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de::Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::duration(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// [`size`] for serde: `#[serde(with = "units::size_text")]`.
pub(crate) mod size_text {
    use serde::{Deserialize, Deserializer, de::Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        super::size(&String::deserialize(from)?).map_err(D::Error::custom)
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
    fn durations() {
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for bad in ["", "5", "1y", "-1s", "1e400s", "..s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
