//! Loads many events without holding them all: a stage of them is made while the clock stands still, then emitted and drained.
//!
//! ```text
//! make a stage (not timed) -> emit, flush, wait for the framer (timed) -> make the next ... -> close (timed, with the last stage)
//! ```
//!
//! The wait at the end of a stage is part of its time, so a rate here is a little lower than that of one uninterrupted load.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use indelible::{AuditEvent, Options};

use crate::load::create;
use crate::measure::process_cpu;

/// One stage of a load.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Events in it.
    pub events: u64,
    /// From the first emit until all are framed.
    pub took: Duration,
    /// CPU of all threads meanwhile.
    pub cpu: Duration,
}

/// Loads `events` into a new log in `dir`, `each` of them a stage. `seen` is shown every event before it is emitted.
///
/// # Errors
/// The log's own.
pub fn load(
    dir: &Path,
    mut events: impl Iterator<Item = AuditEvent>,
    each: usize,
    mut seen: impl FnMut(&AuditEvent),
) -> Result<Vec<Stage>, Box<dyn Error + Send + Sync>> {
    let ledger = create(dir, Options::default())?;
    let mut stages: Vec<Stage> = Vec::new();
    loop {
        let stage: Vec<AuditEvent> = events.by_ref().take(each).collect();
        if stage.is_empty() {
            break;
        }
        stage.iter().for_each(&mut seen);
        let count = stage.len() as u64;
        let (start, cpu) = (Instant::now(), process_cpu());
        for event in stage {
            ledger.emit(event)?;
        }
        ledger.flush(None)?;
        // Less than a frame stays until more comes or the log is closed.
        while ledger.health()?.unframed_records >= 128 && !ledger.health()?.poisoned {
            std::thread::sleep(Duration::from_micros(200));
        }
        stages.push(Stage { events: count, took: start.elapsed(), cpu: process_cpu() - cpu });
    }
    let (start, cpu) = (Instant::now(), process_cpu());
    ledger.close()?;
    if let Some(last) = stages.last_mut() {
        last.took += start.elapsed();
        last.cpu += process_cpu() - cpu;
    }
    Ok(stages)
}

/// Every `step`-th event, to draw questions from without keeping all.
#[derive(Debug)]
pub struct Sample {
    step: u64,
    seen: u64,
    /// Those kept, in order.
    pub events: Vec<AuditEvent>,
}

impl Sample {
    /// Keeps about `keep` of `count` events.
    #[must_use]
    pub fn new(count: u64, keep: u64) -> Self {
        Self { step: count.div_ceil(keep.max(1)).max(1), seen: 0, events: Vec::new() }
    }

    /// Looks at the next event.
    pub fn see(&mut self, event: &AuditEvent) {
        if self.seen.is_multiple_of(self.step) {
            self.events.push(event.clone());
        }
        self.seen += 1;
    }
}
