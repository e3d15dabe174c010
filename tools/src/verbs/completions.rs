//! `completions SHELL`: a script that teaches a shell the verbs and options.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::failure::Outcome;
use crate::output;

/// Prints the script.
///
/// # Errors
/// What stdout says.
pub fn run(args: &CompletionsArgs) -> Outcome {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "indelible", &mut script);
    use std::io::Write as _;
    let mut out = output::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}
