//! `nulltrace completions`: what a shell needs to complete options and their values.
//!
//! The values of options come from the tables that the program itself reads them by, so that a field that is added
//! there is completed without more.

use std::mem;
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Args, Command, ValueEnum};
use clap_complete::Shell as Dialect;
use nulltrace_core::activity::Reach;
use nulltrace_core::query::field::{self, Info, KeyKind, Subject};
use nulltrace_core::view::{VIEWS, View};

use super::group;
use super::output::Format;
use super::print::print;
use crate::error::Error;
use crate::source::{Activity, Backend};

/// Options of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nulltrace completions bash >/etc/bash_completion.d/nulltrace
  nulltrace completions zsh >/usr/local/share/zsh/site-functions/_nulltrace
  nulltrace completions fish >~/.config/fish/completions/nulltrace.fish")]
pub(super) struct CompletionsArgs {
    /// Print it for this shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// `command` is the whole command line.
pub(super) fn run(args: &CompletionsArgs, command: Command) -> Result<ExitCode, Error> {
    print(&script(args.shell, command))
}

fn script(shell: Shell, mut command: Command) -> String {
    let (dialect, values): (_, fn(Arg) -> Arg) = match shell {
        Shell::Bash => (Dialect::Bash, with_values),
        // Its own functions have them.
        Shell::Zsh => (Dialect::Zsh, |arg| match arg.get_id().as_str() {
            "by" | "only" => arg,
            _ => with_values(arg),
        }),
        Shell::Fish => (Dialect::Fish, with_values),
    };
    for verb in command.get_subcommands_mut() {
        *verb = mem::take(verb).mut_args(values);
    }
    let mut text = Vec::new();
    clap_complete::generate(dialect, &mut command, "nulltrace", &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    match shell {
        Shell::Bash => text + include_str!("completions.bash"),
        Shell::Zsh => zsh(&text),
        Shell::Fish => text,
    }
}

/// What is generated puts a space behind every value. The functions must be there before the last lines call what was
/// generated.
fn zsh(text: &str) -> String {
    let list = |fields: Vec<PossibleValue>| -> String {
        let line = |field: &PossibleValue| {
            let meaning = field.get_help().map(ToString::to_string);
            let meaning = meaning.unwrap_or_default().replace('\'', "'\\''");
            format!("        '{}:{meaning}'", field.get_name())
        };
        fields.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let own = include_str!("completions.zsh")
        .replace("FIELDS", &list(fields("")))
        .replace("COMPARISONS", &list(fields("=")));
    let text = text
        .replace(":FIELD:_default", ":FIELD:_nulltrace_fields")
        .replace(":FILTER:_default", ":FILTER:_nulltrace_filters");
    match text.split_once('\n') {
        Some((compdef, rest)) => format!("{compdef}\n{own}{rest}"),
        None => text,
    }
}

/// The option with the values that it takes. They are for completion only: that a value is right is found out by who
/// reads it, and says so with the place.
fn with_values(arg: Arg) -> Arg {
    let values = match arg.get_id().as_str() {
        "by" => fields(""),
        "only" => fields("="),
        "prefix" => field::all()
            .map(|info| value(info.name.to_owned(), info))
            .collect(),
        "sum" | "sort" => metrics(),
        "view" => {
            let value = |view: &View| PossibleValue::new(view.name).help(view.help);
            VIEWS.iter().map(value).collect()
        }
        "backend" => names(&Backend::NAMES),
        "activity" => names(&Activity::NAMES),
        "inside" => names(&Reach::NAMES),
        "format" if arg.get_possible_values().is_empty() => names(&Format::NAMES),
        _ => return arg,
    };
    arg.value_parser(PossibleValuesParser::new(values))
}

/// The fields of calls and spans, as they may be written: behind a name goes `suffix`, if no key has to come first.
fn fields(suffix: &str) -> Vec<PossibleValue> {
    let subjects = [Subject::Call, Subject::Span];
    let of_these = field::all().filter(|info| subjects.iter().any(|of| info.is_of(*of)));
    let text = |info: &Info| match info.key {
        KeyKind::None => format!("{}{suffix}", info.name),
        KeyKind::Number { from_last: true } => format!("{}[-1]{suffix}", info.name),
        KeyKind::Number { from_last: false } => format!("{}[1]{suffix}", info.name),
        KeyKind::Name => format!("{}.", info.name),
    };
    of_these.map(|info| value(text(info), info)).collect()
}

fn value(text: String, info: &'static Info) -> PossibleValue {
    PossibleValue::new(text).help(info.meaning)
}

fn names<T>(table: &[(&'static str, T)]) -> Vec<PossibleValue> {
    let names = table.iter().map(|(name, _)| PossibleValue::new(*name));
    names.collect()
}

fn metrics() -> Vec<PossibleValue> {
    group::metrics().map(PossibleValue::new).collect()
}
