//! A ledger on a real directory: events in until they are durable, and questions asked of them.
//! `cargo bench -p indelible-benches --bench ledger`
//!
//! `cargo test` runs each benchmark once. A temporary directory may lie in memory: set `TMPDIR` to a disk before quoting anything.

use divan::Bencher;
use divan::counter::ItemsCount;
use indelible::query::{Expr, Test};
use indelible::{AuditEvent, CreateOptions, Ledger, OpenOptions, Order, Query};
use indelible_benches::sample::SEED;
use indelible_evidence::schema::Field;
use indelible_tools::workload::Workload;
use tempfile::TempDir;

/// Events of a run: one run shows the steady state of a journal group, not of segments.
const EVENTS: usize = 4_000;

fn main() {
    divan::main();
}

/// A new log in a directory of its own, which goes with the value.
struct Fixture {
    ledger: Ledger,
    _dir: TempDir,
}

impl Fixture {
    fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (log, key) = (dir.path().join("log"), dir.path().join("log.key"));
        let create = CreateOptions { origin: Some("example.org/bench".into()), sign_key_file: Some(key.clone()) };
        Ledger::create(&log, &create).expect("a log in an empty directory");
        let open = OpenOptions { sign_key_file: Some(key), ..OpenOptions::default() };
        Self { ledger: Ledger::open(&log, &open).expect("the log that was just made"), _dir: dir }
    }

    fn filled() -> Self {
        let fixture = Self::empty();
        fixture.put(events());
        fixture
    }

    fn put(&self, events: Vec<AuditEvent>) {
        for event in events {
            self.ledger.emit(event).expect("the log takes valid events");
        }
        self.ledger.flush(None).expect("the disk takes them");
    }
}

fn events() -> Vec<AuditEvent> {
    Workload::new(SEED, EVENTS as u64).collect()
}

#[divan::bench(sample_count = 5)]
fn ingest_durable(bencher: Bencher) {
    bencher.counter(ItemsCount::new(EVENTS)).with_inputs(|| (Fixture::empty(), events())).bench_local_values(
        |(fixture, events)| {
            fixture.put(events);
            fixture
        },
    );
}

#[divan::bench(sample_count = 20)]
fn one_durable(bencher: Bencher) {
    let fixture = Fixture::empty();
    let event = events().remove(0);
    bencher.bench_local(|| fixture.put(vec![event.clone()]));
}

#[divan::bench(sample_count = 50)]
fn query_newest_50_failures(bencher: Bencher) {
    let fixture = Fixture::filled();
    let reader = fixture.ledger.reader();
    let filter = Expr::Field(Field::from_name("outcome").expect("a field"), Test::Codes(vec![2]));
    let query = Query { filter, order: Order::Newest, limit: 50, cursor: None };
    bencher.bench_local(|| reader.query(&query).expect("the query is answered").rows.len());
}

#[divan::bench(sample_count = 50)]
fn count_all(bencher: Bencher) {
    let fixture = Fixture::filled();
    let reader = fixture.ledger.reader();
    bencher.bench_local(|| reader.count(&Expr::True).expect("the count is answered"));
}
