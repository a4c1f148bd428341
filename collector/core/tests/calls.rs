//! System calls by number and file: nothing is lost, whatever there is room for.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use std::sync::Arc;

use nulltrace_core::activity::{InSpan, Inside, Times, When};
use nulltrace_core::facts::file::{File, FileKind};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::record::{CALLS_AGAIN, CALLS_IN, CALLS_OUT, CallsRecord};
use nulltrace_core::measure::calls::{Both, CallStats, Calls};
use nulltrace_core::measure::summary::{Limits, Summary};
use proptest::prelude::*;
use zerocopy::FromZeros;

fn file(kind: FileKind, name: &str) -> Arc<File> {
    Arc::new(File {
        kind,
        name: name.as_bytes().into(),
        ends: None,
    })
}

/// Calls of one number, all of one duration.
fn calls(nr: u32, count: u32, time: u64, bytes: u64, flags: u32) -> CallsRecord {
    let mut of = CallsRecord::new_zeroed();
    (of.nr, of.count, of.flags, of.bytes) = (nr, count, flags, bytes);
    (of.time, of.min, of.max) = (time * u64::from(count), time, time);
    (of.blocked, of.errors[0], of.buckets[3]) = (of.time / 2, count / 2, count);
    of
}

/// A segment in spans of these paths, the innermost first.
#[derive(Clone, Debug)]
struct Segment {
    paths: Vec<usize>,
    calls: Vec<CallsRecord>,
    files: Vec<Option<Arc<File>>>,
}

fn paths() -> Vec<Arc<TagPath>> {
    let names = ["a", "a.b", "a.b.c"];
    let path = |text: &&str| Arc::new(TagPath::new(text.as_bytes(), text.split('.')));
    names.iter().map(path).collect()
}

fn push(summary: &mut Summary, paths: &[Arc<TagPath>], segment: &Segment) {
    let inside: Vec<_> = segment
        .paths
        .iter()
        .map(|&at| InSpan::of_path(&paths[at]))
        .collect();
    summary.inside(&Inside {
        pid: 1,
        tid: 1,
        process: None,
        wide: false,
        when: When::default(),
        spans: &inside,
        times: &Times {
            wall: 10,
            ..Times::NONE
        },
        calls: &segment.calls,
        files: &segment.files,
    });
}

fn call() -> impl Strategy<Value = (CallsRecord, Option<Arc<File>>)> {
    let kinds = prop_oneof![
        Just(FileKind::File),
        Just(FileKind::Pipe),
        Just(FileKind::Ipv4)
    ];
    // Made anew each time, so that equal names are not the same allocation.
    let named = prop::option::of((kinds, 0..4));
    let flags = prop::sample::select(vec![0, CALLS_IN, CALLS_OUT, CALLS_AGAIN | CALLS_OUT]);
    (0_u32..4, 0_u32..5, 0_u64..1000, 0_u64..1000, flags, named).prop_map(
        |(nr, count, time, bytes, flags, named)| {
            let file = named.map(|(kind, name)| file(kind, &format!("/{name}")));
            (calls(nr, count, time, bytes, flags), file)
        },
    )
}

fn segment() -> impl Strategy<Value = Segment> {
    let paths = prop::sample::select(vec![vec![0], vec![1, 0], vec![2, 1, 0], vec![2]]);
    (paths, prop::collection::vec(call(), 0..6)).prop_map(|(paths, calls)| {
        let (calls, files) = calls.into_iter().unzip();
        Segment {
            paths,
            calls,
            files,
        }
    })
}

/// What was counted of all, and of the span's own.
type Sums = (CallStats, CallStats);

fn sums<'a>(of: impl IntoIterator<Item = &'a Both>) -> Sums {
    let mut sums = Sums::default();
    for both in of {
        sums.0.merge(both.all());
        sums.1.merge(both.own());
    }
    sums
}

/// What was pushed to a path and is wanted.
fn pushed(
    segments: &[Segment],
    path: usize,
    wanted: impl Fn(&CallsRecord, Option<&File>) -> bool,
) -> Sums {
    let mut sums = Sums::default();
    for segment in segments.iter().filter(|of| of.paths.contains(&path)) {
        for (of, file) in segment.calls.iter().zip(&segment.files) {
            if of.count > 0 && wanted(of, file.as_deref()) {
                sums.0.push(of);
                if segment.paths[0] == path {
                    sums.1.push(of);
                }
            }
        }
    }
    sums
}

fn of<'a>(summary: &'a Summary, path: &TagPath) -> Option<&'a Calls> {
    let rows = summary.rows([]);
    let row = rows.iter().find(|row| *row.path == *path);
    row.map(|row| &row.stats.calls)
}

proptest! {
    /// However little room there is: the rows and the rest are all that was pushed.
    #[test]
    fn what_is_pushed_is_in_the_rows_or_in_the_rest(
        segments in prop::collection::vec(segment(), 0..30),
        calls_bytes in prop_oneof![Just(0), 0_usize..40_000, Just(64 << 20)],
        halves in any::<bool>(),
    ) {
        let (paths, limits) = (paths(), Limits { calls_bytes, ..Limits::default() });
        let mut summary = Summary::new(limits);
        let (first, second) = segments.split_at(if halves { segments.len() / 2 } else { 0 });
        for segment in first {
            push(&mut summary, &paths, segment);
        }
        let mut other = Summary::new(limits);
        for segment in second {
            push(&mut other, &paths, segment);
        }
        summary.merge(&other);
        for (at, path) in paths.iter().enumerate() {
            let Some(calls) = of(&summary, path) else {
                prop_assert_eq!(pushed(&segments, at, |_, _| true), Sums::default());
                continue;
            };
            let numbers = calls.iter().map(|(_, both)| both).chain(calls.other_numbers());
            let once = |of: &CallsRecord, _: Option<&File>| of.flags & CALLS_AGAIN == 0;
            prop_assert_eq!(sums(numbers), pushed(&segments, at, once));
            for sockets in [false, true] {
                let wanted = |file: &File| file.kind.is_socket() == sockets;
                let rows = calls.by_file();
                let named = rows.iter().filter(|(file, _)| wanted(file)).map(|(_, both)| both);
                let got = sums(named.chain(calls.other_files(sockets).map(|of| of.both)));
                prop_assert_eq!(got, pushed(&segments, at, |_, file| file.is_some_and(wanted)));
            }
            // And each alone, where it has a row of its own.
            for (nr, both) in calls.iter().filter(|_| calls_bytes > 1 << 20) {
                let one = |of: &CallsRecord, _: Option<&File>| of.nr == nr && of.flags & CALLS_AGAIN == 0;
                prop_assert_eq!(sums([both]), pushed(&segments, at, one));
                prop_assert!(!calls.has_other_files(nr));
            }
            // A file is counted separately with all its calls, or not at all.
            for (file, both) in calls.by_file() {
                let one = |_: &CallsRecord, of: Option<&File>| of == Some(file);
                prop_assert_eq!(sums([&both]), pushed(&segments, at, one));
            }
        }
    }

    /// Two halves merged are the whole.
    #[test]
    fn merging_is_pushing(segments in prop::collection::vec(segment(), 0..30), cut in 0..30_usize) {
        let paths = paths();
        let mut parts = [Summary::default(), Summary::default()];
        let mut whole = Summary::default();
        for (at, segment) in segments.iter().enumerate() {
            push(&mut parts[usize::from(at >= cut)], &paths, segment);
            push(&mut whole, &paths, segment);
        }
        let [mut sum, second] = parts;
        sum.merge(&second);
        for path in &paths {
            prop_assert_eq!(of(&sum, path), of(&whole, path));
        }
    }
}

#[test]
fn files_of_one_name_are_one_row_and_the_longest_is_first() {
    let (paths, mut summary) = (paths(), Summary::default());
    let named = [
        (file(FileKind::File, "/a"), calls(0, 1, 500, 7, CALLS_IN)),
        (file(FileKind::File, "/b"), calls(0, 1, 900, 1, CALLS_IN)),
        (file(FileKind::File, "/a"), calls(1, 2, 300, 9, CALLS_OUT)),
        // Its name is that of another kind.
        (file(FileKind::Fifo, "/a"), calls(0, 1, 2000, 3, 0)),
    ];
    let (files, calls) = named.into_iter().map(|(file, of)| (Some(file), of)).unzip();
    push(
        &mut summary,
        &paths,
        &Segment {
            paths: vec![0],
            calls,
            files,
        },
    );
    let rows = of(&summary, &paths[0]).unwrap().by_file();
    let rows: Vec<_> = rows
        .iter()
        .map(|(file, both)| {
            let all = both.all();
            let bytes = (all.bytes, all.bytes_in, all.bytes_out);
            (file.kind, &file.name[..], all.count, all.time, bytes)
        })
        .collect();
    assert_eq!(
        rows,
        [
            (FileKind::Fifo, &b"/a"[..], 1, 2000, (3, 0, 0)),
            (FileKind::File, b"/a", 3, 1100, (16, 7, 9)),
            (FileKind::File, b"/b", 1, 900, (1, 1, 0)),
        ]
    );
}

/// Files `from..to` of a name, each read once: as long as it says in nanoseconds.
fn scan(
    summary: &mut Summary,
    paths: Vec<usize>,
    name: &str,
    each: std::ops::Range<u64>,
    time: impl Fn(u64) -> u64,
) {
    let all = self::paths();
    for at in each {
        let segment = Segment {
            paths: paths.clone(),
            calls: vec![calls(0, 1, time(at), 2, CALLS_IN)],
            files: vec![Some(file(FileKind::File, &format!("/{name}/{at:06}")))],
        };
        push(summary, &all, &segment);
    }
}

/// More files in one span than there is room for, four times over: those that took the longest have rows,
/// the others are counted.
#[test]
fn many_files_are_cheap_and_bounded() {
    const FILES: u64 = 120_000;
    let (paths, mut summary) = (paths(), Summary::default());
    for _ in 0..4 {
        scan(&mut summary, vec![0], "many", 0..FILES, |at| at);
    }
    let calls = of(&summary, &paths[0]).unwrap();
    let rows = calls.by_file();
    assert!(
        (50_000..FILES as usize).contains(&rows.len()),
        "{}",
        rows.len()
    );
    assert!(rows.iter().all(|(_, both)| both.all().count == 4));
    let first = FILES - rows.len() as u64;
    assert!(rows.iter().all(|(_, both)| both.all().time >= 4 * first));
    let rest = calls.other_files(false).unwrap();
    assert_eq!(rest.both.all().count, 4 * first);
    assert_eq!((rest.files, rest.at_least), (first, false));
    assert!(calls.has_other_files(0));
    assert_eq!(calls.iter().next().unwrap().1.all().bytes, 8 * FILES);
}

/// One span takes all the room; those that come later have as much.
#[test]
fn room_is_shared_in_equal_parts() {
    let (paths, mut summary) = (paths(), Summary::default());
    scan(&mut summary, vec![0], "first", 0..300_000, |_| 5);
    scan(&mut summary, vec![1], "second", 0..100_000, |at| at % 1000);
    scan(&mut summary, vec![2], "last", 0..10, |_| 1);
    let calls = [0, 1, 2].map(|at| of(&summary, &paths[at]).unwrap());
    let [first, second, last] = calls.map(|calls| calls.by_file());
    // As many as were counted separately, a quarter goes when room is short.
    for (greedy, other) in [(&first, &second), (&second, &first)] {
        assert!(
            greedy.len() > 20_000 && greedy.len() * 3 > other.len() * 2,
            "{}",
            greedy.len()
        );
    }
    assert_eq!(
        (last.len(), calls[2].other_files(false).is_none()),
        (10, true)
    );
    // Of so many they are no longer counted one by one, and the sums are whole.
    for (calls, rows, all) in [(calls[0], &first, 300_000), (calls[1], &second, 100_000)] {
        let rest = calls.other_files(false).unwrap();
        assert_eq!(rows.len() as u64 + rest.both.all().count, all);
        let counted = rows.len() as u64 + rest.files;
        assert!(counted == all || rest.at_least && counted < all && rest.files > 60_000);
    }
}

/// What was summed with the rest does not come back with the half of its calls.
#[test]
fn a_file_has_all_its_calls_or_no_row() {
    let (paths, mut summary) = (paths(), Summary::default());
    scan(&mut summary, vec![0], "hot", 0..1, |_| 1);
    scan(&mut summary, vec![0], "many", 0..100_000, |at| at + 2);
    scan(&mut summary, vec![0], "hot", 0..1, |_| 1 << 40);
    let calls = of(&summary, &paths[0]).unwrap();
    assert!(
        calls
            .by_file()
            .iter()
            .all(|(file, _)| file.name.starts_with(b"/many/"))
    );
    let rest = calls.other_files(false).unwrap();
    assert_eq!(rest.both.all().max, 1 << 40);
    assert_eq!(calls.by_file().len() as u64 + rest.files, 100_001);
}

/// Calls have numbers, whatever the files took.
#[test]
fn many_files_leave_room_for_numbers() {
    let (paths, mut summary) = (paths(), Summary::default());
    scan(&mut summary, vec![0], "many", 0..200_000, |at| at);
    let late = Segment {
        paths: vec![1],
        calls: vec![calls(9, 1, 1, 0, 0)],
        files: vec![None],
    };
    push(&mut summary, &paths, &late);
    let late = of(&summary, &paths[1]).unwrap();
    assert!(late.other_numbers().is_none() && late.iter().count() == 1);
}
