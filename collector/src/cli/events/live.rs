//! Events as they happen.

use std::process::ExitCode;

use super::super::trace::{self, Plan, Subject, Until};
use super::args::EventsArgs;
use super::settled::settle;
use crate::config::Config;
use crate::consumers::{Asked, Stream};
use crate::error::{Error, Kind};
use crate::outlet::End;
use crate::pipeline::{Pipeline, no_thread};
use crate::signals::Signals;
use crate::sink::lines::Lines;
use crate::source::{Activity, Full, KernelEvents};

/// Bytes of data that are kept of each call where that is to be shown, and nothing else was asked for.
const SNAPLEN: u32 = 80;

pub(super) fn run(args: EventsArgs, asked: Asked) -> Result<ExitCode, Error> {
    let signals = Signals::block();
    let default = Config {
        activity: Activity::Full(Full::All),
        // What is to be shown must be kept.
        snaplen: (args.ascii || args.hex).then_some(SNAPLEN),
        ..Config::default()
    };
    args.kernel.has_no_data_filter()?;
    let mut config = args.kernel.over(default);
    config.scope = args.selection.over(config.scope);
    config.memory = args.memory.unwrap_or(config.memory);
    let descendants = true;
    let (subject, until) = match (&args.command[..], args.selection.is_given()) {
        ([], true) => (Subject::Running, Until::End { descendants }),
        ([], false) => (Subject::Running, Until::Signal),
        ([_, ..], false) => (Subject::Command(args.command), Until::End { descendants }),
        ([program, ..], true) => {
            return Err(Error::new(
                Kind::Usage,
                "both a command and a selection of running processes",
                program.display(),
                "leave out the command, or --pid, --uid and --cgroup",
            ));
        }
    };
    let lines = Lines::stdout(false).map_err(no_thread)?;
    let stream = Stream::new(asked, lines);
    let plan = Plan {
        config: &config,
        until,
        hidden_names: stream.wanted().others(),
        wants_activity: true,
        only_records: true,
        kernel: KernelEvents::default(),
    };
    let prepare = |pipeline: Pipeline, keeper, _: &_| pipeline.showing(stream, Some(keeper));
    let traced = trace::run(subject, &plan, &signals, prepare)?;
    let written = traced.outcome.and_then(|outcome| {
        let end = &End::new(Some(&signals), traced.asked);
        let shown = outcome.stream.map(|stream| stream.close(|| end.waits()));
        let lost = outcome.measured.ledger.lost.sum();
        if lost > 0 {
            crate::log::say(format_args!(
                "{lost} events were lost before they could be shown"
            ));
        }
        let settled = shown.map_or(Ok(()), settle);
        crate::log::settle(end);
        settled
    });
    trace::status(traced.status, written)
}
