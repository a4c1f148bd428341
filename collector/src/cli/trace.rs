//! What `run` and `agent` do: open, trace until it ends, print.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use super::options::{self, Options};
use super::output::Output;
use super::recording;
use crate::config::Config;
use crate::consumers::check;
use crate::error::Error;
use crate::log;
use crate::outlet::End;
use crate::pipeline::{Limits, Outcome, PLENTY, Pipeline, no_thread};
use crate::signals::{self, Signal, Signals};
use crate::sink;
use crate::source::keeper::Keeper;
use crate::source::open::{self, Command, Opened, Target};
use crate::source::{Activity, KernelEvents, Observed};
use crate::text::safe;

/// Who is traced.
pub(super) enum Subject {
    /// A command that is yet to be started.
    Command(Vec<OsString>),
    /// What the configuration selects of the processes that run.
    Running,
}

/// What ends the trace, besides a signal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The end of the command, or of the selected processes; where wanted, that of their descendants.
    End { descendants: bool },
    /// Nothing.
    Signal,
}

/// The longest sleep between two rounds.
const NAP: Duration = Duration::from_millis(10);

/// Traces, with what `options` say over `config`.
pub(super) fn trace(
    subject: Subject,
    options: &Options,
    config: Config,
    until: Until,
) -> Result<ExitCode, Error> {
    let signals = Signals::block();
    if options.quiet {
        log::be_quiet();
    }
    options.kernel.has_no_data_filter()?;
    let config = options.over(config);
    config.check_snaplen("--snaplen, --data")?;
    let query = options.query(&config)?;
    check(&query, config.inside)?;
    let sinks = sink::open_all(&options::sinks(&config))?;
    let output = Output::open(options.destination(&config))?;
    let (ready, begun) = match &config.record {
        Some(record) => Some(recording::open(record)?).unzip(),
        None => (None, None),
    };
    let plan = Plan {
        config: &config,
        until,
        hidden_names: query.names().others() || ready.is_some(),
        wants_activity: options.wants_activity(),
        only_records: false,
        kernel: KernelEvents::default(),
    };
    let prepare = |pipeline: Pipeline, keeper, opened: &Opened| {
        let pipeline = pipeline.sending(sinks)?;
        match ready {
            Some(ready) => {
                let pipeline =
                    pipeline.recording(ready.plan(opened, &config, None, None), keeper)?;
                pipeline.asking(&query, None)
            }
            None => pipeline.asking(&query, keeper),
        }
    };
    let traced = run(subject, &plan, &signals, prepare)?;
    let end = &End::new(Some(&signals), traced.asked);
    let written = traced.outcome.and_then(|outcome| {
        let (measured, shown) = (&outcome.measured, (options.view(), &query));
        let recorder = outcome.recorder.zip(begun);
        let recorded = recorder.map(|(of, begun)| begun.end(of, &measured.ledger.lost, end));
        Output::write(output, measured, &traced.notes, shown, options.quiet, end)?;
        recorded.unwrap_or(Ok(()))
    });
    status(traced.status, written)
}

/// What is traced, and how.
pub(super) struct Plan<'a> {
    pub(super) config: &'a Config,
    pub(super) until: Until,
    /// Names are wanted of processes that `/proc` may hide.
    pub(super) hidden_names: bool,
    /// Somebody asked for what only activity has.
    pub(super) wants_activity: bool,
    /// When the recording fails, nothing is left to do but to wait for the command.
    pub(super) only_records: bool,
    /// What of the kernel's own doings is reported.
    pub(super) kernel: KernelEvents,
}

/// How a trace ended.
pub(super) struct Traced {
    /// What it came to.
    pub(super) outcome: Result<Outcome, Error>,
    /// What a person should know, which was said when it began.
    pub(super) notes: Vec<String>,
    /// That of the command.
    pub(super) status: Option<ExitStatus>,
    /// Somebody asked this process to end.
    pub(super) asked: bool,
}

/// Opens, traces until it ends. `prepare` gives the pipeline what is asked of it, when rights were given up: each
/// thread has its own.
pub(super) fn run(
    subject: Subject,
    plan: &Plan<'_>,
    signals: &Signals,
    prepare: impl FnOnce(Pipeline, Option<Keeper>, &Opened) -> Result<Pipeline, Error>,
) -> Result<Traced, Error> {
    let Plan {
        config,
        until,
        kernel,
        ..
    } = *plan;
    // While there is one thread, and before there is anything in memory that is not its business.
    let keeper = match plan.hidden_names {
        true => keeper()?,
        false => None,
    };
    let began = Instant::now();
    let observed = Observed {
        activity: config.activity,
        snaplen: config.snaplen.unwrap_or(0),
        kernel,
        inside: config.inside,
        keeper: keeper.as_ref().map_or(0, Keeper::pid),
    };
    let ring = config.ring_size.unwrap_or(config.activity.ring_size());
    let backend = config.backend;
    let mut opened = match subject {
        Subject::Command(words) => open::command(backend, ring, observed, &words, signals)?,
        Subject::Running => {
            let waits = until == Until::Signal;
            open::machine(backend, ring, observed, &config.scope, waits)?
        }
    };
    log::start().map_err(no_thread)?;
    let pipeline = Pipeline::new(limits(config)).since(opened.began);
    let mut pipeline = prepare(pipeline, keeper, &opened)?;
    // Who waits for this line may count on all that follows to be within the time it names.
    if !matches!(opened.target, Target::Command(_)) {
        let (name, took) = (opened.source.name(), began.elapsed().as_millis());
        let hint = match until {
            Until::End { .. } => " (Ctrl-C to stop)",
            Until::Signal => "",
        };
        log::say(format_args!("attached: {name} in {took} ms{hint}"));
    }
    if plan.wants_activity && !opened.source.sees_activity() && opened.notes.is_empty() {
        opened.notes.push(unseen(config.activity));
    }
    for note in &opened.notes {
        log::say(note);
    }
    let (status, asked) = follow(&mut opened, &mut pipeline, signals, plan)?;
    let outcome = pipeline.finish(&mut *opened.source);
    if let Ok(outcome) = &outcome {
        for line in &outcome.log_lines {
            log::say(line);
        }
    }
    Ok(Traced {
        outcome,
        notes: opened.notes,
        status,
        asked,
    })
}

/// The exit status: that of the command, if there was one.
pub(super) fn status(
    status: Option<ExitStatus>,
    written: Result<(), Error>,
) -> Result<ExitCode, Error> {
    match (status, written) {
        (None, written) => written.map(|()| ExitCode::SUCCESS),
        (Some(status), Ok(())) => Ok(exit_code(status)),
        (Some(status), Err(error)) => {
            // The command has done its work: its status is worth more.
            log::fail(&error);
            Ok(exit_code(status))
        }
    }
}

/// Turns until it is over. Returns how the command ended, if there is one, and whether somebody asked this
/// process to end.
fn follow(
    opened: &mut Opened,
    pipeline: &mut Pipeline,
    signals: &Signals,
    plan: &Plan<'_>,
) -> Result<(Option<ExitStatus>, bool), Error> {
    let until = plan.until;
    let Opened {
        source,
        target,
        cgroup,
        ..
    } = opened;
    let descendants = until != Until::End { descendants: false };
    let (mut ended, mut stop, mut asked, mut hung_up) = (false, false, false, false);
    loop {
        let records = pipeline.turn(&mut **source)?;
        for line in pipeline.log_lines() {
            log::say(line);
        }
        if let Some(why) = pipeline.recording_failure() {
            log::say(format_args!(
                "the recording ended early: {}",
                safe(why.as_bytes())
            ));
            stop |= plan.only_records && !matches!(target, Target::Command(_));
        }
        let cgroup = cgroup.as_mut();
        if let Some(news) = cgroup.and_then(|cgroup| cgroup.look(Instant::now())) {
            log::say(news);
        }
        while let Some(signal) = signals.take() {
            let ends = signal.asks_to_end();
            hung_up |= signal.hangs_up_session();
            // A terminal's signal is for all that runs there; one more can be sent, unless it is gone.
            asked |= hung_up || (ends && !signal.from_kernel);
            match target {
                Target::Command(command) if !ended => pass(signal, command),
                _ => stop |= ends,
            }
        }
        stop |= pipeline.is_over();
        if !ended && until != Until::Signal {
            ended = target.has_ended()?;
            if ended && hung_up {
                signals::hang_up_group();
            }
            if ended
                && descendants
                && !stop
                && let Some(left @ 1..) = source.alive()
            {
                log::say(format_args!(
                    "{} ended; {left} of its descendants still run (Ctrl-C to stop waiting)",
                    target.name()
                ));
            }
        }
        let alone = || source.alive().is_none_or(|alive| alive == 0);
        if stop || (ended && (!descendants || alone())) {
            target.leave();
            return Ok((target.status(), asked));
        }
        if records < PLENTY {
            source.wait(NAP);
        }
    }
}

/// A signal of the terminal has reached the command already; one sent to us alone is passed on.
fn pass(signal: Signal, command: &Command) {
    if signal.hangs_up_session() {
        command.signal(libc::SIGHUP);
        // As the kernel does: one that is stopped shall see it too.
        command.signal(libc::SIGCONT);
    } else if !signal.from_kernel {
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

/// The memory's, but for what the configuration says otherwise.
fn limits(config: &Config) -> Limits {
    let mut limits = config
        .memory
        .limits(config.statsd.len() + usize::from(config.record.is_some()));
    limits.spans.reach = config.inside;
    let expire = config.spans.expire.map(|age| u64::try_from(age.as_nanos()));
    limits.spans.age = expire.and_then(Result::ok).unwrap_or(u64::MAX);
    if let Some(open) = config.spans.max_open {
        limits.spans.open = open as usize;
    }
    if let Some(paths) = config.summary.max_paths {
        limits.summary.paths = paths;
    }
    limits.malformed_per_second = config.log.malformed_per_second;
    limits
}

/// What opens what `/proc` hides, if this process may.
fn keeper() -> Result<Option<Keeper>, Error> {
    Keeper::start().map_err(|error| {
        Error::io(
            "cannot start a process",
            error,
            "the limit on processes",
            "raise it (ulimit -u)",
        )
    })
}

/// Why nothing is shown of what happened inside spans.
fn unseen(activity: Activity) -> String {
    let why = match activity {
        Activity::Off => "with --activity off",
        Activity::Segments | Activity::Full(_) => {
            "by ptrace; it needs eBPF, see `nulltrace doctor`"
        }
    };
    format!("what happens inside spans is not seen {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_expire_only_where_that_was_asked_for() {
        assert_eq!(limits(&Config::default()).spans.age, u64::MAX);
        let config = Config::parse("[spans]\nexpire = \"1h\"\n", "a.toml").unwrap();
        assert_eq!(limits(&config).spans.age, 3_600_000_000_000);
    }
}
