//! `nulltrace agent`: the collector of a host.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use super::{Shared, keeper, output, pipeline, unseen};
use crate::config::Config;
use crate::error::Error;
use crate::log;
use crate::pipeline::{Limits, PLENTY};
use crate::signals::Signals;
use crate::sink::{self, SinkConfig};
use crate::source::keeper::Keeper;
use crate::source::{Look, open};

/// Options of `agent`.
#[derive(Debug, Args)]
#[command(
    after_help = "Flags override the file. SIGTERM and SIGINT end it: what is in the ring and in
the sinks' queues is sent first.

Example:
  nulltrace agent --statsd 127.0.0.1:8125"
)]
pub(super) struct AgentArgs {
    #[command(flatten)]
    shared: Shared,
    /// The configuration, TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this process and its descendants; may be repeated
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    /// Only threads of this real user id
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
    /// Only this cgroup, a path below the cgroup v2 root, and all below it
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
}

const NAP: Duration = Duration::from_millis(10);

/// What ends the agent; other signals it takes are no reason to.
const ENDS: [i32; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

pub(super) fn run(args: AgentArgs) -> Result<ExitCode, Error> {
    let signals = Signals::block();
    let quiet = args.shared.quiet;
    if quiet {
        log::be_quiet();
    }
    let view = args.shared.view();
    let plan = args.shared.group.plan()?;
    let activity = args.shared.activity;
    let (config, sinks) = settle(args)?;
    let sinks = sink::open_all(&sinks)?;
    let json = output::Json::open(config.json.as_deref())?;
    // While there is one thread, and before there is anything in memory that is not its business.
    let keeper = keeper(plan.as_ref())?;
    let began = Instant::now();
    let mut source = open::machine(
        config.backend,
        config.ring_size,
        Look {
            activity: config.activity,
            inside: config.inside,
            keeper: keeper.as_ref().map_or(0, Keeper::pid),
        },
        &config.scope,
    )?;
    // Who waits for this line may count on all that follows to be within the time that is told.
    let grouped = plan.is_some();
    let limits = limits(&config, sinks.len());
    let mut pipeline = pipeline(limits, sinks, plan, keeper)?;
    let took = began.elapsed().as_millis();
    log::say(format_args!("attached: {} in {took} ms", source.name()));
    let mut notes = Vec::new();
    if grouped && !source.sees_activity() {
        notes.push(unseen(activity));
    }
    while !signals
        .take()
        .is_some_and(|signal| ENDS.contains(&signal.number))
    {
        let records = pipeline.turn(&mut *source)?;
        for line in pipeline.log_lines() {
            log::say(line);
        }
        if records < PLENTY {
            source.wait(NAP);
        }
    }
    let outcome = pipeline.finish(&mut *source)?;
    let end = output::End {
        signals: &signals,
        asked: true,
    };
    output::write(&outcome, &notes, view, json, quiet, end)?;
    Ok(ExitCode::SUCCESS)
}

/// The memory's, but for what the configuration says otherwise.
fn limits(config: &Config, exporters: usize) -> Limits {
    let mut limits = config.memory.limits(exporters);
    limits.spans.reach = config.inside;
    limits.spans.age = u64::try_from(config.spans.expire.as_nanos()).unwrap_or(u64::MAX);
    if let Some(open) = config.spans.max_open {
        limits.spans.open = open as usize;
    }
    if let Some(paths) = config.summary.max_paths {
        limits.summary.paths = paths;
    }
    limits.malformed_per_second = config.log.malformed_per_second;
    limits
}

/// The file, then the flags.
fn settle(args: AgentArgs) -> Result<(Config, Vec<SinkConfig>), Error> {
    let mut config = args
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::read)?;
    let shared = args.shared;
    let sinks = shared.sinks(std::mem::take(&mut config.statsd));
    config.backend = shared.backend.unwrap_or(config.backend);
    config.ring_size = shared.ring_size.unwrap_or(config.ring_size);
    let look = shared.look(Look {
        activity: config.activity,
        inside: config.inside,
        keeper: 0,
    });
    (config.activity, config.inside) = (look.activity, look.inside);
    config.json = shared.json.or(config.json);
    if !args.pid.is_empty() {
        config.scope.pids = args.pid;
    }
    config.scope.uid = args.uid.or(config.scope.uid);
    config.scope.cgroup = args.cgroup.or(config.scope.cgroup);
    Ok((config, sinks))
}
