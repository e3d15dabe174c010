//! Runs one job: the part that measures.

use std::path::Path;
use std::time::{Duration, Instant};

use indelible::AuditEvent;
use indelible_benches::curve::{self, Sample};
use indelible_benches::measure::{Latencies, peak_memory, process_cpu};
use indelible_benches::oracle::by_scan;
use indelible_benches::question::{Answer, KINDS, Question, draw};
use indelible_benches::{emit, load, low_rate, size};
use indelible_tools::workload::Workload;

use crate::args::Args;
use crate::job::{CurveRun, EmitRun, Found, Job, LowRateRun, PurgeRun, SingleRun, StoreRun};
use crate::store::{self, Asked, Peer, Result, bytes_below, digest};

/// Events a stage of the curve.
const STAGE: usize = 1_000_000;
/// Events that questions of the curve are drawn from.
const SAMPLE: u64 = 1_000_000;
/// Open loop rate of emit, a second.
pub const EMIT_RATE: u64 = 200_000;
/// Opens that are timed in a run.
const OPENS: usize = 7;

/// Measures.
pub fn run(job: &Job, args: &Args, dir: &Path) -> Result<Found> {
    Ok(match job {
        Job::Answers => Found::Answers(answers(args)?),
        Job::Store { key, ask, purge } => {
            let stores = store::all();
            let peer = stores.iter().find(|peer| peer.key() == key).ok_or_else(|| format!("no store named {key}"))?;
            Found::Store(Box::new(one_store(peer.as_ref(), *ask, *purge, args, dir)?))
        }
        Job::Singles { commits } => Found::Singles(singles(*commits, args, dir)?),
        Job::Emit { producers, events } => Found::Emit(emits(*producers, *events, args, dir)?),
        Job::LowRate { events, per_day } => Found::LowRate(slow(*events, *per_day, args, dir)?),
        Job::Curve { events } => Found::Curve(point(*events, args, dir)?),
        Job::Memory { events } => {
            let events = Workload::new(args.seed, *events);
            load::load(&dir.join("log"), indelible::Options::default(), events).map_err(plain)?;
            Found::Memory(peak_memory())
        }
        Job::Chain => {
            let events = args.source().events(args.events)?;
            Found::Chain([1, 2].map(|threads| chain(&events, threads)).to_vec())
        }
    })
}

fn plain(error: Box<dyn std::error::Error>) -> Box<dyn std::error::Error + Send + Sync> {
    error.to_string().into()
}

fn chain(events: &[AuditEvent], threads: usize) -> (usize, f64) {
    let rates = (0..3).map(|_| {
        let (bytes, took) = store::verify_chain(events, threads);
        bytes as f64 / took.as_secs_f64()
    });
    (threads, rates.fold(0.0, f64::max))
}

/// The questions by kind, and others of the kind that are asked before them, not timed.
struct Questions {
    timed: Vec<Vec<Question>>,
    warm: Vec<Vec<Question>>,
}

impl Questions {
    fn of(args: &Args, events: &[AuditEvent]) -> Self {
        let drawn = |each: usize, seed: u64| (0..KINDS.len()).map(|kind| draw(kind, each, events, seed)).collect();
        Self { timed: drawn(args.questions, args.seed), warm: drawn(args.questions / 4, args.seed ^ 0x5EED) }
    }

    fn none() -> Self {
        Self { timed: Vec::new(), warm: Vec::new() }
    }

    fn first(&self) -> Option<&Question> {
        self.timed.iter().flatten().next()
    }
}

/// Digests of all answers, over two threads.
fn answers(args: &Args) -> Result<Vec<Vec<String>>> {
    let events = args.source().events(args.events)?;
    let of_kind = |questions: Vec<Question>| -> Vec<String> {
        let half = questions.len().div_ceil(2).max(1);
        std::thread::scope(|scope| {
            let events = &events;
            let parts: Vec<_> = questions
                .chunks(half)
                .map(|part| {
                    scope.spawn(move || part.iter().map(|one| digest(&by_scan(events, one))).collect::<Vec<_>>())
                })
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        })
    };
    Ok(Questions::of(args, &events).timed.into_iter().map(of_kind).collect())
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn millis(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn one_store(peer: &dyn Peer, ask: bool, purge: bool, args: &Args, dir: &Path) -> Result<StoreRun> {
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
    let time = |event: Option<&AuditEvent>| event.map_or(0, indelible_benches::question::time_of);
    let (first, last) = (time(events.first()), time(events.last()));
    first + (last - first) / 2
}

fn asked(peer: &dyn Peer, args: &Args, dir: &Path, questions: &Questions, run: &mut StoreRun) -> Result<()> {
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

/// Asks the questions of a kind, each once, in their order, until the time for the kind is over; never fewer than three. What
/// was answered is compared after every few questions, outside the measured time.
fn ask(
    open: &mut dyn Asked,
    args: &Args,
    kind: usize,
    questions: &[Question],
    expected: &[String],
) -> Result<(Vec<f64>, usize)> {
    let (mut took, mut compared, mut spent) = (Vec::new(), 0, 0.0);
    let mut answers = Vec::new();
    for (number, question) in questions.iter().enumerate() {
        if number >= 3 && spent > args.kind_seconds {
            break;
        }
        let begun = Instant::now();
        open.prepare(question)?;
        let start = Instant::now();
        let answer = open.answer(question)?;
        took.push(start.elapsed());
        spent += seconds(begun.elapsed());
        answers.push((number, answer));
        if answers.len() == 25 {
            compared += compare(kind, questions, expected, &mut answers)?;
        }
    }
    compared += compare(kind, questions, expected, &mut answers)?;
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

/// Commits of each in blocks of fifty, so that a slow moment of the disk meets all of them.
fn singles(commits: usize, args: &Args, dir: &Path) -> Result<Vec<SingleRun>> {
    let events = args.source().events(commits as u64)?;
    let place = |name: &str| -> Result<std::path::PathBuf> {
        let place = dir.join(name);
        std::fs::create_dir_all(&place)?;
        Ok(place)
    };
    let mut raw = store::raw_sync(&place("raw")?)?;
    let mut stores = Vec::new();
    for peer in store::all() {
        if let Some(single) = peer.single(&place(peer.key())?)? {
            stores.push((peer.name(), single, Vec::new()));
        }
    }
    let mut raws = Vec::new();
    for block in events.chunks(50) {
        for _ in block {
            raws.push(raw()?);
        }
        for (_, single, took) in &mut stores {
            for event in block {
                let start = Instant::now();
                single.commit(event)?;
                took.push(start.elapsed());
            }
        }
    }
    let run = |name: &str, took: Vec<Duration>| SingleRun {
        name: name.to_owned(),
        micros: Latencies::new(took).all().iter().map(|took| took.as_secs_f64() * 1e6).collect(),
    };
    let mut runs = vec![run("raw 4 KiB append + fdatasync", raws)];
    runs.extend(stores.into_iter().map(|(name, _, took)| run(name, took)));
    Ok(runs)
}

fn emits(producers: usize, events: u64, args: &Args, dir: &Path) -> Result<EmitRun> {
    let events = args.source().events(events)?;
    let took = emit::paced(&dir.join("log"), events, EMIT_RATE, producers).map_err(plain)?;
    let nanos = |share| u64::try_from(took.at(share).as_nanos()).unwrap_or(u64::MAX);
    Ok(EmitRun {
        producers,
        marks: [nanos(0.5), nanos(0.99), nanos(0.999), nanos(1.0)],
        nanos: (1..=1_000).map(|rank| nanos(f64::from(rank) / 1_000.0)).collect(),
    })
}

fn slow(events: u64, per_day: u32, args: &Args, dir: &Path) -> Result<LowRateRun> {
    let events = args.source().events(events)?;
    let (slow, busy) = (dir.join("slow"), dir.join("busy"));
    low_rate::write(&slow, &events, per_day)?;
    load::load(&busy, indelible::Options::default(), events.iter().cloned()).map_err(plain)?;
    let (slow, busy) = (bytes_below(&slow)?, bytes_below(&busy)?);
    Ok(LowRateRun { events: events.len() as u64, per_day, slow, busy })
}

fn point(count: u64, args: &Args, dir: &Path) -> Result<CurveRun> {
    let mut sample = Sample::new(count, SAMPLE);
    let log = dir.join("log");
    let events = Workload::new(args.seed, count);
    let stages = curve::load(&log, events, STAGE, |event| sample.see(event))?;
    let mut run = CurveRun {
        events: count,
        stages: stages.iter().map(|stage| (stage.events, seconds(stage.took))).collect(),
        cpu: stages.iter().map(|stage| seconds(stage.cpu)).sum(),
        bytes: bytes_below(dir)?,
        ..CurveRun::default()
    };
    let ours = store::all().into_iter().next().ok_or("no stores")?;
    let questions = Questions::of(args, &sample.events);
    drop(sample);
    let mut asking = StoreRun::default();
    let unchecked = Args { answers: None, ..args.clone() };
    asked(ours.as_ref(), &unchecked, dir, &questions, &mut asking)?;
    (run.opens, run.queries) = (asking.opens, asking.queries);
    let start = Instant::now();
    if let Some(verified) = ours.verify(dir, 0)? {
        run.verify = (seconds(start.elapsed()), verified.bytes);
    }
    Ok(run)
}
