//! Samples the threads whose segment goes on: a program that the kernel runs over all of them.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::time::{Duration, Instant};

use aya::programs::Iter;
use aya::{Btf, Ebpf};

use super::error::EbpfError;
use super::hook;

const SAMPLE_TASK: &str = "nt_sample_task";
/// From one walk over all threads to the next.
const PERIOD: Duration = Duration::from_secs(1);
/// The last walk waits for room in the ring for no longer than this.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a walk may be resumed in one round, so that it does not hold up what else is to do.
const TRIES: u32 = 256;

/// When to walk over all threads, and the walk that is under way.
pub(super) struct Sampler {
    next: Instant,
    under_way: Option<File>,
    tries: u32,
    /// Set while the last one is under way: until when it may take.
    last: Option<Instant>,
    /// Whether it was given up.
    given_up: bool,
}

impl Sampler {
    /// Loads the program.
    ///
    /// # Errors
    /// This kernel does not take it.
    pub(super) fn load(ebpf: &mut Ebpf, btf: &Btf) -> Result<Self, EbpfError> {
        let fail = |error| EbpfError::program(SAMPLE_TASK, error);
        let program: &mut Iter = hook::find(ebpf, SAMPLE_TASK)?;
        program.load("task", btf).map_err(fail)?;
        begin(ebpf)?;
        Ok(Self {
            next: Instant::now() + PERIOD,
            under_way: None,
            tries: 0,
            last: None,
            given_up: false,
        })
    }

    /// To be called before the ring is read, until it returns `false`: then all threads that are due were sampled
    /// in this round. What fails is tried again after the period.
    pub(super) fn go_on(&mut self, ebpf: &mut Ebpf) -> bool {
        let now = Instant::now();
        let walk = match self.under_way.take() {
            Some(walk) => Ok(walk),
            None if now >= self.next => {
                self.next = now + PERIOD;
                begin(ebpf)
            }
            None => return false,
        };
        let ended = walk.map_err(drop).and_then(|mut walk| {
            match walk.read(&mut [0; 8]) {
                Ok(_) => Ok(true),
                // A thread was caught in the middle of something, or the ring must be read first.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.under_way = Some(walk);
                    Ok(false)
                }
                Err(_) => Err(()),
            }
        });
        self.tries += 1;
        let out_of_time = self.last.is_some_and(|until| now > until);
        if ended.is_err() || (ended == Ok(false) && out_of_time) {
            self.given_up |= self.last.is_some();
            self.under_way = None;
        }
        let goes_on = self.under_way.is_some() && (self.last.is_some() || self.tries < TRIES);
        if !goes_on {
            self.tries = 0;
        }
        goes_on
    }

    /// The next round is the last, and samples all.
    pub(super) fn last(&mut self) {
        let now = Instant::now();
        (self.next, self.under_way) = (now, None);
        self.last = Some(now + PATIENCE);
    }

    /// Whether threads were left out of the last walk.
    pub(super) fn given_up(&self) -> bool {
        self.given_up
    }
}

/// The kernel's cursor over all threads that this process's pid namespace has.
fn begin(ebpf: &mut Ebpf) -> Result<File, EbpfError> {
    let fail = |error| EbpfError::program(SAMPLE_TASK, error);
    let program: &mut Iter = hook::find(ebpf, SAMPLE_TASK)?;
    let id = program.attach().map_err(fail)?;
    let link = program.take_link(id).map_err(fail)?;
    link.into_file()
        .map_err(|error| EbpfError::Io(Error::other(error)))
}
