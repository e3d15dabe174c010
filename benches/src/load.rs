//! Loads events into a new log and measures it, from the first emit to the last sealed byte.

use std::path::Path;
use std::time::{Duration, Instant};

use indelible::{AuditEvent, CreateOptions, Ledger, OpenOptions, Options};

use crate::measure::process_cpu;

/// What loading took.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    /// Events.
    pub events: u64,
    /// Until the last event was handed over.
    pub emitted: Duration,
    /// Until everything was durable in the journal.
    pub durable: Duration,
    /// Until the log was closed: framed, indexed, sealed or footed, synced, signed.
    pub closed: Duration,
    /// CPU of all threads.
    pub cpu: Duration,
    /// CPU of the thread that emitted.
    pub emitter_cpu: Duration,
    /// Syncs of the journal.
    pub syncs: u64,
}

impl Loaded {
    /// Events a second to the last byte.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.closed.as_secs_f64()
    }

    /// CPU microseconds an event.
    #[must_use]
    pub fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.events as f64
    }
}

/// Creates a log with a key beside it and opens it for writing.
///
/// # Errors
/// The log's own.
pub fn create(dir: &Path, options: Options) -> indelible::Result<Ledger> {
    let key = dir.with_extension("key");
    Ledger::create(
        dir,
        &CreateOptions { origin: Some("example.org/bench".to_owned()), sign_key_file: Some(key.clone()) },
    )?;
    Ledger::open(dir, &OpenOptions { sign_key_file: Some(key), engine: options, ..OpenOptions::default() })
}

/// Emits all events from one thread and closes the log.
///
/// # Errors
/// The log's own.
pub fn load(
    dir: &Path,
    options: Options,
    events: impl IntoIterator<Item = AuditEvent>,
) -> Result<Loaded, Box<dyn std::error::Error>> {
    let ledger = create(dir, options)?;
    let cpu = process_cpu();
    let emitter = crate::measure::thread_cpu();
    let start = Instant::now();
    let mut count = 0;
    for event in events {
        ledger.emit(event)?;
        count += 1;
    }
    let emitted = start.elapsed();
    let emitter_cpu = crate::measure::thread_cpu() - emitter;
    ledger.flush(None)?;
    let durable = start.elapsed();
    let syncs = ledger.health()?.syncs;
    ledger.close()?;
    let closed = start.elapsed();
    Ok(Loaded { events: count, emitted, durable, closed, cpu: process_cpu() - cpu, emitter_cpu, syncs })
}
