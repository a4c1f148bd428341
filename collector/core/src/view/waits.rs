//! Reasons as sentences. Where a process waited for its children, the sentence names the child.

use super::contract::Names;
use super::model::{Cell, ChildPart, Text, Tone, Wait, WaitedChild, Words};
use super::reasons::{self, Reason};
use super::words::plural;
use crate::measure::family::{Child, Family, WaitedFor};

/// Calls that wait for a child.
const CALLS: [&str; 3] = ["wait4", "waitid", "waitpid"];
/// Parts of a child's time in a sentence.
const PARTS: usize = 2;
/// A part smaller than this is none of them, but for the first.
const LEAST: f64 = 0.1;

const HINT: &str = "--inside script names the command that wait4 or waitid waited for";

/// What is said of a row.
#[derive(Default)]
pub(super) struct Said {
    pub(super) notes: Vec<Words>,
    pub(super) waits: Vec<Wait>,
    /// There was a wait for a child that is not named.
    pub(super) unnamed: bool,
}

/// The sentences for these reasons, of a time in which these processes were there.
pub(super) fn said(reasons: Vec<Reason>, family: Option<&Family>, names: &dyn Names) -> Said {
    let mut said = Said::default();
    for mut reason in reasons {
        if let Some(nr) = reason.asleep_in
            && CALLS.contains(&&*names.call(nr))
        {
            match family.and_then(|family| family.waited_for(nr)) {
                None => said.unnamed = true,
                Some(of) => {
                    let wait = wait(&reason, names.call(nr), of, names);
                    (reason.what, reason.more) = (words(&wait), Words::new());
                    said.waits.push(wait);
                }
            }
        }
        said.notes.push(reason.words());
    }
    said
}

/// How a wait that is not named can be.
pub(super) fn hint(text: &mut Text) {
    text.say(Tone::Dim, [HINT.into()]);
}

fn wait(reason: &Reason, call: String, of: WaitedFor, names: &dyn Names) -> Wait {
    Wait {
        call,
        share: reason.part,
        children: of.children,
        at_least: of.at_least,
        most: child(&of.most, names),
    }
}

fn child(of: &Child, names: &dyn Names) -> WaitedChild {
    let reasons = reasons::of_span(&of.times, &of.reasons, names).into_iter();
    let parts = reasons.map(|reason| ChildPart {
        state: reason.state,
        share: reason.part,
        what: reason.what,
    });
    let times = &of.times.all;
    WaitedChild {
        name: of.name.to_vec(),
        pid: of.pid,
        children: of.children,
        alive: of.alive,
        on_cpu: times.on_cpu(),
        runnable: times.runnable,
        blocked: times.blocked,
        parts: parts.collect(),
    }
}

/// In which call, for whom, and what that one did.
fn words(of: &Wait) -> Words {
    let most = &of.most;
    let least = if of.at_least { "at least " } else { "" };
    let mut words: Words = vec![" in ".into(), of.call.clone().into(), " for ".into()];
    let all = most.children == of.children;
    match (of.children, all) {
        (1, _) => {}
        (n, true) => words.push(format!("{least}{} named ", children(n)).into()),
        (n, false) => words.push(format!("{least}{}, most of it ", children(n)).into()),
    }
    words.push(Cell::text(&most.name));
    match most.pid {
        Some(pid) => words.push(format!("[{pid}]").into()),
        None if all => {}
        None => words.push(format!(" ({} of them)", most.children).into()),
    }
    let mut between = ": ";
    for (at, part) in most.parts.iter().take(PARTS).enumerate() {
        if at > 0 && part.share < LEAST {
            break;
        }
        words.extend([between.into(), part.state.into(), " ".into()]);
        words.push(Cell::Share(part.share));
        words.extend(part.what.iter().cloned());
        between = ", ";
    }
    words
}

fn children(n: u64) -> String {
    match n {
        1 => plural(n, "child"),
        n => format!("{n} children"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn wait(children: u64, of_name: u64, at_least: bool, parts: &[(&'static str, f64)]) -> String {
        let parts = parts.iter().map(|&(state, share)| ChildPart {
            state,
            share,
            what: vec![" in its own code".into()],
        });
        fixture::words(&words(&Wait {
            call: "wait4".to_owned(),
            share: 0.7,
            children,
            at_least,
            most: WaitedChild {
                name: b"sort".to_vec(),
                pid: (of_name == 1).then_some(4711),
                children: of_name,
                alive: 100,
                on_cpu: 60,
                runnable: 0,
                blocked: 40,
                parts: parts.collect(),
            },
        }))
    }

    #[test]
    fn one_child_or_many_are_named() {
        let part = [("on cpu", 0.9)];
        let on_cpu = "on cpu 90.0 % in its own code";
        assert_eq!(
            wait(1, 1, false, &part),
            format!(" in wait4 for sort[4711]: {on_cpu}")
        );
        assert_eq!(
            wait(3, 1, false, &part),
            format!(" in wait4 for 3 children, most of it sort[4711]: {on_cpu}")
        );
        assert_eq!(
            wait(20, 12, true, &part),
            format!(" in wait4 for at least 20 children, most of it sort (12 of them): {on_cpu}")
        );
        assert_eq!(
            wait(12, 12, false, &part),
            format!(" in wait4 for 12 children named sort: {on_cpu}")
        );
        // What it did may not be known.
        assert_eq!(wait(1, 1, false, &[]), " in wait4 for sort[4711]");
    }

    #[test]
    fn the_two_largest_parts_are_named() {
        let parts = [("on cpu", 0.5), ("blocked", 0.3), ("runnable", 0.2)];
        let said = wait(1, 1, false, &parts);
        assert!(said.ends_with("blocked 30.0 % in its own code"), "{said}");
        let said = wait(1, 1, false, &[("on cpu", 0.95), ("blocked", 0.05)]);
        assert!(said.ends_with("on cpu 95.0 % in its own code"), "{said}");
    }
}
