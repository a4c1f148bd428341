//! What the service does, each handler a span: its `n` or `file` on entering, its `status` on leaving.

use std::io;
use std::path::Path;

use nulltrace::traced;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{blobs, http};

/// `GET /empty`
#[traced(ret(status = ret), err)]
pub(crate) async fn empty(to: &mut (impl AsyncWrite + Unpin)) -> io::Result<u16> {
    http::answer(to, 200, "").await
}

/// `GET /fib/{n}`
#[traced(args(n), ret(status = ret), err)]
pub(crate) async fn fib(to: &mut (impl AsyncWrite + Unpin), n: &str) -> io::Result<u16> {
    match n.parse() {
        Ok(n @ 0..=40) => {
            let number = tokio::task::spawn_blocking(move || fibonacci(n)).await?;
            http::answer(to, 200, &format!("{number}\n")).await
        }
        _ => http::answer(to, 400, "n is a number from 0 to 40\n").await,
    }
}

/// The slow way, so that there is something to see.
fn fibonacci(n: u32) -> u64 {
    match n {
        0 | 1 => n.into(),
        _ => fibonacci(n - 1) + fibonacci(n - 2),
    }
}

/// `GET /download`, `GET /download?file=3`
#[traced(args(file), ret(status = ret), err)]
pub(crate) async fn download(
    to: &mut (impl AsyncWrite + Unpin),
    dir: &Path,
    file: Option<usize>,
) -> io::Result<u16> {
    let Some(number) = file else {
        return http::answer(to, 400, "file is a number from 1 to 4\n").await;
    };
    let file = File::open(blobs::path(dir, number)).await?;
    let length = file.metadata().await?.len();
    headers(to, length).await?;
    write(to, file).await?;
    Ok(200)
}

/// A child of `download`, which it names as its parent: other requests go on on the same thread meanwhile.
#[traced("download.headers", args(length), err)]
async fn headers(to: &mut (impl AsyncWrite + Unpin), length: u64) -> io::Result<()> {
    http::head(to, 200, length).await
}

#[traced("download.write", ret(bytes = ret), err)]
async fn write(to: &mut (impl AsyncWrite + Unpin), mut file: File) -> io::Result<u64> {
    let mut part = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match file.read(&mut part).await? {
            0 => break,
            n => {
                to.write_all(&part[..n]).await?;
                bytes += n as u64;
            }
        }
    }
    to.flush().await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use nulltrace::mock::Mock;

    use super::*;

    /// What the service says of a request, and what of itself.
    #[tokio::test]
    async fn answers_and_spans() {
        let dir = tempfile::tempdir().unwrap();
        blobs::make(dir.path()).await.unwrap();
        let mock = Mock::here();

        let mut out = Vec::new();
        assert_eq!(empty(&mut out).await.unwrap(), 200);
        assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        mock.expect()
            .enter("empty")
            .exit("empty")
            .arg("status", "200")
            .done();

        let mut out = Vec::new();
        fib(&mut out, "10").await.unwrap();
        assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n55\n");
        assert_eq!(fib(&mut out, "x,y").await.unwrap(), 400);
        mock.expect()
            .enter("fib")
            .arg("n", "10")
            .exit("fib")
            .arg("status", "200")
            .enter("fib")
            .arg("n", "x,y")
            .exit("fib")
            .arg("status", "400")
            .done();

        let mut out = Vec::new();
        download(&mut out, dir.path(), blobs::choose("file=2"))
            .await
            .unwrap();
        assert!(out.ends_with(&[0; 64 << 10]));
        assert_eq!(
            download(&mut out, dir.path(), blobs::choose("file=5"))
                .await
                .unwrap(),
            400
        );
        std::fs::remove_file(blobs::path(dir.path(), 1)).unwrap();
        download(&mut out, dir.path(), Some(1)).await.unwrap_err();
        mock.expect()
            .enter("download")
            .arg("file", "2")
            .root()
            .enter("download.headers")
            .arg("length", "65536")
            .child_of("download")
            .exit("download.headers")
            .enter("download.write")
            .child_of("download")
            .exit("download.write")
            .arg("bytes", "65536")
            .exit("download")
            .arg("status", "200")
            .enter("download")
            .arg("file", "")
            .exit("download")
            .arg("status", "400")
            .enter("download")
            .arg("file", "1")
            .exit("download")
            .arg("error", "No such file or directory (os error 2)")
            .done();
    }

    #[test]
    fn any_file_is_chosen_in_time() {
        let chosen: std::collections::HashSet<_> = (0..1000).map(|_| blobs::choose("")).collect();
        assert_eq!(chosen.len(), 4);
        for wrong in ["file=0", "file=5", "file=x", "a=b&file="] {
            assert_eq!(blobs::choose(wrong), None);
        }
    }
}
