//! The real device: each scenario runs in a process of its own, which ends with what it found.
#![cfg(target_os = "linux")]
#![cfg(not(feature = "off"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here fails a test"
)]

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::{Command, Output};
use std::sync::{Arc, Barrier};

use nulltrace::{Context, Id, Span, TracedExt, is_enabled, raw, set_enabled, span};
use nulltrace_spec::parse;

/// Runs a scenario in a process of its own, with the environment as it is but `NULLTRACE`.
fn run(scenario: &str, prepare: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "scenario",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("NULLTRACE_SCENARIO", scenario)
        .env_remove("NULLTRACE");
    prepare(&mut command);
    command.output().unwrap()
}

/// Runs a scenario that must succeed, and gives what it printed.
fn passes(scenario: &str, prepare: impl FnOnce(&mut Command)) -> String {
    let output = run(scenario, prepare);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{scenario}: {}\n{said}\n{errors}",
        output.status
    );
    assert!(
        said.contains("scenario done"),
        "{scenario}: did not run\n{said}\n{errors}"
    );
    if let Some(line) = said.lines().find(|line| line.starts_with("skipped: ")) {
        println!("{line}");
    }
    said
}

/// Runs a scenario with each of these values of `NULLTRACE`, or without the variable.
fn passes_with(scenario: &str, values: &[&str]) {
    if values.is_empty() {
        passes(scenario, |_| ());
    }
    for value in values {
        println!("NULLTRACE={value}");
        passes(scenario, |command| {
            command.env("NULLTRACE", value);
        });
    }
}

macro_rules! scenarios {
    ($($name:ident $($value:literal)*;)*) => {
        $(
            #[test]
            fn $name() {
                passes_with(stringify!($name), &[$($value),*]);
            }
        )*

        /// The process the other tests start.
        #[test]
        #[ignore = "started by the others"]
        fn scenario() {
            let Ok(name) = std::env::var("NULLTRACE_SCENARIO") else { return };
            // What the shell left open: it may be the null device, too.
            close_from(3);
            match name.as_str() {
                $(stringify!($name) => scenario::$name(),)*
                "page_for_the_collector" => scenario::page_for_the_collector(),
                other => panic!("no scenario {other}"),
            }
            println!("scenario done");
        }
    };
}

scenarios! {
    the_descriptor_is_high_and_not_inherited;
    a_low_limit_still_gives_a_descriptor;
    many_threads_open_one_descriptor;
    closed_descriptors_are_opened_again;
    a_daemon_that_closes_all_keeps_its_files_clean;
    errno_is_kept;
    a_file_in_place_of_the_device;
    no_device_at_all;
    forked_children;
    in_a_signal_handler;
    what_is_written;
    off_in_the_environment "off" "OFF" "Off" "0" "no" "NO" "false" "False";
    any_other_value_is_on "" "on" "1" "00" "n" "offf" "off " "yes" "true";
    switched_off_and_on;
    switched_on_whatever_the_environment_says "off" "0";
    switched_off_before_the_first_marker;
    a_descriptor_closed_while_off;
    many_threads_switch;
    an_untouched_page_is_mapped_in;
}

/// The open descriptors that are the null device, without those of the test itself.
fn null_descriptors() -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let entry = entry.unwrap();
        let number: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let null = fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == "/dev/null");
        if null && number > 2 {
            found.push(number);
        }
    }
    found
}

/// Puts a pipe in place of the SDK's descriptor; gives the end to read from.
fn tap() -> File {
    raw::open();
    let fds = null_descriptors();
    assert_eq!(fds.len(), 1, "{fds:?}");
    let mut pipe = [0; 2];
    // SAFETY: fills the two numbers; the descriptors are ours.
    unsafe {
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        assert_eq!(libc::dup3(pipe[1], fds[0], libc::O_CLOEXEC), fds[0]);
        libc::close(pipe[1]);
        File::from_raw_fd(pipe[0])
    }
}

/// Closes the SDK's descriptor and reads what went into the tap.
fn untap(mut tap: File, sdk: i32) -> String {
    // SAFETY: the number is the one the tap was put on.
    unsafe { libc::close(sdk) };
    let mut text = String::new();
    tap.read_to_string(&mut text).unwrap();
    text
}

/// Closes what `closefrom(from)` would.
fn close_from(from: u32) {
    // SAFETY: what it closes is of this process only, which knows.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, from, u32::MAX, 0) };
    if closed != 0 {
        for fd in from..4096 {
            // SAFETY: as above.
            unsafe { libc::close(fd as i32) };
        }
    }
}

/// Runs `inside` in a child of fork; true if it ended well.
fn in_child(inside: impl FnOnce()) -> bool {
    // SAFETY: the child ends by `_exit`.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(inside)).is_ok();
            libc::_exit(i32::from(!good));
        }
        let mut status = 0;
        libc::waitpid(child, &mut status, 0);
        status == 0
    }
}

/// Every kind of marker.
fn spans() {
    let outer = span!("live");
    let inner = span!("live.args", n = 7, text = "a:b\nc");
    inner.record("rows", 3);
    drop(inner);
    drop(outer.child("child"));
    drop(Span::enter("live.dynamic"));
}

fn is_root() -> bool {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::geteuid() == 0 }
}

mod scenario {
    use super::*;

    pub(super) fn the_descriptor_is_high_and_not_inherited() {
        assert!(null_descriptors().is_empty());
        spans();
        let fds = null_descriptors();
        assert_eq!(fds.len(), 1, "{fds:?}");
        // SAFETY: the kernel fills the limit; the descriptor is open.
        let (limit, flags) = unsafe {
            let mut limit = std::mem::zeroed::<libc::rlimit>();
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
            (limit.rlim_cur, libc::fcntl(fds[0], libc::F_GETFD))
        };
        assert!(fds[0] >= limit.min(1024) as i32 - 32, "{fds:?}");
        assert_eq!(flags, libc::FD_CLOEXEC);
        spans();
        assert_eq!(null_descriptors(), fds);
    }

    pub(super) fn a_low_limit_still_gives_a_descriptor() {
        for limit in [20, 40, 64, 100] {
            let good = in_child(|| {
                let limit = libc::rlimit {
                    rlim_cur: limit,
                    rlim_max: limit,
                };
                // SAFETY: reads the limit.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
                assert!(raw::on());
                spans();
                let fds = null_descriptors();
                assert_eq!(fds.len(), 1);
                assert!(fds[0] >= limit.rlim_cur as i32 - 32);
            });
            assert!(good, "limit {limit}");
        }
    }

    pub(super) fn many_threads_open_one_descriptor() {
        let barrier = Arc::new(Barrier::new(16));
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                std::thread::spawn(move || {
                    barrier.wait();
                    (0..1000).for_each(|_| spans());
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(null_descriptors().len(), 1);
    }

    pub(super) fn closed_descriptors_are_opened_again() {
        spans();
        let before = null_descriptors();
        for _ in 0..3 {
            // SAFETY: the SDK's descriptor; it must bear that.
            unsafe { libc::close(before[0]) };
            assert!(null_descriptors().is_empty());
            drop(span!("live"));
            assert_eq!(null_descriptors(), before);
        }
    }

    pub(super) fn a_daemon_that_closes_all_keeps_its_files_clean() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        // With and without a marker before: the child inherits a descriptor, or has none.
        for first in [false, true] {
            if first {
                spans();
            }
            let good = in_child(|| {
                close_from(3);
                let files: Vec<File> = (0..200)
                    .map(|n| File::create(path.join(n.to_string())).unwrap())
                    .collect();
                for _ in 0..10 {
                    spans();
                }
                close_from(3 + 200);
                let more: Vec<File> = (200..300)
                    .map(|n| File::create(path.join(n.to_string())).unwrap())
                    .collect();
                spans();
                let ours: HashSet<i32> = files.iter().chain(&more).map(File::as_raw_fd).collect();
                let fds = null_descriptors();
                assert!(fds.len() == 1 && !ours.contains(&fds[0]));
            });
            assert!(good);
            for n in 0..300 {
                let len = fs::metadata(path.join(n.to_string())).unwrap().len();
                assert_eq!(len, 0, "a marker landed in file {n}");
            }
        }
    }

    pub(super) fn errno_is_kept() {
        // SAFETY: this thread's own.
        let errno = unsafe { libc::__errno_location() };
        let keeps = |what: &str, run: &dyn Fn()| {
            // SAFETY: as above.
            unsafe { *errno = 123 };
            run();
            // SAFETY: as above.
            assert_eq!(unsafe { *errno }, 123, "{what}");
        };
        keeps("the first marker", &|| drop(span!("live")));
        // SAFETY: the SDK's descriptor; it must bear that.
        unsafe { libc::close(null_descriptors()[0]) };
        keeps("EBADF", &|| drop(span!("live")));
        keeps("a unique id", &|| _ = raw::unique());
        keeps("spans", &spans);
    }

    pub(super) fn a_file_in_place_of_the_device() {
        if !is_root() {
            return println!("skipped: another /dev/null needs root");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let from = std::ffi::CString::new(file.path().to_str().unwrap()).unwrap();
        // SAFETY: strings that end in NUL; the mounts are this process's own from here on.
        unsafe {
            if libc::unshare(libc::CLONE_NEWNS) != 0 {
                return println!("skipped: no mount namespaces here");
            }
            let private = libc::MS_REC | libc::MS_PRIVATE;
            let none = std::ptr::null();
            assert_eq!(
                libc::mount(none, c"/".as_ptr(), none, private, none.cast()),
                0
            );
            let device = c"/dev/null".as_ptr();
            assert_eq!(
                libc::mount(from.as_ptr(), device, none, libc::MS_BIND, none.cast()),
                0
            );
        }
        assert!(!raw::on());
        spans();
        assert_eq!(
            fs::metadata("/dev/null").unwrap().len(),
            0,
            "a marker landed in it"
        );
        assert_eq!(file.as_file().metadata().unwrap().len(), 0);
        assert!(null_descriptors().is_empty());
    }

    pub(super) fn no_device_at_all() {
        if !is_root() {
            return println!("skipped: chroot needs root");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = std::ffi::CString::new(dir.path().to_str().unwrap()).unwrap();
        // The descriptor that is open goes on; a closed one cannot be opened again.
        spans();
        let sdk = null_descriptors()[0];
        let good = in_child(|| {
            // SAFETY: a string that ends in NUL; only this process is moved.
            assert_eq!(unsafe { libc::chroot(path.as_ptr()) }, 0);
            spans();
            assert!(raw::on());
            // SAFETY: the SDK's descriptor; it must bear that.
            unsafe { libc::close(sdk) };
            spans();
            assert!(!raw::on());
        });
        assert!(good);
    }

    pub(super) fn forked_children() {
        let before = raw::unique();
        let job = span!(id: Id::unique(), "live.job");
        let context = Context::current();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ids");
        let good = in_child(|| {
            spans();
            assert_eq!(Context::current(), context);
            let part = span!("live.part");
            assert_ne!(Context::current(), context);
            drop(part);
            assert_eq!(
                (Context::current(), context.id()),
                (context, Some(job.id()))
            );
            let ids: Vec<String> = (0..1000).map(|_| raw::unique().to_string()).collect();
            fs::write(&path, ids.join("\n")).unwrap();
        });
        assert!(good);
        spans();
        let ours: HashSet<i64> = (0..1000).map(|_| raw::unique()).chain([before]).collect();
        let text = fs::read_to_string(&path).unwrap();
        let theirs: HashSet<i64> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!((ours.len(), theirs.len()), (1001, 1000));
        assert!(
            ours.is_disjoint(&theirs),
            "a child counts on where its parent is"
        );
        assert!(
            ours.iter()
                .chain(&theirs)
                .all(|&id| id > 1 << 32 && id < 1 << 48)
        );
    }

    extern "C" fn handler(_: libc::c_int) {
        let span = span!("live.handler", n = 1, text = "x:y");
        span.record("done", true);
    }

    pub(super) fn in_a_signal_handler() {
        // SAFETY: a handler that is one; a signal to ourselves.
        unsafe { libc::signal(libc::SIGUSR1, handler as *const () as libc::sighandler_t) };
        // The very first marker of the process.
        // SAFETY: as above.
        unsafe { libc::raise(libc::SIGUSR1) };
        let tap = tap();
        let sdk = null_descriptors_of(&tap);
        let span = span!("live.outer");
        // SAFETY: as above.
        unsafe { libc::raise(libc::SIGUSR1) };
        drop(span);
        let text = untap(tap, sdk);
        assert_eq!(
            text,
            ">:t:live.outer::>:t:live.handler:n=1,text=x\\:y:<:t:live.handler:done=true:<:t:live.outer::"
        );
    }

    /// The descriptor the tap's other end was put on: the one pipe there is beside it.
    fn null_descriptors_of(tap: &File) -> i32 {
        let link = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
        let ours = link(tap.as_raw_fd());
        (64..2048).rev().find(|&fd| link(fd) == ours).unwrap()
    }

    pub(super) fn what_is_written() {
        let tap = tap();
        let sdk = null_descriptors_of(&tap);
        spans();
        raw::write(&[b'x'; 5000]);
        drop(span!("live.long", text = "y".repeat(6000)));
        drop(Span::enter("refused..tag"));
        let text = untap(tap, sdk);
        let (markers, rest) = text.split_once("xxx").unwrap();
        let (cut, after) = rest.split_at(4097 - 3);
        assert_eq!(
            markers,
            ">:t:live::[\">\",\"t\",[\"live\",\"args\"],[{\"n\":\"7\"},{\"text\":\"a:b\\nc\"}]]\
             <:t:live.args:rows=3:>:t:live.child::<:t:live.child::\
             >:t:live.dynamic::<:t:live.dynamic::<:t:live::"
        );
        assert!(cut.bytes().all(|byte| byte == b'x'));
        let (long, exit) = after.split_at(4097);
        assert!(long.starts_with(">:t:live.long:text=yyy") && long.ends_with('y'));
        assert_eq!(exit, "<:t:live.long::");
        assert!(parse(exit.as_bytes()).is_ok());
    }

    pub(super) fn off_in_the_environment() {
        let mut evaluated = false;
        drop(span!(
            "live",
            n = {
                evaluated = true;
                7
            }
        ));
        assert!(!evaluated);
        spans();
        assert!(!raw::on());
        assert!(null_descriptors().is_empty());
    }

    pub(super) fn any_other_value_is_on() {
        assert!(raw::on());
        spans();
        assert_eq!(null_descriptors().len(), 1);
    }

    pub(super) fn switched_off_and_on() {
        let tap = tap();
        let sdk = raw::descriptor();
        let outer = span!("outer");
        let numbered = span!(id: Id::Number(7), "numbered", n = 1);
        let dynamic = Span::enter("dynamic");
        let mut future = std::pin::pin!(std::future::pending::<()>().traced("future").id(8.into()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());

        set_enabled(false);
        assert!(!is_enabled() && !raw::on() && raw::descriptor() < 0);
        let mut evaluated = false;
        let quiet = span!(
            "quiet",
            n = {
                evaluated = true;
                7
            }
        );
        assert!(!evaluated);
        let quiet_too = (span!("quiet"), Span::enter("quiet"), outer.child("quiet"));
        quiet.record("n", 1);
        raw::write(b">:t:quiet::");
        drop(dynamic);
        numbered.record("rows", 3);
        drop(numbered);

        set_enabled(true);
        assert!(is_enabled() && raw::descriptor() == sdk);
        drop((quiet, quiet_too));
        drop(span!("again"));
        set_enabled(false);
        set_enabled(false);
        drop(outer);
        raw::write_exit(b"<:t:raw::");
        future.set(std::future::pending::<()>().traced("future").id(8.into()));
        assert_eq!(
            untap(tap, sdk),
            ">:t:outer::>:7:numbered:n=1:>:t:dynamic::>:8:future::<:t:dynamic::<:7:numbered:rows=3:\
             >:t:again::<:t:again::<:t:outer::<:t:raw::<:8:future:status=cancelled:"
        );
    }

    pub(super) fn switched_on_whatever_the_environment_says() {
        let before = span!("before");
        assert!(!is_enabled() && null_descriptors().is_empty());
        set_enabled(true);
        assert!(is_enabled());
        let tap = tap();
        drop(before);
        drop(span!("live"));
        assert_eq!(untap(tap, raw::descriptor()), ">:t:live::<:t:live::");
    }

    pub(super) fn switched_off_before_the_first_marker() {
        set_enabled(false);
        spans();
        assert!(!is_enabled() && null_descriptors().is_empty());
        set_enabled(true);
        assert!(is_enabled());
        assert_eq!(null_descriptors(), [raw::descriptor()]);
    }

    pub(super) fn a_descriptor_closed_while_off() {
        let span = span!("live");
        set_enabled(false);
        close_from(3);
        drop(span);
        assert_eq!(null_descriptors().len(), 1);
        assert!(!is_enabled());
        set_enabled(true);
        assert_eq!(null_descriptors(), [raw::descriptor()]);
    }

    pub(super) fn many_threads_switch() {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                std::thread::spawn(move || {
                    for n in 0..2000 {
                        set_enabled((n + thread) % 2 == 0);
                        spans();
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        set_enabled(true);
        spans();
        assert_eq!(null_descriptors(), [raw::descriptor()]);
    }

    const BIG: usize = 1 << 21;
    const AT: usize = (1 << 20) + 4090;
    const FRESH: &[u8] = b">:t:fresh.page::";

    /// So large that the pages around the marker are on no page of anything else, and not read ahead.
    #[repr(align(4096))]
    struct Pages([u8; BIG]);

    static PAGES: Pages = {
        let mut bytes = [b'.'; BIG];
        let mut at = 0;
        while at < FRESH.len() {
            bytes[AT + at] = FRESH[at];
            at += 1;
        }
        Pages(bytes)
    };

    /// Whether a page is mapped in; by the kernel's own word.
    fn mapped(address: usize) -> bool {
        use std::os::unix::fs::FileExt;
        let mut entry = [0; 8];
        let map = File::open("/proc/self/pagemap").unwrap();
        map.read_exact_at(&mut entry, (address / 4096 * 8) as u64)
            .unwrap();
        u64::from_le_bytes(entry) >> 63 == 1
    }

    fn marker() -> (&'static [u8], [usize; 2]) {
        let marker = &PAGES.0[AT..AT + FRESH.len()];
        let first = marker.as_ptr() as usize;
        let pages = [first, first + marker.len() - 1];
        assert_ne!(pages[0] / 4096, pages[1] / 4096, "it lies on two pages");
        (marker, pages)
    }

    /// Both pages, in this process and, since fork does not copy them, in a child again.
    pub(super) fn an_untouched_page_is_mapped_in() {
        let (marker, pages) = marker();
        assert_eq!(
            pages.map(mapped),
            [false; 2],
            "the pages are not fresh, the test proves nothing"
        );
        raw::write(marker);
        assert_eq!(pages.map(mapped), [true; 2]);
        let good = in_child(|| {
            assert_eq!(pages.map(mapped), [false; 2], "fork copies such pages here");
            raw::write(marker);
            assert_eq!(pages.map(mapped), [true; 2]);
        });
        assert!(good);
    }

    /// Under the collector: the enter from a fresh page, and in a child again.
    pub(super) fn page_for_the_collector() {
        let (marker, _) = marker();
        raw::write(marker);
        raw::write(b"<:t:fresh.page::");
        assert!(in_child(|| {
            raw::write(marker);
            raw::write(b"<:t:fresh.page::");
        }));
    }
}

/// The collector's binary: `$NULLTRACE_BIN`, else the one beside this test's own.
fn collector() -> Option<std::path::PathBuf> {
    if let Some(path) = std::env::var_os("NULLTRACE_BIN") {
        return Some(path.into());
    }
    let own = std::env::current_exe().unwrap();
    own.ancestors()
        .map(|dir| dir.join("nulltrace"))
        .find(|path| path.is_file())
}

#[test]
fn a_fresh_page_is_seen_by_the_collector() {
    let Some(binary) = collector() else {
        return println!("skipped: no nulltrace binary; build it, or set NULLTRACE_BIN");
    };
    let doctor = Command::new(&binary)
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let ebpf =
        facts["hooks"].as_array().unwrap().iter().any(|hook| {
            hook["works"] == true && hook["name"].as_str().unwrap().starts_with("ebpf:")
        });
    if !ebpf {
        return println!("skipped: no eBPF here");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("summary.json");
    let status = Command::new(&binary)
        .args(["run", "-q", "--backend", "ebpf", "--json"])
        .arg(&json)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "scenario", "--ignored", "--test-threads=1"])
        .env("NULLTRACE_SCENARIO", "page_for_the_collector")
        .env_remove("NULLTRACE")
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let row = summary["spans"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["tags"] == serde_json::json!(["fresh", "page"]));
    assert_eq!(
        row.map(|row| row["hits"].as_u64().unwrap()),
        Some(2),
        "{summary:#}"
    );
    assert_eq!(summary["ledger"]["lost"]["fault"], 0);
}
