//! The options of `events`.

use std::ffi::OsString;

use clap::Args;

use super::super::options::{Kernel, Selection};
use crate::memory::Budget;
use crate::show::event::TimeFormat;
use crate::when::When;

/// Options of `events`.
#[derive(Debug, Args)]
#[command(
    override_usage = "nulltrace events [OPTIONS] FILE [FILTER]
       nulltrace events [OPTIONS] [FILTER] [-- CMD [ARG]...]",
    after_help = "A FILE is what `record` wrote, with --full for its system calls; it ends with .ntc, or exists. Without one,
events are live: of CMD, of the selected processes, or of the machine until Ctrl-C.

Examples:
  nulltrace events shop.ntc
  nulltrace events shop.ntc 'evt.type=open and evt.failed=true'
  nulltrace events -j -p '%evt.time %fd.directory %fd.filename' shop.ntc 'evt.type=open and evt.dir=<'
  nulltrace events -A shop.ntc 'evt.type=read and fd.num=6'
  nulltrace events 'span.duration>5ms' -- ./server --once"
)]
pub(in crate::cli) struct EventsArgs {
    /// The capture, and a filter: only the events for which it holds are shown.
    #[arg(value_name = "FILE|FILTER")]
    pub(super) words: Vec<OsString>,
    /// The command to trace, with its arguments.
    #[arg(last = true, value_name = "CMD")]
    pub(super) command: Vec<OsString>,
    /// Write each event so: text with %FIELD, %-20FIELD or %20FIELD in it.
    ///
    /// An event that does not have all of the fields is left out, unless the format begins with *.
    /// The default is "*%evt.num %evt.time %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info".
    #[arg(short = 'p', long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    /// Write each event as a JSON object in a line, with the fields of the format.
    #[arg(short, long)]
    pub(super) json: bool,
    /// Print the JSON schema of these objects.
    #[arg(long)]
    pub(super) json_schema: bool,
    /// Show what was read and written as text, with its line ends.
    #[arg(short = 'A', long)]
    pub(super) ascii: bool,
    /// Show what was read and written in hexadecimal digits, too.
    #[arg(short = 'X', long, conflicts_with = "ascii")]
    pub(super) hex: bool,
    /// Write times so: h (time of day), a (seconds since 1970), r (since the beginning) or d (since the line before)
    /// [default: h].
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) time: Option<TimeFormat>,
    /// Stop after so many events.
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(super) count: Option<u64>,
    /// Go on as the capture grows, and with the files that follow it.
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Show what happened from then on: 2026-11-29T14:03:05Z, 14:03:05 where it was recorded, or +5s.
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<When>,
    /// Show what happened until then.
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<When>,
    /// Show the beginning of each system call, too, with evt.dir=>.
    #[arg(long)]
    pub(super) enter_events: bool,
    /// Say where each part of the filter is decided, and show nothing.
    #[arg(long)]
    pub(super) explain: bool,
    /// Use at most this much memory for what grows, like open spans and events that wait [default: 1GiB].
    #[arg(long, value_name = "SIZE", value_parser = Budget::new)]
    pub(super) memory: Option<Budget>,
    /// Print no messages, only the reason of a failure.
    #[arg(short, long)]
    pub(super) quiet: bool,
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) kernel: Kernel,
}
