//! The bounded set of what lines begin and end with.

use std::collections::HashMap;
use std::sync::Arc;

use nulltrace_core::facts::path::TagPath;
use nulltrace_core::spans::span::Closed;
use rustc_hash::FxBuildHasher;

use super::config::{Dialect, HOST_MAX, StatsdConfig};
use super::name::{self, COMM_MAX};

/// What stands before and behind the value in a line.
#[derive(Debug)]
pub(super) struct Series {
    /// `PREFIX.a.b:`
    pub(super) head: Box<str>,
    /// `|ms` with all that follows, newline too.
    pub(super) tail: Box<str>,
}

/// Finds the series of a span, and makes at most so many of them.
///
/// A span is looked up by the address of its tag path, which the correlator shares between spans: no
/// bytes are hashed. A path that comes under another address is only slower.
#[derive(Debug)]
pub(super) struct SeriesTable {
    prefix: String,
    /// Type and sampling rate.
    kind: String,
    /// `|#host:…`, or empty.
    host: String,
    comm: bool,
    /// The first is the overflow's.
    series: Vec<Series>,
    by_text: HashMap<Box<str>, usize>,
    by_address: HashMap<(usize, usize), Cached, FxBuildHasher>,
    max: usize,
    overflowed: u64,
}

/// Keeps the addresses it was found by from being used again.
#[derive(Debug)]
struct Cached {
    _tags: Arc<TagPath>,
    _comm: Option<Arc<[u8]>>,
    index: usize,
}

impl SeriesTable {
    pub(super) fn new(config: &StatsdConfig) -> Self {
        let mut kind = config.kind.suffix().to_owned();
        if config.sample_rate < 1.0 {
            kind.push_str(&format!("|@{}", config.sample_rate));
        }
        let mut host = String::new();
        if let (Dialect::DogStatsD, Some(value)) = (config.dialect, &config.host) {
            host.push_str("|#host:");
            name::push_tag_value(&mut host, value.as_bytes(), HOST_MAX);
        }
        let overflow = Series {
            head: format!("{}overflow:", name::own(&config.prefix)).into(),
            tail: format!("{kind}{host}\n").into(),
        };
        Self {
            prefix: config.prefix.clone(),
            kind,
            host,
            comm: config.comm_tag(),
            series: vec![overflow],
            by_text: HashMap::new(),
            by_address: HashMap::default(),
            max: config.max_names,
            overflowed: 0,
        }
    }

    /// What the span's line begins and ends with.
    pub(super) fn find(&mut self, span: &Closed) -> &Series {
        let comm = span.process.as_ref().map(|process| &process.comm);
        let comm = comm.filter(|_| self.comm);
        let address = (
            Arc::as_ptr(&span.tags).addr(),
            comm.map_or(0, |comm| comm.as_ptr().addr()),
        );
        let index = match self.by_address.get(&address) {
            Some(cached) => cached.index,
            None => self.find_text(span, comm, address),
        };
        self.overflowed += u64::from(index == 0);
        &self.series[index]
    }

    /// Spans that went to the overflow name.
    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// `|#host:…`, or empty: for lines of no span.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn find_text(
        &mut self,
        span: &Closed,
        comm: Option<&Arc<[u8]>>,
        address: (usize, usize),
    ) -> usize {
        let mut text = format!("{}.", self.prefix);
        name::push_path(&mut text, &span.tags);
        text.push(':');
        let value_at = text.len();
        text.push_str(&self.kind);
        text.push_str(&self.host);
        if self.comm {
            let mark = if self.host.is_empty() { "|#" } else { "," };
            text.push_str(mark);
            text.push_str("comm:");
            name::push_tag_value(&mut text, span.comm(), COMM_MAX);
        }
        text.push('\n');

        let index = match self.by_text.get(text.as_str()) {
            Some(&index) => index,
            // not cached: a flood of new names must not drive the known ones out
            None if self.by_text.len() >= self.max => return 0,
            None => {
                let (head, tail) = text.split_at(value_at);
                self.series.push(Series {
                    head: head.into(),
                    tail: tail.into(),
                });
                let index = self.series.len() - 1;
                self.by_text.insert(text.into(), index);
                index
            }
        };
        // many paths may share a name: begin again rather than grow
        if self.by_address.len() >= 2 * self.max {
            self.by_address.clear();
        }
        self.by_address.insert(
            address,
            Cached {
                _tags: Arc::clone(&span.tags),
                _comm: comm.map(Arc::clone),
                index,
            },
        );
        index
    }
}
