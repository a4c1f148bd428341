//! Queries from other threads to the one that drains the source, and its answers.
//!
//! The queue is bounded, a few are answered in each round, and an answer is a snapshot: so an asker costs the
//! draining thread little and never makes it wait, and one that goes away without its answer harms nobody. The
//! model of a view is made by who asked.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use nulltrace_core::query::Query;

use crate::error::{Error, Kind};
use crate::measured::Measured;

/// Queries that may wait.
const QUEUE: usize = 64;
/// Answered in one round.
const ROUND: usize = 4;

/// Where other threads put their queries; each may have a clone.
#[derive(Clone, Debug)]
pub struct Mailbox(SyncSender<Ask>);

/// A query that waits for its answer.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) query: Query,
    until: Instant,
    answer: SyncSender<Result<Measured, Error>>,
}

/// The other side.
#[derive(Debug)]
pub(crate) struct Inbox {
    asks: Receiver<Ask>,
    mailbox: Mailbox,
}

impl Mailbox {
    /// What was measured until now for a query: see [`Pipeline::view`](crate::pipeline::Pipeline::view).
    ///
    /// # Errors
    /// Those of `view`; too many wait for an answer; there was none within `limit`, or the run has ended.
    pub fn ask(&self, query: &Query, limit: Duration) -> Result<Measured, Error> {
        let (answer, answered) = sync_channel(1);
        let ask = Ask {
            query: query.clone(),
            until: Instant::now() + limit,
            answer,
        };
        self.0.try_send(ask).map_err(|error| match error {
            TrySendError::Full(_) => failed("too many queries wait", "ask less often"),
            TrySendError::Disconnected(_) => ended(),
        })?;
        match answered.recv_timeout(limit) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(failed("no answer in time", "ask again")),
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}

fn failed(what: &str, remedy: &str) -> Error {
    Error::new(Kind::Io, what, "the live query", remedy)
}

fn ended() -> Error {
    failed("the run has ended", "read what it wrote when it did")
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let (mailbox, asks) = sync_channel(QUEUE);
        let mailbox = Mailbox(mailbox);
        Self { asks, mailbox }
    }

    pub(crate) fn mailbox(&self) -> Mailbox {
        self.mailbox.clone()
    }

    /// The queries whose turn it is, without those nobody waits for any more.
    pub(crate) fn take(&self) -> impl Iterator<Item = Ask> {
        let in_time = |ask: &Ask| Instant::now() < ask.until;
        self.asks.try_iter().take(ROUND).filter(in_time)
    }
}

impl Ask {
    /// Gives the answer to who waits for it, if anybody does.
    pub(crate) fn answer(self, answer: Result<Measured, Error>) {
        let _ = self.answer.try_send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn no() -> Error {
        Error::new(Kind::Usage, "no", "here", "elsewhere")
    }

    #[test]
    fn each_gets_its_own_answer() {
        let inbox = Inbox::new();
        let ask = |name: &'static str| {
            let mailbox = inbox.mailbox();
            thread::spawn(move || {
                mailbox
                    .ask(&Query::view(name), LONG)
                    .unwrap_err()
                    .to_string()
            })
        };
        let asked: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(ask).into();
        let (mut answered, mut rounds) = (0, 0);
        while answered < asked.len() {
            let asks: Vec<_> = inbox.take().collect();
            assert!(asks.len() <= ROUND);
            answered += asks.len();
            rounds += usize::from(!asks.is_empty());
            for ask in asks {
                let text = format!("{:?}", ask.query.show());
                ask.answer(Err(Error::new(Kind::Usage, text, "here", "elsewhere")));
            }
            thread::yield_now();
        }
        assert!(rounds >= 2);
        for (asked, name) in asked.into_iter().zip(["a", "b", "c", "d", "e", "f"]) {
            let answer = asked.join().unwrap();
            assert!(answer.contains(&format!("name: {name:?}")), "{answer}");
        }
    }

    #[test]
    fn who_is_not_answered_hears_why() {
        let inbox = Inbox::new();
        let (mailbox, query) = (inbox.mailbox(), Query::view("time"));
        for _ in 0..QUEUE {
            let late = mailbox.ask(&query, Duration::ZERO).unwrap_err();
            assert!(late.to_string().contains("no answer in time"), "{late}");
        }
        let full = mailbox.ask(&query, LONG).unwrap_err();
        assert!(full.to_string().contains("too many queries wait"), "{full}");
        // None of them is waited for any more: they make room and no work.
        for _ in 0..QUEUE / ROUND {
            assert_eq!(inbox.take().count(), 0);
        }
        let waits = thread::spawn({
            let (mailbox, query) = (mailbox.clone(), query.clone());
            move || mailbox.ask(&query, LONG).unwrap_err().to_string()
        });
        let ask = loop {
            if let Some(ask) = inbox.take().next() {
                break ask;
            }
            thread::yield_now();
        };
        drop((ask, inbox));
        assert!(waits.join().unwrap().contains("the run has ended"));
        let ended = mailbox.ask(&query, LONG).unwrap_err();
        assert!(ended.to_string().contains("the run has ended"), "{ended}");
    }

    #[test]
    fn who_goes_away_harms_nobody() {
        let inbox = Inbox::new();
        let (answer, gone) = sync_channel(1);
        drop(gone);
        let ask = Ask {
            query: Query::view("time"),
            until: Instant::now() + LONG,
            answer,
        };
        inbox.mailbox.0.try_send(ask).unwrap();
        for ask in inbox.take() {
            ask.answer(Err(no()));
        }
        assert_eq!(inbox.take().count(), 0);
    }
}
