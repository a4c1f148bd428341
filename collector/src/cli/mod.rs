//! The command line: one file for each verb.

mod agent;
mod doctor;
mod group;
mod output;
mod parse;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use nulltrace_core::activity::Reach;
use nulltrace_core::query::plan::Plan;
use nulltrace_core::view::{self, VIEWS, View};
use rustix::thread::CapabilitySet;

use crate::error::Error;
use crate::log;
use crate::pipeline::{Limits, Pipeline};
use crate::sink::statsd::StatsdConfig;
use crate::sink::{Prepared, SinkConfig};
use crate::source::keeper::Keeper;
use crate::source::{Activity, Backend, Look, caller, caps};
use crate::units;

/// Spans from lines written to /dev/null.
///
/// A program marks a span by writing one line to /dev/null when it begins and one when it ends;
/// nulltrace sees the writes in the kernel and measures.
#[derive(Debug, Parser)]
#[command(name = "nulltrace", version, max_term_width = 100, after_help = EXAMPLE)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLE: &str = "Example:
  nulltrace run -- bash -c 'echo \">::nap::\" >/dev/null; sleep 0.1; echo \"<::nap::\" >/dev/null'";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Trace a command and all its descendants; print a summary when it ends
    Run(run::RunArgs),
    /// Trace this machine until SIGTERM or SIGINT, exporting span latencies
    Agent(agent::AgentArgs),
    /// Check markers: one per line on stdin, as JSON on stdout
    Parse(parse::ParseArgs),
    /// Tell what works on this machine, and why not the rest
    Doctor(doctor::DoctorArgs),
}

/// Options `run` and `agent` share.
#[derive(Debug, Args)]
struct Shared {
    /// auto, ebpf, ebpf:fentry, ebpf:raw_tracepoint or ptrace [default: auto]
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Backend>,
    /// Size of the kernel's ring buffer [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::ring_size)]
    ring_size: Option<u32>,
    /// Send span latencies to a statsd server: HOST:PORT or unix:PATH; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    statsd: Vec<String>,
    /// Prefix of statsd names [default: nulltrace]
    #[arg(long, value_name = "PREFIX", requires = "statsd")]
    statsd_prefix: Option<String>,
    /// off or segments: look at what spans' threads do, system calls and time on and off the cpu
    /// [default: segments for run and with --by, else off]
    #[arg(long, value_name = "ACTIVITY")]
    activity: Option<Activity>,
    /// Whose doings belong to a span: thread (that opened it), process, script (also its parent, its
    /// children and those of the same parent) or machine [default: thread]
    #[arg(long, value_name = "WHOSE")]
    inside: Option<Reach>,
    #[arg(long, value_name = "VIEW", value_parser = view::find, help = views())]
    view: Option<&'static View>,
    #[command(flatten)]
    group: group::GroupArgs,
    /// Write the summary as JSON; - for stdout
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print nothing but why it ends, if it cannot go on
    #[arg(short, long)]
    quiet: bool,
}

/// The help of `--view`.
fn views() -> String {
    let (names, default) = (view::names(), VIEWS[0].name);
    format!("What the summary shows: {names} [default: {default}]")
}

impl Shared {
    /// What is shown.
    fn view(&self) -> &'static View {
        self.view.unwrap_or(&VIEWS[0])
    }

    /// What `file` says, unless the flags say otherwise. Groups cannot be had without looking.
    fn look(&self, file: Look) -> Look {
        Look {
            activity: match self.activity {
                None if self.group.is_asked() => Activity::Segments,
                asked => asked.unwrap_or(file.activity),
            },
            inside: self.inside.unwrap_or(file.inside),
            ..file
        }
    }

    /// The sinks of the flags: each with the settings of the first of its kind in the file, if there is one.
    /// Without flags, those of the file.
    fn sinks(&self, file: Vec<StatsdConfig>) -> Vec<SinkConfig> {
        let statsd = match file.first() {
            _ if self.statsd.is_empty() => file,
            first => {
                let mut config = first.cloned().unwrap_or_default();
                if let Some(prefix) = &self.statsd_prefix {
                    config.prefix.clone_from(prefix);
                }
                let each = self.statsd.iter().map(|address| StatsdConfig {
                    address: address.clone(),
                    ..config.clone()
                });
                each.collect()
            }
        };
        statsd.into_iter().map(SinkConfig::Statsd).collect()
    }
}

/// A pipeline with what is asked of it, and the threads of this process, the log's too: to be called when rights
/// were given up, of which each thread has its own.
fn pipeline(
    limits: Limits,
    sinks: Vec<Box<dyn Prepared>>,
    plan: Option<Plan>,
    keeper: Option<Keeper>,
) -> Result<Pipeline, Error> {
    let made = log::start().and_then(|()| {
        let pipeline = Pipeline::new(limits).sending(sinks)?;
        pipeline.grouping(plan, keeper)
    });
    made.map_err(|error| {
        Error::io(
            "cannot start a thread",
            error,
            "the limit on threads",
            "allow a few more",
        )
    })
}

/// What opens for `plan` what `/proc` hides, if it asks for that and this process may.
fn keeper(plan: Option<&Plan>) -> Result<Option<Keeper>, Error> {
    if !plan.is_some_and(|plan| plan.names().others()) {
        return Ok(None);
    }
    Keeper::start().map_err(|error| {
        Error::io(
            "cannot start a process",
            error,
            "the limit on processes",
            "allow two more",
        )
    })
}

/// Why nothing is shown of what spans did inside.
fn unseen(activity: Option<Activity>) -> String {
    let why = match activity {
        Some(Activity::Off) => "with --activity off",
        _ => "by ptrace; it needs eBPF, see `nulltrace doctor`",
    };
    format!("what spans did inside is not seen {why}")
}

/// By default glibc learns from a large block that was freed to take large blocks from the heap, where
/// growing one leaves a hole. Mapped ones grow in place.
fn frugal_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two numbers; nothing else uses the allocator's settings.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10)
    };
}

/// Runs the verb named on the command line; never returns by a panic.
#[must_use]
pub fn main() -> ExitCode {
    frugal_memory();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with status 0, the rest to stderr with status 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = caller::settle().and_then(|()| match cli.verb {
        Verb::Run(args) => run::run(args),
        Verb::Agent(args) => agent::run(args),
        Verb::Parse(args) => parse::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
    });
    done.unwrap_or_else(|error: Error| {
        // The thread that writes it has the rights that are left.
        let _ = caps::keep_for_good(CapabilitySet::empty());
        log::fail(&error);
        ExitCode::from(error.status())
    })
}
