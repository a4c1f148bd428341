//! What can go wrong with a statsd sink, written as `WHAT: WHERE; REMEDY`.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::error::{Error, Kind};

/// Why a statsd sink cannot be opened, or what keeps its data from the server.
#[derive(Debug)]
pub enum StatsdError {
    /// A setting has a value that makes no sense.
    Config {
        /// The key, as the configuration names it.
        key: &'static str,
        /// The value it has.
        value: String,
        /// What it should be.
        remedy: String,
    },
    /// The host name has no address.
    Resolve {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No socket could be opened, or the path can be no server's.
    Open {
        /// The address as configured.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The server did not take a datagram.
    Refused {
        /// The address as configured.
        address: String,
        /// Why.
        source: io::Error,
    },
}

/// The error of a setting.
pub(super) fn bad(key: &'static str, value: impl ToString, remedy: String) -> StatsdError {
    let mut value = value.to_string();
    if value.is_empty() {
        value.push_str("\"\"");
    }
    StatsdError::Config { key, value, remedy }
}

impl fmt::Display for StatsdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { key, value, remedy } => {
                write!(f, "bad value for statsd.{key}: {value}; {remedy}")
            }
            Self::Resolve { host, source } => write!(
                f,
                "the statsd server's host has no address ({source}): {host}; \
                 correct statsd.address or give an IP address"
            ),
            Self::Open { address, source } => write!(
                f,
                "cannot reach the statsd server ({source}): {address}; \
                 start the server or correct statsd.address"
            ),
            Self::Refused { address, source } => write!(
                f,
                "cannot send to the statsd server ({source}): {address}; \
                 start the server; until then its spans are lost, and counted"
            ),
        }
    }
}

impl StdError for StatsdError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Config { .. } => None,
            Self::Resolve { source, .. }
            | Self::Open { source, .. }
            | Self::Refused { source, .. } => Some(source),
        }
    }
}

impl From<StatsdError> for Error {
    fn from(error: StatsdError) -> Self {
        let kind = match &error {
            StatsdError::Config { .. } => Kind::Usage,
            StatsdError::Resolve { .. } => Kind::NotFound,
            StatsdError::Open { source, .. } | StatsdError::Refused { source, .. } => source.into(),
        };
        Self::from_cause(kind, error)
    }
}
