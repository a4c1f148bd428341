//! `nulltrace run -- CMD`: the spans of a command and all its descendants.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use clap::Args;
use nulltrace_core::activity::Reach;

use super::{Shared, keeper, output, pipeline, unseen};
use crate::error::Error;
use crate::log;
use crate::memory::Budget;
use crate::pipeline::{PLENTY, Pipeline};
use crate::signals::{Signal, Signals};
use crate::sink;
use crate::source::keeper::Keeper;
use crate::source::open::{self, Command};
use crate::source::{Activity, Backend, Look, RING_SIZE};

/// Options of `run`.
#[derive(Debug, Args)]
#[command(
    after_help = "The summary goes to stderr; the exit status is that of CMD, 128 + N when signal N killed it.
Descendants that outlive CMD are followed until they end; Ctrl-C after CMD's end stops waiting.

Example:
  nulltrace run -- make -j4"
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    shared: Shared,
    /// Do not wait for descendants that outlive CMD (under ptrace they are killed)
    #[arg(long)]
    no_wait: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The longest sleep between two looks at the ring, the command and the signals.
const NAP: Duration = Duration::from_millis(10);

pub(super) fn run(args: RunArgs) -> Result<ExitCode, Error> {
    let signals = Signals::block();
    let shared = args.shared;
    let plan = shared.group.plan()?;
    if shared.quiet {
        log::be_quiet();
    }
    let sinks = sink::open_all(&shared.sinks(Vec::new()))?;
    let json = output::Json::open(shared.json.as_deref())?;
    // While there is one thread, and before there is anything in memory that is not its business.
    let keeper = keeper(plan.as_ref())?;
    let backend = shared.backend.unwrap_or(Backend::Auto);
    let ring = shared.ring_size.unwrap_or(RING_SIZE);
    let look = shared.look(Look {
        activity: Activity::Segments,
        inside: Reach::Thread,
        keeper: keeper.as_ref().map_or(0, Keeper::pid),
    });
    let mut traced = open::command(backend, ring, look, &args.command, &signals)?;
    let mut limits = Budget::default().limits(sinks.len());
    limits.spans.reach = look.inside;
    let grouped = plan.is_some();
    let mut pipeline = pipeline(limits, sinks, plan, keeper)?.since(traced.began);
    let view = shared.view();
    let wanted = view.activity
        || grouped
        || shared.activity == Some(Activity::Segments)
        || shared.inside.is_some();
    if wanted && !traced.source.sees_activity() {
        traced.notes.push(unseen(shared.activity));
    }
    for note in &traced.notes {
        log::say(note);
    }
    let (status, asked) = follow(&mut traced, &mut pipeline, &signals, args.no_wait)?;
    traced.command.leave();
    let notes: Vec<String> = traced
        .notes
        .into_iter()
        .chain(pipeline.log_lines())
        .collect();
    let outcome = pipeline.finish(&mut *traced.source)?;
    let end = output::End {
        signals: &signals,
        asked,
    };
    if let Err(error) = output::write(&outcome, &notes, view, json, shared.quiet, end) {
        // The command has done its work: its status is worth more.
        log::fail(&error);
    }
    Ok(exit_code(status))
}

/// Turns until the command and, unless told not to wait, all its descendants have ended. Returns also
/// whether somebody asked this process to end.
fn follow(
    traced: &mut open::Traced,
    pipeline: &mut Pipeline,
    signals: &Signals,
    no_wait: bool,
) -> Result<(ExitStatus, bool), Error> {
    let open::Traced {
        source, command, ..
    } = traced;
    let mut ended = None;
    let (mut stop, mut asked) = (no_wait, false);
    loop {
        let records = pipeline.turn(&mut **source)?;
        while let Some(signal) = signals.take() {
            // A terminal's signal is for the command first; there, one more can be sent.
            asked |= !signal.from_kernel;
            match ended {
                None => pass(signal, command),
                Some(_) => stop = true,
            }
        }
        if ended.is_none() {
            ended = command.try_status()?;
            if let (Some(_), Some(left @ 1..), false) = (ended, source.alive(), stop) {
                log::say(format_args!(
                    "the command has ended; {left} of its descendants still run (Ctrl-C to stop waiting)"
                ));
            }
        }
        if let Some(status) = ended
            && (stop || source.alive().is_none_or(|alive| alive == 0))
        {
            return Ok((status, asked));
        }
        if records < PLENTY {
            source.wait(NAP);
        }
    }
}

/// A signal of the terminal has reached the command already; one sent to us alone is passed on.
fn pass(signal: Signal, command: &Command) {
    if !signal.from_kernel {
        command.signal(signal.number);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
