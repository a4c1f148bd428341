//! `nulltrace run CMD`: the spans of a command and all its descendants, or of what runs already.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use super::options::Options;
use super::trace::{self, Subject, Until};
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::source::Activity;

/// Options of `run`.
#[derive(Debug, Args)]
#[command(
    override_usage = "nulltrace run [OPTIONS] [--] CMD [ARG]...
       nulltrace run [OPTIONS] --pid PID | --uid UID | --cgroup PATH",
    after_help = "The summary is printed to stderr. The exit status is that of CMD, or 128 + N if signal N killed it;
0 where there is no CMD.

Examples:
  nulltrace run make -j4
  nulltrace run --view time ./server --once
  nulltrace run --pid 4711                   # until it ends, or Ctrl-C
  nulltrace run --format json -o out.json -- ./server --once"
)]
pub(super) struct RunArgs {
    /// Stop when CMD, or the selected process, ends; do not wait for its descendants.
    ///
    /// With the backend ptrace they are killed then.
    #[arg(long)]
    no_wait: bool,
    /// The command to trace, with its arguments. Options of nulltrace come before it.
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    options: Options,
}

#[cfg(test)]
impl RunArgs {
    /// The words of the command.
    pub(super) fn words(&self) -> Vec<String> {
        let words = self.command.iter();
        words.map(|word| word.display().to_string()).collect()
    }
}

pub(super) fn run(args: RunArgs) -> Result<ExitCode, Error> {
    let selected = args.options.selection.is_given();
    let subject = match (&args.command[..], selected) {
        ([], true) => Subject::Running,
        ([_, ..], false) => Subject::Command(args.command),
        ([], false) => {
            return Err(Error::new(
                Kind::Usage,
                "nothing to trace",
                "no command, and no --pid, --uid or --cgroup",
                "name a command: nulltrace run CMD",
            ));
        }
        ([program, ..], true) => {
            return Err(Error::new(
                Kind::Usage,
                "both a command and a selection of running processes",
                program.display(),
                "leave out the command, or --pid, --uid and --cgroup",
            ));
        }
    };
    let config = Config {
        activity: Activity::Segments,
        ..Config::default()
    };
    let until = Until::End {
        descendants: !args.no_wait,
    };
    trace::trace(subject, &args.options, config, until)
}
