//! What concerns Indelible alone, and the disk below all stores.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indelible::{Ledger, OpenOptions, Options};
use indelible_benches::curve::{self, Sample};
use indelible_benches::measure::Latencies;
use indelible_benches::{emit, load, low_rate};
use indelible_tools::workload::Workload;

use super::{EMIT_RATE, Questions, millis, plain, seconds, turn};
use crate::args::Args;
use crate::job::{CrashRun, CurveRun, EmitRun, Job, LowRateRun, SingleRun, StoreRun};
use crate::store::{self, Result, bytes_below};

/// Events a stage of the curve.
const STAGE: usize = 1_000_000;
/// Events that questions of the curve are drawn from.
const SAMPLE: u64 = 1_000_000;

/// Commits of each in blocks of fifty, so that a slow moment of the disk meets all of them.
pub fn singles(commits: usize, args: &Args, dir: &Path) -> Result<Vec<SingleRun>> {
    let events = args.source().events(commits as u64)?;
    let place = |name: &str| -> Result<PathBuf> {
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

/// Open loop emits.
pub fn emits(producers: usize, events: u64, args: &Args, dir: &Path) -> Result<EmitRun> {
    let events = args.source().events(events)?;
    let took = emit::paced(&dir.join("log"), &events, EMIT_RATE, producers).map_err(plain)?;
    let nanos = |share| u64::try_from(took.at(share).as_nanos()).unwrap_or(u64::MAX);
    Ok(EmitRun {
        producers,
        marks: [nanos(0.5), nanos(0.99), nanos(0.999), nanos(1.0)],
        nanos: (1..=1_000).map(|rank| nanos(f64::from(rank) / 1_000.0)).collect(),
    })
}

/// The same events slowly and as fast as it goes.
pub fn slow(events: u64, per_day: u32, args: &Args, dir: &Path) -> Result<LowRateRun> {
    let events = args.source().events(events)?;
    let (slow, busy) = (dir.join("slow"), dir.join("busy"));
    low_rate::write(&slow, &events, per_day)?;
    load::load(&busy, Options::default(), events.iter().cloned()).map_err(plain)?;
    let (slow, busy) = (bytes_below(&slow)?, bytes_below(&busy)?);
    Ok(LowRateRun { events: events.len() as u64, per_day, slow, busy })
}

/// Indelible at another number of events.
pub fn point(count: u64, args: &Args, dir: &Path) -> Result<CurveRun> {
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
    turn::asked(ours.as_ref(), &unchecked, dir, &questions, &mut asking)?;
    (run.opens, run.queries) = (asking.opens, asking.queries);
    let start = Instant::now();
    if let Some(verified) = ours.verify(dir, 0)? {
        run.verify = (seconds(start.elapsed()), verified.bytes);
    }
    Ok(run)
}

/// A process that dies with everything durable and the framer behind, then the open that recovers what it left, to the first
/// answer.
pub fn crash(events: u64, args: &Args, dir: &Path) -> Result<CrashRun> {
    let status = std::process::Command::new(std::env::current_exe()?)
        .args(args.for_child())
        .arg(format!("--job={}", serde_json::to_string(&Job::Die { events })?))
        .arg(format!("--dir={}", dir.display()))
        .stderr(std::process::Stdio::null())
        .status()?;
    if status.success() {
        return Err("the process that was to die ended well".into());
    }
    let log = dir.join("log");
    let options = OpenOptions { sign_key_file: Some(log.with_extension("key")), ..OpenOptions::default() };
    let start = Instant::now();
    let ledger = Ledger::open(&log, &options)?;
    let found = ledger.reader().count(&indelible::query::Expr::events())?;
    let opened = millis(&start.elapsed());
    ledger.close()?;
    if found == events {
        Ok(CrashRun { events, opened })
    } else {
        Err(format!("{found} of {events} events are left").into())
    }
}

/// Makes everything durable and dies.
pub fn die(events: u64, args: &Args, dir: &Path) -> Result<()> {
    let ledger = load::create(&dir.join("log"), Options::default())?;
    for event in args.source().events(events)? {
        ledger.emit(event)?;
    }
    ledger.flush(None)?;
    std::process::abort();
}
