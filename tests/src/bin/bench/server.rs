//! What a request to a service costs when somebody looks on: the server's CPU time and that of who does.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

use nulltrace_tests::cpu;

use crate::measure::{first_and_last_cpu, quartile};
use crate::program::Program;
use crate::table::{absent, at_most, part, row};
use crate::watch::Watch;

const ROUNDS: usize = 6;
const ROUNDS_OF_OTHERS: usize = 2;

/// One of the examples.
#[derive(Clone, Copy)]
enum Service {
    /// Reads in threads that are outside the spans: what they pay is not told.
    Rust,
    Python,
}

impl Service {
    fn title(self) -> &'static str {
        match self {
            Self::Rust => "examples/rust under wrk, 2 connections",
            Self::Python => "examples/python under wrk, 2 connections",
        }
    }

    fn command(self, dir: &Path) -> io::Result<Vec<OsString>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // On a CPU of its own, where which work of the network is charged to whom is no chance.
        let mut command: Vec<OsString> = ["taskset", "-c"].map(Into::into).into();
        command.push(first_and_last_cpu()?.1.to_string().into());
        command.extend(match self {
            Self::Rust => vec![
                std::env::current_exe()?
                    .with_file_name("nulltrace-example")
                    .into(),
            ],
            Self::Python => {
                let mut path = OsString::from("PYTHONPATH=");
                path.push(root.join("bindings-python/python"));
                let server = root.join("examples/python/server.py");
                vec!["env".into(), path, "python3".into(), server.into()]
            }
        });
        command.extend(["--port".into(), "0".into(), "--dir".into(), dir.into()]);
        Ok(command)
    }
}

struct Server {
    program: Program,
    url: String,
}

impl Server {
    fn start(service: Service, prefix: &[String], dir: &Path) -> io::Result<Self> {
        let mut program = Program::start(prefix, &service.command(dir)?)?;
        let url = format!("{}/download?file=2", program.line()?);
        let server = Self { program, url };
        // Its threads and the file's pages.
        server.load()?;
        Ok(server)
    }

    /// Requests answered in a second.
    fn load(&self) -> io::Result<f64> {
        let out = Command::new("taskset")
            .args(["-c", &first_and_last_cpu()?.0.to_string()])
            .args(["wrk", "-t1"])
            .args(["-c2", "-d1s", &self.url])
            .output()?;
        let text = String::from_utf8_lossy(&out.stdout);
        let mut words = text.split_whitespace();
        let mut before = "0";
        let requests = loop {
            match words.next() {
                Some("requests") => break before.parse().unwrap_or(0.0),
                Some(word) => before = word,
                None => break 0.0,
            }
        };
        if requests > 0.0 && !text.contains("Non-2xx") {
            Ok(requests)
        } else {
            Err(io::Error::other(format!("wrk: {text}")))
        }
    }

    /// µs of CPU time of a request: the server's, and that of who looks on.
    fn cost(&self, watch: Watch, dir: &Path) -> io::Result<Cost> {
        let watching = watch.attach(&self.program, dir)?;
        let pid = self.program.pid();
        let before = (cpu(pid), watching.cpu());
        let requests = self.load()?;
        let us = |used: std::time::Duration| used.as_secs_f64() * 1e6 / requests;
        let cost = Cost {
            server: us(cpu(pid) - before.0),
            watcher: us(watching.cpu() - before.1),
        };
        if let Some(summary) = watching.stop()? {
            let spans = nulltrace_tests::row(&summary, &["download", "write"]);
            let hits = spans.and_then(|row| row["hits"].as_f64()).unwrap_or(0.0);
            assert!(hits >= requests, "{hits} spans of {requests} requests");
        }
        Ok(cost)
    }
}

#[derive(Clone, Copy)]
struct Cost {
    server: f64,
    watcher: f64,
}

/// All rows.
pub(crate) fn rows(dir: &Path) -> io::Result<()> {
    service(Service::Python, &[], dir)?;
    service(Service::Rust, &Watch::OTHERS, dir)
}

/// The rows of one service, with so many others beside this collector.
fn service(service: Service, others: &[Watch], dir: &Path) -> io::Result<()> {
    part(&format!(
        "{}, /download?file=2: a span with two children, 64 KiB read and sent",
        service.title()
    ));
    let none = |&watch: &Watch| (watch, Vec::<Cost>::new());
    let mut costs: Vec<_> = Watch::OURS.iter().map(none).collect();
    let mut others: Vec<_> = others.iter().map(none).collect();
    let server = match Server::start(service, &[], dir) {
        Ok(server) => server,
        Err(error) => {
            absent("the server", &error);
            return Ok(());
        }
    };
    for round in 0..ROUNDS {
        for (watch, costs) in &mut costs {
            costs.push(server.cost(*watch, dir)?);
        }
        // There and back, so that drift within a round goes both ways.
        costs.reverse();
        if round < ROUNDS_OF_OTHERS {
            others.retain_mut(|(watch, costs)| {
                let server = Server::start(service, &watch.prefix(dir), dir);
                match server.and_then(|server| server.cost(*watch, dir)) {
                    Ok(cost) => {
                        costs.push(cost);
                        true
                    }
                    Err(error) => {
                        absent(watch.name(), &error);
                        false
                    }
                }
            });
        }
    }
    costs.sort_by_key(|(watch, _)| *watch);
    // What disturbs only adds.
    let low = |costs: &[Cost], part: fn(&Cost) -> f64| quartile(costs.iter().map(part).collect());
    let base = low(&costs[0].1, |cost| cost.server);
    let high = costs[0]
        .1
        .iter()
        .map(|cost| cost.server)
        .fold(base, f64::max);
    let name = format!("no collector: CPU per request (its rounds: up to {high:.0})");
    row(&name, base, "us", None);
    for (watch, costs) in costs.iter().skip(1).chain(&others) {
        let of = |part: fn(&Cost) -> f64| low(costs, part) / base * 100.0;
        let server = of(|cost| cost.server) - 100.0;
        let watcher = of(|cost| cost.watcher);
        let total = of(|cost| cost.server + cost.watcher) - 100.0;
        let name = format!("{} (server {server:+.1}, own {watcher:.1})", watch.name());
        if *watch == Watch::Segments {
            at_most(&name, total, "%", 5.0);
        } else {
            row(&name, total, "%", None);
        }
    }
    Ok(())
}
