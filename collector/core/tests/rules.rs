//! The rules of meaning, one story each.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use common::{Collected, exit, facts, fork, process, push, write};
use nulltrace_core::correlate::{Correlator, Limits};
use nulltrace_core::span::{Closed, End};
use nulltrace_spec::Id;

struct Story {
    correlator: Correlator,
    out: Collected,
}

impl Story {
    /// Processes with their parents, all begun at time 0.
    fn new(processes: &[(u32, u32, &str)]) -> Self {
        let mut story = Self {
            correlator: Correlator::new(Limits::default()),
            out: Collected::default(),
        };
        for &(pid, ppid, comm) in processes {
            story.begins(0, pid, ppid, comm);
        }
        story
    }

    fn begins(&mut self, ts: u64, pid: u32, ppid: u32, comm: &str) {
        let facts = facts(ts, pid, ppid, ts, comm);
        push(&mut self.correlator, &process(&facts), &mut self.out);
    }

    fn writes(&mut self, ts: u64, pid: u32, tid: u32, text: &str) {
        push(
            &mut self.correlator,
            &write(ts, pid, tid, text.as_bytes()),
            &mut self.out,
        );
    }

    fn ends(&mut self, ts: u64, pid: u32, tid: u32, signal: u8, group: bool) {
        push(
            &mut self.correlator,
            &exit(ts, pid, tid, signal, group),
            &mut self.out,
        );
    }

    fn forks(&mut self, ts: u64, pid: u32, child: u32) {
        push(&mut self.correlator, &fork(ts, pid, child), &mut self.out);
    }

    /// What closed since the last time.
    fn closed(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.out.closed)
    }

    /// The same as pid that opened it, end and how.
    fn ended(&mut self) -> Vec<(u32, u64, End)> {
        self.closed()
            .iter()
            .map(|span| (span.pid, span.end, span.how))
            .collect()
    }
}

#[test]
fn two_copies_of_a_script_do_not_mix() {
    // Scripts 200 and 300; each runs /bin/echo as its child to open and to close.
    let mut story = Story::new(&[(201, 200, "echo"), (301, 300, "echo")]);
    story.writes(10, 201, 201, ">::step::");
    story.ends(11, 201, 201, 0, true);
    story.writes(12, 301, 301, ">::step::");
    story.ends(13, 301, 301, 0, true);
    story.begins(20, 202, 200, "echo");
    story.begins(20, 302, 300, "echo");
    story.writes(21, 202, 202, "<::step::\n");
    story.writes(22, 302, 302, "<::step::\n");
    let closed = story.closed();
    let of: Vec<_> = closed
        .iter()
        .map(|span| (span.pid, span.duration()))
        .collect();
    assert_eq!(of, [(201, 11), (301, 10)]);
    assert_eq!(&*closed[0].comm, b"echo");
}

#[test]
fn a_span_may_end_in_a_stranger() {
    let mut story = Story::new(&[(10, 1, "a"), (20, 2, "b")]);
    story.writes(5, 10, 10, ">:77:job::");
    story.writes(9, 20, 20, "<:77:job::");
    assert_eq!(story.ended(), [(10, 9, End::Exit)]);
}

#[test]
fn a_thread_takes_its_own_with_it() {
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(1, 10, 11, ">:t:mine::");
    story.writes(2, 10, 11, ">:5:handed.over::");
    story.ends(3, 10, 11, 0, false);
    assert_eq!(story.ended(), [(10, 3, End::ThreadExit)]);
    // The thread's id came into use again: it does not inherit.
    story.writes(4, 10, 11, ">:t:new::");
    story.writes(5, 10, 12, "<:5:handed.over::");
    story.writes(6, 10, 11, "<:t:new::");
    let closed = story.closed();
    assert_eq!(closed[1].parent, None);
    assert_eq!((closed[0].parent, closed[0].how), (Some(1), End::Exit));
}

#[test]
fn a_process_leaves_what_others_may_close() {
    let mut story = Story::new(&[(10, 1, "bash"), (20, 10, "worker")]);
    story.writes(1, 20, 20, ">:t:a::");
    story.writes(2, 20, 21, ">:p:b::");
    story.writes(3, 20, 20, ">:g:c::");
    story.writes(4, 20, 20, ">:g:d::");
    story.ends(5, 20, 20, 0, true);
    assert_eq!(story.ended(), [(20, 5, End::ProcessExit); 2]);
    story.writes(6, 10, 10, "<:g:c::");
    assert_eq!(story.ended(), [(20, 6, End::Exit)]);
    // The parent ends too: the last one ended with its own process.
    story.ends(9, 10, 10, 0, true);
    assert_eq!(story.ended(), [(20, 5, End::ProcessExit)]);
}

#[test]
fn a_killed_process_leaves_nothing() {
    let mut story = Story::new(&[(10, 1, "bash"), (20, 10, "worker")]);
    story.writes(1, 20, 20, ">:g:outer::");
    story.writes(2, 20, 20, ">:g:outer.inner::");
    story.ends(5, 20, 20, 9, true);
    let closed = story.closed();
    assert_eq!(closed.len(), 2);
    assert!(
        closed
            .iter()
            .all(|span| (span.end, span.how) == (5, End::ProcessExit))
    );
    // The inner one first, so that the outer one knows of it.
    assert_eq!(
        (closed[1].seq, closed[1].child_ns, closed[1].child_hits),
        (1, 3, 1)
    );
}

#[test]
fn whose_parent_is_dead_already_leaves_nothing() {
    let mut story = Story::new(&[(10, 1, "bash"), (20, 10, "worker")]);
    story.writes(1, 20, 20, ">:g:a::");
    story.ends(2, 10, 10, 0, true);
    assert_eq!(story.ended(), []);
    story.ends(3, 20, 20, 0, true);
    assert_eq!(story.ended(), [(20, 3, End::ProcessExit)]);
}

#[test]
fn orphans_end_at_the_flush_and_the_living_stay_open() {
    let mut story = Story::new(&[(20, 10, "worker"), (30, 10, "other")]);
    story.writes(1, 20, 20, ">:g:a::");
    story.writes(2, 30, 30, ">:g:b::");
    story.ends(3, 20, 20, 0, true);
    story.correlator.finish(50, &mut story.out);
    assert_eq!(story.ended(), [(20, 3, End::ProcessExit)]);
    let spans = story.correlator.ledger().spans;
    assert_eq!((spans.process_exit, spans.open), (1, 1));
    story.correlator.ledger().check().unwrap();
}

#[test]
fn a_process_id_that_comes_again_is_another_process() {
    let mut story = Story::new(&[(20, 10, "old")]);
    story.writes(1, 20, 20, ">:t:a::");
    // Nothing was heard of its end, but it was born again.
    story.forks(5, 10, 20);
    assert_eq!(story.ended(), [(20, 5, End::ProcessExit)]);
    story.begins(6, 20, 10, "new");
    story.writes(7, 20, 20, ">:g:b::");
    // Nor of this one's; another's facts come.
    story.begins(9, 20, 10, "newer");
    assert_eq!(story.ended(), [(20, 9, End::ProcessExit)]);
    story.writes(10, 20, 20, "<:t:a::");
    assert_eq!(story.correlator.ledger().markers.unmatched_exit, 1);
}

#[test]
fn a_process_of_which_nothing_is_known() {
    let mut story = Story::new(&[]);
    story.writes(1, 20, 20, ">:pp:a::");
    story.writes(2, 20, 21, ">:p:b::");
    story.writes(3, 20, 22, "<:pp:a::");
    story.ends(4, 20, 20, 0, true);
    let closed = story.closed();
    assert_eq!((closed[0].id, closed[0].how), (Id::Parent, End::Exit));
    assert_eq!(
        (closed[1].id, closed[1].how),
        (Id::Number(20), End::ProcessExit)
    );
    assert!(closed[0].comm.is_empty());
}

#[test]
fn clocks_that_disagree_make_no_negative_time() {
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(1000, 10, 10, ">:g:outer::");
    story.writes(1010, 10, 10, ">:g:outer.inner::");
    story.writes(990, 10, 11, "<:g:outer.inner::");
    story.writes(1020, 10, 10, "<:g:outer::");
    let closed = story.closed();
    assert_eq!((closed[0].duration(), closed[1].self_ns()), (0, 20));
    assert_eq!(closed[1].child_hits, 1);
}

#[test]
fn time_limit_without_asking_often() {
    let hour = Limits::default().age;
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(5, 10, 10, ">:g:a::");
    story.correlator.tick(5 + hour - 1, &mut story.out);
    assert_eq!(story.ended(), []);
    story.correlator.tick(5 + 3 * hour, &mut story.out);
    assert_eq!(story.ended(), [(10, 5 + hour, End::Expired)]);
}

#[test]
fn several_markers_in_one_write() {
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(5, 10, 10, ">:t:a::\n>:t:a.b::\n<:t:a.b::\n<:t:oops:\n");
    assert_eq!(story.ended(), [(10, 5, End::Exit)]);
    let ledger = story.correlator.ledger();
    assert_eq!((ledger.markers.seen, ledger.markers.refused()), (4, 1));
    assert_eq!(story.out.malformed, [(5, "E_UNFINISHED")]);
}
