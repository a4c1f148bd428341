//! The binary `nulltrace`.

// See the library.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

fn main() -> ExitCode {
    nulltrace_collector::cli::main()
}
