//! Markers from a process of their own, so that an agent can be told to look at nothing else.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The null device, open for writing.
///
/// # Panics
/// There is none.
#[must_use]
pub fn null() -> File {
    OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .expect("/dev/null")
}

/// One write of `text`.
///
/// # Panics
/// The null device took less than all of it.
pub fn write(null: &mut File, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    assert_eq!(
        null.write(text).expect("the null device takes all"),
        text.len()
    );
}

/// A shell that does what it is told, one line at a time; killed when dropped. Its descriptor 9 is
/// the null device.
#[derive(Debug)]
pub struct Puppet {
    child: Child,
    lines: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Puppet {
    /// Starts it.
    ///
    /// # Panics
    /// There is no sh.
    #[must_use]
    pub fn start() -> Self {
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec 9>/dev/null; while IFS= read -r line; do eval \"$line\"; echo \"$?\"; done",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let lines = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut puppet = Self {
            child,
            lines,
            answers,
        };
        puppet.run(":"); // descriptor 9 is open from here on
        puppet
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a line of shell and waits for its end.
    ///
    /// # Panics
    /// The line failed.
    pub fn run(&mut self, line: &str) {
        writeln!(self.lines, "{line}").expect("it reads");
        let mut status = String::new();
        self.answers.read_line(&mut status).expect("it answers");
        assert_eq!(status, "0\n", "{line}");
    }

    /// Writes one marker.
    pub fn mark(&mut self, marker: &str) {
        self.run(&format!("echo '{marker}' >&9"));
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
