//! Datagrams from the queue to the socket, and an account of where each one's spans went.
//!
//! cadence brings the queue with its thread, and the sockets. It is handed whole datagrams rather
//! than lines: its own buffering sinks do not say which lines were in a datagram that failed, and
//! cost an allocation and a wake-up per line.

use std::fmt;
use std::io;
use std::net::UdpSocket;
use std::panic::RefUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cadence::{MetricSink, QueuingMetricSink, UdpMetricSink, UnixMetricSink};

use super::StatsdError;
use super::address::{self, Address};
use super::config::{StatsdConfig, UDP_DATAGRAM, UNIX_DATAGRAM};
use super::pace::Pace;
use crate::sink::SinkCounts;

type Socket = Box<dyn MetricSink + Send + Sync + RefUnwindSafe>;

/// An open socket to the server, and no thread yet.
pub(super) struct Opened {
    address: Address,
    socket: Socket,
    refusals: Option<UdpSocket>,
    pace: Option<Pace>,
    max_datagram: usize,
    queue: usize,
}

/// A bounded queue of datagrams before one socket.
pub(super) struct Delivery {
    address: Address,
    max_datagram: usize,
    limit: u64,
    queue: QueuingMetricSink,
    account: Arc<Account>,
}

/// What the two threads share.
struct Account {
    state: Mutex<State>,
    idle: Condvar,
    counts: Arc<SinkCounts>,
}

#[derive(Default)]
struct State {
    /// Datagrams handed to the queue and not yet through the socket, and the spans in them.
    waiting: u64,
    waiting_spans: u64,
    /// Spans of the datagram sent last over UDP, whose refusal may still be on its way.
    doubt: Option<u64>,
    /// Datagrams that left and were not refused.
    taken: u64,
    /// Nobody waits any more: what is still queued has been counted as lost.
    closed: bool,
    trouble: Option<io::Error>,
}

impl Account {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn sent(&self, spans: u64) {
        SinkCounts::add(&self.counts.sent, spans);
    }
    fn lost(&self, spans: u64) {
        SinkCounts::add(&self.counts.lost, spans);
    }
}

impl Opened {
    /// Opens the socket.
    pub(super) fn open(config: &StatsdConfig) -> Result<Self, StatsdError> {
        let address = Address::parse(&config.address)?;
        let failed = |source| StatsdError::Open {
            address: address.to_string(),
            source,
        };
        let (socket, refusals, pace, max_datagram): (Socket, _, _, _) = match &address {
            Address::Udp { host, port } => {
                let (socket, server) = address::open_udp(host, *port)?;
                let refusals = socket.try_clone().map_err(failed)?;
                let sink = UdpMetricSink::from(server, socket)
                    .map_err(|error| failed(io::Error::other(error)))?;
                let pace = Pace::new(config.datagrams_per_second);
                (Box::new(sink), Some(refusals), Some(pace), UDP_DATAGRAM)
            }
            Address::Unix(path) => {
                let socket = address::open_unix(path).map_err(failed)?;
                let sink = UnixMetricSink::from(path, socket);
                (Box::new(sink), None, None, UNIX_DATAGRAM)
            }
        };
        Ok(Self {
            address,
            socket,
            refusals,
            pace,
            max_datagram: config.max_datagram.unwrap_or(max_datagram),
            queue: config.queue,
        })
    }

    /// Starts the thread that feeds the socket.
    pub(super) fn start(self, counts: Arc<SinkCounts>) -> Delivery {
        let account = Arc::new(Account {
            state: Mutex::default(),
            idle: Condvar::new(),
            counts,
        });
        let courier = Courier {
            socket: self.socket,
            refusals: self.refusals,
            pace: self.pace.map(Mutex::new),
            account: Arc::clone(&account),
        };
        Delivery {
            address: self.address,
            max_datagram: self.max_datagram,
            limit: self.queue as u64,
            // one place more than is ever used, so that the end finds room when the queue is full
            queue: QueuingMetricSink::with_capacity(courier, self.queue + 1),
            account,
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened {{ {} }}", self.address)
    }
}

impl Delivery {
    /// Where it goes.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Datagrams so far that left and were not refused.
    pub(super) fn taken(&self) -> u64 {
        self.account.state().taken
    }

    /// Bytes of the longest datagram.
    pub(super) fn max_datagram(&self) -> usize {
        self.max_datagram
    }

    /// Datagrams not yet through the socket.
    pub(super) fn waiting(&self) -> u64 {
        self.account.state().waiting
    }

    /// Queues a datagram of so many spans; leaves `datagram` empty. Never waits for the socket.
    pub(super) fn submit(&self, datagram: &mut String, spans: u32) {
        let count = u64::from(spans);
        // cadence takes nothing but text, so the count travels as the text's last character
        let ticket = char::from_u32(spans);
        let queued = ticket.is_some_and(|ticket| {
            let mut state = self.account.state();
            if state.waiting >= self.limit {
                return false;
            }
            state.waiting += 1;
            state.waiting_spans += count;
            drop(state);
            datagram.push(ticket);
            let queued = self.queue.emit(datagram).is_ok();
            if !queued {
                let mut state = self.account.state();
                state.waiting -= 1;
                state.waiting_spans -= count;
            }
            queued
        });
        if !queued {
            self.account.lost(count);
        }
        datagram.clear();
    }

    /// Asks for the fate of the datagram sent last.
    pub(super) fn settle(&self) {
        // the courier's flush fails never: a refusal is data
        let _ = self.queue.flush();
    }

    /// What went wrong last, once.
    pub(super) fn take_trouble(&self) -> Option<StatsdError> {
        let source = self.account.state().trouble.take()?;
        Some(StatsdError::Refused {
            address: self.address.to_string(),
            source,
        })
    }

    /// Waits at most `timeout` until the queue is empty; what is left then is lost.
    pub(super) fn close(self, timeout: Duration) {
        let state = self.account.state();
        let (mut state, _) = self
            .account
            .idle
            .wait_timeout_while(state, timeout, |state| state.waiting > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        self.account.lost(state.waiting_spans);
        (state.waiting, state.waiting_spans) = (0, 0);
        drop(state);
        self.settle();
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery {{ {} }}", self.address)
    }
}

/// Stands between cadence's queue and cadence's socket.
struct Courier {
    socket: Socket,
    /// The same UDP socket, to ask it for a refusal.
    refusals: Option<UdpSocket>,
    pace: Option<Mutex<Pace>>,
    account: Arc<Account>,
}

impl Courier {
    /// Sends one datagram; says also whether the one before it turned out to be refused.
    fn send(&self, datagram: &str) -> (io::Result<usize>, Option<io::Error>) {
        let mut refused = None;
        loop {
            match self.socket.emit(datagram) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // On UDP this is the answer to an earlier datagram, and this one did not leave.
                Err(error)
                    if self.refusals.is_some()
                        && refused.is_none()
                        && error.kind() == io::ErrorKind::ConnectionRefused =>
                {
                    refused = Some(error);
                }
                result => return (result, refused),
            }
        }
    }

    fn wait_for_turn(&self) {
        if let Some(pace) = &self.pace {
            let ahead = pace
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next(Instant::now());
            if let Some(ahead) = ahead {
                thread::sleep(ahead);
            }
        }
    }

    /// Books the datagram sent before.
    fn book_doubt(&self, state: &mut State, refused: Option<io::Error>) {
        let spans = state.doubt.take();
        match refused {
            Some(error) => {
                self.account.lost(spans.unwrap_or(0));
                state.trouble = Some(error);
            }
            None => {
                self.account.sent(spans.unwrap_or(0));
                state.taken += u64::from(spans.is_some());
            }
        }
    }
}

impl MetricSink for Courier {
    fn emit(&self, text: &str) -> io::Result<usize> {
        let mut chars = text.chars();
        let spans = chars
            .next_back()
            .map_or(0, |ticket| u64::from(u32::from(ticket)));
        if self.account.state().closed {
            return Ok(0);
        }
        self.wait_for_turn();
        let (result, refused) = self.send(chars.as_str());

        let mut state = self.account.state();
        self.book_doubt(&mut state, refused);
        if !state.closed {
            state.waiting -= 1;
            state.waiting_spans -= spans;
            match result {
                Ok(_) if self.refusals.is_some() => state.doubt = Some(spans),
                Ok(_) => {
                    self.account.sent(spans);
                    state.taken += 1;
                }
                Err(error) => {
                    self.account.lost(spans);
                    state.trouble = Some(error);
                }
            }
        }
        if state.waiting == 0 {
            self.account.idle.notify_all();
        }
        Ok(text.len())
    }

    /// Settles the last datagram unless another is under way, which will settle it.
    fn flush(&self) -> io::Result<()> {
        let mut state = self.account.state();
        if state.waiting == 0 {
            let refused = self
                .refusals
                .as_ref()
                .and_then(|socket| socket.take_error().unwrap_or_else(Some));
            self.book_doubt(&mut state, refused);
        }
        Ok(())
    }
}
