//! The largest parts of a span's time, in words.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::contract::Names;
use super::model::{Cell, Words};
use super::named;
use super::syscalls::OTHER;
use crate::activity::SpanTimes;
use crate::facts::file::File;
use crate::input::record::{CALLS_IN, CALLS_OUT};
use crate::measure::calls::Calls;
use crate::measure::slowest::{Reasons, Spent};
use crate::measure::summary::Row;

/// Reasons shown for a row, at least if there are as many.
const REASONS: usize = 3;
/// A part of the time as large as this is shown beside them.
const LARGE: f64 = 0.1;
/// A part of the time smaller than this is no reason.
const LEAST: f64 = 0.01;

/// What shares are of: a span's time and, where its thread did the work of others meanwhile, that time too.
pub(super) fn whole(times: &SpanTimes) -> u64 {
    times.all.wall.saturating_add(times.interleaved)
}

/// A part of a time, and how large it is.
pub(super) struct Reason {
    pub(super) part: f64,
    pub(super) state: &'static str,
    /// In what.
    pub(super) what: Words,
    /// How much that was, or why.
    pub(super) more: Words,
    /// The system call, where the thread was asleep in one kind of calls.
    pub(super) asleep_in: Option<u32>,
}

impl Reason {
    /// The sentence.
    pub(super) fn words(self) -> Words {
        let state = [self.state.into(), " ".into(), Cell::Share(self.part)];
        let words = state.into_iter().chain(self.what);
        words.chain(self.more).collect()
    }
}

/// The largest parts of a row's time.
pub(super) fn of_row(row: &Row<'_>, names: &dyn Names) -> Vec<Reason> {
    let calls = &row.stats.calls;
    // A path that comes back in itself has each call once, but its time for each span: these are parts of
    // another time.
    let within = calls.wall();
    let others = calls.other_numbers().map(|both| both.all().into());
    largest(&row.times, within, large(calls, within), others, names)
}

/// The largest parts of the time of one span, or of a process in it.
pub(super) fn of_span(times: &SpanTimes, reasons: &Reasons, names: &dyn Names) -> Vec<Reason> {
    let groups = reasons.calls.iter().map(|of| Group {
        nr: of.nr,
        all: of.spent,
        more: of.more,
        files: of
            .files
            .iter()
            .map(|of| OnFile {
                file: &of.file,
                flags: of.flags,
                spent: of.spent,
            })
            .collect(),
    });
    let others = Some(reasons.other);
    largest(times, times.all.wall, groups.collect(), others, names)
}

/// The largest parts of `times`, of which `groups` and `others` are calls, parts of the time `within`.
fn largest(
    times: &SpanTimes,
    within: u64,
    mut groups: Vec<Group<'_>>,
    others: Option<Spent>,
    names: &dyn Names,
) -> Vec<Reason> {
    let (all, interleaved, whole) = (&times.all, times.interleaved, whole(times));
    let wall = all.wall;
    // Of the span's whole time, so that all shares are of the same.
    let own = match interleaved {
        0 => 1.0,
        _ => part(wall, whole).unwrap_or(1.0),
    };
    let mut found = Found::default();
    found.add(
        part(interleaved, whole),
        "interleaved",
        "",
        [": its thread did other work, or waited for it".into()],
    );
    let of = |ns, wall| part(ns, wall).map(|part| part * own);
    found.add(
        of(all.runnable, wall),
        "runnable",
        "",
        [": waiting for a cpu".into()],
    );
    found.add(
        of(all.fault.saturating_sub(all.stops.sum()), wall),
        "blocked",
        " outside system calls",
        [": page faults".into()],
    );
    for (ns, how, why) in [
        (all.stops.stopped, "stopped", ": by a signal, until SIGCONT"),
        (
            all.stops.traced,
            "traced",
            ": stopped by a debugger or tracer",
        ),
        (all.stops.frozen, "frozen", ": by the freezer of its cgroup"),
    ] {
        found.add(of(ns, wall), how, "", [why.into()]);
    }
    found.add(of(all.user(), wall), "on cpu", " in its own code", []);
    for group in &mut groups {
        for (how, ns) in HOW {
            if part(ns(&group.all), within).is_none_or(|part| part < LEAST) {
                continue;
            }
            for part in group.parts(ns) {
                let name = Cell::from(names.call(group.nr));
                let what = [" in ".into(), name].into_iter().chain(part.on);
                let asleep_in = (how == BLOCKED).then_some(group.nr);
                found.add_calls(of(part.ns, within), how, what, part.moved, asleep_in);
            }
        }
    }
    if let Some(others) = others {
        for (how, ns) in HOW {
            let what = [" in ".into(), OTHER.into()];
            found.add_calls(of(ns(&others), within), how, what, [], None);
        }
    }
    found.largest()
}

/// Reasons, with how large a part of the time each is.
#[derive(Default)]
struct Found(Vec<Reason>);

impl Found {
    /// Adds a part, if it is large enough.
    fn add(
        &mut self,
        part: Option<f64>,
        state: &'static str,
        what: &'static str,
        more: impl IntoIterator<Item = Cell>,
    ) {
        let what = (!what.is_empty()).then(|| what.into());
        self.add_calls(part, state, what, more, None);
    }

    fn add_calls(
        &mut self,
        part: Option<f64>,
        state: &'static str,
        what: impl IntoIterator<Item = Cell>,
        more: impl IntoIterator<Item = Cell>,
        asleep_in: Option<u32>,
    ) {
        if let Some(part) = part
            && part >= LEAST
        {
            self.0.push(Reason {
                part,
                state,
                what: what.into_iter().collect(),
                more: more.into_iter().collect(),
                asleep_in,
            });
        }
    }

    fn largest(mut self) -> Vec<Reason> {
        self.0.sort_by(|a, b| b.part.total_cmp(&a.part));
        let large = self.0.iter().take_while(|reason| reason.part >= LARGE);
        let shown = large.count().max(REASONS);
        self.0.truncate(shown);
        self.0
    }
}

fn part(of: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| of as f64 / whole as f64)
}

type Time = fn(&Spent) -> u64;

/// Asleep.
const BLOCKED: &str = "blocked";

const HOW: [(&str, Time); 2] = [
    (BLOCKED, |spent| spent.blocked),
    ("on cpu", |spent| spent.on_cpu),
];

/// The numbers that took long enough to be a reason, with their files.
fn large(calls: &Calls, wall: u64) -> Vec<Group<'_>> {
    let large = calls
        .iter()
        .filter(|(_, both)| part(both.all().time, wall).is_some_and(|part| part >= LEAST));
    let mut groups: Vec<_> = large
        .map(|(nr, both)| Group {
            nr,
            all: both.all().into(),
            more: calls.has_other_files(nr),
            files: Vec::new(),
        })
        .collect();
    let at: HashMap<u32, usize> = groups.iter().map(|of| of.nr).zip(0..).collect();
    for on in calls.on_files().filter(|on| !on.again()) {
        if let Some(group) = at.get(&on.nr).and_then(|&at| groups.get_mut(at)) {
            group.files.push(OnFile {
                file: on.file,
                flags: on.flags,
                spent: on.both.all().into(),
            });
        }
    }
    groups
}

/// The calls of one number.
struct Group<'a> {
    nr: u32,
    all: Spent,
    /// There were files that are not counted separately.
    more: bool,
    files: Vec<OnFile<'a>>,
}

/// What of them was on one file.
struct OnFile<'a> {
    file: &'a Arc<File>,
    flags: u32,
    spent: Spent,
}

/// A part of a group: on one file, or on all that no reason names.
struct Part {
    ns: u64,
    /// On what.
    on: Words,
    /// How much.
    moved: Words,
}

impl Group<'_> {
    /// A file is named while it has half of what those before it left.
    fn parts(&mut self, ns: Time) -> Vec<Part> {
        let time = |on: &OnFile<'_>| ns(&on.spent);
        self.files
            .sort_by_cached_key(|on| (Reverse(time(on)), Arc::clone(&on.file.name)));
        let mut parts = Vec::new();
        let mut left = ns(&self.all);
        let (mut count, mut bytes) = (self.all.count, self.all.bytes);
        for on in self.files.iter().take(REASONS) {
            let ns = time(on);
            if ns == 0 || ns.saturating_mul(2) < left {
                break;
            }
            let spent = &on.spent;
            parts.push(Part {
                ns,
                on: on_what(on),
                moved: moved(spent.count, spent.bytes),
            });
            left = left.saturating_sub(ns);
            count = count.saturating_sub(spent.count);
            bytes = bytes.saturating_sub(spent.bytes);
        }
        if left > 0 {
            let mut moved = moved(count, bytes);
            moved.push(self.others(&self.files[parts.len()..], parts.len()).into());
            parts.push(Part {
                ns: left,
                on: Words::new(),
                moved,
            });
        }
        parts
    }

    fn others(&self, files: &[OnFile<'_>], named: usize) -> String {
        let other = if named > 0 { " other" } else { "" };
        let what = match !self.more && files.iter().all(|on| on.file.kind.is_socket()) {
            true => "socket",
            false => "file",
        };
        match (files.len(), self.more) {
            (0, false) => String::new(),
            (0, true) => format!(" on{other} files"),
            (1, false) => format!(" on 1{other} {what}"),
            (n, more) => {
                let more = if more { "+" } else { "" };
                format!(" on {n}{more}{other} {what}s")
            }
        }
    }
}

const fn preposition(flags: u32) -> &'static str {
    match flags & (CALLS_IN | CALLS_OUT) {
        CALLS_IN => " of ",
        CALLS_OUT => " to ",
        _ => " on ",
    }
}

/// On a path, or on a protocol with an address.
fn on_what(on: &OnFile<'_>) -> Words {
    let mut words = vec![preposition(on.flags).into()];
    if on.file.kind.is_socket() {
        words.extend([named::protocol(on.file).into(), " ".into()]);
    }
    words.push(Cell::Path(named::name(on.file).into()));
    words
}

fn moved(calls: u64, bytes: u64) -> Words {
    let times = match calls {
        0 => "not returned yet".to_owned(),
        1 => "1 call".to_owned(),
        n => format!("{n} calls"),
    };
    let mut words = vec![": ".into()];
    if bytes > 0 {
        words.extend([Cell::Bytes(bytes), " in ".into()]);
    }
    words.push(times.into());
    words
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::activity::{SpanTimes, Times};
    use crate::facts::file::{File, FileKind};
    use crate::input::record::{CALLS_AGAIN, CALLS_IN_PROGRESS, CallsRecord, Stops};
    use crate::measure::calls::Room;
    use crate::measure::summary::Summary;
    use crate::spans::span::{Closed, End};
    use proptest::prelude::*;
    use syscalls::Sysno;
    use zerocopy::FromZeros;

    /// The reasons of the first row.
    fn texts(summary: &Summary) -> Vec<String> {
        let reasons = of_row(&summary.rows([])[0], &fixture::Calls);
        let words = reasons.into_iter().map(Reason::words);
        words.map(|of| fixture::words(&of)).collect()
    }

    /// A short span that ended, and a long one that never did, asleep in the same call.
    #[test]
    fn no_part_is_more_than_the_whole() {
        let path = fixture::path(&[b"job"]);
        let all = Times {
            wall: 1_000,
            ..Times::NONE
        };
        let mut summary = Summary::default();
        summary.push(&Closed {
            times: Some(SpanTimes {
                own: all,
                all,
                interleaved: 0,
            }),
            ..fixture::span(&path, 1_000, End::Exit)
        });
        let mut read = CallsRecord::new_zeroed();
        read.nr = Sysno::read as u32;
        (read.count, read.time, read.blocked) = (2, 80_000, 80_000);
        fixture::inside(&mut summary, &path, 100_000, &[read], &[None]);
        assert_eq!(
            texts(&summary),
            [
                "on cpu 100.0 % in its own code",
                "blocked 80.0 % in read: 2 calls"
            ]
        );
    }

    /// A thread that was stopped had no page fault.
    #[test]
    fn what_held_a_thread_is_told_apart() {
        let path = fixture::path(&[b"job"]);
        let all = Times {
            wall: 1_000,
            blocked: 900,
            fault: 900,
            stops: Stops {
                stopped: 400,
                traced: 300,
                frozen: 150,
            },
            ..Times::NONE
        };
        let mut summary = Summary::default();
        summary.push(&Closed {
            times: Some(SpanTimes {
                own: all,
                all,
                interleaved: 0,
            }),
            ..fixture::span(&path, 1_000, End::Exit)
        });
        assert_eq!(
            texts(&summary),
            [
                "stopped 40.0 %: by a signal, until SIGCONT",
                "traced 30.0 %: stopped by a debugger or tracer",
                "frozen 15.0 %: by the freezer of its cgroup",
                "on cpu 10.0 % in its own code"
            ]
        );
        let page_faults = "blocked 5.0 % outside system calls: page faults".to_owned();
        assert!(!texts(&summary).contains(&page_faults), "the smallest part");
    }

    /// The reasons of a span of one microsecond that did these calls.
    fn reasons_of(did: &[(CallsRecord, Option<Arc<File>>)]) -> Vec<String> {
        let path = fixture::path(&[b"job"]);
        let mut summary = Summary::default();
        let (calls, files): (Vec<_>, Vec<_>) = did.iter().cloned().unzip();
        fixture::inside(&mut summary, &path, 1_000_000, &calls, &files);
        texts(&summary)
    }

    /// One call, asleep all the time.
    fn call(nr: Sysno, ns: u64, bytes: u64, flags: u32) -> CallsRecord {
        CallsRecord {
            bytes,
            flags,
            ..fixture::calls(nr, 1, ns, ns)
        }
    }

    fn blob(name: &str) -> Option<Arc<File>> {
        Some(fixture::file(FileKind::File, name))
    }

    #[test]
    fn a_file_with_half_of_the_time_is_named() {
        let read = |ns, name| (call(Sysno::read, ns, 1024, CALLS_IN), blob(name));
        assert_eq!(
            reasons_of(&[
                read(500_000, "/a"),
                read(250_000, "/b"),
                read(120_000, "/c"),
                read(90_000, "/d")
            ]),
            [
                "blocked 50.0 % in read of /a: 1024 B in 1 call",
                "blocked 25.0 % in read of /b: 1024 B in 1 call",
                "blocked 12.0 % in read of /c: 1024 B in 1 call",
            ]
        );
        assert_eq!(
            reasons_of(&[
                read(500_000, "/a"),
                read(200_000, "/b"),
                read(150_000, "/c"),
                read(100_000, "/d")
            ]),
            [
                "blocked 50.0 % in read of /a: 1024 B in 1 call",
                "blocked 45.0 % in read: 3072 B in 3 calls on 3 other files",
            ]
        );
        let one = (call(Sysno::ioctl, 300_000, 0, 0), blob("/dev/sda"));
        let none = (call(Sysno::ioctl, 600_000, 0, 0), None);
        assert_eq!(
            reasons_of(&[one, none]),
            ["blocked 90.0 % in ioctl: 2 calls on 1 file"]
        );
    }

    #[test]
    fn all_that_is_large_is_reported() {
        let parts = [
            (Sysno::read, 300_000),
            (Sysno::write, 250_000),
            (Sysno::fsync, 200_000),
            (Sysno::futex, 150_000),
            (Sysno::poll, 90_000),
        ];
        let did = parts.map(|(nr, ns)| (call(nr, ns, 0, 0), None));
        let names = |did: &[_]| -> Vec<String> {
            let name = |text: String| text.split([' ', ':']).nth(4).unwrap_or_default().to_owned();
            reasons_of(did).into_iter().map(name).collect()
        };
        assert_eq!(names(&did), ["read", "write", "fsync", "futex"]);
        assert_eq!(names(&did[2..]), ["fsync", "futex", "poll"]);
    }

    #[test]
    fn sockets_are_no_files() {
        let send = |port: u16| {
            let socket = fixture::tcp("127.0.0.1:80", &format!("127.0.0.1:{port}"));
            (call(Sysno::sendto, 100_000, 7, CALLS_OUT), Some(socket))
        };
        let three = [send(1), send(2), send(3)];
        assert_eq!(
            reasons_of(&three),
            ["blocked 30.0 % in sendto: 21 B in 3 calls on 3 sockets"]
        );
        let file = (call(Sysno::sendto, 100_000, 0, 0), blob("/a"));
        assert_eq!(
            reasons_of(&[&three[..], &[file]].concat()),
            ["blocked 40.0 % in sendto: 21 B in 4 calls on 4 files"]
        );
    }

    #[test]
    fn a_call_under_way_is_a_reason_too() {
        let going = CallsRecord {
            count: 0,
            flags: CALLS_IN | CALLS_IN_PROGRESS,
            ..call(Sysno::read, 900_000, 0, CALLS_IN)
        };
        assert_eq!(
            reasons_of(&[(going, blob("/a"))]),
            ["blocked 90.0 % in read of /a: not returned yet"]
        );
        assert_eq!(
            reasons_of(&[(going, None)]),
            ["blocked 90.0 % in read: not returned yet"]
        );
    }

    #[test]
    fn many_files_are_reported_by_their_sum() {
        let summary = fixture::scan(10_000, 64 << 20);
        assert_eq!(
            texts(&summary),
            [
                "on cpu 60.0 % in read: 40960000 B in 10000 calls on 10000 files",
                "blocked 50.0 % in read: 40960000 B in 10000 calls on 10000 files",
            ]
        );
        let summary = fixture::scan(10_000, 0);
        assert!(
            texts(&summary)
                .iter()
                .all(|text| text.ends_with("in other calls"))
        );
        let summary = fixture::scan(1_000, 100_000);
        let text = &texts(&summary)[0];
        let (_, on) = text.split_once("in 1000 calls on ").unwrap();
        let files: usize = on.strip_suffix("+ files").unwrap().parse().unwrap();
        assert!((10..1000).contains(&files));
    }

    #[test]
    fn a_copy_is_reported_once() {
        let target = fixture::tcp("127.0.0.1:80", "127.0.0.1:4000");
        let target = (call(Sysno::sendfile, 400_000, 7, CALLS_OUT), Some(target));
        let again = CALLS_IN | CALLS_AGAIN;
        let source = (
            call(Sysno::sendfile, 400_000, 7, again),
            blob("/tmp/source"),
        );
        assert_eq!(
            reasons_of(&[source, target]),
            ["blocked 40.0 % in sendfile to tcp 127.0.0.1:80→127.0.0.1:4000: 7 B in 1 call"]
        );
    }

    #[test]
    fn unix_sockets_have_an_arrow_only_in_front() {
        let named = |kind, name: &str| {
            let file = Some(fixture::file(kind, name));
            reasons_of(&[(call(Sysno::write, 400_000, 0, CALLS_OUT), file)]).remove(0)
        };
        assert_eq!(
            named(FileKind::Unix, "->/run/a->b.sock"),
            "blocked 40.0 % in write to unix →/run/a->b.sock: 1 call"
        );
        assert_eq!(
            named(FileKind::Pipe, "pipe:[7]"),
            "blocked 40.0 % in write to pipe:[7]: 1 call"
        );
    }

    proptest! {
        /// Named or not, the parts of a number's time are all of it.
        #[test]
        fn parts_are_all_of_the_time(
            files in prop::collection::vec((1_u64..1_000_000, 0_u64..100), 0..8),
            none in 0_u64..1_000_000,
        ) {
            let mut calls = Calls::default();
            let mut push = |ns, bytes, file| {
                let of = CallsRecord { time: ns, blocked: ns, ..call(Sysno::read, 256, bytes, CALLS_IN) };
                calls.push(&[of], &[file], 1_000_000, true, &mut Room::new(1 << 20));
            };
            for (at, (ns, bytes)) in files.iter().enumerate() {
                push(*ns, *bytes, blob(&format!("/{at}")));
            }
            push(none, 0, None);
            let [group] = &mut large(&calls, 1)[..] else { panic!() };
            let parts = group.parts(|spent| spent.blocked);
            prop_assert!(parts.len() <= REASONS + 1);
            prop_assert_eq!(parts.iter().map(|part| part.ns).sum::<u64>(), group.all.blocked);
        }
    }
}
