//! Against a summary to which each segment is added at once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, SpanTimes, When};
use crate::facts::args::ArgList;
use crate::facts::file::{File, FileKind};
use crate::facts::path::TagPath;
use crate::input::record::{CALLS_AGAIN, CALLS_IN, CallsRecord};
use crate::measure::calls::{Both, CallStats};
use crate::measure::summary::{Row, Stats};
use crate::spans::span::End;

/// As deep as segments are added.
const DEEP: usize = 256;

fn path(at: usize) -> Arc<TagPath> {
    let tag = format!("tag{at}");
    Arc::new(TagPath::new(tag.as_bytes(), [&tag]))
}

fn file(at: u8) -> Arc<File> {
    let name = format!("/file/{at}").into_bytes().into();
    Arc::new(File {
        kind: FileKind::File,
        name,
        ends: None,
    })
}

#[derive(Clone, Debug)]
enum Step {
    /// In a span inside of so many, whose own path it has, or that of one of those.
    Segment {
        depth: usize,
        leaf: usize,
        wide: bool,
        calls: Vec<Call>,
    },
    /// A span of that path ends.
    Ended(usize),
    /// That path is shared anew.
    Readdress(usize),
    Look,
}

#[derive(Clone, Debug)]
struct Call {
    nr: u32,
    time: u64,
    flags: u32,
    file: Option<u8>,
}

fn call() -> impl Strategy<Value = Call> {
    let flags = prop_oneof![
        6 => Just(CALLS_IN),
        1 => Just(CALLS_AGAIN),
        1 => Just(CALLS_IN_PROGRESS),
        1 => Just(CALLS_RETURNED),
    ];
    (0_u32..6, 1_u64..1000, flags, prop::option::of(0_u8..4)).prop_map(|(nr, time, flags, file)| {
        Call {
            nr,
            time,
            flags,
            file,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    // Few depths, so that chains come again, and from the shallow to the deepest.
    let depth = prop_oneof![4 => 0..4_usize, 2 => Just(DEEP - 1), 1 => 0..DEEP];
    let calls = prop::collection::vec(call(), 0..5);
    prop_oneof![
        12 => (depth, 0..8_usize, any::<bool>(), calls)
            .prop_map(|(depth, leaf, wide, calls)| Step::Segment { depth, leaf, wide, calls }),
        2 => (0..8_usize).prop_map(Step::Ended),
        1 => (0..8_usize).prop_map(Step::Readdress),
        1 => Just(Step::Look),
    ]
}

struct Pair {
    chains: ByChain,
    model: Summary,
    paths: Vec<Arc<TagPath>>,
    wall: u64,
}

impl Pair {
    fn new(limits: Limits, bounds: Bounds) -> Self {
        let mut chains = ByChain::new(limits);
        chains.bounds = bounds;
        Self {
            chains,
            model: Summary::new(limits),
            paths: (0..DEEP).map(path).collect(),
            wall: 0,
        }
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Segment {
                depth,
                leaf,
                wide,
                calls,
            } => self.segment(*depth, *leaf, *wide, calls),
            Step::Ended(at) => {
                let span = ended(&self.paths[*at]);
                self.chains.push(&span);
                self.model.push(&span);
            }
            Step::Readdress(at) => self.paths[*at] = path(*at),
            Step::Look => {}
        }
    }

    fn segment(&mut self, depth: usize, leaf: usize, wide: bool, calls: &[Call]) {
        let outer = self.paths[..depth].iter().rev();
        let mut spans: Vec<InSpan<'_>> = Vec::new();
        for path in [&self.paths[leaf]].into_iter().chain(outer) {
            let repeated = spans.iter().any(|of| Arc::ptr_eq(of.path, path));
            let span = InSpan::of_path(path);
            spans.push(InSpan { repeated, ..span });
        }
        let records = calls.iter().map(|call| {
            let mut of = CallsRecord::new_zeroed();
            (of.nr, of.flags, of.time) = (call.nr, call.flags, call.time);
            (of.count, of.bytes) = (u32::from(call.flags & CALLS_RETURNED == 0), call.time / 3);
            (of.min, of.max, of.buckets[3]) = (call.time, call.time, of.count);
            of
        });
        let records: Vec<_> = records.collect();
        let files: Vec<_> = calls.iter().map(|call| call.file.map(file)).collect();
        let wall = calls.iter().map(|call| call.time).sum::<u64>() + 1;
        let times = Times {
            wall,
            kernel: wall / 2,
            minor: 1,
            ..Times::NONE
        };
        self.wall += wall;
        let inside = Inside {
            pid: 1,
            tid: 1,
            process: None,
            spans: &spans,
            wide,
            when: When::default(),
            times: &times,
            calls: &records,
            files: &files,
        };
        self.chains.inside(&inside);
        self.model.inside(&inside);
    }
}

fn ended(path: &Arc<TagPath>) -> Closed {
    Closed {
        seq: 1,
        parent: None,
        parent_tags: None,
        tags: Arc::clone(path),
        id: nulltrace_spec::Id::None,
        enter_args: ArgList::default(),
        exit_args: ArgList::default(),
        pid: 1,
        tid: 1,
        process: None,
        start: 10,
        end: 50,
        how: End::Exit,
        child_ns: 0,
        child_hits: 0,
        times: None,
    }
}

/// All that a row says of what was inside.
#[derive(Debug, PartialEq)]
struct Said {
    spans: u64,
    times: SpanTimes,
    wall: u64,
    calls: BTreeMap<String, (CallStats, CallStats)>,
}

fn said(rows: &[Row<'_>]) -> BTreeMap<String, Said> {
    let sums = |both: &Both| (both.own().clone(), both.all().clone());
    let of = |stats: &Stats| {
        let of = &stats.calls;
        let numbers = of.iter().map(|(nr, both)| (nr.to_string(), sums(both)));
        let files = of.on_files().map(|on| {
            let name = String::from_utf8_lossy(&on.file.name);
            let key = format!("{} {} {name}", on.nr, on.flags);
            (key, sums(on.both))
        });
        let others = of.other_numbers().map(|both| ("others".into(), sums(both)));
        let files_left = of.other_files(false);
        let files_left = files_left.map(|left| (format!("{} files", left.files), sums(left.both)));
        Said {
            spans: stats.spans(),
            times: stats.times,
            wall: of.wall(),
            calls: numbers
                .chain(files)
                .chain(others)
                .chain(files_left)
                .collect(),
        }
    };
    let said = rows.iter().map(|row| {
        let name = String::from_utf8_lossy(row.path.canonical()).into_owned();
        (name, of(row.stats))
    });
    said.collect()
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let bytes = prop_oneof![Just(0), Just(4_000), Just(1 << 20)];
    let few = (bytes, 1..6_usize, 2..600_usize, 0..4_u32);
    let few = few.prop_map(|(bytes, chains, paths, pause)| Bounds {
        bytes,
        chains,
        paths,
        pause,
    });
    prop_oneof![Just(Bounds::new(4 << 20)), few]
}

proptest! {
    /// At every look, and in a snapshot of it later on; also where paths have no rows, and chains no room.
    #[test]
    fn a_chain_says_what_its_rows_would(
        steps in prop::collection::vec(step(), 1..60),
        bounds in bounds(),
        few in any::<bool>(),
    ) {
        let limits = Limits { paths: if few { 5 } else { 10_000 }, ..Limits::default() };
        let mut seen = Pair::new(limits, bounds);
        let mut snapshots = Vec::new();
        for step in steps.iter().chain([&Step::Look]) {
            seen.play(step);
            if let Step::Look = step {
                let now = said(&seen.chains.summary().rows([]));
                prop_assert_eq!(&now, &said(&seen.model.rows([])));
                snapshots.push((seen.chains.summary().clone(), now));
            }
            prop_assert!(seen.chains.chains.len() <= seen.chains.bounds.chains);
        }
        for (snapshot, then) in &snapshots {
            prop_assert_eq!(&said(&snapshot.rows([])), then);
        }
    }

    /// Where files have no room, what has no row of its own is counted all the same, and no more room is taken.
    #[test]
    fn nothing_is_lost_where_room_is_short(
        steps in prop::collection::vec(step(), 1..60),
        calls_bytes in 0..200_000_usize,
    ) {
        let limits = Limits { calls_bytes, ..Limits::default() };
        let mut seen = Pair::new(limits, Bounds::new(calls_bytes / PART));
        steps.iter().for_each(|step| seen.play(step));
        let sums = |rows: &[Row<'_>]| -> Vec<_> {
            let sum = |row: &Row<'_>| {
                let calls = &row.stats.calls;
                let all = calls.iter().map(|(_, both)| both).chain(calls.other_numbers());
                let all = all.fold((0, 0), |(count, time), both| {
                    (count + both.all().count, time + both.all().time)
                });
                (row.path.canonical().to_vec(), calls.wall(), all)
            };
            let mut sums: Vec<_> = rows.iter().map(sum).collect();
            sums.sort();
            sums
        };
        prop_assert_eq!(sums(&seen.chains.summary().rows([])), sums(&seen.model.rows([])));
        prop_assert!(seen.chains.summary.room.taken() <= calls_bytes);
        prop_assert_eq!(seen.chains.room.taken(), 0);
    }
}

/// What the sums take is bounded, also while nobody looks.
#[test]
fn the_sums_take_no_more_than_their_part() {
    let mut seen = Pair::new(Limits::default(), Bounds::new(4 << 20));
    let limit = seen.chains.bounds.bytes;
    let mut most = 0;
    for nr in 0..20_000 {
        let call = Call {
            nr: nr % 1000,
            time: 1,
            flags: CALLS_IN,
            file: Some((nr % 256) as u8),
        };
        seen.segment(3, 4 + nr as usize % 200, false, &[call]);
        most = most.max(seen.chains.room.taken());
    }
    assert!(most > limit / 2 && most <= limit, "{most} {limit}");
    assert_eq!(
        said(&seen.chains.summary().rows([])),
        said(&seen.model.rows([]))
    );
}

#[test]
fn chains_that_do_not_come_again_are_not_kept() {
    let bounds = Bounds {
        bytes: 1 << 20,
        chains: 4,
        paths: 100,
        pause: 10,
    };
    let mut seen = Pair::new(Limits::default(), bounds);
    for leaf in 0..5 {
        seen.segment(2, 10 + leaf, false, &[]);
    }
    assert_eq!((seen.chains.pause, seen.chains.chains.len()), (10, 1));
    for _ in 0..10 {
        seen.segment(2, 20, false, &[]);
    }
    assert_eq!((seen.chains.pause, seen.chains.chains.len()), (0, 1));
    for _ in 0..100 {
        (14..18).for_each(|leaf| seen.segment(2, leaf, false, &[]));
    }
    // Those that do are.
    seen.segment(2, 30, false, &[]);
    assert_eq!((seen.chains.pause, seen.chains.chains.len()), (0, 1));
    assert_eq!(
        said(&seen.chains.summary().rows([])),
        said(&seen.model.rows([]))
    );
}

/// A path that is shared anew leaves its address to whatever comes.
#[test]
fn an_address_that_is_another_paths_now_is_not_taken_for_the_first() {
    let mut seen = Pair::new(Limits::default(), Bounds::new(4 << 20));
    seen.segment(2, 3, false, &[]);
    let former = Arc::as_ptr(&seen.paths[3]);
    seen.play(&Step::Readdress(3));
    // The summary lets go of the former one.
    seen.play(&Step::Ended(3));
    let mut others: Vec<Arc<TagPath>> = Vec::new();
    while others.last().is_none_or(|path| Arc::as_ptr(path) != former) {
        assert!(others.len() < 10_000, "no address is used again");
        others.push(path(4));
    }
    seen.paths[4] = others.pop().unwrap();
    seen.segment(2, 4, false, &[]);
    assert_eq!(
        said(&seen.chains.summary().rows([])),
        said(&seen.model.rows([]))
    );
}
