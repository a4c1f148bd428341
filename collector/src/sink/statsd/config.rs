//! The settings of the statsd sink.

use std::time::Duration;

use serde::Deserialize;

use super::address::Address;
use super::error::{StatsdError, bad};
use super::name;

/// The longest UDP datagram that crosses an Ethernet with room for tunnels, bytes.
pub const UDP_DATAGRAM: usize = 1432;
/// The longest datagram on a Unix socket by default, bytes.
pub const UNIX_DATAGRAM: usize = 8192;
/// The least `max_datagram`: any line fits, see [`LONGEST_LINE`].
pub const DATAGRAM_MIN: usize = 512;
/// The most `max_datagram`: what IPv4 can carry.
pub const DATAGRAM_MAX: usize = 65_507;
/// The longest prefix, bytes.
pub const PREFIX_MAX: usize = 64;
/// The longest `host` tag, bytes.
pub const HOST_MAX: usize = 64;
/// The least sampling rate; it also bounds the digits of the rate on the wire.
pub const RATE_MIN: f64 = 0.000_001;

/// Bytes of the longest line there can be: prefix, name, value of `u64::MAX` ns, type, rate of 17
/// digits, host and comm tags, and the marks between them.
pub const LONGEST_LINE: usize = PREFIX_MAX
    + ".".len()
    + name::NAME_MAX
    + ":18446744073709.551615|ms|@0.0000012345678901234567|#host:,comm:\n".len()
    + HOST_MAX
    + name::COMM_MAX;
const _: () = assert!(LONGEST_LINE <= DATAGRAM_MIN);

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `name:1.5|ms`: every server reads it.
    #[default]
    Plain,
    /// `name:1.5|ms|#host:a,comm:b`: DogStatsD and what speaks it.
    DogStatsD,
}

/// The metric type of a span's duration. The value is in milliseconds, whatever the type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Timer, `|ms`.
    #[default]
    Ms,
    /// Distribution, `|d`; DogStatsD only, others take it for a counter.
    D,
    /// Histogram, `|h`; DogStatsD only, others take it for a counter.
    H,
}

impl MetricKind {
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Ms => "|ms",
            Self::D => "|d",
            Self::H => "|h",
        }
    }
}

/// The settings of the statsd sink, as the agent's configuration holds them.
///
/// ```
/// use nulltrace_collector::sink::statsd::{Dialect, StatsdConfig};
///
/// let config: StatsdConfig = toml::from_str(
///     "address = 'stats.example:8125'\ndialect = 'dogstatsd'\nhost = 'web-1'",
/// ).unwrap();
/// assert_eq!(config.dialect, Dialect::DogStatsD);
/// assert!(config.validate().is_ok());
///
/// let config = StatsdConfig { sample_rate: 1.5, ..config };
/// assert_eq!(
///     config.validate().unwrap_err().to_string(),
///     "bad value for statsd.sample_rate: 1.5; give a number from 0.000001 to 1",
/// );
/// assert!(toml::from_str::<StatsdConfig>("adress = 'x'").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatsdConfig {
    /// `HOST[:PORT]`, `[IPV6][:PORT]` or `unix:PATH`; the port is 8125 by default.
    pub address: String,
    /// What every name begins with; dots may separate parts. It cannot be empty: without one a tag
    /// could take any name in the server.
    pub prefix: String,
    /// How a line is written.
    pub dialect: Dialect,
    /// The metric type.
    #[serde(rename = "type")]
    pub kind: MetricKind,
    /// What share of the spans is sent, each with its rate; the server multiplies its counts.
    pub sample_rate: f64,
    /// Seed of the choice which spans are sent.
    pub seed: u64,
    /// How many distinct names (with their tags, in DogStatsD) are made; the spans of all further
    /// ones go to `PREFIX.nulltrace_overflow`.
    pub max_names: usize,
    /// Bytes of the longest datagram; 1432 on UDP and 8192 on a Unix socket if not given.
    pub max_datagram: Option<usize>,
    /// How many datagrams wait for the socket; what comes when they do is lost.
    pub queue: usize,
    /// Most datagrams a second on UDP. A statsd server's socket buffer holds about a hundred, and
    /// what does not fit is lost where nobody counts it; what waits too long here is counted.
    pub datagrams_per_second: u32,
    /// How long a line waits for its datagram to fill, and how often the self-telemetry is sent;
    /// milliseconds.
    pub flush_ms: u64,
    /// The `host` tag; DogStatsD only.
    pub host: Option<String>,
    /// Whether the command name is sent as the tag `comm`; DogStatsD only, where it is on by default.
    pub comm: Option<bool>,
}

impl Default for StatsdConfig {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:8125".into(),
            prefix: "nulltrace".into(),
            dialect: Dialect::Plain,
            kind: MetricKind::Ms,
            sample_rate: 1.0,
            seed: 0,
            max_names: 2_000,
            max_datagram: None,
            queue: 2_048,
            datagrams_per_second: 10_000,
            flush_ms: 500,
            host: None,
            comm: None,
        }
    }
}

impl StatsdConfig {
    /// Checks every value; does not look up the host.
    ///
    /// # Errors
    /// [`StatsdError::Config`] for the first key with a value that makes no sense.
    pub fn validate(&self) -> Result<(), StatsdError> {
        Address::parse(&self.address)?;
        let parts_ok = self
            .prefix
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(name::is_plain));
        if !parts_ok || self.prefix.len() > PREFIX_MAX {
            return Err(bad(
                "prefix",
                &self.prefix,
                format!("give 1 to {PREFIX_MAX} of A-Z a-z 0-9 _ - with single dots between"),
            ));
        }
        if !(RATE_MIN..=1.0).contains(&self.sample_rate) {
            return Err(bad(
                "sample_rate",
                self.sample_rate,
                format!("give a number from {RATE_MIN} to 1"),
            ));
        }
        within("max_names", self.max_names, 1, 1_000_000)?;
        if let Some(bytes) = self.max_datagram {
            within("max_datagram", bytes, DATAGRAM_MIN, DATAGRAM_MAX)?;
        }
        within("queue", self.queue, 1, 1_000_000)?;
        within(
            "datagrams_per_second",
            self.datagrams_per_second,
            1,
            1_000_000_000,
        )?;
        within("flush_ms", self.flush_ms, 1, 3_600_000)?;
        if self.dialect == Dialect::Plain {
            self.validate_plain()?;
        }
        match &self.host {
            Some(host) if host.is_empty() || host.len() > HOST_MAX => Err(bad(
                "host",
                host,
                format!("give 1 to {HOST_MAX} bytes or leave it out"),
            )),
            _ => Ok(()),
        }
    }

    /// A plain server would take the other types for counters, and tags for a part of the name.
    fn validate_plain(&self) -> Result<(), StatsdError> {
        let remedy = || "set dialect = \"dogstatsd\" or leave it out".to_owned();
        if self.kind != MetricKind::Ms {
            return Err(bad("type", &self.kind.suffix()[1..], remedy()));
        }
        if let Some(host) = &self.host {
            return Err(bad("host", host, remedy()));
        }
        match self.comm {
            Some(true) => Err(bad("comm", true, remedy())),
            _ => Ok(()),
        }
    }

    /// How often lines that wait are sent, and the self-telemetry with them.
    #[must_use]
    pub fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_ms)
    }

    pub(super) fn comm_tag(&self) -> bool {
        self.comm.unwrap_or(self.dialect == Dialect::DogStatsD)
    }
}

fn within<N>(key: &'static str, value: N, least: N, most: N) -> Result<(), StatsdError>
where
    N: PartialOrd + ToString + std::fmt::Display,
{
    if value >= least && value <= most {
        return Ok(());
    }
    Err(bad(
        key,
        value,
        format!("give a number from {least} to {most}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut StatsdConfig)) -> String {
        let mut config = StatsdConfig::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_default_is_valid() {
        StatsdConfig::default().validate().unwrap();
        assert_eq!(
            toml::from_str::<StatsdConfig>("").unwrap(),
            StatsdConfig::default()
        );
    }

    #[test]
    fn a_bad_value_names_its_key() {
        for (key, error) in [
            ("address", refused(|c| c.address = "a:b:c".into())),
            ("prefix", refused(|c| c.prefix.clear())),
            ("prefix", refused(|c| c.prefix = "a..b".into())),
            ("prefix", refused(|c| c.prefix = "a:1|c".into())),
            ("prefix", refused(|c| c.prefix = "a".repeat(65))),
            ("sample_rate", refused(|c| c.sample_rate = 0.0)),
            ("sample_rate", refused(|c| c.sample_rate = f64::NAN)),
            ("sample_rate", refused(|c| c.sample_rate = -1.0)),
            ("max_names", refused(|c| c.max_names = 0)),
            ("max_datagram", refused(|c| c.max_datagram = Some(511))),
            ("max_datagram", refused(|c| c.max_datagram = Some(65_508))),
            ("queue", refused(|c| c.queue = 0)),
            (
                "datagrams_per_second",
                refused(|c| c.datagrams_per_second = 0),
            ),
            ("flush_ms", refused(|c| c.flush_ms = 0)),
            ("type", refused(|c| c.kind = MetricKind::H)),
            ("host", refused(|c| c.host = Some("a".into()))),
            ("comm", refused(|c| c.comm = Some(true))),
            (
                "host",
                refused(|c| {
                    c.dialect = Dialect::DogStatsD;
                    c.host = Some(String::new());
                }),
            ),
        ] {
            assert!(
                error.starts_with(&format!("bad value for statsd.{key}: ")),
                "{error}"
            );
            assert!(error.contains("; "), "{error}");
        }
    }

    #[test]
    fn dogstatsd_takes_all_types() {
        for kind in ["ms", "d", "h"] {
            let text = format!("dialect = 'dogstatsd'\ntype = '{kind}'\nhost = 'h'");
            toml::from_str::<StatsdConfig>(&text)
                .unwrap()
                .validate()
                .unwrap();
        }
    }
}
