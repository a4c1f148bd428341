use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, Inside, Times, When};
use crate::facts::ancestor::Ancestor;
use crate::facts::args::ArgList;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::input::record::{CALLS_IN, CALLS_OUT, CallsRecord, FileId, FileRecord};
use crate::query::field::Source;
use crate::query::filter::{Filter, Words};
use crate::query::metric::Metric;

fn path(text: &str) -> Arc<TagPath> {
    Arc::new(TagPath::new(text.as_bytes(), text.split('.')))
}

fn calls(nr: u32, count: u32, bytes: u64, flags: u32) -> CallsRecord {
    let mut of = CallsRecord::new_zeroed();
    (of.nr, of.count, of.bytes, of.flags) = (nr, count, bytes, flags);
    (of.time, of.blocked) = (u64::from(count) * 10, u64::from(count) * 3);
    of.errors[1] = count / 2;
    of
}

fn asked(by: &[&str], only: &[&str], sums: &[Metric]) -> Query {
    let by = by.iter().map(|field| field.parse().unwrap()).collect();
    let only = only.iter();
    let only = only.map(|text| Filter::parse(text, &Words::ANY).unwrap());
    Query::groups(by, sums.to_vec()).with_filter(only.reduce(Filter::and))
}

/// A segment of process `pid` in spans, the innermost first, with calls on files of these numbers.
fn push(groups: &mut Groups, pid: u32, paths: &[&str], of: &[(CallsRecord, Option<u64>)]) {
    let paths: Vec<_> = paths.iter().map(|text| path(text)).collect();
    let calls: Vec<_> = of.iter().map(|(of, _)| *of).collect();
    let file = |ino: u64| {
        let id = FileId {
            ino,
            ..FileId::NONE
        };
        Arc::new(File::unknown(id))
    };
    let files: Vec<_> = of.iter().map(|(_, ino)| ino.map(file)).collect();
    let inside = Inside {
        pid,
        tid: pid,
        process: None,
        spans: &paths.iter().map(InSpan::of_path).collect::<Vec<_>>(),
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &calls,
        files: &files,
    };
    groups.push(&inside, Known::default());
}

/// `value,value: sum, sum` for each row.
fn shown(groups: &Groups) -> Vec<String> {
    let rows = groups.rows();
    let line = |row: &Row<'_>| {
        let key = match row.kind {
            GroupKind::Group(values) => values
                .iter()
                .map(|value| match value {
                    Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    Value::Number(n) => n.to_string(),
                    Value::Call(nr) => format!("#{nr}"),
                    _ => "-".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(","),
            GroupKind::Others { groups } => format!("rest {groups}"),
            GroupKind::Overflow { groups, at_least } => format!("other {groups} {at_least}"),
        };
        let sums = groups.query().sums().iter();
        let sums: Vec<_> = sums
            .map(|&metric| row.sums.get(metric).to_string())
            .collect();
        format!("{key}: {}", sums.join(" "))
    };
    rows.iter().map(line).collect()
}

#[test]
fn the_innermost_span_has_a_call_once_and_each_enclosing_one_too() {
    let story = |by: &[&str]| {
        let mut groups = Groups::new(asked(by, &[], &[Metric::Count]), Limits::default());
        push(&mut groups, 1, &["a.b", "a"], &[(calls(0, 5, 0, 0), None)]);
        push(&mut groups, 1, &["a"], &[(calls(1, 2, 0, 0), None)]);
        push(&mut groups, 1, &[], &[(calls(9, 1, 0, 0), None)]);
        assert_eq!(groups.total().get(Metric::Count), 8);
        shown(&groups)
    };
    assert_eq!(story(&["span.tags"]), ["a.b: 5", "a: 2", "-: 1"]);
    assert_eq!(story(&["evtin.span.tags"]), ["a: 7", "a.b: 5", "-: 1"]);
    // Both spans have the same first tag: no call is in its group twice.
    assert_eq!(story(&["evtin.span.tag[0]"]), ["a: 7", "-: 1"]);
    // That a span around has none says nothing where another has one.
    assert_eq!(story(&["evtin.span.tag[1]"]), ["b: 5", "-: 3"]);
    assert_eq!(
        story(&["evtin.span.tags", "evtin.span.tag[1]"]),
        ["a,-: 7", "a.b,b: 5", "-,-: 1"]
    );
    assert_eq!(
        story(&["evtin.span.tags", "evt.type"]),
        ["a,#0: 5", "a.b,#0: 5", "a,#1: 2", "-,#9: 1"]
    );
}

/// As a call is once in a group of each ancestor, of each end of its socket, and of each span.
#[test]
fn each_of_several_values_has_a_group() {
    let init = Ancestor::new(1, b"init", None);
    let outer = Ancestor::new(5, b"make", Some(&init));
    let make = Ancestor::new(6, b"make", Some(&outer));
    let known = Known {
        parent: Some(&make),
        ..Known::default()
    };
    let mut record = FileRecord::new_zeroed();
    (record.family, record.protocol) = (2, 6);
    (record.local_port, record.remote_port) = (8888, 50412);
    let (inner, path) = (path("job"), path("job"));
    let args: [ArgList; 2] = ["8", "7"].map(|cart| [("cart", cart)].into_iter().collect());
    let span = |at: usize, path| InSpan {
        seq: Some(9 - at as u64),
        args: Some(&args[at]),
        repeated: at == 0,
        ..InSpan::of_path(path)
    };
    let inside = Inside {
        pid: 7,
        tid: 7,
        process: None,
        spans: &[span(1, &inner), span(0, &path)],
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &[calls(0, 3, 30, 0), calls(1, 1, 5, 0)],
        files: &[Some(Arc::new(File::read(&record, b""))), None],
    };
    let story = |by: &[&str]| {
        let mut groups = Groups::new(asked(by, &[], &[Metric::Count]), Limits::default());
        groups.push(&inside, known);
        assert_eq!(groups.total().get(Metric::Count), 4);
        shown(&groups)
    };
    // Two of its ancestors have one name.
    assert_eq!(story(&["proc.aname"]), ["init: 4", "make: 4"]);
    // Of one ancestor, both.
    assert_eq!(
        story(&["proc.aname", "proc.apid"]),
        ["init,1: 4", "make,5: 4", "make,6: 4"]
    );
    assert_eq!(story(&["fd.port"]), ["8888: 3", "50412: 3", "-: 1"]);
    assert_eq!(
        story(&["fd.port", "proc.apid"]),
        [
            "8888,1: 3",
            "8888,5: 3",
            "8888,6: 3",
            "50412,1: 3",
            "50412,5: 3",
            "50412,6: 3",
            "-,1: 1",
            "-,5: 1",
            "-,6: 1"
        ]
    );
    assert_eq!(story(&["evtin.span.tags"]), ["job: 4"]);
    assert_eq!(
        story(&["evtin.span.tags", "evtin.span.arg.cart", "evtin.span.seq"]),
        ["job,7,8: 4", "job,8,9: 4"]
    );
    assert_eq!(story(&["span.arg.cart", "span.seq"]), ["7,8: 4"]);
}

#[test]
fn fewer_rows_and_another_order() {
    let groups = |sort: Option<Metric>, top: Option<usize>| {
        let query = asked(&["proc.pid"], &[], &[Metric::Bytes])
            .with_sort(sort)
            .with_top(top);
        let mut groups = Groups::new(
            query,
            Limits {
                groups: 4,
                ..Limits::default()
            },
        );
        for (pid, count, bytes) in [(1, 5, 10), (2, 4, 40), (3, 1, 30), (4, 2, 20), (5, 1, 1)] {
            push(&mut groups, pid, &[], &[(calls(0, count, bytes, 0), None)]);
        }
        shown(&groups)
    };
    let all = ["2: 40", "3: 30", "4: 20", "1: 10", "other 1 false: 1"];
    assert_eq!(groups(None, None), all);
    assert_eq!(groups(None, Some(4)), all);
    assert_eq!(
        groups(None, Some(2)),
        ["2: 40", "3: 30", "rest 2: 30", "other 1 false: 1"]
    );
    assert_eq!(groups(None, Some(0)), ["rest 4: 100", "other 1 false: 1"]);
    assert_eq!(
        groups(Some(Metric::Count), Some(3)),
        ["1: 10", "2: 40", "4: 20", "rest 1: 30", "other 1 false: 1"]
    );
}

/// That file 7 is none of the wanted is not known; that there is no file is.
#[test]
fn what_might_be_wanted_is_reported() {
    let undecided = |only: &[&str]| {
        let sums = [Metric::Count, Metric::Bytes];
        let mut groups = Groups::new(asked(&["evt.type"], only, &sums), Limits::default());
        let made = [
            (calls(0, 5, 500, CALLS_IN), Some(7)),
            (calls(9, 1, 0, 0), None),
        ];
        push(&mut groups, 1, &["a"], &made);
        let mut twice = groups.clone();
        twice.merge(&groups);
        let found = sums.map(|metric| groups.undecided().get(metric));
        assert_eq!(twice.undecided().get(Metric::Count), 2 * found[0]);
        (shown(&groups).len(), found)
    };
    assert_eq!(undecided(&["fd.type=file"]), (0, [5, 500]));
    assert_eq!(
        undecided(&["fd.type=file", "fd.directory=/tmp"]),
        (0, [5, 500])
    );
    assert_eq!(undecided(&["fd.port=80"]), (0, [5, 500]));
    assert_eq!(undecided(&["fd.type=unknown"]), (1, [0, 0]));
    assert_eq!(undecided(&["fd.type!=file"]), (0, [5, 500]));
    assert_eq!(undecided(&["not fd.name exists"]), (1, [0, 0]));
    assert_eq!(undecided(&["fd.port exists"]), (0, [5, 500]));
    assert_eq!(undecided(&["fd.name startswith inode"]), (0, [5, 500]));
    // It is wanted anyhow.
    assert_eq!(undecided(&["fd.type=file or proc.pid=1"]), (2, [0, 0]));
    // It would not be wanted anyhow.
    assert_eq!(undecided(&["fd.type=file", "proc.pid=2"]), (0, [0, 0]));
    assert_eq!(undecided(&["proc.pid=2", "fd.type=file"]), (0, [0, 0]));
    assert_eq!(undecided(&["proc.pid=2"]), (0, [0, 0]));
}

/// Each call is one of those that match, that do not, that have nothing to compare, or that are not known.
#[test]
fn each_call_is_counted_by_what_the_filter_says() {
    let decided = |only: &[&str]| {
        let mut groups = Groups::new(asked(&["evt.type"], only, &[]), Limits::default());
        let made = [
            (calls(0, 5, 500, CALLS_IN), Some(7)),
            (calls(9, 1, 0, 0), None),
            (calls(1, 2, 0, 0), None),
        ];
        push(&mut groups, 1, &["a"], &made);
        let mut twice = groups.clone();
        twice.merge(&groups);
        let of = groups.decided();
        let both = twice.decided().map(|of| of.unknown);
        assert_eq!(both, of.map(|of| 2 * of.unknown));
        of.map(|of| [of.matched, of.not, of.unknown, of.undecided])
    };
    assert_eq!(decided(&[]), None);
    assert_eq!(decided(&["fd.type=file"]), Some([0, 0, 3, 5]));
    assert_eq!(decided(&["evt.type=9"]), Some([1, 7, 0, 0]));
    assert_eq!(decided(&["fd.type=file or evt.type=9"]), Some([1, 0, 2, 5]));
    assert_eq!(decided(&["not fd.type exists"]), Some([3, 5, 0, 0]));
}

#[test]
fn a_call_on_two_files_is_one_call_unless_files_are_counted_separately() {
    let story = |by: &[&str], only: &[&str]| {
        let sums = [
            Metric::Count,
            Metric::Bytes,
            Metric::BytesIn,
            Metric::BytesOut,
        ];
        let mut groups = Groups::new(asked(by, only, &sums), Limits::default());
        let sendfile = [
            (calls(40, 3, 300, CALLS_IN), Some(1)),
            (calls(40, 3, 300, CALLS_OUT | CALLS_AGAIN), Some(2)),
        ];
        push(&mut groups, 1, &["a"], &sendfile);
        shown(&groups)
    };
    assert_eq!(story(&["evt.type"], &[]), ["#40: 3 300 300 300"]);
    assert_eq!(
        story(&["fd.name"], &[]),
        [
            "inode:[0:0:1.0]: 3 300 300 0",
            "inode:[0:0:2.0]: 3 300 0 300"
        ]
    );
    assert_eq!(
        story(&["evt.type"], &["fd.name=inode:[0:0:2.0]"]),
        ["#40: 3 300 0 300"]
    );
}

#[test]
fn filters_leave_out_the_rest() {
    let mut groups = Groups::new(
        asked(
            &["proc.pid"],
            &["evt.type=1", "fd.name exists"],
            &[Metric::Bytes],
        ),
        Limits::default(),
    );
    let of = [
        (calls(1, 1, 10, CALLS_OUT), Some(5)),
        (calls(1, 1, 100, CALLS_OUT), None),
        (calls(0, 1, 1000, CALLS_IN), Some(5)),
    ];
    push(&mut groups, 7, &[], &of);
    assert_eq!(shown(&groups), ["7: 10"]);
    assert_eq!(groups.total().get(Metric::Bytes), 10);
    assert!(groups.query().needs(Source::File) && !groups.query().needs(Source::Ancestor));
}

#[test]
fn the_first_sum_orders_and_equal_ones_by_the_next_and_the_values() {
    let sums = [Metric::Errors, Metric::Count];
    let mut groups = Groups::new(asked(&["proc.pid"], &[], &sums), Limits::default());
    for (pid, count) in [(3, 2), (1, 2), (9, 4), (2, 3)] {
        push(&mut groups, pid, &[], &[(calls(0, count, 0, 0), None)]);
    }
    assert_eq!(shown(&groups), ["9: 2 4", "2: 1 3", "1: 1 2", "3: 1 2"]);
}

#[test]
fn text_is_bounded_as_rows_are() {
    let limits = Limits {
        groups: 100,
        text_bytes: 50,
    };
    let mut groups = Groups::new(asked(&["fd.name"], &[], &[Metric::Count]), limits);
    for ino in 0..1000 {
        push(&mut groups, 1, &[], &[(calls(0, 1, 0, 0), Some(ino))]);
    }
    let rows = shown(&groups);
    // Fifteen bytes each.
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[3], "other 997 false: 997");
}

#[test]
fn more_groups_than_can_be_counted_separately() {
    let limits = Limits {
        groups: 1,
        text_bytes: 0,
    };
    let mut groups = Groups::new(asked(&["proc.pid"], &[], &[Metric::Count]), limits);
    let n = OVERFLOW_GROUPS_MAX as u32 + 2;
    for pid in (0..n).chain(0..10) {
        push(&mut groups, pid, &[], &[(calls(0, 1, 0, 0), None)]);
    }
    assert_eq!(
        shown(&groups),
        [
            "0: 2".to_owned(),
            format!("other {OVERFLOW_GROUPS_MAX} true: {}", n - 1 + 9)
        ]
    );
}

#[derive(Clone, Debug)]
struct Segment {
    pid: u32,
    depth: usize,
    calls: Vec<(u32, u32, u64, bool)>,
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let call = (0..4_u32, 0..5_u32, 0..1000_u64, any::<bool>());
    let segment = (0..3_u32, 0..4_usize, prop::collection::vec(call, 0..5))
        .prop_map(|(pid, depth, calls)| Segment { pid, depth, calls });
    prop::collection::vec(segment, 0..40)
}

const PATHS: [&str; 3] = ["a.b.c", "a.b", "a"];

fn feed(groups: &mut Groups, segments: &[Segment]) {
    for Segment {
        pid,
        depth,
        calls: of,
    } in segments
    {
        let of: Vec<_> = of
            .iter()
            .map(|&(nr, count, bytes, again)| {
                let flags = if again {
                    CALLS_AGAIN | CALLS_OUT
                } else {
                    CALLS_IN
                };
                (calls(nr, count, bytes, flags), Some(bytes % 3))
            })
            .collect();
        push(groups, *pid, &PATHS[PATHS.len() - depth..], &of);
    }
}

proptest! {
    /// Whatever the limits, what is in rows and beside them is all there was.
    #[test]
    fn sums_are_conserved(segments in segments(), room in 0..6_usize, cut in any::<prop::sample::Index>()) {
        for by in [&["span.tags", "evt.type"][..], &["fd.name"], &["proc.pid", "fd.name", "evt.type"]] {
            let limits = Limits { groups: room, ..Limits::default() };
            let query = asked(by, &[], &Metric::ALL);
            let mut whole = Groups::new(query.clone(), limits);
            feed(&mut whole, &segments);

            let mut want = [0; Metric::ALL.len()];
            let files = query.is_of_files();
            for &(_, count, bytes, again) in segments.iter().flat_map(|segment| &segment.calls) {
                if count == 0 {
                    continue;
                }
                let of = calls(0, count, bytes, 0);
                for (sum, n) in want.iter_mut().zip([
                    of.time, of.blocked, 0, count.into(), (count / 2).into(), bytes,
                ]) {
                    if !again || files {
                        *sum += n;
                    }
                }
                want[if again { 7 } else { 6 }] += bytes;
            }
            let summed = |groups: &Groups| {
                let mut sums = Sums::default();
                for row in groups.rows() {
                    sums.add(&row.sums);
                }
                assert!(groups.table.groups.entries.len() <= room);
                sums
            };
            prop_assert_eq!(Metric::ALL.map(|metric| summed(&whole).get(metric)), want);
            prop_assert_eq!(&summed(&whole), whole.total());

            let (one, other) = segments.split_at(cut.index(segments.len() + 1));
            let [mut sum, rest] = [one, other].map(|part| {
                let mut groups = Groups::new(query.clone(), limits);
                feed(&mut groups, part);
                groups
            });
            sum.merge(&rest);
            prop_assert_eq!(summed(&sum), summed(&whole));
            prop_assert_eq!(sum.total(), whole.total());
        }
    }

    /// Within the limits the groups are those of a map, and merging parts is pushing them.
    #[test]
    fn groups_are_those_of_a_map(segments in segments(), cut in any::<prop::sample::Index>()) {
        let query = asked(&["evtin.span.tags", "evt.type"], &[], &[Metric::Count]);
        let mut whole = Groups::new(query.clone(), Limits::default());
        feed(&mut whole, &segments);
        let mut map: HashMap<String, u64> = HashMap::new();
        for Segment { depth, calls, .. } in &segments {
            let paths = match &PATHS[PATHS.len() - depth..] {
                [] => &["-"],
                paths => paths,
            };
            for path in paths {
                for &(nr, count, _, again) in calls.iter().filter(|call| call.1 > 0) {
                    // Those counted already add no calls, but they do have a group.
                    *map.entry(format!("{path},#{nr}")).or_default() +=
                        if again { 0 } else { u64::from(count) };
                }
            }
        }
        let mut want: Vec<_> = map.iter().map(|(key, n)| format!("{key}: {n}")).collect();
        want.sort();
        let mut got = shown(&whole);
        got.sort();
        prop_assert_eq!(&got, &want);

        let (one, other) = segments.split_at(cut.index(segments.len() + 1));
        let [mut sum, rest] = [one, other].map(|part| {
            let mut groups = Groups::new(query.clone(), Limits::default());
            feed(&mut groups, part);
            groups
        });
        sum.merge(&rest);
        prop_assert_eq!(shown(&sum), shown(&whole));
    }
}

#[test]
fn a_snapshot_stays_as_it_was_and_shares_the_values() {
    let few = Limits {
        groups: 2,
        ..Limits::default()
    };
    let mut groups = Groups::new(asked(&["proc.pid"], &[], &[Metric::Count]), few);
    for pid in 1..=3 {
        push(&mut groups, pid, &["a"], &[(calls(0, pid, 0, 0), None)]);
    }
    let snapshot = groups.clone();
    let before = shown(&snapshot);
    assert_eq!(before, ["2: 2", "1: 1", "other 1 false: 3"]);
    for pid in 1..=4 {
        push(&mut groups, pid, &["a"], &[(calls(0, 10, 0, 0), None)]);
    }
    assert_eq!(shown(&snapshot), before);
    assert_eq!(shown(&groups), ["2: 12", "1: 11", "other 2 false: 23"]);
    let pairs = groups
        .table
        .groups
        .entries
        .iter()
        .zip(&snapshot.table.groups.entries);
    assert!(
        pairs
            .into_iter()
            .all(|(now, then)| Arc::ptr_eq(&now.0, &then.0))
    );
}
