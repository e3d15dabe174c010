//! RESULTS.md and the plots, made wholly from what was measured; only the analysis is written by hand, and put in as it is.

mod budgets;
mod figures;
mod machine;
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
    let mut text = String::new();
    writeln!(text, "# Results\n")?;
    writeln!(
        text,
        "What was measured, how to measure it again, and where a goal is missed. Losses are marked. This page is written by"
    )?;
    writeln!(
        text,
        "the command below and by nobody else, but for the analysis, which is `benches/ANALYSIS.md` as it is.\n"
    )?;
    writeln!(text, "```\n{COMMAND}\n```\n")?;
    writeln!(
        text,
        "{}. It took {:.0} minutes; load averages {} before, {} after.\n",
        all.what,
        all.took / 60.0,
        all.load[0],
        all.load[1]
    )?;
    for line in machine::lines() {
        writeln!(text, "- {line}")?;
    }
    writeln!(text)?;
    failures(all, &mut text)?;
    let mut section = |title: &str, intro: &str, table: String| -> Result<()> {
        writeln!(text, "## {title}\n\n{intro}{}{table}", if intro.is_empty() { "" } else { "\n\n" })?;
        Ok(())
    };
    section("Goals", "", budgets::table(all, stores)?)?;
    section(
        "Analysis",
        "",
        std::fs::read_to_string(&args.analysis).unwrap_or_else(|_| "None was written.\n".to_owned()),
    )?;
    section(
        "Ingest, size, open",
        "Every store gets the same events in the same order from one thread; a run ends when the store is closed and everything is \
         synced. Each run is a process of its own, stores take turns, the order turns by one each round. *ours is* says how many \
         times as fast as the store Indelible is; **behind** where it is slower.",
        tables::ingest(stores)?,
    )?;
    section(
        "Questions",
        "p50 / p95 in ms, medians over the runs; in brackets the store's p50 to ours, bold where the store is ahead. Q1 workspace \
         and day, newest 50; Q2 actor, three actions, critical; Q3 a correlation id; Q4 five conditions, newest 50 and the exact \
         total; Q5 counts over 7 days; Q6 1000 full rows; Q7 page 200 by cursor (of few events, the deepest page there is).",
        tables::queries(stores)?,
    )?;
    section("Questions to Indelible: spread over the runs", "", tables::own_queries(stores)?)?;
    section(
        "A single durable event",
        "Commits of all take turns in blocks of fifty, on the same disk at the same time.",
        tables::singles(all)?,
    )?;
    let rate = grouped(crate::child::EMIT_RATE);
    section(
        "What a caller of `emit` waits for",
        &format!(
            "Open loop, {rate} events a second over all producers; durable group commit runs meanwhile. Median (least to most) over the runs."
        ),
        tables::emits(all)?,
    )?;
    section("Size by part", "", tables::parts(stores)?)?;
    section("Events that arrive slowly", "", low_rate(all))?;
    section("Verification of everything", "", tables::verify(all, stores)?)?;
    section(
        "Purge",
        "Info events older than half of the time range are deleted, and the space given back.",
        tables::purges(stores)?,
    )?;
    if !all.curve.is_empty() {
        section(
            "Cost against size",
            "Indelible alone. Events are made a million at a time while the clock stands still; a stage ends when all of it is framed. \
             Peak memory is that of a process that makes its events as it emits them. Questions: p50 / p95 ms.",
            tables::curve(all)?,
        )?;
    }
    section(
        "Instructions",
        "Counted by callgrind, in one thread, without AVX-512: what changes between versions of the code, whatever else runs.",
        tables::instructions(all)?,
    )?;
    if !plots.is_empty() {
        let links: Vec<String> =
            plots.iter().map(|name| format!("[{}](benches/plots/{name})", name.trim_end_matches(".svg"))).collect();
        writeln!(text, "## Plots\n\n{}", links.join(", "))?;
    }
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
