//! What of a file cannot be read, and why.

use core::fmt;
use core::ops::Range;

use super::bytes::Bad;
use super::writer::VERSION;

/// A file that is no capture, or one that this build does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not begin as captures do.
    NoCapture,
    /// A later version wrote it.
    Version(u8, u8),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCapture => f.write_str("it does not begin as captures do"),
            Self::Version(major, minor) => write!(
                f,
                "it is of version {major}.{minor}, and this build reads {}.x",
                VERSION.0
            ),
        }
    }
}

impl core::error::Error for Refused {}

/// A place of a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes from its beginning.
    pub at: Range<u64>,
    /// Why.
    pub why: Why,
}

/// Why a place could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The file ends within a block, as when a recording was killed.
    Cut,
    /// No block begins there.
    NoBlock,
    /// The bytes of a block are not those that were written: so many records are lost.
    Checksum(u32),
    /// What is in a block contradicts itself: so many records are lost.
    Contents(Bad, u32),
    /// A block before it is damaged, without which it cannot be read: so many records are lost.
    Before(u32),
}

impl Why {
    /// How many records are lost by it; 0 where that is not known.
    #[must_use]
    pub const fn records(self) -> u32 {
        match self {
            Self::Cut | Self::NoBlock => 0,
            Self::Checksum(n) | Self::Contents(_, n) | Self::Before(n) => n,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the file ends within a block"),
            Self::NoBlock => f.write_str("no block begins there"),
            Self::Checksum(_) => f.write_str("the checksum of a block is wrong"),
            Self::Contents(bad, _) => write!(f, "a block contradicts itself: {bad}"),
            Self::Before(_) => f.write_str("a block that it needs is damaged"),
        }
    }
}
