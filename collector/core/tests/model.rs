//! The correlator against a model of its rules that is as plain as can be: one list, searched from
//! end to end.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Collected, check, exit, facts, fork, numbered, process, push, write};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::{Closed, End};
use nulltrace_spec::{Id, Parent, UNIQUE};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum What {
    Enter {
        id: Id,
        tags: &'static str,
        parent: Option<Parent>,
    },
    Exit {
        id: Id,
        tags: &'static str,
    },
    Garbage,
    Other,
    ThreadExit,
    ProcessExit {
        signal: u8,
    },
    Facts {
        ppid: u32,
        start: u64,
        uid: u32,
    },
    /// So many markers do not come.
    Lose {
        markers: u32,
    },
    Fork {
        child: u32,
    },
    Tick,
}

#[derive(Clone, Debug)]
struct Step {
    pid: u32,
    tid: u32,
    /// Nanoseconds since the step before; the clocks of two CPUs may disagree.
    dt: i64,
    what: What,
}

#[derive(Clone, Debug)]
struct Open {
    seq: u64,
    id: Id,
    tags: &'static str,
    written: Id,
    pid: u32,
    tid: u32,
    ppid: Option<u32>,
    uid: Option<u32>,
    comm: String,
    start: u64,
    parent: Option<(u64, &'static str)>,
    child_ns: i64,
    /// Since when a child is open, and how many are.
    child_since: u64,
    children: u64,
    child_hits: u64,
    /// A span above it has ended.
    passed: bool,
    /// Markers of its thread were lost.
    lost: bool,
    /// Its thread has not ended, as far as is known.
    in_thread: bool,
    /// When its process ended without it.
    left: Option<u64>,
    care: Option<u32>,
}

/// What is compared of a closed span.
type Row = (
    u64,
    &'static str,
    Id,
    u64,
    u64,
    End,
    Option<(u64, String)>,
    (u64, u64),
    String,
);

struct Model {
    limits: Limits,
    open: Vec<Open>,
    rows: Vec<Row>,
    /// Parent, start, when first heard of, user.
    facts: BTreeMap<u32, (u32, u64, u64, u32)>,
    /// Of each thread: markers, and those that came or are known to be lost.
    numbers: BTreeMap<(u32, u32), (u32, u32)>,
    parents_gone: u64,
    lost_exit: u64,
    dead: BTreeSet<u32>,
    opened: u64,
    unmatched: u64,
    refused: u64,
    others: u64,
}

impl Model {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            rows: Vec::new(),
            facts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            parents_gone: 0,
            lost_exit: 0,
            dead: BTreeSet::new(),
            opened: 0,
            unmatched: 0,
            refused: 0,
            others: 0,
        }
    }

    fn end(&mut self, seq: u64, end: u64, how: End) {
        let at = self.open.iter().position(|span| span.seq == seq).unwrap();
        let mut span = self.open.remove(at);
        if span.children > 0 {
            span.child_ns += end as i64 - span.child_since as i64;
        }
        if let Some((parent, _)) = span.parent
            && let Some(parent) = self.open.iter_mut().find(|open| open.seq == parent)
        {
            parent.children -= 1;
            if parent.children == 0 {
                parent.child_ns += end as i64 - parent.child_since as i64;
            }
            parent.child_hits += 1;
        }
        self.pass(seq);
        let parent = span.parent.map(|(seq, tags)| (seq, tags.to_string()));
        let children = (span.child_ns.max(0) as u64, span.child_hits);
        self.rows.push((
            span.seq, span.tags, span.id, span.start, end, how, parent, children, span.comm,
        ));
    }

    fn pass(&mut self, seq: u64) {
        for child in self.all(|span| span.parent.is_some_and(|(parent, _)| parent == seq)) {
            // One that is passed already is on its own: what ends above it is nothing to those below.
            if !child.passed {
                self.of(child.seq).passed = true;
                self.pass(child.seq);
            }
        }
    }

    fn of(&mut self, seq: u64) -> &mut Open {
        self.open.iter_mut().find(|span| span.seq == seq).unwrap()
    }

    /// The number that the next record of a thread bears; and what is open there is lost if some are missing.
    fn number(&mut self, pid: u32, tid: u32, marker: bool) -> u32 {
        let (all, known) = self.numbers.entry((pid, tid)).or_default();
        *all += u32::from(marker);
        let missing = *all - *known > u32::from(marker);
        *known = *all;
        let number = *all;
        if missing {
            for span in self.all(|s| s.in_thread && (s.pid, s.tid) == (pid, tid)) {
                let unique = matches!(span.id, Id::Number(n) if UNIQUE.contains(&n));
                self.of(span.seq).lost |= !unique;
            }
        }
        number
    }

    /// Those the condition holds for, the last opened first.
    fn all(&self, condition: impl Fn(&Open) -> bool) -> Vec<Open> {
        let found = self.open.iter().rev().filter(|span| condition(span));
        found.cloned().collect()
    }

    /// The nearest that `same` holds for; in other processes only with `far`.
    fn nearest(&self, same: impl Fn(&Open) -> bool, pid: u32, tid: u32, far: bool) -> Option<Open> {
        let known = self.facts.get(&pid);
        let (ppid, uid) = (known.map(|of| of.0), known.map(|of| of.3));
        let user = |s: &Open| same(s) && far && uid.is_some() && s.uid == uid;
        let thread = |s: &Open| same(s) && s.in_thread && (s.pid, s.tid) == (pid, tid);
        let process = |s: &Open| same(s) && s.left.is_none() && s.pid == pid;
        let siblings = |s: &Open| user(s) && ppid.is_some() && s.ppid == ppid;
        let first = |found: Vec<Open>| found.into_iter().next();
        first(self.all(thread))
            .or_else(|| first(self.all(process)))
            .or_else(|| first(self.all(siblings)))
            .or_else(|| first(self.all(user)))
    }

    fn gone(&mut self, pid: u32, ts: u64) {
        for span in self.all(|span| span.care == Some(pid)) {
            let how = if span.lost {
                End::Lost
            } else {
                End::ProcessExit
            };
            self.end(span.seq, span.left.unwrap_or(ts), how);
        }
    }

    fn expire(&mut self, ts: u64) {
        let age = self.limits.age;
        while let Some(oldest) = self.open.first()
            && oldest.start + age <= ts
        {
            self.end(oldest.seq, oldest.start + age, End::Expired);
        }
    }

    fn step(&mut self, step: &Step, ts: u64) {
        self.expire(ts);
        let Step { pid, tid, .. } = *step;
        let ppid = self.facts.get(&pid).map(|(ppid, ..)| *ppid);
        let resolve = |id| match id {
            Id::Thread => Id::Number(tid.into()),
            Id::Process => Id::Number(pid.into()),
            Id::Parent => ppid.map_or(Id::Parent, |ppid| Id::Number(ppid.into())),
            other => other,
        };
        match step.what {
            What::Enter {
                id: written,
                tags,
                parent,
            } => {
                while self.open.len() >= self.limits.open {
                    self.end(self.open[0].seq, ts, End::Evicted);
                }
                let id = resolve(written);
                let less = tags.rsplit_once('.').map(|(less, _)| less);
                let far = !matches!(written, Id::Thread | Id::Process);
                let guess = || {
                    less.and_then(|less| {
                        self.nearest(|s| s.id == id && s.tags == less, pid, tid, far)
                    })
                    .filter(|span| !span.lost)
                    .or_else(|| {
                        let inside = |s: &Open| {
                            s.in_thread && (s.pid, s.tid) == (pid, tid) && !s.passed && !s.lost
                        };
                        self.all(inside).into_iter().next()
                    })
                };
                // Of the same user only, even in its own process.
                let uid = self.facts.get(&pid).map(|of| of.3);
                let named = |number| {
                    let same = |s: &Open| s.id == Id::Number(number) && s.uid == uid;
                    self.nearest(same, pid, tid, true)
                };
                let found = match parent {
                    None => guess(),
                    Some(Parent::Span(number)) => named(number),
                    Some(_) => None,
                };
                let gone = found.is_none() && !matches!(parent, None | Some(Parent::Root));
                self.parents_gone += u64::from(gone);
                let parent = found;
                if let Some(parent) = &parent {
                    let parent = self.of(parent.seq);
                    if parent.children == 0 {
                        parent.child_since = ts;
                    }
                    parent.children += 1;
                }
                self.opened += 1;
                self.open.push(Open {
                    seq: self.opened,
                    id,
                    tags,
                    written,
                    pid,
                    tid,
                    ppid,
                    uid: self.facts.get(&pid).map(|of| of.3),
                    comm: self
                        .facts
                        .get(&pid)
                        .map_or(String::new(), |f| format!("c{}", f.1)),
                    start: ts,
                    parent: parent.map(|parent| (parent.seq, parent.tags)),
                    child_ns: 0,
                    child_since: 0,
                    children: 0,
                    child_hits: 0,
                    passed: false,
                    lost: false,
                    in_thread: true,
                    left: None,
                    care: Some(pid),
                });
            }
            What::Exit { id: written, tags } => {
                let (id, far) = (
                    resolve(written),
                    !matches!(written, Id::Thread | Id::Process),
                );
                match self.nearest(|s| s.id == id && s.tags == tags, pid, tid, far) {
                    Some(span) if span.lost => {
                        self.lost_exit += 1;
                        self.end(span.seq, ts, End::Lost);
                    }
                    Some(span) => self.end(span.seq, ts, End::Exit),
                    None => self.unmatched += 1,
                }
            }
            What::Garbage => self.refused += 1,
            What::Other => self.others += 1,
            What::ThreadExit => {
                for span in self.all(|s| s.in_thread && (s.pid, s.tid) == (pid, tid)) {
                    if span.lost {
                        self.end(span.seq, ts, End::Lost);
                    } else if span.written == Id::Thread {
                        self.end(span.seq, ts, End::ThreadExit);
                    } else {
                        let at = self.open.iter().position(|s| s.seq == span.seq).unwrap();
                        self.open[at].in_thread = false;
                    }
                }
            }
            What::ProcessExit { signal } => {
                self.facts.remove(&pid);
                self.dead.insert(pid);
                for span in self.all(|span| span.care == Some(pid)) {
                    let own = matches!(span.written, Id::Thread | Id::Process);
                    let alone = span.ppid.is_some_and(|ppid| self.dead.contains(&ppid));
                    if span.lost {
                        self.end(span.seq, ts, End::Lost);
                    } else if let Some(left) = span.left {
                        self.end(span.seq, left, End::ProcessExit);
                    } else if own || alone || signal != 0 {
                        self.end(span.seq, ts, End::ProcessExit);
                    } else {
                        let at = self.open.iter().position(|s| s.seq == span.seq).unwrap();
                        let orphan = &mut self.open[at];
                        orphan.in_thread = false;
                        orphan.left = Some(ts);
                        orphan.care = orphan.ppid;
                    }
                }
            }
            What::Facts { ppid, start, uid } => {
                self.dead.remove(&pid);
                self.dead.remove(&ppid);
                let mut seen = ts;
                if let Some(former) = self.facts.get(&pid) {
                    if former.1 == start {
                        seen = former.2;
                    } else {
                        self.gone(pid, ts);
                    }
                }
                self.facts.insert(pid, (ppid, start, seen, uid));
            }
            What::Fork { child } => {
                self.dead.remove(&child);
                if self.facts.get(&child).is_none_or(|facts| facts.2 < ts) {
                    self.facts.remove(&child);
                    self.gone(child, ts);
                }
            }
            What::Tick => {}
            What::Lose { markers } => {
                self.numbers.entry((pid, tid)).or_default().0 += markers;
            }
        }
    }

    fn finish(&mut self) {
        for span in self.all(|span| span.left.is_some()) {
            self.end(span.seq, span.left.unwrap(), End::ProcessExit);
        }
    }
}

fn row(span: &Closed, tags: &'static [&'static str]) -> Row {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mine = text(span.tags.canonical());
    let parent = span.parent.zip(span.parent_tags.as_ref());
    (
        span.seq,
        tags.iter().find(|tags| **tags == mine).unwrap(),
        span.id,
        span.start,
        span.end,
        span.how,
        parent.map(|(seq, tags)| (seq, text(tags.canonical()))),
        (span.child_ns, span.child_hits),
        text(span.comm()),
    )
}

const TAGS: &[&str] = &["a", "a.b", "a.b.c", "d"];

/// Ids and tags of all kinds.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ids = vec![
        Id::None,
        Id::None,
        Id::Global,
        Id::Thread,
        Id::Process,
        Id::Parent,
        Id::Number(1),
        Id::Number(2),
        Id::Number(*UNIQUE.start()),
        Id::Number(*UNIQUE.end()),
    ];
    steps_of(ids, TAGS, 8)
}

/// Spans that have numbers and name their parents, with some that do not.
fn named() -> impl Strategy<Value = Vec<Step>> {
    let unique = UNIQUE.step_by(1 << 46).map(Id::Number);
    steps_of(unique.chain([Id::Thread]).collect(), TAGS, 8)
}

/// So few that many open spans share one key.
fn crowds() -> impl Strategy<Value = Vec<Step>> {
    steps_of(
        vec![Id::None, Id::None, Id::None, Id::Thread],
        &TAGS[..2],
        16,
    )
}

fn steps_of(
    ids: Vec<Id>,
    tags: &'static [&'static str],
    enters: u32,
) -> impl Strategy<Value = Vec<Step>> {
    let marker = (prop::sample::select(ids), prop::sample::select(tags));
    let named = UNIQUE.step_by(1 << 46).chain([*UNIQUE.end()]);
    let named = named.map(|number| Some(Parent::Span(number)));
    let parents = prop_oneof![
        4 => Just(None),
        4 => prop::sample::select(named.collect::<Vec<_>>()),
        1 => Just(Some(Parent::Root)),
        1 => Just(Some(Parent::Unknown)),
    ];
    let what = prop_oneof![
        enters => (marker.clone(), parents)
            .prop_map(|((id, tags), parent)| What::Enter { id, tags, parent }),
        8 => marker.prop_map(|(id, tags)| What::Exit { id, tags }),
        1 => Just(What::Garbage),
        1 => Just(What::Other),
        3 => Just(What::ThreadExit),
        2 => prop::sample::select(vec![0, 0, 9]).prop_map(|signal| What::ProcessExit { signal }),
        4 => (1u32..5, 0u64..3, 0u32..2)
            .prop_map(|(ppid, start, uid)| What::Facts { ppid, start, uid }),
        1 => (1u32..3).prop_map(|markers| What::Lose { markers }),
        1 => (1u32..5).prop_map(|child| What::Fork { child }),
        1 => Just(What::Tick),
    ];
    // Most of it happens in one process, or threads would hardly meet.
    let who = prop_oneof![3 => Just(1u32), 2 => 1u32..5];
    let step = (who, 1u32..4, -5i64..20, what);
    let step = step.prop_map(|(pid, tid, dt, what)| Step { pid, tid, dt, what });
    prop::collection::vec(step, 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Every span of the model comes out, in the same order, with the same end, parent and children;
    /// and the ledger balances after each event.
    #[test]
    fn as_the_model(steps in prop_oneof![steps(), crowds(), named()], open in 2usize..40, age in 50u64..2000) {
        let limits = Limits { open, age, tags: 2, ..Limits::default() };
        let mut model = Model::new(limits);
        let mut correlator = Correlator::new(limits);
        let mut out = Collected::default();
        let mut ts = 1000u64;
        for step in &steps {
            ts = ts.saturating_add_signed(step.dt);
            let Step { pid, tid, .. } = *step;
            let text = match &step.what {
                What::Enter { id, tags, parent } => {
                    let args = match parent {
                        None => String::new(),
                        Some(Parent::Root) => "^=".to_string(),
                        Some(Parent::Span(number)) => format!("^={number}"),
                        Some(Parent::Unknown) => "^=?".to_string(),
                    };
                    Some(format!(">:{id}:{tags}:{args}:"))
                }
                What::Exit { id, tags } => Some(format!("<:{id}:{tags}::")),
                What::Garbage => Some(">:x7:a::".to_string()),
                What::Other => Some("hello\n".to_string()),
                _ => None,
            };
            if let Some(text) = text {
                model.expire(ts);
                let number = model.number(pid, tid, true);
                model.step(step, ts);
                let write = numbered(write(ts, pid, tid, text.as_bytes()), number);
                push(&mut correlator, &write, &mut out);
            } else if let What::ThreadExit | What::ProcessExit { .. } = step.what {
                model.expire(ts);
                let number = model.number(pid, tid, false);
                model.step(step, ts);
                let (signal, group) = match step.what {
                    What::ProcessExit { signal } => (signal, true),
                    _ => (0, false),
                };
                let exit = numbered(exit(ts, pid, tid, signal, group), number);
                push(&mut correlator, &exit, &mut out);
            } else {
                model.step(step, ts);
                match &step.what {
                    What::Facts { ppid, start, uid } => {
                        let mut facts = facts(ts, pid, *ppid, *start, &format!("c{start}"));
                        facts.uid = *uid;
                        push(&mut correlator, &process(&facts), &mut out);
                    }
                    What::Fork { child } => push(&mut correlator, &fork(ts, pid, *child), &mut out),
                    _ => correlator.tick(ts, &mut out),
                }
            }
            prop_assert_eq!(correlator.open(), model.open.len() as u64);
        }
        correlator.finish(ts, &mut out);
        check(&correlator);
        model.finish();

        let rows: Vec<_> = out.closed.iter().map(|span| row(span, TAGS)).collect();
        prop_assert_eq!(rows, model.rows);
        let open: Vec<_> = correlator.open_by_age().map(|span| (span.seq, span.pid)).collect();
        let expected: Vec<_> = model.open.iter().map(|span| (span.seq, span.pid)).collect();
        prop_assert_eq!(open, expected);
        let ledger = correlator.ledger();
        prop_assert_eq!(ledger.markers.unmatched_exit, model.unmatched);
        prop_assert_eq!(ledger.spans.parent_gone, model.parents_gone);
        prop_assert_eq!(ledger.spans.lost_exit, model.lost_exit);
        prop_assert_eq!(ledger.markers.refused(), model.refused);
        prop_assert_eq!(ledger.markers.not_markers, model.others);
        prop_assert_eq!(out.malformed.len() as u64, model.refused);
        prop_assert_eq!(ledger.spans.opened, model.opened);
        prop_assert_eq!(ledger.spans.opened, out.closed.len() as u64 + ledger.spans.open);
    }
}
