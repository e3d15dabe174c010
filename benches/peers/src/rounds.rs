//! The order of everything: which job runs when, each in a process and a directory of its own.
//!
//! ```text
//! answers -> rounds: every store in turn, the order turned by one each time -> singles, emit, low rate, memory, curve
//! ```
//!
//! Invariants: every store has one turn before any has two. What fails is kept as a sentence and ends nothing else. A
//! directory is gone before the next job starts.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use indelible_benches::instructions;
use serde::{Deserialize, Serialize};

use crate::args::Args;
use crate::job::{CrashRun, CurveRun, EmitRun, Found, Job, LowRateRun, SingleRun, StoreRun};
use crate::store::{self, Result};

/// Longest that a job may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// Rounds in which a store is asked; loading takes part in all.
const ASKED: usize = 2;

/// Everything that was measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Measured {
    /// What was measured, as a sentence.
    pub what: String,
    /// Machine, kernel, compiler, versions.
    pub machine: Vec<String>,
    /// Events that every store got.
    pub events: u64,
    /// Load averages before and after, as the kernel gives them.
    pub load: [String; 2],
    /// Seconds from beginning to end.
    pub took: f64,
    /// Runs of stores, in the order they ran.
    pub stores: Vec<StoreRun>,
    /// Single durable commits.
    pub singles: Vec<SingleRun>,
    /// Latencies of emit.
    pub emits: Vec<EmitRun>,
    /// Events that arrive slowly.
    pub low_rate: Option<LowRateRun>,
    /// Opens after a crash.
    pub crashes: Vec<CrashRun>,
    /// Peak memory of loads: events and bytes.
    pub memory: Vec<(u64, u64)>,
    /// The cost curve.
    pub curve: Vec<CurveRun>,
    /// Chain of the append limit checked: threads and bytes a second.
    pub chain: Vec<(usize, f64)>,
    /// Instructions for each unit of a path; empty where valgrind is not there.
    pub instructions: Vec<(String, f64)>,
    /// What failed.
    pub failures: Vec<String>,
}

/// Load averages, as the kernel gives them.
pub fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .map(|text| text.split(' ').take(3).collect::<Vec<_>>().join(" "))
        .unwrap_or_else(|_| "unknown".to_owned())
}

/// Measures everything.
pub fn measure(args: &Args) -> Result<Measured> {
    let begun = Instant::now();
    let mut all = Measured {
        what: format!(
            "{} events of the {}, at most {} questions of a kind, at most {} rounds",
            grouped(args.events),
            args.source().name(),
            args.questions,
            args.rounds
        ),
        machine: crate::report::machine::lines(),
        events: args.events,
        load: [load_average(), String::new()],
        ..Measured::default()
    };
    let shared = place(args)?;
    let mut args = args.clone();
    let mut job = |all: &mut Measured, args: &Args, job: Job, what: &str| {
        match run(&job, args, what) {
            Ok(found) => return Some(found),
            Err(error) => all.failures.push(format!("{what}: {error}")),
        }
        None
    };
    if let Some(Found::Answers(answers)) = job(&mut all, &args, Job::Answers, "answers by scan") {
        let file = shared.path().join("answers.json");
        std::fs::write(&file, serde_json::to_vec(&answers)?)?;
        args.answers = Some(file);
    }
    rounds(&mut all, &args, begun, &mut job);
    own(&mut all, &args, &mut job);
    count_instructions(&mut all, &args);
    all.load[1] = load_average();
    all.took = begun.elapsed().as_secs_f64();
    Ok(all)
}

type Runner<'a> = dyn FnMut(&mut Measured, &Args, Job, &str) -> Option<Found> + 'a;

/// The stores in turn.
fn rounds(all: &mut Measured, args: &Args, begun: Instant, job: &mut Runner<'_>) {
    let wanted = |key: &str| args.stores.is_empty() || args.stores.iter().any(|store| store == key);
    let mut stores: Vec<(&'static str, f64)> =
        store::all().iter().map(|peer| (peer.key(), 0.0)).filter(|(key, _)| wanted(key)).collect();
    let rounds = args.rounds.max(1);
    for round in 0..rounds {
        let mut failed = Vec::new();
        for (key, spent) in &mut stores {
            let late = begun.elapsed().as_secs_f64() > args.minutes * 60.0;
            if round > 0 && (late || *spent > args.store_seconds) {
                continue;
            }
            let start = Instant::now();
            let what = format!("{key}, round {}", round + 1);
            // A store that has had all its turns after this one cannot be known yet, so the purge belongs to the first.
            let one = Job::Store { key: (*key).to_owned(), ask: round < ASKED, purge: round == 0 };
            match job(all, args, one, &what) {
                Some(Found::Store(run)) => all.stores.push(*run),
                _ => failed.push(*key),
            }
            *spent += start.elapsed().as_secs_f64();
        }
        stores.retain(|(key, _)| !failed.contains(key));
        if !stores.is_empty() {
            stores.rotate_left(1);
        }
    }
}

/// What concerns Indelible, and the disk below it.
fn own(all: &mut Measured, args: &Args, job: &mut Runner<'_>) {
    let commits = if args.quick { 100 } else { 500 };
    if let Some(Found::Singles(runs)) = job(all, args, Job::Singles { commits }, "single commits") {
        all.singles = runs;
    }
    if let Some(Found::Chain(rates)) = job(all, args, Job::Chain, "chain limit") {
        all.chain = rates;
    }
    for _ in 0..if args.quick { 1 } else { 3 } {
        for producers in [1, 4, 16] {
            let emit = Job::Emit { producers, events: args.events.min(400_000) };
            if let Some(Found::Emit(run)) = job(all, args, emit, &format!("emit from {producers}")) {
                all.emits.push(run);
            }
        }
    }
    for _ in 0..if args.quick { 1 } else { 3 } {
        let events = args.events.min(1_000_000);
        if let Some(Found::Crash(run)) = job(all, args, Job::Crash { events }, "open after a crash") {
            all.crashes.push(run);
        }
    }
    let slow = Job::LowRate { events: args.events.min(300_000), per_day: 100_000 };
    if args.ndjson.is_none()
        && let Some(Found::LowRate(run)) = job(all, args, slow, "low rate")
    {
        all.low_rate = Some(run);
    }
    let mut counts: Vec<u64> =
        [10_000, 100_000, 1_000_000].into_iter().filter(|count| *count < args.curve_max).collect();
    counts.extend((args.curve_max > 0).then_some(args.curve_max));
    for events in counts {
        let what = format!("curve at {events}");
        if let Some(Found::Curve(run)) = job(all, args, Job::Curve { events }, &what) {
            all.curve.push(run);
        }
        if let Some(Found::Memory(bytes)) = job(all, args, Job::Memory { events }, &format!("memory at {events}")) {
            all.memory.push((events, bytes));
        }
    }
}

/// Counts what the hot paths execute, where valgrind is there.
fn count_instructions(all: &mut Measured, args: &Args) {
    if args.ndjson.is_some() || !instructions::available() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let events = if args.quick { 256 } else { 20_000 };
    for (path, _, _) in instructions::PATHS {
        match instructions::count(program.as_os_str(), &[format!("--path={path}"), format!("--events={events}")]) {
            Ok(counted) => all.instructions.push((path.to_owned(), counted.each())),
            Err(error) => all.failures.push(format!("instructions of {path}: {error}")),
        }
    }
    eprintln!("            instructions of {} paths", all.instructions.len());
}

fn place(args: &Args) -> Result<tempfile::TempDir> {
    Ok(match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    })
}

/// Runs a job in a child and a directory of its own, and says on the error stream how long it took.
fn run(job: &Job, args: &Args, what: &str) -> Result<Found> {
    let start = Instant::now();
    let dir = place(args)?;
    let found = child(job, args, dir.path());
    let took = start.elapsed().as_secs_f64();
    // Removing a large store keeps the disk busy for a while; that must not be the next store's time.
    drop(dir);
    rustix::fs::sync();
    match &found {
        Ok(_) => eprintln!("{took:8.1} s  {what}"),
        Err(error) => eprintln!("{took:8.1} s  {what} FAILED: {error}"),
    }
    found
}

fn child(job: &Job, args: &Args, dir: &Path) -> Result<Found> {
    let (out, store) = (dir.join("found.json"), dir.join("store"));
    std::fs::create_dir(&store)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(args.for_child())
        .arg(format!("--job={}", serde_json::to_string(job)?))
        .arg(format!("--out={}", out.display()))
        .arg(format!("--dir={}", store.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(format!("took longer than {} s", PATIENCE.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let found = std::fs::read(&out).ok();
    let found: std::result::Result<Found, String> = match found {
        Some(bytes) => serde_json::from_slice(&bytes)?,
        None => Err(format!("ended without a result, {status}")),
    };
    Ok(found?)
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}
