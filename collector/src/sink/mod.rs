//! Where closed spans go.

mod contract;
pub mod files;
pub mod hub;
pub mod kinds;
pub(crate) mod lines;
pub mod recorder;
pub mod statsd;

pub use contract::{Batch, Prepared, Sink, SinkCounts};

use crate::error::Error;
use statsd::{Dialect, HOST_MAX, StatsdConfig};

/// Where spans are sent to, and how.
#[derive(Clone, Debug)]
pub enum SinkConfig {
    /// A statsd server.
    Statsd(StatsdConfig),
}

/// Opens all that are configured: what is wrong with them is found before anything is traced. They have no
/// threads yet.
///
/// # Errors
/// A setting makes no sense, or its server cannot be.
pub fn open_all(configs: &[SinkConfig]) -> Result<Vec<Box<dyn Prepared>>, Error> {
    let open = |config: &SinkConfig| -> Result<Box<dyn Prepared>, Error> {
        match config {
            SinkConfig::Statsd(config) => {
                let mut config = config.clone();
                if config.dialect == Dialect::DogStatsD && config.host.is_none() {
                    config.host = Some(host());
                }
                let ready = statsd::Ready::open(&config)?;
                Ok(Box::new(ready))
            }
        }
    };
    configs.iter().map(open).collect()
}

/// The name of this machine, as far as a tag may hold it.
fn host() -> String {
    let uname = rustix::system::uname();
    let mut name = uname.nodename().to_string_lossy().into_owned();
    while name.len() > HOST_MAX {
        name.pop();
    }
    name
}
