//! `cargo run --release -p indelible-benches -- --events 1000000`: every figure of Indelible's own, no peers.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use indelible::{AuditEvent, LedgerReader, Options, Query, ReadOptions, VerifyOptions};
use indelible_benches::data::{Source, cardinalities};
use indelible_benches::load::{Loaded, load};
use indelible_benches::measure::peak_memory;
use indelible_benches::question::{KINDS, draw};
use indelible_benches::{ask, emit, size};
use indelible_tools::workload::Workload;

/// What to measure.
#[derive(Debug, Parser)]
struct Args {
    /// Events of the reference workload.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Seed of workload and questions.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Native events, one a line, instead of the reference workload.
    #[arg(long)]
    ndjson: Option<PathBuf>,
    /// Where logs are made; must not be memory. Default: the system's directory for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Times the loading is repeated; the median is shown with the extremes.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Questions of a kind.
    #[arg(long, default_value_t = 200)]
    questions: usize,
    /// Only these parts: load, memory, size, open, verify, query, emit.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A log that an earlier run kept, instead of loading one; or where to keep this run's.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Loads streaming and prints the peak of its memory: what the memory part starts.
    #[arg(long, hide = true)]
    memory_child: bool,
}

impl Args {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    if args.memory_child {
        load(&dir.path().join("log"), Options::default(), Workload::new(args.seed, args.events))?;
        println!("{}", peak_memory());
        return Ok(());
    }
    let source = match &args.ndjson {
        Some(file) => Source::Ndjson(file.clone()),
        None => Source::Workload { seed: args.seed },
    };
    let events = source.events(args.events).map_err(|error| error.to_string())?;
    if args.ndjson.is_some() {
        println!("events         {:8} of the {}, distinct: {:?}", events.len(), source.name(), cardinalities(&events));
    }
    let log = match &args.keep {
        Some(log) if log.exists() => log.clone(),
        Some(log) => {
            load(log, Options::default(), events.iter().cloned())?;
            log.clone()
        }
        None => loading(&args, dir.path(), &events)?,
    };
    if args.wants("memory") {
        let child = std::process::Command::new(std::env::current_exe()?)
            .args(["--memory-child", "--events", &args.events.to_string(), "--seed", &args.seed.to_string()])
            .output()?;
        let peak: u64 = String::from_utf8(child.stdout)?.trim().parse()?;
        println!("peak memory    {:8.1} MiB, generator included", peak as f64 / f64::from(1 << 20));
    }
    if args.wants("size") {
        sizes(&log, events.len() as u64)?;
    }
    if args.wants("open") {
        opening(&log)?;
    }
    if args.wants("verify") {
        verifying(&log)?;
    }
    if args.wants("query") {
        queries(&args, &log, &events)?;
    }
    if args.wants("emit") {
        emitting(dir.path(), &events)?;
    }
    Ok(())
}

fn loading(args: &Args, dir: &Path, events: &[AuditEvent]) -> Result<PathBuf, Box<dyn Error>> {
    let mut rounds: Vec<(Loaded, PathBuf)> = Vec::new();
    let count = if args.wants("load") { args.rounds.max(1) } else { 1 };
    for round in 0..count {
        let log = dir.join(format!("log-{round}"));
        let own = events.to_vec();
        rounds.push((load(&log, Options::default(), own)?, log));
    }
    rounds.sort_by(|(one, _), (two, _)| one.rate().total_cmp(&two.rate()));
    let (slowest, fastest) = (rounds[0].0.rate(), rounds[rounds.len() - 1].0.rate());
    let (median, log) = rounds.swap_remove(rounds.len() / 2);
    println!(
        "ingest         {:8.0} events/s to the last byte ({slowest:.0} to {fastest:.0}), one producer",
        median.rate()
    );
    println!(
        "  emitted      {:8.0} ms, durable {:.0} ms, closed {:.0} ms, {} syncs",
        millis(median.emitted),
        millis(median.durable),
        millis(median.closed),
        median.syncs
    );
    println!(
        "  CPU          {:8.3} us an event, all threads; {:.3} of it the emitter",
        median.cpu_each(),
        median.emitter_cpu.as_secs_f64() * 1e6 / median.events as f64
    );
    Ok(log)
}

fn sizes(log: &Path, events: u64) -> Result<(), Box<dyn Error>> {
    let sizes = size::measure(log)?;
    println!("size           {:8.2} bytes an event, everything", size::total(&sizes) as f64 / events as f64);
    for (name, bytes) in &sizes {
        let indent = if name.contains(": ") { "      " } else { "  " };
        println!("{indent}{name:<40} {:8.3}", *bytes as f64 / events as f64);
    }
    Ok(())
}

fn opening(log: &Path) -> Result<(), Box<dyn Error>> {
    let mut took = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let reader = LedgerReader::open(log, &ReadOptions::default())?;
        let query = Query {
            filter: indelible::query::Expr::is(indelible_evidence::schema::Field::WORKSPACE, "ws-00"),
            order: indelible::Order::Newest,
            limit: 50,
            cursor: None,
        };
        let page = reader.query(&query)?;
        took.push(start.elapsed());
        assert_eq!(page.rows.len().min(1), 1, "the first answer has rows");
    }
    let took = indelible_benches::measure::Latencies::new(took);
    println!("open           {:8.2} ms to the first answer (worst {:.2})", millis(took.at(0.5)), millis(took.at(1.0)));
    Ok(())
}

fn verifying(log: &Path) -> Result<(), Box<dyn Error>> {
    for threads in [1, 2] {
        let options = VerifyOptions { threads, ..VerifyOptions::default() };
        let start = Instant::now();
        let report = indelible::verify(log, &options, &mut |_| {})?;
        let took = start.elapsed();
        assert!(report.is_intact(), "a log that was just written is damaged: {:?}", report.breaks);
        let rate = report.canonical_bytes as f64 / took.as_secs_f64() / 1e9;
        println!("verify         {:8.0} ms with {threads} threads, {rate:.3} GB/s of canonical bytes", millis(took));
    }
    Ok(())
}

fn queries(args: &Args, log: &Path, events: &[AuditEvent]) -> Result<(), Box<dyn Error>> {
    let reader = LedgerReader::open(log, &ReadOptions::default())?;
    for (kind, name) in KINDS.iter().enumerate() {
        let questions = draw(kind, args.questions, events, args.seed);
        let (took, cpu) = ask::time(&reader, &questions, args.questions / 4)?;
        println!(
            "{name}             {:8.3} ms p50, {:.3} p95, {:.3} worst of {}; CPU {:.3} p50, {:.3} p95",
            millis(took.at(0.5)),
            millis(took.at(0.95)),
            millis(took.at(1.0)),
            took.all().len(),
            millis(cpu.at(0.5)),
            millis(cpu.at(0.95))
        );
    }
    Ok(())
}

fn emitting(dir: &Path, events: &[AuditEvent]) -> Result<(), Box<dyn Error>> {
    for producers in [1, 4, 16] {
        let log = dir.join(format!("emit-{producers}"));
        let some = events.get(..400_000).unwrap_or(events);
        let took = emit::paced(&log, some, 200_000, producers)?;
        println!(
            "emit           {:8.0} ns p50, {} p99, {} p99.9: 200,000/s from {producers}",
            took.at(0.5).as_nanos(),
            took.at(0.99).as_nanos(),
            took.at(0.999).as_nanos()
        );
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
