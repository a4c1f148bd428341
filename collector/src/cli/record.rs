//! `nulltrace record -o FILE CMD`: all that is seen, kept for later.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nulltrace_core::activity::Reach;
use nulltrace_core::capture::Compress;

use super::group::of_records;
use super::no_filter::say_notes;
use super::options::{Kernel, Selection};
use super::recording;
use super::trace::{self, Plan, Subject, Until};
use crate::config::{Config, Record};
use crate::error::{Error, Kind};
use crate::log;
use crate::memory::Budget;
use crate::outlet::End;
use crate::pipeline::Pipeline;
use crate::signals::Signals;
use crate::sink::files::Rotate;
use crate::source::open::Opened;
use crate::source::{Activity, KernelEvents};
use crate::units;

/// Options of `record`.
#[derive(Debug, Args)]
#[command(
    override_usage = "nulltrace record -o FILE [OPTIONS] [FILTER --] CMD [ARG]...
       nulltrace record -o FILE [OPTIONS] [--pid PID | --uid UID | --cgroup PATH] [FILTER]",
    after_help = "Without a command and a selection the whole machine is recorded, until Ctrl-C. The exit status is that
of CMD; 1 if the file could not be written and there is no CMD.

Examples:
  nulltrace record -o shop.ntc -- ./server --once
  nulltrace report shop.ntc --view time
  nulltrace record -o shop.ntc --rotate 100M,1h --keep 48 --cgroup /system.slice/shop.service
  nulltrace record -o slow.ntc 'span.duration>5ms' -- ./server --once
  nulltrace record -o - -- make | ssh host 'cat > make.ntc'"
)]
pub(super) struct RecordArgs {
    /// Write the capture to this file; - is stdout.
    ///
    /// It is created readable by its owner only. One that exists is kept, unless --force is given.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
    /// Compress by none, zstd or zstd:LEVEL, 1 to 19 [default: zstd].
    #[arg(
        long,
        value_name = "HOW",
        default_value = "zstd",
        hide_default_value = true,
        value_parser = units::compress
    )]
    compress: Compress,
    /// Go on in a new file when this one is that large or that old, like 100M, 1h or 100M,1h.
    ///
    /// The files have a number before the extension: -o shop.ntc gives shop.0001.ntc, shop.0002.ntc and so on. Each can be
    /// read by itself, and `nulltrace report shop.*.ntc` reads them as one.
    #[arg(long, value_name = "WHEN")]
    rotate: Option<Rotate>,
    /// Keep only so many of these files, the latest, and delete older ones of this recording.
    #[arg(long, value_name = "N", requires = "rotate", value_parser = units::at_least_one)]
    keep: Option<NonZeroU32>,
    /// Stop when CMD, or the selected process, has ended, not when its descendants have.
    ///
    /// Under ptrace they are killed then.
    #[arg(long)]
    no_wait: bool,
    /// Also record what the kernel does: block, irq or both, with a comma.
    ///
    /// `block` is the requests to block devices that the traced threads issued, `irq` the interrupts that came
    /// while they ran. It takes eBPF.
    #[arg(long = "kernel", value_name = "WHAT", value_delimiter = ',')]
    events: Vec<KernelEvent>,
    /// Use at most this much memory for what markers make grow, like open spans [default: 1GiB].
    #[arg(long, value_name = "SIZE", value_parser = Budget::new)]
    memory: Option<Budget>,
    /// Print no messages, only the reason if recording fails.
    #[arg(short, long)]
    quiet: bool,
    /// The command to record, with its arguments; before it and `--`, what to keep.
    ///
    /// Options of nulltrace come before it; all that follows it is passed to it. With a FILTER, like span.duration>5ms or
    /// "span.tag[0]=checkout and fd.type=file", a record is kept if it matches or lies in a span that matches, and nothing
    /// else is in the file but the markers of the spans around it, without arguments. A FILTER is told from a command by
    /// an operator or a space in its first word.
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    words: Vec<OsString>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    kernel: Kernel,
}

/// One kind of what the kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KernelEvent {
    Block,
    Irq,
}

pub(super) fn run(args: RecordArgs) -> Result<ExitCode, Error> {
    let signals = Signals::block();
    if args.quiet {
        log::be_quiet();
    }
    let default = Config {
        activity: Activity::Segments,
        ..Config::default()
    };
    let mut config = args.kernel.over(default);
    config.check_snaplen("--snaplen, --data")?;
    config.scope = args.selection.over(config.scope);
    config.memory = args.memory.unwrap_or(config.memory);
    let descendants = !args.no_wait;
    let data = args.kernel.data().map(of_records).transpose()?;
    let (filter, command) = divided(args.words);
    let kept = match filter {
        Some(text) => {
            let filter = of_records(&text)?;
            say_notes(&filter);
            Some(recording::KeptBy { text, filter })
        }
        None => None,
    };
    if let (Some(_), false) = (&kept, config.inside == Reach::Thread) {
        return Err(Error::new(
            Kind::Usage,
            "a FILTER and the activity of other threads",
            format_args!("--inside {}", config.inside.name()),
            "record all of it, and filter what is reported",
        ));
    }
    if let (Some(_), Some(_)) = (&kept, args.rotate) {
        return Err(Error::new(
            Kind::Usage,
            "a FILTER and several files",
            "--rotate",
            "leave one out: each file would begin with all that is known",
        ));
    }
    let (subject, until) = match (&command[..], args.selection.is_given()) {
        ([], true) => (Subject::Running, Until::End { descendants }),
        ([], false) => (Subject::Running, Until::Signal),
        ([_, ..], false) => (Subject::Command(command), Until::End { descendants }),
        ([program, ..], true) => {
            return Err(Error::new(
                Kind::Usage,
                "both a command and a selection of running processes",
                program.display(),
                "leave out the command, or --pid, --uid and --cgroup",
            ));
        }
    };
    let record = config.record.insert(Record {
        file: args.output,
        rotate: args.rotate,
        keep: args.keep,
        compress: args.compress,
        force: args.force,
    });
    let (ready, begun) = recording::open(record)?;
    let plan = Plan {
        config: &config,
        until,
        hidden_names: true,
        wants_activity: args.kernel.wants_activity(),
        only_records: true,
        kernel: KernelEvents {
            block: args.events.contains(&KernelEvent::Block),
            irq: args.events.contains(&KernelEvent::Irq),
        },
    };
    let prepare = |pipeline: Pipeline, keeper, opened: &Opened| {
        pipeline.recording(ready.plan(opened, &config, kept, data), keeper)
    };
    let traced = trace::run(subject, &plan, &signals, prepare)?;
    let written = traced.outcome.and_then(|outcome| {
        let end = &End::new(Some(&signals), traced.asked);
        let lost = &outcome.measured.ledger.lost;
        let recorder = outcome.recorder;
        recorder.map_or(Ok(()), |recorder| begun.end(recorder, lost, end))
    });
    trace::status(traced.status, written)
}

/// What to keep, if it is said, and the command.
fn divided(mut words: Vec<OsString>) -> (Option<String>, Vec<OsString>) {
    let is_filter = |word: &OsString| {
        let word = word.to_string_lossy();
        word.contains(['=', '<', '>', '(', ' '])
    };
    if !words.first().is_some_and(is_filter) {
        return (None, words);
    }
    let dashes = words.iter().position(|word| word == "--");
    let mut command = words.split_off(dashes.unwrap_or(words.len()));
    if !command.is_empty() {
        command.remove(0);
    }
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    (Some(words.join(" ")), command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_told_from_a_command() {
        let of = |words: &[&str]| divided(words.iter().map(OsString::from).collect());
        let command =
            |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
        let make = ["make", "-j", "--", "a=b"];
        assert_eq!(of(&make), (None, command(&make)));
        let alone = of(&["span.duration>5ms"]);
        assert_eq!(alone, (Some("span.duration>5ms".into()), vec![]));
        let both = [
            "span.tag[0]=a",
            "and",
            "fd.type=file",
            "--",
            "env",
            "--",
            "A=1",
        ];
        let filter = "span.tag[0]=a and fd.type=file".to_owned();
        assert_eq!(of(&both), (Some(filter), command(&["env", "--", "A=1"])));
    }
}
