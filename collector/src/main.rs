//! The binary `nulltrace`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nulltrace_collector::cli::main()
}
