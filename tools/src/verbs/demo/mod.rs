//! `demo`: the whole story on generated events, with figures.
//!
//! ```text
//! workload --> ingest (durable) --> queries --> counts --> verify --> one flipped bit in a copy --> caught
//!          --> purge of half of the info events --> proof of it, checked --> verify again
//! ```
//!
//! Everything goes through the public interface, on real files; figures are measured here and now, on this machine.

mod purge;
mod queries;
mod size;
mod tamper;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indelible::{CreateOptions, Ledger, LedgerReader, OpenOptions, ReadOptions, VerifyOptions, verify};

use crate::cli::DemoArgs;
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{Content, Table, bytes, thousands};
use crate::output::{self, Look, drawn, line};
use crate::signals::Stop;
use crate::verbs::{bytes_bar, events_bar};
use crate::workload::Workload;

/// Runs the demo.
///
/// # Errors
/// A directory that is in use or cannot be written; a log that does not verify, which would be a fault of ours.
pub fn run(args: &DemoArgs) -> Outcome {
    if args.events == 0 {
        return Err(Failure::usage("--events 0 leaves nothing to show: give at least 1"));
    }
    let place = Place::of(args)?;
    let look = Look::of_stdout();
    let mut out = output::stdout();
    let mut story = Story { out: &mut out, look, summary: Vec::new() };
    let log = place.path().join("log");
    let stop = Stop::on_signals()?;
    story.say(&format!("Indelible demo: {} audit events in {}", thousands(args.events), log.display()))?;
    let written = ingest(args, place.path(), &log, &stop, &mut story)?;
    going_on(&stop)?;
    let reader = LedgerReader::open(&log, &ReadOptions::default())?;
    queries::run(&reader, args.seed, args.events, &mut story)?;
    drop(reader);
    going_on(&stop)?;
    size::run(&log, written, &mut story)?;
    verified(&log, &mut story)?;
    going_on(&stop)?;
    tamper::run(&log, &place.path().join("tampered"), &mut story)?;
    going_on(&stop)?;
    purge::run(&log, &place.path().join("demo.key"), &place.path().join("deletions.proof"), &mut story)?;
    verified(&log, &mut story)?;
    story.end()?;
    if args.dir.is_some() {
        let shown = log.display();
        let hint = format!(
            "The log is kept: try `indelible query {shown} --severity critical` or `indelible inspect {shown}`"
        );
        line(&mut out, &hint)?;
    }
    out.flush()?;
    Ok(())
}

/// Ends the demo between two of its steps, so that its directory is still removed.
fn going_on(stop: &Stop) -> Outcome {
    if stop.asked() { Err(Failure::interrupted("stopped by a signal")) } else { Ok(()) }
}

/// Where the demo works.
enum Place {
    /// Removed at the end, however that comes.
    Temporary(tempfile::TempDir),
    /// Named by the user, kept.
    Named(PathBuf),
}

impl Place {
    fn of(args: &DemoArgs) -> Outcome<Self> {
        let Some(directory) = &args.dir else {
            let made = tempfile::Builder::new().prefix("indelible-demo-").tempdir();
            return Ok(Place::Temporary(made.doing("make a directory in", &std::env::temp_dir())?));
        };
        indelible::world::outputs::check(&directory.join("log"), None)?;
        std::fs::create_dir_all(directory).doing("make", directory)?;
        if directory.join("log").exists() || directory.join("tampered").exists() {
            return Err(Failure::operational(format!("{} holds a demo already", directory.display()))
                .help("choose another --dir, or remove it"));
        }
        Ok(Place::Named(directory.clone()))
    }

    fn path(&self) -> &Path {
        match self {
            Place::Temporary(directory) => directory.path(),
            Place::Named(directory) => directory,
        }
    }
}

/// What is told on the way, and the table at the end.
struct Story<'o> {
    out: &'o mut dyn Write,
    look: Look,
    summary: Vec<(&'static str, String, String)>,
}

impl Story<'_> {
    fn say(&mut self, text: &str) -> Outcome {
        text.split('\n').try_for_each(|text| line(self.out, text))?;
        // A slow terminal or a pipe sees each step as it is done.
        self.out.flush()?;
        Ok(())
    }

    fn table(&mut self, title: &str, table: Table) -> Outcome {
        self.say(&format!("\n{title}"))?;
        drawn(self.out, &table.render())?;
        self.out.flush()?;
        Ok(())
    }

    fn note(&mut self, what: &'static str, figure: String, remark: impl Into<String>) {
        self.summary.push((what, figure, remark.into()));
    }

    fn end(&mut self) -> Outcome {
        let mut table = Table::new(&["", "figure", "how"], self.look);
        for (what, figure, remark) in std::mem::take(&mut self.summary) {
            table.row(vec![Content::Good(what.to_owned()), Content::Number(figure), Content::Plain(remark)]);
        }
        self.table("Summary", table)
    }
}

/// Generates and stores the events; gives the bytes that they would take as NDJSON.
fn ingest(args: &DemoArgs, directory: &Path, log: &Path, stop: &Stop, story: &mut Story<'_>) -> Outcome<u64> {
    // The demo's key lies beside its log, not among the user's keys.
    let key = directory.join("demo.key");
    let create = CreateOptions { sign_key_file: Some(key.clone()), ..Default::default() };
    Ledger::create(log, &create)?;
    let ledger = Ledger::open(log, &OpenOptions { sign_key_file: Some(key), ..Default::default() })?;
    let bar = events_bar("ingesting", args.events);
    let started = Instant::now();
    let mut sampled = (0u64, 0u64);
    let mut text = Vec::with_capacity(1_024);
    for (at, event) in Workload::new(args.seed, args.events).enumerate() {
        // One event in a thousand is measured as NDJSON, so that the measuring costs nothing.
        if at % 1_000 == 0 {
            text.clear();
            event.write_native_json(None, None, &mut text);
            sampled = (sampled.0 + 1, sampled.1 + text.len() as u64 + 1);
            bar.set_position(at as u64);
            if stop.asked() {
                break;
            }
        }
        ledger.emit(event).map_err(|error| Failure::operational(error.to_string()))?;
    }
    ledger.flush(None)?;
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let durable = ledger.durable_to();
    ledger.close()?;
    let rate = args.events as f64 / seconds.max(1e-9);
    story.say(&format!(
        "ingested {} events in {seconds:.2} s: {} a second, every one synced to the device (log now {} records)",
        thousands(args.events),
        thousands(rate as u64),
        thousands(durable),
    ))?;
    story.note("ingest", format!("{} events/s", thousands(rate as u64)), "generated, indexed, hash-chained, durable");
    Ok(args.events * sampled.1 / sampled.0.max(1))
}

fn verified(log: &Path, story: &mut Story<'_>) -> Outcome {
    let bar = bytes_bar("verifying", Some(0));
    let started = Instant::now();
    let report = verify(log, &VerifyOptions::default(), &mut |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
    })?;
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    if let Some(corruption) = report.breaks.first() {
        return Err(Failure::verification(format!("the log that was just written does not verify: {corruption}")));
    }
    let rate = report.canonical_bytes as f64 / seconds.max(1e-9);
    story.say(&format!(
        "\nverified {} records in {} frames: {} of canonical bytes in {seconds:.2} s, {:.2} GB/s",
        thousands(report.records),
        thousands(report.frames),
        bytes(report.canonical_bytes),
        rate / 1e9,
    ))?;
    if story.summary.iter().all(|(what, ..)| *what != "verify") {
        story.note("verify", format!("{:.2} GB/s", rate / 1e9), "every record, frame root, chain value and checkpoint");
    }
    Ok(())
}
