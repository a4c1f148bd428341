//! What filters say of calls, spans and markers.

use super::*;
use crate::query::field::fixture::{each_subject, with};

/// The answers for a read from a connected socket, a write to a file and a futex.
fn of_calls(text: &str) -> String {
    let mut answers = String::new();
    with(|inside, known| {
        for call in 0..3 {
            let at = At::call(inside, call, known);
            answers.push(letter(parsed(text).check(&at)));
        }
    });
    answers
}

fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Yes => 'y',
        Verdict::No => 'n',
        Verdict::Unknown => '-',
        Verdict::Undecided => '?',
    }
}

fn check(answers: &[(&str, &str)]) {
    for (text, want) in answers {
        assert_eq!(of_calls(text), *want, "{text}");
        // Whatever it says, `not` says the opposite.
        let not: String = want.chars().map(opposite).collect();
        assert_eq!(of_calls(&format!("not ({text})")), not, "not {text}");
    }
}

fn opposite(answer: char) -> char {
    match answer {
        'y' => 'n',
        'n' => 'y',
        other => other,
    }
}

#[test]
fn equality() {
    check(&[
        ("fd.type=file", "ny-"),
        ("fd.type==file", "ny-"),
        ("fd.type != file", "yn-"),
        ("fd.type exists", "yyn"),
        ("fd.l4proto exists", "ynn"),
        ("fd.rip=10.0.0.9", "y--"),
        ("fd.rip=10.0.0.0/8", "y--"),
        ("fd.rip!=10.0.0.0/8", "n--"),
        ("fd.rip in (1.2.3.4, 10.0.0.0/24)", "y--"),
        ("fd.rport=50412", "y--"),
        ("fd.rport=0xc4ec", "y--"),
        ("evt.type=write", "nyn"),
        ("evt.type!=202", "yyn"),
        ("evt.type in (read, futex)", "yny"),
        ("proc.cmdline='shop --all'", "yyy"),
        ("fd.name=127.0.0.1:8888->10.0.0.9:50412", "yn-"),
        ("fd.type in (file, pipe, ipv4)", "yy-"),
        ("not fd.type in (file, pipe)", "yn-"),
    ]);
}

#[test]
fn several_values() {
    check(&[
        ("evtin.span.tags=shop", "yyy"),
        ("evtin.span.tags=shop.pay", "yyy"),
        ("evtin.span.tags!=shop", "nnn"),
        ("evtin.span.tags!=other", "yyy"),
        ("evtin.span.tags exists", "yyy"),
        ("evtin.span.tag[1]=pay", "yyy"),
        ("evtin.span.tag[2]=pay", "---"),
        ("evtin.span.tag[2] exists", "nnn"),
        ("evtin.span.arg.cart=8", "yyy"),
        ("evtin.span.seq in (1, 5)", "yyy"),
        ("evtin.span.seq>12", "nnn"),
        ("evtin.span.seq>=12", "yyy"),
        ("evtin.span.seq intersects (1, 2)", "nnn"),
        ("span.arg.cart=8", "---"),
        ("fd.port=8888", "y--"),
        ("fd.port=50412", "y--"),
        ("fd.port!=50412", "n--"),
        ("fd.port!=1", "y--"),
        ("fd.port>50000 and fd.port<9000", "y--"),
        ("fd.ip in (10.0.0.0/8)", "y--"),
        ("proc.aname=init", "yyy"),
        ("proc.aname!=make", "nnn"),
        ("proc.aname[1]=init", "nnn"),
        ("proc.aname startswith in", "yyy"),
    ]);
}

#[test]
fn text() {
    check(&[
        ("fd.name contains lob", "ny-"),
        ("fd.name contains LOB", "nn-"),
        ("fd.name icontains LOB", "ny-"),
        ("fd.name startswith /tmp/", "ny-"),
        ("fd.name endswith lob", "ny-"),
        ("fd.name glob /t*", "ny-"),
        ("fd.name glob /t", "nn-"),
        ("fd.name iglob '/T??/*'", "ny-"),
        (r"fd.name regex '/tmp/\w+'", "ny-"),
        // The whole of it must match.
        ("fd.name regex tmp", "nn-"),
        ("fd.name regex 'no|/tmp|/tmp/blob'", "ny-"),
        (r"fd.name regex '.*:\d+->.*'", "yn-"),
        ("fd.name regex '(?x) /tmp /blob # a file'", "ny-"),
    ]);
}

#[test]
fn functions() {
    check(&[
        ("len(fd.name)=9", "ny-"),
        ("len(fd.name)>=0.009kB", "yy-"),
        ("basename(fd.name)=blob", "ny-"),
        ("toupper(basename(fd.name))=BLOB", "ny-"),
        ("tolower(proc.name)=shop", "yyy"),
        ("len(basename(fd.name)) = 4", "ny-"),
        // There is no text behind the last `/`.
        ("basename(fd.directory)=tmp", "-y-"),
    ]);
}

#[test]
fn fields_with_fields() {
    check(&[
        ("fd.name=val(fd.filename)", "-n-"),
        ("fd.filename = basename(fd.name)", "-y-"),
        ("fd.filename = val( fd.filename )", "-y-"),
        ("fd.name endswith val(fd.filename)", "-y-"),
        ("fd.name contains val(fd.directory)", "-y-"),
        ("fd.lport<val(fd.rport)", "y--"),
        ("fd.lip!=val(fd.rip)", "y--"),
        ("proc.pid>val(proc.ppid)", "yyy"),
        ("fd.port=val(fd.lport)", "y--"),
        ("len(fd.filename)=val(proc.pid)", "-n-"),
        ("proc.aname in val(proc.pname)", "yyy"),
        ("evtin.span.tags=val(span.tags)", "yyy"),
    ]);
}

#[test]
fn and_or_not() {
    check(&[
        ("fd.type=file or fd.port=8888", "yy-"),
        ("fd.type=file and fd.port exists", "nnn"),
        ("fd.port=1 or evt.type=futex", "n-y"),
        // `and` is closer than `or`, `not` closer than both.
        ("evt.type=read or evt.type=write and fd.type=pipe", "ynn"),
        ("(evt.type=read or evt.type=write) and fd.type=file", "nyn"),
        ("not evt.type=read and fd.type=file", "ny-"),
        ("not(evt.type=read or evt.type=write)", "nny"),
        ("not not evt.type=read", "ynn"),
        (
            "fd.type=file or(not fd.type exists)and evt.type=futex",
            "nyy",
        ),
    ]);
}

#[test]
fn spans_and_markers() {
    each_subject(|subject, at| {
        for (text, want) in [
            ("span.duration=100ns", &["closed"][..]),
            ("span.duration=0.1us", &["closed"]),
            ("span.duration>99ns and span.duration<0.2us", &["closed"]),
            ("span.open >= 500ns", &["open"]),
            ("span.exitarg.status=500", &["closed", "lost"]),
            (r#"span.arg["a=b"]="1,2""#, &["closed", "lost", "open"]),
            ("span.end exists", &["closed", "lost"]),
            ("span.time=1000", &["closed", "lost", "open"]),
            ("span.time<=1000", &["closed", "lost", "open"]),
            ("span.self<val(span.duration)", &["closed"]),
            ("marker.cut=true", &["json"]),
            ("marker.dir=<", &["json"]),
            ("marker.dir exists", &["simple", "json"]),
        ] {
            let yes = parsed(text).check(at) == Verdict::Yes;
            let is_event = at.subject() == Subject::Event;
            assert!(
                is_event || yes == want.contains(&subject),
                "{text} of {subject}"
            );
        }
    });
}

/// Of an event, what is known of its span at the end only is open until then.
#[test]
fn events() {
    use Verdict::{No, Undecided, Unknown, Yes};
    each_subject(|subject, at| {
        let at_place = ["evt", "evt late", "evt failed", "tracer"]
            .iter()
            .position(|of| *of == subject);
        let Some(place) = at_place else { return };
        for (text, want) in [
            ("span.duration>50ns", [Undecided, Yes, Undecided, Yes]),
            ("span.duration>5s", [Undecided, No, Undecided, No]),
            ("not span.duration>5s", [Undecided, Yes, Undecided, Yes]),
            ("span.duration>5s and evt.type=write", [No, No, No, No]),
            ("span.end=exit or evt.type=read", [Yes, Yes, Undecided, Yes]),
            ("span.tags=shop.pay", [Yes, Yes, Yes, Yes]),
            ("evtin.span.tags=shop", [Yes, Yes, Yes, Yes]),
            ("evt.rawres<0", [No, No, Yes, Unknown]),
            ("evt.rawres=-2", [No, No, Yes, Unknown]),
            ("evt.rawres in (-2, 5)", [Yes, Yes, Yes, Unknown]),
            ("evt.buffer contains ell", [Yes, Yes, Unknown, Unknown]),
            ("evt.arg.filename=/none", [Unknown, Unknown, Yes, Unknown]),
            ("evt.buflen>=1KiB", [No, No, Unknown, Unknown]),
        ] {
            assert_eq!(parsed(text).check(at), want[place], "{text} of {subject}");
        }
    });
}

/// Filters of another program, and how they must be read here.
#[test]
fn filters_that_others_write() {
    for (text, read) in [
        ("span.duration>5000000", "span.duration > 5000000"),
        (
            "fd.type=file and evtin.span.tag[0]=download_handler and fd.directory!=/dev/pts",
            "fd.type = file and evtin.span.tag[0] = download_handler and fd.directory != /dev/pts",
        ),
        (
            "evt.type in (read,write) and(proc.name = cat or proc.name = grep)",
            "evt.type in (read, write) and (proc.name = cat or proc.name = grep)",
        ),
        (
            "fd.name glob \"/home/*/.ssh/*\"",
            "fd.name glob /home/*/.ssh/*",
        ),
        ("proc.name = val(proc.pname)", "proc.name = val(proc.pname)"),
        (
            "tolower(proc.name) = tolower(proc.pname)",
            "tolower(proc.name) = tolower(proc.pname)",
        ),
        ("\tnot\nproc.name\texists\n", "not proc.name exists"),
        ("((proc.pid=1))", "proc.pid = 1"),
    ] {
        let filter = parsed(text);
        assert_eq!(filter.to_string(), read);
        assert_eq!(parsed(read), filter);
    }
    let download = "fd.type=file and evtin.span.tag[0]=shop and fd.directory!=/dev/pts";
    assert_eq!(of_calls(download), "ny-");
}

/// A number without a unit that is surely not meant is said to be one of nanoseconds.
#[test]
fn notes() {
    let notes = |text: &str| parsed(text).notes().to_vec();
    assert_eq!(
        notes("proc.pid=1 and span.duration>5"),
        [Note {
            at: 29..30,
            number: 5
        }]
    );
    assert_eq!(notes("span.duration in (5, 6, 7ns)").len(), 2);
    for text in [
        "span.duration>5ns",
        "span.duration>5000000",
        "span.duration=0",
        "len(fd.name)>5",
        "proc.pid=5",
    ] {
        assert_eq!(notes(text), [], "{text}");
    }
}
