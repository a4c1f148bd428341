//! As much of HTTP/1.1 as the example needs.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest request that is read.
const LONGEST: u64 = 16 << 10;

/// The line a request begins with, and whether the client wants to send another one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) keep: bool,
}

/// Reads the head of a request; `None` when the client is done.
pub(crate) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Request>> {
    let mut lines = from.take(LONGEST).lines();
    let Some(first) = lines.next_line().await? else {
        return Ok(None);
    };
    let mut parts = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target), Some(version)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(io::Error::other("no HTTP request"));
    };
    let mut keep = version == "HTTP/1.1";
    loop {
        let Some(line) = lines.next_line().await? else {
            return Err(io::Error::other("the request is cut short or too long"));
        };
        if line.is_empty() {
            return Ok(Some(Request {
                method,
                target,
                keep,
            }));
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        if name.eq_ignore_ascii_case("connection") {
            keep &= !value.trim().eq_ignore_ascii_case("close");
        }
    }
}

/// Sends the head of an answer whose body has so many bytes.
pub(crate) async fn head(
    to: &mut (impl AsyncWrite + Unpin),
    status: u16,
    length: u64,
) -> io::Result<()> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "",
    };
    let head = format!("HTTP/1.1 {status} {reason}\r\nContent-Length: {length}\r\n\r\n");
    to.write_all(head.as_bytes()).await
}

/// Sends a whole answer; gives its status.
pub(crate) async fn answer(
    to: &mut (impl AsyncWrite + Unpin),
    status: u16,
    body: &str,
) -> io::Result<u16> {
    head(to, status, body.len() as u64).await?;
    to.write_all(body.as_bytes()).await?;
    to.flush().await?;
    Ok(status)
}
