//! A program that is measured from outside, itself perhaps under another that watches it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Asked to end, and waited for, when dropped.
pub(crate) struct Program {
    outer: Child,
    pid: u32,
    handle: OwnedFd,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: File,
}

impl Program {
    /// Starts `command` behind the words of `prefix`.
    pub(crate) fn start<S: AsRef<OsStr>>(prefix: &[String], command: &[S]) -> io::Result<Self> {
        // Only the shell can tell the id of what it becomes, whoever started it.
        let shell = ["sh", "-c", "echo $$; exec \"$@\"", "sh"];
        let mut words = prefix.iter().map(String::as_str).chain(shell);
        let first = words.next().unwrap_or("sh");
        let errors = tempfile::tempfile()?;
        let mut outer = Command::new(first)
            .args(words)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{first}: {error}")))?;
        let input = outer.stdin.take();
        let mut output = BufReader::new(outer.stdout.take().expect("piped"));
        let mut errors = errors;
        let pid = read_line(&mut output, &mut errors);
        let handle = pid.and_then(|pid| {
            let pid = pid.parse().map_err(io::Error::other)?;
            let of = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no process id"))?;
            Ok((pid.cast_unsigned(), pidfd_open(of, PidfdFlags::empty())?))
        });
        match handle {
            Ok((pid, handle)) => Ok(Self {
                outer,
                pid,
                handle,
                input,
                output,
                errors,
            }),
            Err(error) => {
                let _ = outer.kill();
                let _ = outer.wait();
                Err(error)
            }
        }
    }

    /// The process id of the program itself.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The process id of the one it runs under; its own if there is none.
    pub(crate) fn outer(&self) -> u32 {
        self.outer.id()
    }

    /// A line to its stdin.
    pub(crate) fn tell(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.input.as_ref().expect("open until dropped"), "{line}")
    }

    /// The next line of its stdout.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        read_line(&mut self.output, &mut self.errors)
    }
}

/// The next line, or what was said on stderr instead.
fn read_line(output: &mut impl BufRead, errors: &mut File) -> io::Result<String> {
    let mut line = String::new();
    if output.read_line(&mut line)? > 0 {
        return Ok(line.trim_end().to_owned());
    }
    let mut said = String::new();
    errors.rewind()?;
    errors.read_to_string(&mut said)?;
    Err(io::Error::other(said.trim().to_owned()))
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
        let _ = self.outer.wait();
    }
}
