//! The rules of meaning, one story each.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use common::{Collected, exec, exit, facts, fork, numbered, process, push, write};
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::input::made::Made;
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::{Closed, End};
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

    /// Thread `tid` of a process that began at time 0 runs another program.
    fn execs(&mut self, ts: u64, pid: u32, ppid: u32, tid: u32) {
        let mut facts = facts(ts, pid, ppid, 0, "other");
        facts.head.tid = tid;
        push(&mut self.correlator, &exec(&facts), &mut self.out);
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
fn what_is_behind_the_seen_part_of_a_write_is_lost_where_it_was_markers() {
    let mut correlator = Correlator::new(Limits::default());
    let mut out = Collected::default();
    let mut push = |ts, bytes, beyond| {
        let what = What::Write {
            bytes,
            beyond,
            continues: false,
        };
        let event = write(ts, 1, 1, b"");
        correlator.push(&Event { what, ..event }, &mut out);
        correlator.lost().long_write_bytes
    };
    assert_eq!(push(1, b"no marker", 1000), 0);
    assert_eq!(push(2, b">:t:a::\n", 1000), 1000);
    assert_eq!(push(3, b"[1, 2", 1000), 1000);
    // What continues a marker is a part of one.
    assert_eq!(push(4, b">:t:a", 0), 1000);
    assert_eq!(push(5, b".b::\n", 5), 1005);
    assert_eq!(push(6, b".b::\n", 5), 1005);
    assert!(correlator.ledger().check().is_ok());
}

#[test]
fn exec_ends_the_other_threads_and_gives_the_caller_the_leaders_id() {
    let mut story = Story::new(&[(5, 1, "a")]);
    story.writes(10, 5, 5, ">:t:leader::");
    story.writes(11, 5, 5, ">:p:process::");
    story.writes(12, 5, 6, ">:t:third::");
    story.writes(13, 5, 6, ">:5000000001:third::");
    story.writes(14, 5, 7, ">:t:caller::");
    story.writes(15, 5, 7, ">:5000000002:caller::");
    // The leader's end is reported, that of the third thread was lost.
    story.ends(20, 5, 5, 0, false);
    story.execs(21, 5, 1, 7);
    assert_eq!(
        story.ended(),
        [(5, 20, End::ThreadExit), (5, 21, End::ThreadExit)]
    );
    // The caller's spans are the new leader's: `t` still means its thread, and what it opens lies in them.
    story.writes(30, 5, 5, ">:t:next::");
    story.writes(31, 5, 5, "<:t:next::");
    story.writes(32, 5, 5, "<:5000000002:caller::");
    story.writes(33, 5, 5, "<:t:caller::");
    story.writes(34, 5, 5, "<:5000000001:third::");
    story.writes(35, 5, 5, "<:p:process::");
    let closed = story.closed();
    let ends: Vec<_> = closed.iter().map(|span| (span.end, span.how)).collect();
    assert_eq!(ends, [31, 32, 33, 34, 35].map(|ts| (ts, End::Exit)));
    assert_eq!(closed[0].parent, Some(closed[1].seq));
    assert_eq!(closed[1].parent, Some(closed[2].seq));
    assert_eq!((closed[2].tid, closed[2].id), (5, Id::Number(5)));
    assert_eq!(story.correlator.open(), 0);
    assert_eq!(story.correlator.ledger().markers.unmatched_exit, 0);
}

#[test]
fn a_crowd_of_spans_moves_with_the_thread_that_calls_exec() {
    let mut story = Story::new(&[(5, 1, "a"), (8, 1, "b")]);
    for ts in 0..20 {
        story.writes(10 + ts, 5, 7, ">:t:work::");
        story.writes(10 + ts, 5, 7, ">:1:work::");
        story.writes(10 + ts, 8, 8, ">:1:work::");
    }
    story.execs(40, 5, 1, 7);
    for ts in 0..20 {
        story.writes(50 + ts, 5, 5, "<:t:work::");
        story.writes(50 + ts, 5, 5, "<:1:work::");
    }
    let closed = story.closed();
    let starts: Vec<u64> = closed.iter().map(|span| span.start).collect();
    let last_first: Vec<u64> = (10..30).rev().flat_map(|ts| [ts, ts]).collect();
    assert_eq!(starts, last_first);
    assert!(closed.iter().all(|span| span.pid == 5));
    assert_eq!(story.correlator.open(), 20);
}

#[test]
fn a_thread_that_calls_exec_keeps_its_count_of_markers() {
    let mut story = Story::new(&[(5, 1, "a")]);
    let mut marker = |ts, tid, number, text: &str| {
        let event = numbered(write(ts, 5, tid, text.as_bytes()), number);
        push(&mut story.correlator, &event, &mut story.out);
    };
    marker(10, 5, 8, ">:p:leader::");
    marker(11, 7, 3, ">:t:caller::");
    story.execs(20, 5, 1, 7);
    let mut marker = |ts, number, text: &str| {
        let event = numbered(write(ts, 5, 5, text.as_bytes()), number);
        push(&mut story.correlator, &event, &mut story.out);
    };
    marker(30, 4, "<:t:caller::");
    marker(31, 5, ">:t:next::");
    // The exit of `next` was lost.
    marker(32, 7, "<:t:next::");
    let ends: Vec<End> = story.closed().iter().map(|span| span.how).collect();
    assert_eq!(ends, [End::Exit, End::Lost]);
}

#[test]
fn an_end_that_is_reported_twice_is_one_end() {
    let mut story = Story::new(&[(5, 1, "a"), (1, 0, "b")]);
    story.writes(10, 5, 5, ">:p:work::");
    story.writes(11, 1, 1, ">:p:around::");
    story.ends(20, 5, 6, 0, true);
    story.ends(21, 5, 5, 0, true);
    assert_eq!(story.ended(), [(5, 20, End::ProcessExit)]);
    // The next process with this id has nothing of it.
    story.forks(30, 1, 5);
    story.writes(31, 5, 5, ">:p:next::");
    assert_eq!(story.ended(), []);
    assert_eq!(story.correlator.open(), 2);
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
    assert_eq!(closed[0].comm(), b"echo");
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
    assert!(closed[0].comm().is_empty());
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

/// It is no exit of a span that nobody began, nor of one that another thread has.
#[test]
fn an_exit_after_its_span_expired_is_known_as_such() {
    let hour = Limits::default().age;
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(5, 10, 10, ">:t:a::\n>:t:a::\n>:7:b.c::");
    story.correlator.tick(5 + 3 * hour, &mut story.out);
    assert_eq!(story.ended().len(), 3);
    let late = 6 + 3 * hour;
    let mut after = |tid, markers: &str| {
        story.writes(late, 10, tid, markers);
        let markers = story.correlator.ledger().markers;
        (markers.unmatched_exit, markers.unmatched_after_expiry)
    };
    assert_eq!(after(10, "<:8:b.c::"), (1, 0));
    assert_eq!(after(11, "<:t:a::"), (2, 0));
    assert_eq!(after(10, "<:t:a::\n<:t:a::\n<:7:b.c::"), (5, 3));
    assert_eq!(after(10, "<:t:a::\n<:7:b.c::"), (7, 3));
    assert_eq!(story.correlator.ledger().check(), Ok(()));
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

const A: u64 = (1 << 32) + 1;
const B: u64 = (1 << 48) - 1;

/// Fifty requests at once on one thread, each with a query: every query is its own request's.
#[test]
fn a_named_parent_is_the_parent_whatever_is_innermost() {
    let mut story = Story::new(&[(10, 1, "loop")]);
    let (request, query) = (A, A + 1000);
    for n in 0..50 {
        story.writes(10 + n, 10, 10, &format!(">:{}:request:^=:", request + n));
    }
    for n in 0..50 {
        let marker = format!(">:{}:query:^={}:", query + n, request + n);
        story.writes(100 + n, 10, 10, &marker);
    }
    for n in 0..50 {
        story.writes(200 + n, 10, 10, &format!("<:{}:query::", query + n));
    }
    for n in 0..50 {
        story.writes(300 + n, 10, 10, &format!("<:{}:request::", request + n));
    }
    let closed = story.closed();
    let (queries, requests) = closed.split_at(50);
    for (query, request) in queries.iter().zip(requests) {
        assert_eq!(query.parent, Some(request.seq));
        assert_eq!(query.enter_args.iter().count(), 0);
        assert_eq!((request.child_hits, request.self_ns()), (1, 190));
    }
    assert_eq!(story.correlator.ledger().spans.parent_gone, 0);
}

#[test]
fn what_a_marker_says_of_its_parent_is_not_guessed_anew() {
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(1, 10, 10, ">:t:outer::");
    story.writes(2, 10, 10, &format!(">:{A}:root:^=,k=v:"));
    story.writes(3, 10, 10, &format!(">:{A}:root.gone:^={B}:"));
    story.writes(4, 10, 10, ">:t:small:^=7:");
    story.writes(5, 10, 10, ">:t:guessed:k=v,^=:");
    story.writes(
        6,
        10,
        10,
        &format!("[\">\",\"t\",[\"json\"],[{{\"^\":\"{A}\"}}]]"),
    );
    let open: Vec<_> = story
        .correlator
        .open_by_age()
        .map(|span| (span.tags.canonical().to_vec(), span.parent))
        .collect();
    let parents: Vec<_> = open.iter().map(|(_, parent)| *parent).collect();
    // Of two with the same number it is the one opened last.
    assert_eq!(parents, [None, None, None, None, Some(4), Some(3)]);
    assert_eq!(story.correlator.ledger().spans.parent_gone, 2);
    story.writes(9, 10, 10, "<:t:guessed:^=:");
    let closed = story.closed();
    let args = |list: &nulltrace_core::facts::args::ArgList| list.iter().count();
    assert_eq!(
        (args(&closed[0].enter_args), args(&closed[0].exit_args)),
        (2, 1)
    );
}

#[test]
fn a_parent_is_never_another_users() {
    let mut story = Story::new(&[(10, 1, "root")]);
    let mut other = facts(0, 20, 1, 0, "nobody");
    other.uid = 65534;
    push(&mut story.correlator, &process(&other), &mut story.out);
    story.begins(0, 30, 1, "root");
    story.writes(1, 10, 10, &format!(">:{A}:job:^=:"));
    story.writes(2, 20, 20, &format!(">:{B}:theft:^={A}:"));
    story.writes(3, 30, 30, &format!(">:{B}:part:^={A}:"));
    let parents: Vec<_> = story
        .correlator
        .open_by_age()
        .map(|span| span.parent)
        .collect();
    assert_eq!(parents, [None, None, Some(1)]);
    assert_eq!(story.correlator.ledger().spans.parent_gone, 1);
}

/// Whoever is not the same user ends nothing; nor does a thread's or process's own id in another process.
#[test]
fn whose_spans_one_may_end() {
    let mut story = Story::new(&[(10, 1, "root"), (11, 1, "root too")]);
    let mut other = facts(0, 20, 1, 0, "nobody");
    other.uid = 65534;
    push(&mut story.correlator, &process(&other), &mut story.out);
    for (id, tags) in [("t", "a"), ("", "b"), ("g", "c"), ("77", "d"), ("p", "e")] {
        story.writes(1, 10, 10, &format!(">:{id}:{tags}::"));
    }
    for (id, tags) in [("10", "a"), ("", "b"), ("g", "c"), ("77", "d"), ("10", "e")] {
        story.writes(2, 20, 20, &format!("<:{id}:{tags}::"));
    }
    assert_eq!(story.ended(), []);
    assert_eq!(story.correlator.ledger().markers.unmatched_exit, 5);
    // A thread of another process whose number is the same by chance.
    story.writes(3, 11, 10, "<:t:a::");
    assert_eq!(story.ended(), []);
    for (id, tags) in [("10", "a"), ("", "b"), ("g", "c"), ("77", "d"), ("10", "e")] {
        story.writes(4, 11, 11, &format!("<:{id}:{tags}::"));
    }
    assert_eq!(story.ended(), [(10, 4, End::Exit); 5]);
}

/// A process of which nothing is known is nobody's equal.
#[test]
fn who_is_not_known_ends_only_its_own() {
    let mut story = Story::new(&[]);
    story.writes(1, 10, 10, ">::a::");
    story.writes(2, 20, 20, "<::a::");
    assert_eq!(story.ended(), []);
    story.writes(3, 10, 11, "<::a::");
    assert_eq!(story.ended(), [(10, 3, End::Exit)]);
}

#[test]
fn a_span_left_open_is_no_parent_once_its_own_has_ended() {
    let mut story = Story::new(&[(10, 1, "a")]);
    story.writes(1, 10, 10, ">:t:request::");
    story.writes(2, 10, 10, ">:t:left::");
    story.writes(3, 10, 10, ">:t:deep::");
    story.writes(4, 10, 10, "<:t:request::");
    story.writes(5, 10, 10, ">:t:request::");
    story.writes(6, 10, 10, ">:t:inner::");
    let parents: Vec<_> = story
        .correlator
        .open_by_age()
        .map(|span| span.parent)
        .collect();
    assert_eq!(parents, [Some(1), Some(2), None, Some(4)]);
    // Their exits still find them.
    story.writes(7, 10, 10, "<:t:deep::");
    assert_eq!(story.closed()[1].seq, 3);
}

/// Children from 0 to 200, 100 to 300 and 250 to 600 of a span from 0 to 500.
#[test]
fn self_is_the_time_without_a_child() {
    for (last, own) in [(true, 0), (false, 200)] {
        let mut story = Story::new(&[(10, 1, "a")]);
        let mut marks = vec![
            (0, ">:7:job::"),
            (0, ">:7:job.a::"),
            (100, ">:7:job.b::"),
            (200, "<:7:job.a::"),
            (250, ">:7:job.c::"),
            (300, "<:7:job.b::"),
            (500, "<:7:job::"),
            (600, "<:7:job.c::"),
        ];
        marks.retain(|(_, text)| last || !text.contains("job.c"));
        for (ts, text) in marks {
            story.writes(1000 + ts, 10, 10, text);
        }
        let closed = story.closed();
        let job = closed.iter().find(|span| span.tags.canonical() == b"job");
        let job = job.unwrap();
        assert_eq!((job.duration(), job.self_ns()), (500, own));
        assert_eq!(job.child_hits, 2);
    }
}

/// Of eight markers of a thread the third and the sixth are lost.
#[test]
fn a_lost_exit_makes_no_latency() {
    let mut story = Story::new(&[(10, 1, "a")]);
    let writes = |story: &mut Story, ts, number, text: &str| {
        let event = numbered(write(ts, 10, 10, text.as_bytes()), number);
        push(&mut story.correlator, &event, &mut story.out);
    };
    writes(&mut story, 1, 1, ">:t:req::");
    writes(&mut story, 2, 2, &format!(">:{A}:safe:^=:"));
    // Lost: `<:t:req::`.
    writes(&mut story, 40, 4, ">:t:req.part::");
    writes(&mut story, 50, 5, "<:t:req.part::");
    // What was lost may have been its parent's end.
    assert_eq!(story.closed()[0].parent, Some(2));
    // Lost: `>:t:req::`.
    writes(&mut story, 70, 7, "<:t:req::");
    writes(&mut story, 80, 8, &format!("<:{A}:safe::"));
    let ends: Vec<_> = story.closed().iter().map(|span| span.how).collect();
    assert_eq!(ends, [End::Lost, End::Exit]);
    let spans = story.correlator.ledger().spans;
    assert_eq!((spans.lost, spans.lost_exit), (1, 1));
}

#[test]
fn a_loss_is_known_by_the_next_record_of_the_thread_whatever_that_is() {
    let mut story = Story::new(&[(10, 1, "a")]);
    let opens = numbered(write(1, 10, 11, b">::handed.over::"), 1);
    push(&mut story.correlator, &opens, &mut story.out);
    let ends = numbered(exit(9, 10, 11, 0, false), 3);
    push(&mut story.correlator, &ends, &mut story.out);
    assert_eq!(story.ended(), [(10, 9, End::Lost)]);
    // Without a loss it outlives its thread.
    let opens = numbered(write(11, 10, 12, b">::handed.over::"), 1);
    push(&mut story.correlator, &opens, &mut story.out);
    let ends = numbered(exit(19, 10, 12, 0, false), 1);
    push(&mut story.correlator, &ends, &mut story.out);
    assert_eq!(story.ended(), []);
}

#[test]
fn a_process_that_is_gone_unheard_of_takes_its_spans_with_it() {
    let mut story = Story::new(&[(10, 1, "a"), (20, 1, "b")]);
    story.writes(1, 10, 10, ">:t:a::");
    story.writes(2, 20, 20, ">::b::");
    story.writes(3, 20, 20, ">::c::");
    assert_eq!(story.correlator.processes_with_open(), [10, 20]);
    let mut made = Made::default();
    let gone = Event::decode(made.gone(50, 20)).unwrap();
    push(&mut story.correlator, &gone, &mut story.out);
    assert_eq!(story.ended(), [(20, 50, End::ProcessExit); 2]);
    assert_eq!(story.correlator.processes_with_open(), [10]);
    story.correlator.ledger().check().unwrap();
}
