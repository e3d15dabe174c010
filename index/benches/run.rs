//! Small figures: building a run, and questions like the reference queries on one run in place.
//!
//! `cargo bench -p indelible-index`

#[path = "../tests/model/mod.rs"]
mod model;
#[path = "../tests/workload/mod.rs"]
mod workload;

use std::sync::{Arc, LazyLock};

use indelible_index::{ChunkSet, Filter, KeyChunk, Postings, RunReader, build_run};

static CHUNKS: LazyLock<Vec<Arc<KeyChunk>>> = LazyLock::new(|| workload::chunks(1 << 16));
static RUN: LazyLock<Vec<u8>> = LazyLock::new(|| build_run(&CHUNKS).expect("fits a run"));

fn main() {
    divan::main();
}

fn key(field: u8, keys: &[u32]) -> Filter {
    Filter::Key { field, keys: keys.to_vec() }
}

fn a_day() -> Filter {
    let times = CHUNKS[150].zone();
    Filter::Occurred { from: Some(times.occurred_min), to: Some(times.occurred_min + 86_400_000_000_000) }
}

fn correlation() -> u32 {
    CHUNKS[100].column(12)[5]
}

/// Named questions, near to the queries of the same number.
fn question(name: &str) -> Filter {
    match name {
        "q1 workspace, day" => Filter::And(vec![key(0, &[5]), a_day()]),
        "q2 actor, actions, severity" => Filter::And(vec![key(8, &[3]), key(3, &[2, 9, 11]), key(4, &[3])]),
        "q3 correlation" => key(16, &[correlation()]),
        "q4 workspace, action, outcome, severities" => {
            Filter::And(vec![key(0, &[2]), key(3, &[4]), key(5, &[1]), key(4, &[2, 3]), a_day()])
        }
        "any of two severities" => key(4, &[2, 3]),
        "day" => a_day(),
        "any of three actions" => key(3, &[2, 9, 11]),
        "actor" => key(8, &[3]),
        "outcome success" => key(5, &[1]),
        _ => key(5, &[2]),
    }
}

const QUESTIONS: [&str; 10] = [
    "q1 workspace, day",
    "q2 actor, actions, severity",
    "q3 correlation",
    "q4 workspace, action, outcome, severities",
    "q6 outcome",
    "any of two severities",
    "day",
    "any of three actions",
    "actor",
    "outcome success",
];

#[divan::bench(sample_count = 10)]
fn build(bencher: divan::Bencher<'_, '_>) {
    bencher.counter(divan::counter::ItemsCount::new(1_usize << 16)).bench(|| build_run(&CHUNKS));
}

#[divan::bench(sample_count = 20)]
fn open(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| RunReader::open(&RUN).map(|run| run.rows()));
}

#[divan::bench(args = QUESTIONS, sample_count = 50)]
fn evaluate_run(bencher: divan::Bencher<'_, '_>, name: &str) {
    let (run, filter) = (RunReader::open(&RUN).expect("opens"), question(name));
    bencher.bench(|| run.evaluate(&filter));
}

#[divan::bench(args = QUESTIONS, sample_count = 50)]
fn count_run(bencher: divan::Bencher<'_, '_>, name: &str) {
    let (run, filter) = (RunReader::open(&RUN).expect("opens"), question(name));
    bencher.bench(|| run.count(&filter));
}

#[divan::bench(args = QUESTIONS, sample_count = 20)]
fn evaluate_chunks(bencher: divan::Bencher<'_, '_>, name: &str) {
    let (set, filter) = (ChunkSet::new(&CHUNKS).expect("consecutive"), question(name));
    bencher.bench(|| set.evaluate(&filter));
}

#[divan::bench(args = [("severity", 4), ("action", 3), ("target_type", 7)], sample_count = 20)]
fn count_by_half(bencher: divan::Bencher<'_, '_>, (_, field): (&str, u8)) {
    let run = RunReader::open(&RUN).expect("opens");
    let within = (10_000..40_000).collect();
    bencher.bench(|| run.count_by(field, &within));
}

#[divan::bench(args = [("severity", 4), ("action", 3), ("target_type", 7)], sample_count = 20)]
fn count_by_all(bencher: divan::Bencher<'_, '_>, (_, field): (&str, u8)) {
    let run = RunReader::open(&RUN).expect("opens");
    let within = (0..65_536).collect();
    bencher.bench(|| run.count_by(field, &within));
}
