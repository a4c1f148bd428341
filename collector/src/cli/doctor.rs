//! `nulltrace doctor`: what works here, proven by doing it.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::error::Error;
use crate::source::ebpf::{EbpfError, EbpfSource, Hook, LOWEST_KERNEL, Options, Scope};
use crate::source::{RING_SIZE, caps, lent, ptrace};

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  nulltrace doctor --json")]
pub(super) struct DoctorArgs {
    /// Print JSON
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
    rights: Vec<Right>,
    /// The user whose processes alone are seen, where the rights are lent by the file.
    only_user: Option<u32>,
    /// From the best to the slowest.
    hooks: Vec<Tried>,
    /// The first that works.
    hook: Option<&'static str>,
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

pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode, Error> {
    let facts = facts();
    let text = if args.json {
        serde_json::to_string_pretty(&facts).unwrap_or_default() + "\n"
    } else {
        text(&facts)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader went away, as `head` does: it has what it wanted.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        done => done.map_err(|error| {
            Error::io("cannot write", error, "stdout", "give a writable stdout")
        })?,
    }
    Ok(if facts.hook.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn facts() -> Facts {
    let hooks = vec![
        tried("ebpf:fentry", ebpf(Hook::Auto)),
        tried("ebpf:raw_tracepoint", ebpf(Hook::RawTracepoint)),
        tried("ptrace", traced()),
    ];
    let hook = hooks
        .iter()
        .find(|tried| tried.works)
        .map(|tried| tried.name);
    Facts {
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        lowest_kernel: LOWEST_KERNEL,
        architecture: std::env::consts::ARCH,
        btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        rights: caps::rights()
            .into_iter()
            .map(|(name, held)| Right { name, held })
            .collect(),
        only_user: lent::confined(),
        hooks,
        hook,
        ring_bytes: RING_SIZE,
        blind_spots: blind_spots(hook),
    }
}

fn tried(name: &'static str, outcome: Result<(), String>) -> Tried {
    Tried {
        name,
        works: outcome.is_ok(),
        why: outcome.err().unwrap_or_default(),
    }
}

/// Attached to no process, and at once detached. Whether the best hook is taken is for the choice
/// that `run` makes to say.
fn ebpf(hook: Hook) -> Result<(), String> {
    let options = Options {
        hook,
        ring_bytes: 1 << 16,
        scope: Scope::Members,
        ..Options::default()
    };
    let source = EbpfSource::attach(&options).map_err(|error: EbpfError| error.to_string())?;
    match source.refused() {
        [] => Ok(()),
        [(_, error), ..] => Err(error.to_string()),
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
        spots.push("a marker in memory that was never touched is not readable in the kernel: counted as lost.fault");
        spots.push(
            "of io_uring inside spans the call io_uring_enter is seen, its files and bytes are not",
        );
        spots.push("mapped files are seen inside spans as page faults, without name and bytes");
    }
    if hook == Some("ebpf:raw_tracepoint") {
        spots.push("markers written by io_uring are not seen");
    }
    if hook == Some("ptrace") {
        spots.push(
            "only the commands of `nulltrace run`; 32-bit programs and io_uring are not seen",
        );
    }
    spots.push("splice, sendfile and mmap carry no markers");
    spots
}

fn text(facts: &Facts) -> String {
    let mut out = format!(
        "kernel         {} {} (eBPF is for {} and newer)\n",
        facts.kernel, facts.architecture, facts.lowest_kernel
    );
    let btf = if facts.btf {
        "yes"
    } else {
        "no: the kernel was built without CONFIG_DEBUG_INFO_BTF"
    };
    out += &format!("type info      {btf}\n");
    for Right { name, held } in &facts.rights {
        out += &format!("{name:<14} {}\n", if *held { "yes" } else { "no" });
    }
    if let Some(user) = facts.only_user {
        out += &format!(
            "sees           processes of user {user} only: its rights are lent by the file (setcap)\n"
        );
    }
    for Tried { name, works, why } in &facts.hooks {
        let chosen = if Some(*name) == facts.hook {
            ", chosen"
        } else {
            ""
        };
        let verdict = if *works {
            format!("works{chosen}")
        } else {
            format!("no: {}", why.replace('\n', "\n    "))
        };
        out += &format!("hook {name}: {verdict}\n");
    }
    out += &format!(
        "ring           {} MiB unless --ring-size says otherwise\n",
        facts.ring_bytes >> 20
    );
    for spot in &facts.blind_spots {
        out += &format!("blind spot     {spot}\n");
    }
    out
}
