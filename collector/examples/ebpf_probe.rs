//! Prints what the kernel programs send: `ebpf_probe [auto|fentry|raw_tracepoint] [SECONDS]`.

use std::time::{Duration, Instant};

use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::{EbpfSource, Hook, Options};
use nulltrace_core::facts::file::File;
use nulltrace_core::input::event::{Event, What};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let hook = match args.next().as_deref() {
        None | Some("auto") => Hook::Auto,
        Some("fentry") => Hook::Fentry,
        Some("raw_tracepoint") => Hook::RawTracepoint,
        Some(other) => return Err(format!("no such hook: {other}; see the source").into()),
    };
    let seconds = args.next().map_or(Ok(5), |text| text.parse())?;
    let begin = Instant::now();
    let mut source = EbpfSource::attach(&Options {
        hook,
        ..Options::default()
    })?;
    println!("{} in {:?}", source.describe(), begin.elapsed());
    while begin.elapsed() < Duration::from_secs(seconds) {
        source.drain(&mut |record| println!("{}", line(record)))?;
        source.wait(Duration::from_millis(16));
    }
    println!("lost {:?}", source.lost());
    Ok(())
}

fn line(record: &[u8]) -> String {
    let event = match Event::decode(record) {
        Ok(event) => event,
        Err(error) => return format!("bad record: {error}"),
    };
    let what = match event.what {
        What::Write {
            bytes,
            beyond,
            continues,
        } => format!(
            "write{}{} {}",
            if beyond > 0 { " cut" } else { "" },
            if continues { " cont" } else { "" },
            bytes.escape_ascii()
        ),
        What::Process { facts, exec } => format!(
            "process{} comm={} exe={} ppid={} uid={} cgroup={} start={}",
            if exec { " exec" } else { "" },
            facts.comm.escape_ascii().to_string().replace("\\x00", ""),
            facts.exe.escape_ascii().to_string().replace("\\x00", ""),
            facts.ppid,
            facts.uid,
            facts.cgroup,
            facts.start
        ),
        What::Segment {
            segment,
            calls,
            so_far,
            ..
        } => format!(
            "segment{} since={} calls={}",
            if so_far { " so far" } else { "" },
            segment.since,
            calls.len()
        ),
        What::File { file, names } => {
            let file = File::read(file, names);
            format!("file {} {}", file.kind.name(), file.name.escape_ascii())
        }
        What::Command { args } => format!("command {}", args.escape_ascii()),
        What::Cgroup { id, names } => format!("cgroup {id} {}", names.escape_ascii()),
        What::Fork { child } => format!("fork child={child}"),
        What::Exit { signal, group, .. } => format!("exit signal={signal} group={group}"),
        other => format!("{other:?}"),
    };
    format!("{} {}/{} {what}", event.ts, event.pid, event.tid)
}
