//! RESULTS.md and the plots, made wholly from what was measured; only the analysis is written by hand, and put in as it is.

mod budgets;
mod figures;
pub mod machine;
mod plot;
mod plots;
mod tables;

use std::fmt::Write as _;

use crate::args::Args;
use crate::rounds::{Measured, grouped};
use crate::store::Result;

/// The command that makes all of it.
const COMMAND: &str = "cargo run --release -p indelible-peers --features all-peers -- --results RESULTS.md";

/// Prints the tables; with `--results`, writes them and the plots.
pub fn write(all: &Measured, args: &Args) -> Result<()> {
    let stores = figures::stores(all);
    let plots = match &args.results {
        Some(_) => plots::write(all, &stores, &args.plots)?,
        None => Vec::new(),
    };
    let text = text(all, &stores, args, &plots)?;
    match &args.results {
        Some(file) => std::fs::write(file, text)?,
        None => print!("{text}"),
    }
    for failure in &all.failures {
        eprintln!("FAILED: {failure}");
    }
    Ok(())
}

fn text(all: &Measured, stores: &[figures::Store<'_>], args: &Args, plots: &[String]) -> Result<String> {
    let mut text = head(all)?;
    let analysis = std::fs::read_to_string(&args.analysis).unwrap_or_else(|_| "None was written.\n".to_owned());
    let mut sections = vec![
        ("Goals", String::new(), budgets::table(all, stores)?),
        ("Analysis", String::new(), analysis),
        ("Ingest, size, open", INGEST.to_owned(), tables::ingest(stores)?),
        ("Questions", QUESTIONS.to_owned(), tables::queries(stores)?),
        ("Questions to Indelible: spread over the runs", String::new(), tables::own_queries(stores)?),
        ("A single durable event", SINGLES.to_owned(), tables::singles(all)?),
        ("What a caller of `emit` waits for", emit_intro(), tables::emits(all)?),
        ("Size by part", String::new(), tables::parts(stores)?),
        ("Events that arrive slowly", String::new(), low_rate(all)),
        ("Verification of everything", String::new(), tables::verify(all, stores)?),
        ("Purge", PURGE.to_owned(), tables::purges(stores)?),
    ];
    if !all.curve.is_empty() {
        sections.push(("Cost against size", CURVE.to_owned(), tables::curve(all)?));
    }
    sections.push(("Instructions", INSTRUCTIONS.to_owned(), tables::instructions(all)?));
    for (title, intro, table) in sections {
        writeln!(text, "## {title}\n\n{intro}{}{table}", if intro.is_empty() { "" } else { "\n\n" })?;
    }
    if !plots.is_empty() {
        let link = |name: &String| format!("[{}](benches/plots/{name})", name.trim_end_matches(".svg"));
        writeln!(text, "## Plots\n\n{}", plots.iter().map(link).collect::<Vec<_>>().join(", "))?;
    }
    Ok(text)
}

const INGEST: &str = "Every store gets the same events in the same order from one thread; a run ends when the store is closed and everything is \
    synced. Each run is a process of its own, stores take turns, the order turns by one each round. *ours is* says how many times as \
    fast as the store Indelible is; **behind** where it is slower.";
const QUESTIONS: &str = "p50 / p95 in ms, medians over the runs; in brackets the store's p50 to ours, bold where the store is ahead. Q1 workspace \
    and day, newest 50; Q2 actor, three actions, critical; Q3 a correlation id; Q4 five conditions, newest 50 and the exact total; Q5 \
    counts over 7 days; Q6 1000 full rows; Q7 page 200 by cursor (of few events, the deepest page there is).";
const SINGLES: &str = "Commits of all take turns in blocks of fifty, on the same disk at the same time.";
const PURGE: &str = "Info events older than half of the time range are deleted, and the space given back.";
const CURVE: &str = "Indelible alone. Events are made a million at a time while the clock stands still; a stage ends when all of it is framed. \
    Peak memory is that of a process that makes its events as it emits them. Questions: p50 / p95 ms.";
const INSTRUCTIONS: &str = "Counted by callgrind, in one thread, without AVX-512: what changes between versions of the code, whatever else runs.";

fn emit_intro() -> String {
    let rate = grouped(crate::child::EMIT_RATE);
    format!(
        "Open loop, {rate} events a second over all producers; durable group commit runs meanwhile. Median (least to most) over the runs."
    )
}

fn head(all: &Measured) -> Result<String> {
    let mut text = String::from(
        "# Results\n\nWhat was measured, how to measure it again, and where a goal is missed. Losses are marked. This page is written by \
         the command\nbelow and by nobody else, but for the analysis, which is `benches/ANALYSIS.md` as it is.\n\n",
    );
    let [before, after] = &all.load;
    let minutes = all.took / 60.0;
    writeln!(text, "```\n{COMMAND}\n```\n")?;
    writeln!(text, "{}. It took {minutes:.0} minutes; load averages {before} before, {after} after.\n", all.what)?;
    for line in &all.machine {
        writeln!(text, "- {line}")?;
    }
    writeln!(text)?;
    failures(all, &mut text)?;
    Ok(text)
}

fn failures(all: &Measured, text: &mut String) -> Result<()> {
    if !all.failures.is_empty() {
        writeln!(text, "**Not everything ran.**\n")?;
        for failure in &all.failures {
            writeln!(text, "- {failure}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn low_rate(all: &Measured) -> String {
    let Some(run) = &all.low_rate else { return "Not measured.\n".to_owned() };
    let each = |bytes: u64| bytes as f64 / run.events as f64;
    format!(
        "{} events at {} a day, by a clock that is turned: {:.1} bytes an event, against {:.1} for the same events as fast as they \
         go: {:.2} x. Every minute what came is framed and signed, though no frame is full; every midnight the segment is sealed.\n",
        grouped(run.events),
        grouped(run.per_day.into()),
        each(run.slow),
        each(run.busy),
        run.slow as f64 / run.busy as f64
    )
}
