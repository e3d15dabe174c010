//! `cargo run --release -p indelible-peers --features all-peers -- --results RESULTS.md`: everything that is measured, in one
//! command.
//!
//! ```text
//! rounds (parent) -> child per job -> job (what was found) -> report (tables, plots)
//! ```
//!
//! The same events and questions are put to every store, and every answer is compared with that of a scan over all events
//! before a time is printed. A store that answers otherwise, or fails, is reported and has no times.

mod args;
mod child;
mod job;
mod report;
mod rounds;
mod store;

use clap::Parser;
use indelible_benches::instructions;

use args::Args;
use job::{Found, Job};
use store::Result;

fn main() -> Result<()> {
    let args = Args::parse().sized();
    if args.list {
        store::all().iter().for_each(|peer| println!("{}", peer.key()));
        return Ok(());
    }
    if let Some(path) = &args.path {
        println!("{}", instructions::run(path, args.events, tempfile::tempdir()?.path())?);
        return Ok(());
    }
    if let Some(job) = &args.job {
        return run_job(&serde_json::from_str(job)?, &args);
    }
    let measured = match &args.from_raw {
        Some(file) => serde_json::from_slice(&std::fs::read(file)?)?,
        None => rounds::measure(&args)?,
    };
    if let Some(file) = &args.raw {
        std::fs::write(file, serde_json::to_vec(&measured)?)?;
    }
    report::write(&measured, &args)
}

/// Runs a job and leaves what it found, or why it failed, in the file that was named.
fn run_job(job: &Job, args: &Args) -> Result<()> {
    let dir = args.dir.clone().ok_or("a job needs --dir")?;
    let found: std::result::Result<Found, String> = child::run(job, args, &dir).map_err(|error| error.to_string());
    let out = args.out.clone().ok_or("a job needs --out")?;
    std::fs::write(out, serde_json::to_vec(&found)?)?;
    Ok(())
}
