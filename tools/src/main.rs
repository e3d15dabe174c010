//! The `indelible` command: see the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    indelible_tools::cli::main()
}
