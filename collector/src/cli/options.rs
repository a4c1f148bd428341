//! The options that `run` and `agent` share, in the groups of their help.

use clap::Args;
use nulltrace_core::activity::Reach;
use nulltrace_core::query::Query;
use nulltrace_core::view::{self, VIEWS, View};

use super::group::GroupArgs;
use super::no_filter::say_notes;
use super::output::{Destination, Format, OutputArgs};
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::memory::Budget;
use crate::sink::SinkConfig;
use crate::sink::statsd::StatsdConfig;
use crate::source::{Activity, Backend, Full, SNAPLEN_MAX, Scope};
use crate::text::safe;
use crate::units;

/// What `--data` keeps of a call, bytes.
const SNAPLEN: u32 = 80;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Limit the memory that markers can make nulltrace use, as for open spans and rows [default: 1GiB].
    ///
    /// The README says how it is split. When a part is full, the oldest entry makes room, or new ones share
    /// one row; both are counted.
    #[arg(long, value_name = "SIZE", value_parser = Budget::new)]
    memory: Option<Budget>,
    /// Print no messages and no summary, only the error if tracing fails.
    #[arg(short, long)]
    pub(super) quiet: bool,
    #[arg(short = 'p', hide = true, value_name = "FORMAT", value_parser = no_format)]
    reserved: Option<String>,
    // Last: the heading of a group is that of what follows it.
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) views: Views,
    #[command(flatten)]
    pub(super) export: Export,
    #[command(flatten)]
    pub(super) kernel: Kernel,
}

/// Which processes are traced.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct Selection {
    /// Trace a running process and its descendants.
    ///
    /// May be given more than once.
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    /// Trace the threads of a user: those with this real user id.
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
    /// Trace the processes in a cgroup and in the cgroups below it.
    ///
    /// The path is relative to the root of cgroup v2, like /system.slice/shop.service. A cgroup that
    /// is removed and made again under the same path is still selected; the log says so. `agent` also
    /// waits for one that does not exist yet.
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
}

/// What is shown of what was seen, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Views")]
pub(super) struct Views {
    #[arg(long, value_name = "VIEW", value_parser = view::find, help = views(), long_help = each_view())]
    view: Option<&'static View>,
    #[command(flatten)]
    pub(super) group: GroupArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Where spans are sent as they end.
#[derive(Debug, Args)]
#[command(next_help_heading = "Export")]
pub(super) struct Export {
    /// Send the latency of each span to a statsd server: HOST:PORT or unix:PATH.
    ///
    /// May be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    statsd: Vec<String>,
    /// Begin the names of statsd metrics with this [default: nulltrace].
    #[arg(long, value_name = "PREFIX", requires = "statsd")]
    statsd_prefix: Option<String>,
}

/// What is observed, and by what means.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kernel")]
pub(super) struct Kernel {
    /// See markers with this backend: auto, ebpf, ebpf:fentry, ebpf:raw_tracepoint or ptrace [default: auto].
    ///
    /// `auto` takes the first that works: eBPF with activity, eBPF without it, ptrace. ptrace is slow, and can
    /// trace a command only. `nulltrace doctor` shows what works here, and why the rest does not.
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Backend>,
    /// Observe what happens inside spans: off, segments or full [default: segments for `run` and `record`, and for
    /// `agent` with --by, --inside or a view other than summary; else off].
    ///
    /// `segments` counts system calls and the time on and off the CPU in the kernel, from one marker
    /// of a thread to its next. `full` also reports each call by itself, of all threads that are traced, `full=spans`
    /// of those that have a span open.
    #[arg(long, value_name = "ACTIVITY")]
    activity: Option<Activity>,
    /// Report each system call by itself, with its arguments: --activity full.
    ///
    /// Also the context switches and wake-ups of these threads. With --full=spans only those of threads that have a
    /// span open. It takes eBPF.
    #[arg(long, value_name = "OF", num_args = 0..=1, require_equals = true, default_missing_value = "all",
        conflicts_with = "activity", value_parser = full)]
    full: Option<Full>,
    /// With --full, also keep what each call read or wrote: --snaplen 80.
    ///
    /// `record` takes a filter, too, as --data="fd.name contains .conf": of calls for which it does not hold when they
    /// return that is not kept.
    #[arg(long, value_name = "FILTER", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    data: Option<String>,
    /// With --full, keep up to so many bytes of what each call read or wrote, at most 4096 [default: 0].
    ///
    /// Of a list of pieces of memory, as writev has, it is of the first. What programs read and write may be secret:
    /// a capture has it as it is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(SNAPLEN_MAX)))]
    snaplen: Option<u32>,
    /// Count the activity of these threads toward a span: thread, process, script or machine
    /// [default: thread].
    ///
    /// `thread` is the thread that opened the span, `process` all threads of its process, `script` also those
    /// of its parent, its children and its siblings, and `machine` all threads. With `script`, --view time and
    /// slowest name the command that a shell waited for.
    #[arg(long, value_name = "THREADS")]
    pub(super) inside: Option<Reach>,
    /// Use a kernel ring buffer of this size, a power of two [default: 16MiB; 64MiB with --full].
    #[arg(long, value_name = "SIZE", value_parser = units::ring_size)]
    ring_size: Option<u32>,
}

/// What stands behind `--full=`.
fn full(text: &str) -> Result<Full, String> {
    match text {
        "all" => Ok(Full::All),
        "spans" => Ok(Full::Spans),
        _ => Err("write --full, or --full=spans".to_owned()),
    }
}

/// The help of `--view`, short and long.
fn views() -> String {
    let (names, default) = (view::names(), VIEWS[0].name);
    format!("Show this view: {names} [default: {default}]")
}

fn each_view() -> String {
    let each = VIEWS
        .iter()
        .map(|view| format!("{}: {}", view.name, view.help));
    let each: Vec<_> = each.collect();
    format!("{}.\n\n{}", views(), each.join("\n"))
}

/// `-p` is for formats, which these verbs have none of; elsewhere it is often a process.
fn no_format(text: &str) -> Result<String, String> {
    Err(match text.parse::<u32>() {
        Ok(pid) => format!("-p does not select a process: write --pid {pid}"),
        Err(_) => "this command has no -p FORMAT: use --format text, json or csv".to_owned(),
    })
}

impl Options {
    /// What was asked for, with these settings where the options do not say otherwise.
    pub(super) fn over(&self, mut config: Config) -> Config {
        let Self {
            selection,
            export,
            kernel,
            ..
        } = self;
        config = kernel.over(config);
        config.memory = self.memory.unwrap_or(config.memory);
        if kernel.activity().is_none() && config.activity == Activity::Off && self.wants_activity()
        {
            // There is nothing to show without it.
            config.activity = Activity::Segments;
        }
        config.scope = selection.over(config.scope);
        config.statsd = export.over(config.statsd);
        config
    }

    /// What is asked, by the options and else by these settings.
    pub(super) fn query(&self, config: &Config) -> Result<Query, Error> {
        self.views.query((&config.filters, "where"))
    }

    /// What is shown.
    pub(super) fn view(&self) -> &'static View {
        self.views.view()
    }

    /// Whether something is summed, in place of a view, that is there only with activity.
    fn sums_activity(&self) -> bool {
        self.views.view.is_none() && self.views.group.sums_activity()
    }

    /// Where the view goes, if not to stderr.
    pub(super) fn destination(&self, config: &Config) -> Option<Destination> {
        let file = config.json.as_ref().map(|path| Destination {
            format: Format::Json,
            path: path.clone(),
        });
        self.views.destination().or(file)
    }

    /// Whether somebody asked for what only activity has.
    pub(super) fn wants_activity(&self) -> bool {
        let Self { kernel, .. } = self;
        self.view().activity
            || self.sums_activity()
            || kernel.wants_activity()
            || kernel.inside.is_some()
    }
}

impl Views {
    /// What is asked, with the filters that are `given` elsewhere if no option is one. What is surely not meant so is
    /// told.
    pub(super) fn query(&self, given: (&[String], &str)) -> Result<Query, Error> {
        let query = self.group.query(self.view, given)?;
        query.filter().into_iter().for_each(say_notes);
        Ok(query)
    }

    /// The same of a recording that keeps only that; `None` if what is shown cannot be filtered so.
    pub(super) fn query_of(&self, given: &[String], kept: &str) -> Option<Query> {
        self.group.query_of(self.view, given, kept)
    }

    /// What is shown.
    pub(super) fn view(&self) -> &'static View {
        self.view.unwrap_or(&VIEWS[0])
    }

    /// Where it goes, if they say.
    pub(super) fn destination(&self) -> Option<Destination> {
        self.output.destination()
    }
}

impl Kernel {
    /// What was asked for, with these settings where it was not.
    pub(super) fn over(&self, config: Config) -> Config {
        Config {
            backend: self.backend.unwrap_or(config.backend),
            ring_size: self.ring_size.or(config.ring_size),
            inside: self.inside.unwrap_or(config.inside),
            activity: self.activity().unwrap_or(config.activity),
            snaplen: self
                .snaplen
                .or(self.data.is_some().then_some(SNAPLEN))
                .or(config.snaplen),
            ..config
        }
    }

    /// Of which calls what they read and wrote is kept, if that was said.
    pub(super) fn data(&self) -> Option<&str> {
        self.data.as_deref().filter(|filter| !filter.is_empty())
    }

    /// Nothing is kept here, so no filter says of what.
    pub(super) fn has_no_data_filter(&self) -> Result<(), Error> {
        match self.data() {
            None => Ok(()),
            Some(filter) => Err(Error::new(
                Kind::Usage,
                "only what `record` keeps is filtered",
                format_args!("--data={}", safe(filter.as_bytes())),
                "leave the filter out",
            )),
        }
    }

    /// How closely what happens inside spans is to be observed, if that was said.
    fn activity(&self) -> Option<Activity> {
        self.full.map(Activity::Full).or(self.activity)
    }

    /// Whether it was asked for.
    pub(super) fn wants_activity(&self) -> bool {
        self.activity()
            .is_some_and(|activity| activity != Activity::Off)
    }
}

impl Selection {
    /// Whether anything is selected.
    pub(super) fn is_given(&self) -> bool {
        !self.pid.is_empty() || self.uid.is_some() || self.cgroup.is_some()
    }

    pub(super) fn over(&self, scope: Scope) -> Scope {
        Scope {
            pids: match &self.pid[..] {
                [] => scope.pids,
                pids => pids.to_vec(),
            },
            uid: self.uid.or(scope.uid),
            cgroup: self.cgroup.clone().or(scope.cgroup),
        }
    }
}

impl Export {
    /// Each address with the settings of the first server of the file, if there is one. Without addresses,
    /// the servers of the file.
    fn over(&self, file: Vec<StatsdConfig>) -> Vec<StatsdConfig> {
        if self.statsd.is_empty() {
            return file;
        }
        let mut config = file.into_iter().next().unwrap_or_default();
        if let Some(prefix) = &self.statsd_prefix {
            config.prefix.clone_from(prefix);
        }
        let each = self.statsd.iter().map(|address| StatsdConfig {
            address: address.clone(),
            ..config.clone()
        });
        each.collect()
    }
}

/// The sinks of a configuration.
pub(super) fn sinks(config: &Config) -> Vec<SinkConfig> {
    let statsd = config.statsd.iter().cloned().map(SinkConfig::Statsd);
    statsd.collect()
}
