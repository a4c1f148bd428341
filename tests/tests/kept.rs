//! `record FILTER`: what was not asked for is not in the file.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::fs;
use std::process::{Command, Output};

use nulltrace_tests::{hooks, nulltrace, row};
use serde_json::Value;

/// Twice the same: a part that is asked for, and one that has secrets.
const SHOP: &str = r#"
mark() { echo "$1" > /dev/null; }
for n in 1 2; do
    mark ">:t:shop:session=cookie-4711:"
    mark ">:t:shop.pay:n=$n:"
    sleep 0.02
    mark "<:t:shop.pay:status=200:"
    mark ">:t:shop.login:password=hunter2:"
    exec 3< /etc/hostname
    mark "<:t:shop.login::"
    mark "<:t:shop::"
done
"#;

fn run(arguments: &[&str], dir: &std::path::Path) -> Output {
    let mut command = Command::new(nulltrace());
    command.args(arguments).current_dir(dir);
    command.output().unwrap()
}

fn has(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn only_what_was_asked_for_is_in_the_file() {
    for hook in hooks() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let options = [
            "record",
            "-o",
            "pay.ntc",
            "--compress",
            "none",
            "--backend",
            hook,
        ];
        // A file, so that the secrets are not in the command line, which is recorded.
        fs::write(dir.join("shop.sh"), SHOP).unwrap();
        let words = [
            "span.tag[-1]=pay",
            "and",
            "span.duration>5ms",
            "--",
            "sh",
            "shop.sh",
        ];
        let out = run(&[&options[..], &words].concat(), dir);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            out.status.success() && said.contains("nothing lost"),
            "{said}"
        );

        let file = fs::read(dir.join("pay.ntc")).unwrap();
        for text in ["hunter2", "cookie-4711", "login", "session"] {
            assert!(!has(&file, text), "{text}");
        }
        let out = run(&["report", "pay.ntc", "--json", "-"], dir);
        let of: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(of["spans"].as_array().unwrap().len(), 1);
        let pay = row(&of, &["shop", "pay"]).unwrap();
        assert_eq!(pay["hits"], 2);
        let noted = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            noted.contains("only what was asked for: span.tag[-1]=pay"),
            "{noted}"
        );
        // Its arguments are there, and its parent, without.
        let options = ["report", "pay.ntc", "--view", "slowest", "--json", "-"];
        let out = run(&options, dir);
        let of: Value = serde_json::from_slice(&out.stdout).unwrap();
        let rows = of["view"]["rows"].as_array().unwrap();
        let mut numbers: Vec<_> = rows.iter().map(|row| &row["enter_args"][0][1]).collect();
        numbers.sort_by_key(|n| n.as_str());
        assert_eq!(numbers, ["1", "2"]);
        assert_eq!(of["ledger"]["markers"]["seen"], 8);
    }
}

#[test]
fn what_calls_read_and_wrote_is_kept_of_those_that_were_named() {
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf")) {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::write(dir.join("public.txt"), "to be seen").unwrap();
        fs::write(dir.join("secret.txt"), "hunter2").unwrap();
        let mut options = vec![
            "record",
            "-o",
            "a.ntc",
            "--compress",
            "none",
            "--backend",
            hook,
        ];
        options.extend(["--full", "--data=fd.name contains public", "--"]);
        options.extend(["cat", "public.txt", "secret.txt"]);
        let out = run(&options, dir);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            out.status.success() && said.contains("nothing lost"),
            "{said}"
        );
        let file = fs::read(dir.join("a.ntc")).unwrap();
        assert!(has(&file, "to be seen") && !has(&file, "hunter2"));
        let out = run(
            &[
                "events",
                "a.ntc",
                "evt.type=read and fd.name contains .txt",
                "-A",
            ],
            dir,
        );
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        // Each call is there all the same.
        assert!(
            text.contains("res=10 ") && text.contains("res=7 "),
            "{text}"
        );
        assert!(
            text.contains("to be seen") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["record", "-o", "a.ntc", "span.duration>5", "--", "true"];
    let out = run(&words, dir.path());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("note: 5 is 5 ns; write 5s or 5ms"), "{said}");
    fs::remove_file(dir.path().join("a.ntc")).unwrap();
    let out = run(
        &["run", "--full", "--data=fd.num=3", "--", "touch", "ran"],
        dir.path(),
    );
    assert_eq!(out.status.code(), Some(2));
    for (words, told) in [
        (
            &["span.duratoin>5ms", "--", "touch", "ran"][..],
            "span.duration",
        ),
        (
            &[
                "--inside",
                "process",
                "span.duration>5ms",
                "--",
                "touch",
                "ran",
            ],
            "--inside process",
        ),
    ] {
        let out = run(&[&["record", "-o", "a.ntc"], words].concat(), dir.path());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{said}");
        assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
    }
}
