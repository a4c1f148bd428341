//! `nulltrace agent`: the collector of a host.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::options::Options;
use super::trace::{self, Subject, Until};
use crate::config::Config;
use crate::error::Error;
use crate::units;

/// Options of `agent`.
#[derive(Debug, Args)]
#[command(
    after_help = "Options override the file. On SIGTERM or SIGINT the agent first handles all markers that were written
before, and sends what is in its queues.

Examples:
  nulltrace agent --statsd 127.0.0.1:8125
  nulltrace agent --config agent.toml"
)]
pub(super) struct AgentArgs {
    /// Read settings from a TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// End spans that are open for longer than this as `expired`, like 1h [default: never].
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    expire: Option<Duration>,
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(args: AgentArgs) -> Result<ExitCode, Error> {
    let mut config = match args.config.as_deref() {
        None => Config::default(),
        Some(path) => Config::read(path)?,
    };
    config.spans.expire = args.expire.or(config.spans.expire);
    trace::trace(Subject::Running, &args.options, config, Until::Signal)
}
