//! `cargo run --release -p indelible-benches --bin instructions`: instructions an event of the hot paths, counted by callgrind.

use clap::Parser;
use indelible_benches::instructions::{PATHS, available, count, run};

/// What to count.
#[derive(Debug, Parser)]
struct Args {
    /// Events that a path goes over.
    #[arg(long, default_value_t = 20_000)]
    events: u64,
    /// Only these paths.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs one path and prints its units: what runs inside callgrind.
    #[arg(long, hide = true)]
    path: Option<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let args = Args::parse();
    if let Some(path) = &args.path {
        println!("{}", run(path, args.events, tempfile::tempdir()?.path())?);
        return Ok(());
    }
    if !available() {
        println!("skipped: valgrind is not installed, so nothing can be counted");
        return Ok(());
    }
    let program = std::env::current_exe()?;
    for (path, what, unit) in PATHS {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == path) {
            continue;
        }
        let counted = count(program.as_os_str(), &[format!("--path={path}"), format!("--events={}", args.events)])?;
        println!("{path:<8} {:>10.0} instructions a {unit:<8}  {what}", counted.each());
    }
    Ok(())
}
