//! What threads write and do, at random, for the tests of what is counted: recursion (a tag inside the same tag) and
//! interleaved spans (exits in any order) included.

use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes};

use crate::input::event::{Event, What};
use crate::input::record::{CallsRecord, FLAG_AT_MARKER, Head, KIND_SEGMENT, SegmentRecord};
use crate::spans::consumer::Consumer;
use crate::spans::correlate::Correlator;
use crate::spans::matcher::Limits;

/// What the thread did in a segment; times in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) user: u64,
    pub(super) runnable: u64,
    pub(super) fault: u64,
    /// Number, blocked, on the cpu, whether it found a slot in the kernel.
    pub(super) calls: Vec<(u32, u64, u64, bool)>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Which thread, whether with an id of its own, and which tag.
    Enter(u32, bool, u8),
    Exit(u32, u8),
}

pub(super) fn did() -> impl Strategy<Value = Stretch> {
    let call = (0_u32..20, 0_u64..500, 0_u64..500, prop::bool::weighted(0.9));
    (
        0_u64..200,
        0_u64..200,
        0_u64..200,
        prop::collection::vec(call, 0..12),
    )
        .prop_map(|(user, runnable, fault, calls)| Stretch {
            user,
            runnable,
            fault,
            calls,
        })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u32..3, any::<bool>(), 0_u8..3).prop_map(|(tid, own, tag)| Step::Enter(tid, own, tag)),
        (1_u32..3, any::<u8>()).prop_map(|(tid, of)| Step::Exit(tid, of)),
    ]
}

/// Gives a segment to the correlator. Returns how long it took.
pub(super) fn segment(
    correlator: &mut Correlator,
    out: &mut impl Consumer,
    tid: u32,
    since: u64,
    did: &Stretch,
) -> u64 {
    let (words, wall) = record(tid, since, did);
    if wall > 0 {
        correlator.push(&Event::decode(words.as_bytes()).unwrap(), out);
    }
    wall
}

/// A segment's record, and how long it took.
fn record(tid: u32, since: u64, did: &Stretch) -> (Vec<u64>, u64) {
    let mut record = SegmentRecord::new_zeroed();
    let sum = |of: fn(&(u32, u64, u64, bool)) -> u64| did.calls.iter().map(of).sum::<u64>();
    record.kernel = sum(|call| call.2);
    record.blocked = did.fault + sum(|call| call.1);
    (record.runnable, record.fault, record.since) = (did.runnable, did.fault, since);
    let wall = did.user + record.runnable + record.kernel + record.blocked;
    let calls = did
        .calls
        .iter()
        .filter(|call| call.3)
        .map(|&(nr, blocked, on_cpu, _)| {
            let mut of = CallsRecord::new_zeroed();
            (of.nr, of.count, of.blocked, of.time) = (nr, 1, blocked, blocked + on_cpu);
            of
        });
    let calls: Vec<_> = calls.collect();
    record.calls = calls.len() as u32;
    record.head = Head {
        ts: since + wall,
        pid: 1,
        tid,
        size: (size_of::<SegmentRecord>() + size_of_val(&calls[..])) as u16,
        kind: KIND_SEGMENT,
        flags: FLAG_AT_MARKER,
        number: 0,
    };
    let bytes = [record.as_bytes(), calls.as_bytes()].concat();
    let words = bytes
        .chunks(8)
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
    (words.collect(), wall)
}

/// Gives a marker to the correlator.
pub(super) fn push(
    correlator: &mut Correlator,
    out: &mut impl Consumer,
    ts: u64,
    tid: u32,
    text: &str,
) {
    let what = What::Write {
        bytes: text.as_bytes(),
        beyond: 0,
        continues: false,
    };
    let event = Event {
        ts,
        pid: 1,
        tid,
        number: 0,
        what,
    };
    correlator.push(&event, out);
}

/// All of it. Returns what is left, and when it ended.
pub(super) fn play(steps: &[(Step, Stretch)], out: &mut impl Consumer) -> (Correlator, u64) {
    let mut correlator = Correlator::new(Limits::default());
    let (mut open, mut next) = (Vec::<(u32, String)>::new(), 1_u64 << 40);
    let mut now = [1_000_u64; 4];
    for (step, did) in steps {
        let (tid, text) = match *step {
            Step::Enter(tid, own, tag) => {
                next += 1;
                let id = if own { next.to_string() } else { "t".into() };
                let name = format!("{id}:a.{tag}");
                open.push((tid, name.clone()));
                (tid, format!(">:{name}:n={}:", next % 3))
            }
            Step::Exit(tid, of) => {
                let of_thread = (0..open.len()).filter(|&at| open[at].0 == tid);
                let of_thread: Vec<_> = of_thread.collect();
                let Some(&at) = of_thread.get(of as usize % of_thread.len().max(1)) else {
                    continue;
                };
                (tid, format!("<:{}:status={}:", open.remove(at).1, of % 2))
            }
        };
        let since = now[tid as usize];
        let wall = segment(&mut correlator, out, tid, since, did);
        now[tid as usize] += wall;
        push(&mut correlator, out, since + wall, tid, &text);
    }
    (correlator, now.into_iter().max().unwrap())
}
