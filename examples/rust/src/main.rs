//! A small HTTP service whose requests are spans; `nulltrace run -- nulltrace-example` shows them.
//!
//! `/empty` answers nothing, `/fib/{n}` computes, `/download` sends a file of 1 KiB to 512 MiB, a random
//! one or that of `?file=1` to `?file=4`.

mod blobs;
mod handlers;
mod http;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: nulltrace-example [--port PORT] [--dir DIR]
  --port PORT  0 picks a free one [default: 8080]
  --dir DIR    where the files are made [default: nulltrace-example in the temporary directory]";

struct Options {
    port: u16,
    dir: PathBuf,
}

impl Options {
    fn read(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            port: 8080,
            dir: std::env::temp_dir().join("nulltrace-example"),
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--port" => options.port = args.next()?.parse().ok()?,
                "--dir" => options.dir = args.next()?.into(),
                _ => return None,
            }
        }
        Some(options)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nulltrace-example: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Until it is asked to end.
async fn serve(options: Options) -> io::Result<()> {
    blobs::make(&options.dir).await?;
    let mut end = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("http://{}", listener.local_addr()?);
    let dir: Arc<Path> = options.dir.into();
    loop {
        tokio::select! {
            client = listener.accept() => {
                let dir = Arc::clone(&dir);
                // A client that goes away is not this service's failure.
                tokio::spawn(async move { talk(client?.0, &dir).await });
            }
            _ = end.recv() => return Ok(()),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// Answers all requests of one client.
async fn talk(mut client: TcpStream, dir: &Path) -> io::Result<()> {
    let (from, mut to) = client.split();
    let mut from = BufReader::new(from);
    while let Some(request) = http::read(&mut from).await? {
        route(&mut to, dir, &request).await?;
        if !request.keep {
            break;
        }
    }
    Ok(())
}

async fn route(
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    dir: &Path,
    request: &http::Request,
) -> io::Result<u16> {
    if request.method != "GET" {
        return http::answer(to, 405, "only GET\n").await;
    }
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    match path {
        "/empty" => handlers::empty(to).await,
        "/download" => handlers::download(to, dir, blobs::choose(query)).await,
        _ => match path.strip_prefix("/fib/") {
            Some(n) => handlers::fib(to, n).await,
            None => http::answer(to, 404, "no such page\n").await,
        },
    }
}
