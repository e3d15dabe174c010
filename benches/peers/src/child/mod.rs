//! Runs one job: the part that measures.
//!
//! ```text
//! run -> turn (a store: load, open, ask, verify, purge) | own (single commits, emit, low rate, curve, crash) | answers by scan
//! ```

mod own;
mod turn;

use std::path::Path;
use std::time::Duration;

use indelible::AuditEvent;
use indelible_benches::load;
use indelible_benches::measure::peak_memory;
use indelible_benches::oracle::by_scan;
use indelible_benches::question::{KINDS, Question, draw};
use indelible_tools::workload::Workload;

use crate::args::Args;
use crate::job::{Found, Job};
use crate::store::{self, Result, digest};

/// Open loop rate of emit, a second.
pub const EMIT_RATE: u64 = 200_000;

/// Measures.
pub fn run(job: &Job, args: &Args, dir: &Path) -> Result<Found> {
    Ok(match job {
        Job::Answers => Found::Answers(answers(args)?),
        Job::Store { key, ask, purge } => {
            let stores = store::all();
            let peer = stores.iter().find(|peer| peer.key() == key).ok_or_else(|| format!("no store named {key}"))?;
            Found::Store(Box::new(turn::run(peer.as_ref(), *ask, *purge, args, dir)?))
        }
        Job::Singles { commits } => Found::Singles(own::singles(*commits, args, dir)?),
        Job::Emit { producers, events } => Found::Emit(own::emits(*producers, *events, args, dir)?),
        Job::LowRate { events, per_day } => Found::LowRate(own::slow(*events, *per_day, args, dir)?),
        Job::Curve { events } => Found::Curve(own::point(*events, args, dir)?),
        Job::Memory { events } => {
            let events = Workload::new(args.seed, *events);
            load::load(&dir.join("log"), indelible::Options::default(), events).map_err(plain)?;
            Found::Memory(peak_memory())
        }
        Job::Crash { events } => Found::Crash(own::crash(*events, args, dir)?),
        Job::Die { events } => {
            own::die(*events, args, dir)?;
            return Err("it lives".into());
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
