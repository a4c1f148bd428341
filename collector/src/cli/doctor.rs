//! `nulltrace doctor`: what works here, proven by doing it.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::print::print;
use crate::error::Error;
use crate::source::attempt::{self, ATTEMPTS, Way};
use crate::source::ebpf::{
    EbpfError, EbpfSource, Hook, LOWEST_KERNEL, Options, Scope, can_visit_threads,
};
use crate::source::{RING_SIZE, Source as _, btf, caps, lent, ptrace};

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "The exit status is 1 if no way to see markers works.

Example:
  nulltrace doctor --json")]
pub(super) struct DoctorArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Facts {
    kernel: String,
    /// That eBPF is for.
    lowest_kernel: &'static str,
    architecture: &'static str,
    btf: bool,
    /// Why there is no BTF.
    btf_missing: Option<String>,
    rights: Vec<Right>,
    /// The user whose processes alone are seen, where the rights are lent by the file.
    only_user: Option<u32>,
    /// What `run` tries, in its order; it takes the first that works.
    run: Vec<Tried>,
    /// From the best to the slowest.
    hooks: Vec<Tried>,
    /// That which `run` takes.
    hook: Option<&'static str>,
    /// Whether what a thread that sleeps is doing is known before it wakes up.
    iter_task: Tried,
    ring_bytes: u32,
    blind_spots: Vec<&'static str>,
}

#[derive(Serialize)]
struct Right {
    name: &'static str,
    held: bool,
}

#[derive(Serialize)]
struct Tried {
    name: &'static str,
    works: bool,
    /// Why not; empty when it works.
    why: String,
}

impl Tried {
    fn new(name: &'static str, outcome: Result<(), String>) -> Self {
        Self {
            name,
            works: outcome.is_ok(),
            why: outcome.err().unwrap_or_default(),
        }
    }
}

pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode, Error> {
    let facts = facts();
    let text = if args.json {
        serde_json::to_string_pretty(&facts).unwrap_or_default() + "\n"
    } else {
        text(&facts)
    };
    print(&text)?;
    Ok(if facts.hook.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn facts() -> Facts {
    let Found { run, hooks, hook } = try_all();
    Facts {
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        lowest_kernel: LOWEST_KERNEL,
        architecture: std::env::consts::ARCH,
        btf: btf::missing().is_none(),
        btf_missing: btf::missing(),
        rights: caps::rights()
            .into_iter()
            .map(|(name, held)| Right { name, held })
            .collect(),
        only_user: lent::confined(),
        run,
        hooks,
        hook,
        iter_task: Tried::new(
            "iter/task",
            can_visit_threads().map_err(|error| error.to_string()),
        ),
        ring_bytes: RING_SIZE,
        blind_spots: blind_spots(hook),
    }
}

struct Found {
    run: Vec<Tried>,
    hooks: Vec<Tried>,
    hook: Option<&'static str>,
}

/// Does what `run` would, to no process, and goes on where it would stop.
fn try_all() -> Found {
    let (mut run, mut hook) = (Vec::new(), None);
    let mut spans_only = None;
    for attempt in ATTEMPTS {
        let (name, outcome) = match attempt.way {
            Way::Ebpf { activity } => {
                let attached = attempt::ebpf(activity, &options(Hook::Auto));
                let name = attached.as_ref().ok().map(|source| source.name());
                let outcome = attached.as_ref().map(drop).map_err(ToString::to_string);
                if !activity {
                    spans_only = Some(attached);
                }
                (name, outcome)
            }
            Way::Ptrace => (Some("ptrace"), traced()),
        };
        if outcome.is_ok() {
            hook = hook.or(name);
        }
        run.push(Tried::new(attempt.name, outcome));
    }
    let mut hooks = spans_only.map_or_else(Vec::new, |attached| ebpf_hooks(&attached));
    if let Some(ptrace) = run.last() {
        hooks.push(Tried::new(
            "ptrace",
            match ptrace.works {
                true => Ok(()),
                false => Err(ptrace.why.clone()),
            },
        ));
    }
    Found { run, hooks, hook }
}

/// Each of them, from what came of choosing the best.
fn ebpf_hooks(attached: &Result<EbpfSource, EbpfError>) -> Vec<Tried> {
    let raw = |outcome| Tried::new("ebpf:raw_tracepoint", outcome);
    let fentry = |outcome| Tried::new("ebpf:fentry", outcome);
    let text = |error: &EbpfError| Err(error.to_string());
    match attached {
        // It is why the last of them failed; the others may have failed otherwise.
        Err(error) => {
            let first = attempt::ebpf(false, &options(Hook::Fentry));
            vec![
                fentry(first.map(drop).map_err(|error| error.to_string())),
                raw(text(error)),
            ]
        }
        Ok(source) => match source.refused() {
            [] => {
                let other = attempt::ebpf(false, &options(Hook::RawTracepoint));
                vec![
                    fentry(Ok(())),
                    raw(other.map(drop).map_err(|error| error.to_string())),
                ]
            }
            [(_, error), ..] => vec![fentry(text(error)), raw(Ok(()))],
        },
    }
}

/// For a source that sees no process.
fn options(hook: Hook) -> Options {
    Options {
        hook,
        ring_bytes: 1 << 16,
        scope: Scope::Members,
        confined: lent::confined(),
        ..Options::default()
    }
}

fn traced() -> Result<(), String> {
    let command = ["sh".into(), "-c".into(), ":".into()];
    ptrace::spawn(&command)
        .map(drop)
        .map_err(|error| error.to_string())
}

fn blind_spots(hook: Option<&str>) -> Vec<&'static str> {
    let mut spots = Vec::new();
    if hook != Some("ptrace") {
        spots.push("a marker in memory that its program never touched (counted as lost.fault)");
        spots.push("inside spans: files and bytes of io_uring, only the call io_uring_enter");
        spots.push("inside spans: names and bytes of mapped files, only page faults");
    }
    if hook == Some("ebpf:raw_tracepoint") {
        spots.push("markers written by io_uring");
    }
    if hook == Some("ptrace") {
        spots.push("anything but the commands of `nulltrace run`");
        spots.push("markers of 32-bit programs, and those written by io_uring");
    }
    spots.push("markers written by splice, sendfile or mmap");
    spots
}

fn text(facts: &Facts) -> String {
    let mut out = format!(
        "kernel              {} {} (eBPF needs Linux {} or newer)\n",
        facts.kernel, facts.architecture, facts.lowest_kernel
    );
    let btf = facts
        .btf_missing
        .as_ref()
        .map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
    out += &format!("BTF                 {btf}\n");
    for Right { name, held } in &facts.rights {
        out += &format!("{name:<19} {}\n", if *held { "yes" } else { "no" });
    }
    if let Some(user) = facts.only_user {
        out += &format!(
            "sees                only processes of user {user}: nulltrace has its rights from its file (setcap)\n"
        );
    }
    let first = facts.run.iter().position(|tried| tried.works);
    for (n, tried) in facts.run.iter().enumerate() {
        let taken = if Some(n) == first {
            ", used by run"
        } else {
            ""
        };
        let (step, name) = (n + 1, tried.name);
        out += &format!(
            "run tries {step}         {name}: {}\n",
            verdict(tried, taken)
        );
    }
    for tried in &facts.hooks {
        let chosen = if Some(tried.name) == facts.hook {
            ", used by run"
        } else {
            ""
        };
        out += &format!(
            "hook                {}: {}\n",
            tried.name,
            verdict(tried, chosen)
        );
    }
    let sleeping = if facts.iter_task.works {
        ": shows in which call a thread sleeps while it sleeps"
    } else {
        "; in which call a thread sleeps is seen when it wakes up"
    };
    out += &format!(
        "iter/task           {}{sleeping}\n",
        verdict(&facts.iter_task, "")
    );
    out += &format!(
        "ring                {} MiB; --ring-size changes it\n",
        facts.ring_bytes >> 20
    );
    for spot in &facts.blind_spots {
        out += &format!("not seen            {spot}\n");
    }
    out
}

fn verdict(tried: &Tried, chosen: &str) -> String {
    match tried.works {
        true => format!("works{chosen}"),
        false => format!("no: {}", tried.why.replace('\n', "\n    ")),
    }
}
