//! `cargo run --release -p indelible-peers`: the same events and questions put to every store, answers compared row by row
//! before a time is printed; writes a table as Markdown and the plots beside it.

mod keyed;
mod ours;
mod peer;
mod plot;
mod redb_peer;
mod report;
mod row;
mod sqlite;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use indelible::AuditEvent;
use indelible_benches::measure::{Latencies, process_cpu};
use indelible_benches::oracle::by_scan;
use indelible_benches::question::{Answer, KINDS, Question, draw};
use indelible_tools::workload::Workload;
use peer::{Loaded, Peer, Result, bytes_below};

/// What to compare.
#[derive(Debug, Parser)]
struct Args {
    /// Events of the reference workload.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Seed of workload and questions.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Questions of a kind.
    #[arg(long, default_value_t = 200)]
    questions: usize,
    /// Rounds; stores take turns in each, medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where stores are made. Default: the system's directory for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where the table is written, the plots beside it in `benches/plots`. Default: only printed.
    #[arg(long)]
    results: Option<PathBuf>,
}

/// Everything measured of one store.
struct Measured {
    name: String,
    loads: Vec<Loaded>,
    opens: Vec<Duration>,
    /// By kind of question.
    queries: Vec<Latencies>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let events: Vec<AuditEvent> = Workload::new(args.seed, args.events).collect();
    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(ours::Indelible),
        Box::new(sqlite::Sqlite { full: true, chain: true }),
        Box::new(sqlite::Sqlite { full: true, chain: false }),
        Box::new(sqlite::Sqlite { full: false, chain: false }),
        Box::new(redb_peer::Redb),
    ];
    let questions: Vec<Vec<Question>> =
        (0..KINDS.len()).map(|kind| draw(kind, args.questions, &events, args.seed)).collect();
    let mut all: Vec<Measured> = peers
        .iter()
        .map(|peer| Measured { name: peer.name(), loads: Vec::new(), opens: Vec::new(), queries: Vec::new() })
        .collect();
    for round in 0..args.rounds.max(1) {
        for (peer, measured) in peers.iter().zip(&mut all) {
            let last = round + 1 == args.rounds.max(1);
            measure(peer.as_ref(), &args, &events, &questions, measured, last)?;
            eprintln!("{} done, round {round}", measured.name);
        }
    }
    report::print(&all, &args_line(&args), args.events, args.results.as_deref())
}

fn args_line(args: &Args) -> String {
    format!(
        "{} events, seed {}, {} questions of a kind, {} rounds",
        args.events, args.seed, args.questions, args.rounds
    )
}

fn measure(
    peer: &dyn Peer,
    args: &Args,
    events: &[AuditEvent],
    questions: &[Vec<Question>],
    measured: &mut Measured,
    ask: bool,
) -> Result<()> {
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let (cpu, start) = (process_cpu(), Instant::now());
    peer.load(dir.path(), events)?;
    let took = start.elapsed();
    measured.loads.push(Loaded { took, cpu: process_cpu() - cpu, bytes: bytes_below(dir.path())? });
    let first = questions.first().and_then(|kind| kind.first()).ok_or("no questions")?;
    let start = Instant::now();
    let mut open = peer.open(dir.path())?;
    let cursor = open.prepare(first)?;
    open.answer(first, cursor)?;
    measured.opens.push(start.elapsed());
    if !ask {
        return Ok(());
    }
    for (kind, questions) in questions.iter().enumerate() {
        let mut took = Vec::new();
        for (number, question) in questions.iter().enumerate() {
            let cursor = open.prepare(question)?;
            let start = Instant::now();
            let answer = open.answer(question, cursor)?;
            let elapsed = start.elapsed();
            // Page 200 of a short result does not exist, and how fast a store knows that is no page's latency.
            if !(matches!(question, Question::Deep { .. }) && answer.rows.is_empty()) {
                took.push(elapsed);
            }
            compare(kind, number, events, question, &answer, &measured.name)?;
        }
        measured.queries.push(Latencies::new(took));
    }
    Ok(())
}

/// The answer must be the one that going through all events gives. Every eighth question is checked so; all stores are asked
/// the same ones, so they are compared with each other as well.
fn compare(
    kind: usize,
    number: usize,
    events: &[AuditEvent],
    question: &Question,
    answer: &Answer,
    name: &str,
) -> Result<()> {
    if !number.is_multiple_of(8) {
        return Ok(());
    }
    let expected = by_scan(events, question);
    if *answer != expected {
        let what = KINDS.get(kind).copied().unwrap_or("?");
        return Err(format!(
            "{name} answers {what} number {number} otherwise: {} rows, {:?} in all, expected {} and {:?}: {question:?}",
            answer.rows.len(),
            answer.total,
            expected.rows.len(),
            expected.total
        )
        .into());
    }
    Ok(())
}
