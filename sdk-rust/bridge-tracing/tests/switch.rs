//! Markers switched on and off while spans are open. One test, as the switch is the process's.

use nulltrace::mock::Mock;
use nulltrace::set_enabled;
use nulltrace_tracing::{MarkerLayer, layer};
use tracing::field::Empty;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt;

fn with(layer: MarkerLayer, program: impl FnOnce(&Mock)) {
    let mock = Mock::here();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || program(&mock));
}

fn lives(mock: &Mock) {
    set_enabled(true);
    let kept = info_span!("kept", rows = Empty, more = Empty);
    kept.record("rows", 3);
    set_enabled(false);
    let quiet = info_span!("quiet", rows = Empty);
    let other = info_span!("quiet");
    quiet.record("rows", 1);
    kept.record("more", 4);
    drop(kept);
    mock.expect()
        .enter("kept")
        .exit("kept")
        .arg("rows", "3")
        .arg("more", "4")
        .done();

    set_enabled(true);
    // A span that was not written is no parent.
    quiet.in_scope(|| drop(info_span!("root")));
    drop(info_span!(parent: &other, "root"));
    drop((quiet, other));
    drop(info_span!("again"));
    mock.expect()
        .enter("root")
        .root()
        .exit("root")
        .enter("root")
        .root()
        .exit("root")
        .enter("again")
        .exit("again")
        .done();
}

fn entries(mock: &Mock) {
    set_enabled(true);
    let kept = info_span!("kept");
    let quiet = info_span!("quiet");
    let kept_entry = kept.enter();
    set_enabled(false);
    let quiet_entry = quiet.enter();
    drop(kept_entry);
    set_enabled(true);
    drop(quiet_entry);
    quiet.in_scope(|| ());
    mock.expect()
        .enter("kept")
        .exit("kept")
        .enter("quiet")
        .exit("quiet")
        .done();
    // Deeper than the entries that are kept.
    let deep: Vec<_> = (0..100).map(|_| info_span!("deep").entered()).collect();
    deep.into_iter().rev().for_each(drop);
    let depths = mock
        .markers()
        .iter()
        .fold(0, |depth, marker| match marker.dir {
            nulltrace::raw::Dir::Enter => depth + 1,
            nulltrace::raw::Dir::Exit => depth - 1,
        });
    assert_eq!((mock.markers().len(), depths), (200, 0));
}

#[test]
fn what_was_begun_is_ended_and_nothing_else() {
    // A layer that was made while they are on, and one while they are off.
    for on in [true, false] {
        set_enabled(on);
        let made = [layer(), layer().each_entry()];
        let [life, entry] = made;
        with(life, lives);
        with(entry, entries);
    }
}
