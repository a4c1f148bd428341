//! What a recording gives when it is read is what the run that was recorded gave, for every view.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod made;

use std::sync::OnceLock;

use made::{Made, Memory, shown};
use nulltrace_collector::measured::Measured;
use nulltrace_collector::pipeline::{Limits, Pipeline};
use nulltrace_collector::recording::Plan;
use nulltrace_collector::sink::files::Target;
use nulltrace_collector::source::capture::{About, Ran};
use nulltrace_core::activity::Reach;
use nulltrace_core::capture::{Compress, Reader, Writer};
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::input::layout;
use nulltrace_core::input::made::Made as MadeRecords;
use nulltrace_core::query::Query;
use nulltrace_core::query::asked::{Asked, Viewed};
use nulltrace_core::view::VIEWS;
use proptest::prelude::*;
use zerocopy::IntoBytes;

/// The bytes of a recording of all that happens, and what the run that was recorded came to.
fn recorded(query: &Query, reach: Reach) -> (Vec<u8>, Measured) {
    let mut limits = Limits::default();
    limits.spans.reach = reach;
    let file = Memory::default();
    let about = About {
        backend: "made".to_owned(),
        activity: true,
        inside: reach.name().to_owned(),
        command: "nulltrace record".to_owned(),
        filter: String::new(),
    };
    let recording = Plan {
        to: Target::one(Box::new(file.clone())),
        how: Compress::default(),
        only: None,
        data: None,
        about,
    };
    let pipeline = Pipeline::new(limits).asking(query, None).unwrap();
    let mut pipeline = pipeline.recording(recording, None).unwrap();
    // So long ago that the order does not wait for others.
    let mut source = Made::all(nulltrace_collector::clock::monotonic() - 2_000_000_000);
    while pipeline.turn(&mut source).unwrap() > 0 {}
    let live = pipeline.finish(&mut source).unwrap();
    let (recorded, failed) = live.recorder.unwrap().close(|| true);
    assert!(failed.is_none() && recorded.lost == 0);
    let bytes = file.0.lock().unwrap().clone();
    assert_eq!(recorded.bytes, bytes.len() as u64);
    (bytes, live.measured)
}

/// What a recording comes to when it is read.
fn replayed(file: &[u8], query: &Query, reach: Reach) -> (Measured, Ran) {
    let mut limits = Limits::default();
    limits.spans.reach = reach;
    let mut again = Pipeline::new(limits).asking(query, None).unwrap();
    let (mut reader, mut ran) = (Reader::default(), Ran::default());
    let mut decoder = layout::Reader::default();
    reader.push(file, &mut |record| {
        if let Ok(event) = decoder.read(record) {
            ran.learn(&event);
        }
        again.replay(record);
    });
    let read = reader.end();
    assert!(read.ended && read.damage.is_empty());
    (again.replayed(&ran).measured, ran)
}

/// Records a run that is asked this, and reads it again.
fn compare(query: &Query, view: &str, reach: Reach) {
    let (file, live) = recorded(query, reach);
    let (measured, ran) = replayed(&file, query, reach);
    assert_eq!((&*ran.backend, &*ran.inside), ("made", reach.name()));
    assert_eq!(measured.ledger, live.ledger);
    assert!(live.ledger.markers.enter > 500);
    assert_eq!(shown(&measured, query, view), shown(&live, query, view));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The checksums of a file say that it is as it was written, and nothing of who wrote it.
    #[test]
    fn a_recording_that_somebody_made_up_does_no_harm(
        harm in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u64>()), 1..60),
    ) {
        static FILE: OnceLock<Vec<u8>> = OnceLock::new();
        let file = FILE.get_or_init(|| recorded(&Query::view("summary"), Reach::Thread).0);
        let mut records = Vec::new();
        let mut reader = Reader::default();
        reader.push(file, &mut |record| {
            let mut words = vec![0_u64; record.len().div_ceil(8)];
            words.as_mut_bytes()[..record.len()].copy_from_slice(record);
            records.push((words, record.len()));
        });
        // The first is the layout, which the writer adds.
        records.remove(0);
        for (of, at, word) in harm {
            let record = of.index(records.len());
            let (words, _) = &mut records[record];
            // But for its size.
            let at = at.index(words.len());
            words[at] = if at == 2 { word & !0xffff | words[at] & 0xffff } else { word };
        }
        let mut made_up = Vec::new();
        let out = &mut |bytes: &[u8]| made_up.extend_from_slice(bytes);
        let mut writer = Writer::new(Compress::default());
        writer.begin(out);
        for (words, len) in &records {
            writer.push(&words.as_bytes()[..*len], out);
        }
        writer.end(out);
        for view in VIEWS {
            let query = Query::view(view.name);
            let (measured, _) = replayed(&made_up, &query, Reach::Thread);
            shown(&measured, &query, view.name);
        }
    }
}

/// The file again, with each record as `change` gives it.
fn changed(file: &[u8], mut change: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let mut again = Vec::new();
    let out = &mut |bytes: &[u8]| again.extend_from_slice(bytes);
    let mut writer = Writer::new(Compress::default());
    writer.begin(out);
    let mut reader = Reader::default();
    reader.push(file, &mut |record| {
        if matches!(
            Event::decode(record),
            Ok(Event {
                what: What::Layout,
                ..
            })
        ) {
            return;
        }
        for record in change(record) {
            // Records are aligned.
            let mut words = vec![0_u64; record.len().div_ceil(8)];
            words.as_mut_bytes()[..record.len()].copy_from_slice(&record);
            writer.push(&words.as_bytes()[..record.len()], out);
        }
    });
    writer.end(out);
    again
}

#[test]
fn calls_have_the_names_of_the_machine_that_recorded() {
    let query = Query::view("syscalls");
    let (file, live) = recorded(&query, Reach::Thread);
    assert!(!shown(&live, &query, "syscalls").contains("elsewhere_"));
    let (mut made, mut tables) = (MadeRecords::default(), 0);
    let other = changed(&file, |record| {
        match Event::decode(record).map(|of| of.what) {
            Ok(What::Host { .. }) => vec![made.host(1, [("architecture", "riscv64")]).to_vec()],
            Ok(What::CallNames { .. }) => {
                tables += 1;
                let first = (tables - 1) * 150;
                let names: Vec<_> = (first..first + 150)
                    .map(|nr| (nr.to_string(), format!("elsewhere_{nr}")))
                    .collect();
                let names = names.iter().map(|(nr, name)| (&**nr, &**name));
                vec![made.call_names(1, names).to_vec()]
            }
            _ => vec![record.to_vec()],
        }
    });
    assert!(tables > 1);
    let (measured, ran) = replayed(&other, &query, Reach::Thread);
    assert_eq!(ran.architecture, "riscv64");
    let (here, there) = (
        shown(&live, &query, "syscalls"),
        shown(&measured, &query, "syscalls"),
    );
    assert!(there.contains("elsewhere_"), "{there}");
    let name = syscalls::Sysno::read.name();
    assert!(
        here.contains(name) && !there.contains(&format!(" {name} ")),
        "{there}"
    );
}

/// The wall clock is set while it is recorded: what that says is in the records, and no span is longer for it.
#[test]
fn a_clock_that_was_set_changes_no_span() {
    let query = Query::view("summary");
    let (file, live) = recorded(&query, Reach::Thread);
    let (mut made, mut n, mut anchors) = (MadeRecords::default(), 0, 0);
    let other = changed(&file, |record| {
        let mut records = vec![record.to_vec()];
        if let Ok(event) = Event::decode(record) {
            anchors += u32::from(matches!(event.what, What::Clock { .. }));
            n += 1;
            if n == 2000 {
                // An hour back.
                let wall = live.wall_start.as_nanosecond() - 3_600_000_000_000;
                let wall = i64::try_from(wall).unwrap();
                records.push(made.clock(event.ts, wall, 5).to_vec());
            }
        }
        records
    });
    assert!(anchors >= 1 && n > 2000);
    let (measured, _) = replayed(&other, &query, Reach::Thread);
    assert_eq!(measured.wall_start, live.wall_start);
    assert_eq!(
        shown(&measured, &query, "summary"),
        shown(&live, &query, "summary")
    );
}

#[test]
fn every_view_is_the_same() {
    for view in VIEWS {
        compare(&Query::view(view.name), view.name, Reach::Thread);
    }
}

#[test]
fn with_the_activity_of_processes_too() {
    for reach in [Reach::Process, Reach::Script] {
        for view in ["summary", "time", "files"] {
            compare(&Query::view(view), view, reach);
        }
    }
}

#[test]
fn groups_and_chosen_spans_are_the_same() {
    let texts = |texts: &[&str]| -> Vec<_> { texts.iter().map(|&text| text.to_owned()).collect() };
    for (by, sums, only, view) in [
        (
            &["fd.name,span.tags"][..],
            &["time,bytes"][..],
            &[][..],
            None,
        ),
        (&["user.name,proc.name"], &["count"], &[], None),
        (&["span.arg.cart"], &["span.hits,span.p99"], &[], None),
        (&["proc.name"], &[], &["span.failed=true"], Some("time")),
    ] {
        let (by, sums, only) = (texts(by), texts(sums), texts(only));
        let view = view.map(|name| Viewed { name, calls: false });
        let asked = Asked {
            by: &by,
            sums: &sums,
            only: &only,
            view,
            sort: None,
            top: None,
        };
        let query = asked.read(&|_| Vec::new()).unwrap().unwrap();
        compare(
            &query,
            view.map_or("summary", |view| view.name),
            Reach::Thread,
        );
    }
}
