//! A store's turn: load, open, ask, verify, purge.

use std::path::Path;
use std::time::Instant;

use indelible::AuditEvent;
use indelible_benches::measure::{Latencies, process_cpu};
use indelible_benches::question::{Answer, KINDS, Question, time_of};
use indelible_benches::size;

use super::{Questions, millis, plain, seconds};
use crate::args::Args;
use crate::job::{PurgeRun, StoreRun};
use crate::store::{Asked, Peer, Result, bytes_below, digest};

/// Questions that are prepared, answered and compared together.
const TOGETHER: usize = 25;
/// Questions that a store is asked however slow it is.
const LEAST: usize = 3;
/// Opens that are timed in a turn.
const OPENS: usize = 7;

/// Loads a store; asks, verifies and purges it where that is wanted.
pub fn run(peer: &dyn Peer, ask: bool, purge: bool, args: &Args, dir: &Path) -> Result<StoreRun> {
    let mut events = args.source().events(args.events)?;
    let questions = if ask { Questions::of(args, &events) } else { Questions::none() };
    let cutoff = middle(&events);
    let (cpu, start) = (process_cpu(), Instant::now());
    peer.load(dir, &mut events)?;
    let mut run = StoreRun {
        key: peer.key().to_owned(),
        load: seconds(start.elapsed()),
        cpu: seconds(process_cpu() - cpu),
        bytes: bytes_below(dir)?,
        ..StoreRun::default()
    };
    drop(events);
    if peer.key() == "indelible" {
        run.parts = size::measure(&dir.join("log")).map_err(plain)?.into_iter().collect();
    }
    if ask {
        asked(peer, args, dir, &questions, &mut run)?;
        for threads in [1, 2] {
            let start = Instant::now();
            if let Some(verified) = peer.verify(dir, threads)? {
                run.verify.push((threads, seconds(start.elapsed()), verified.bytes));
            }
        }
    }
    if purge && let Some(purged) = peer.purge(dir, cutoff)? {
        let steps = purged.steps.into_iter().map(|(name, took)| (name, seconds(took))).collect();
        run.purge = Some(PurgeRun { steps, removed: purged.removed, left: purged.left, bytes: bytes_below(dir)? });
    }
    Ok(run)
}

/// The time half-way through the events' time.
fn middle(events: &[AuditEvent]) -> i64 {
    let time = |event: Option<&AuditEvent>| event.map_or(0, time_of);
    let (first, last) = (time(events.first()), time(events.last()));
    first + (last - first) / 2
}

/// Opens to the first answer, then all questions.
pub fn asked(peer: &dyn Peer, args: &Args, dir: &Path, questions: &Questions, run: &mut StoreRun) -> Result<()> {
    let first = questions.first().ok_or("there is nothing to ask for in these events")?;
    for _ in 0..OPENS {
        let start = Instant::now();
        let Some(mut open) = peer.open(dir)? else { return Ok(()) };
        open.prepare(first)?;
        open.answer(first)?;
        run.opens.push(millis(&start.elapsed()));
        if run.opens.iter().sum::<f64>() > 3_000.0 {
            break;
        }
    }
    let expected: Vec<Vec<String>> = match &args.answers {
        Some(file) => serde_json::from_slice(&std::fs::read(file)?)?,
        None => Vec::new(),
    };
    let Some(mut open) = peer.open(dir)? else { return Ok(()) };
    for (kind, (timed, warm)) in questions.timed.iter().zip(&questions.warm).enumerate() {
        let begun = Instant::now();
        for question in warm {
            if begun.elapsed().as_secs_f64() > args.kind_seconds / 4.0 {
                break;
            }
            open.prepare(question)?;
            open.answer(question)?;
        }
        let expected = expected.get(kind).map(Vec::as_slice).unwrap_or_default();
        let (took, compared) = ask(open.as_mut(), args, kind, timed, expected)?;
        run.queries.push(took);
        run.compared += compared;
    }
    Ok(())
}

/// Asks the questions of a kind, each once, in their order, until the time for the kind is over; never fewer than three. A few
/// at a time are prepared, answered (which alone is measured) and compared.
fn ask(
    open: &mut dyn Asked,
    args: &Args,
    kind: usize,
    questions: &[Question],
    expected: &[String],
) -> Result<(Vec<f64>, usize)> {
    let (mut took, mut compared, mut spent) = (Vec::new(), 0, 0.0);
    let mut asked = 0;
    while asked < questions.len() && (asked < LEAST || spent < args.kind_seconds) {
        let begun = Instant::now();
        let mut prepared = 0;
        for question in questions.iter().skip(asked).take(TOGETHER) {
            let late = spent + seconds(begun.elapsed()) >= args.kind_seconds / 2.0;
            if prepared > 0 && asked + prepared >= LEAST && late {
                break;
            }
            open.prepare(question)?;
            prepared += 1;
        }
        let mut answers = Vec::with_capacity(prepared);
        for (number, question) in questions.iter().enumerate().skip(asked).take(prepared) {
            let start = Instant::now();
            let answer = open.answer(question)?;
            took.push(start.elapsed());
            answers.push((number, answer));
        }
        asked += prepared;
        spent += seconds(begun.elapsed());
        compared += compare(kind, questions, expected, &mut answers)?;
    }
    Ok((Latencies::new(took).all().iter().map(millis).collect(), compared))
}

/// Every answer must be the one that going through all events gives.
fn compare(
    kind: usize,
    questions: &[Question],
    expected: &[String],
    answers: &mut Vec<(usize, Answer)>,
) -> Result<usize> {
    let mut compared = 0;
    for (number, answer) in answers.drain(..) {
        let Some(expected) = expected.get(number) else { continue };
        compared += 1;
        if digest(&answer) != *expected {
            let (name, question) = (KINDS.get(kind).copied().unwrap_or("?"), questions.get(number));
            let (rows, total, counts) = (answer.rows.len(), answer.total, answer.counts.len());
            return Err(format!(
                "{name} number {number} is answered otherwise than by a scan: {rows} rows, total {total:?}, {counts} \
                 counts: {question:?}"
            )
            .into());
        }
    }
    Ok(compared)
}
