//! The command line: one file for each verb.

mod agent;
mod captures;
mod completions;
mod doctor;
mod events;
mod fields;
mod group;
mod meant;
mod no_filter;
mod options;
mod output;
mod parse;
mod print;
mod progress;
mod range;
mod record;
mod recording;
mod report;
mod run;
mod target;
mod terminal;
mod trace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use rustix::thread::CapabilitySet;

use crate::error::Error;
use crate::log;
use crate::source::{caller, caps};

/// Measure spans that programs mark by writing a line to /dev/null.
///
/// A program writes one line when a span begins and one when it ends. nulltrace sees these writes in
/// the kernel, pairs them and measures.
#[derive(Debug, Parser)]
#[command(name = "nulltrace", version, max_term_width = 100, after_help = EXAMPLE)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLE: &str = "Example:
  nulltrace run bash -c 'echo \">::nap::\" >/dev/null; sleep 0.1; echo \"<::nap::\" >/dev/null'";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Trace a command, or running processes, and print a summary.
    ///
    /// All descendants are traced as well, also those that outlive the command or the process.
    Run(run::RunArgs),
    /// Trace this machine until SIGTERM or SIGINT, and send the latency of each span to statsd.
    Agent(agent::AgentArgs),
    /// Record all that is seen to a file, for `report`.
    Record(record::RecordArgs),
    /// Show a view of what `record` wrote.
    Report(report::ReportArgs),
    /// Show the events: markers, system calls, switches, one by one, live or of what `record` wrote.
    Events(events::EventsArgs),
    /// Check markers: read one per line from stdin, print each as JSON.
    Parse(parse::ParseArgs),
    /// Show what works on this machine, and why the rest does not.
    ///
    /// Each way to see markers is tried: it is attached, and detached again.
    Doctor(doctor::DoctorArgs),
    /// List the fields for --by and --where, with type, unit and meaning.
    Fields(fields::FieldsArgs),
    /// Print the completion script of a shell.
    Completions(completions::CompletionsArgs),
}

/// By default glibc learns from a large block that was freed to take large blocks from the heap, where
/// growing one leaves a hole. Mapped ones grow in place.
fn frugal_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two numbers; nothing else uses the allocator's settings.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10)
    };
}

/// Runs the verb named on the command line; never returns by a panic.
#[must_use]
pub fn main() -> ExitCode {
    frugal_memory();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with status 0, the rest to stderr with status 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = caller::settle().and_then(|()| match cli.verb {
        Verb::Run(args) => run::run(args),
        Verb::Agent(args) => agent::run(args),
        Verb::Record(args) => record::run(args),
        Verb::Report(args) => report::run(&args),
        Verb::Events(args) => events::run(args),
        Verb::Parse(args) => parse::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Fields(args) => fields::run(&args),
        Verb::Completions(args) => completions::run(&args, Cli::command()),
    });
    done.unwrap_or_else(|error: Error| {
        // The thread that writes it has the rights that are left.
        let _ = caps::keep_for_good(CapabilitySet::empty());
        log::fail(&error);
        ExitCode::from(error.status())
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    /// `-h` and `--help` of each verb as a terminal of 100 columns shows them.
    #[test]
    fn help() {
        let mut cli = Cli::command().term_width(100);
        cli.build();
        insta::assert_snapshot!("help_nulltrace", cli.render_long_help());
        for verb in [
            "run",
            "agent",
            "record",
            "report",
            "events",
            "parse",
            "doctor",
            "fields",
            "completions",
        ] {
            let of = cli.find_subcommand_mut(verb).unwrap();
            insta::assert_snapshot!(format!("help_{verb}"), of.render_long_help());
            insta::assert_snapshot!(format!("help_{verb}_short"), of.render_help());
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    fn command(words: &[&str]) -> Vec<String> {
        let words = ["nulltrace", "run"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().verb {
            Verb::Run(args) => args.words(),
            verb => panic!("{verb:?}"),
        }
    }

    /// As perf and strace have it: the first word that is no option begins the command.
    #[test]
    fn the_first_word_that_is_no_option_begins_the_command() {
        for (words, is) in [
            (&["make", "-j4"][..], &["make", "-j4"][..]),
            (
                &["-q", "--view", "time", "ls", "-q", "--view"],
                &["ls", "-q", "--view"],
            ),
            (&["--", "make", "-j4"], &["make", "-j4"]),
            (
                &["-q", "--", "sh", "-c", "x", "--", "y"],
                &["sh", "-c", "x", "--", "y"],
            ),
            (&["sh", "--", "-p", "--help"], &["sh", "--", "-p", "--help"]),
            (&["--", "--odd"], &["--odd"]),
        ] {
            assert_eq!(command(words), is, "{words:?}");
        }
    }

    #[test]
    fn what_is_no_option_is_refused_before_the_command() {
        let error = Cli::try_parse_from(["nulltrace", "run", "--veiw", "time", "ls"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownArgument);
        assert!(error.to_string().contains("--view"), "{error}");
    }

    /// It will be a format wherever there is one.
    #[test]
    fn the_short_p_is_no_process() {
        for verb in ["run", "agent"] {
            let error = Cli::try_parse_from(["nulltrace", verb, "-p", "12"]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("write --pid 12"), "{error}");
            let error = Cli::try_parse_from(["nulltrace", verb, "-p", "%proc.name"]).unwrap_err();
            assert!(error.to_string().contains("--format"), "{error}");
        }
    }
}
