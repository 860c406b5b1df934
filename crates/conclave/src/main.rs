//! Parses, runs, and says what went wrong and what to do about it.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclave::cli::main()
}
