//! What a caller waits for in `emit`, paced in open loop: a late event does not slow the schedule down.

use std::path::Path;
use std::time::{Duration, Instant};

use indelible::{AuditEvent, Ledger, Options};

use crate::load::create;
use crate::measure::Latencies;

/// Emits `events` at `rate` a second, split over `producers` threads; gives the time that each call took.
///
/// # Errors
/// The log's own.
pub fn paced(
    dir: &Path,
    events: Vec<AuditEvent>,
    rate: u64,
    producers: usize,
) -> Result<Latencies, Box<dyn std::error::Error>> {
    let ledger = create(dir, Options::default())?;
    let gap = Duration::from_nanos(1_000_000_000 * producers as u64 / rate.max(1));
    let mut parts: Vec<Vec<AuditEvent>> = (0..producers).map(|_| Vec::new()).collect();
    for (number, event) in events.into_iter().enumerate() {
        if let Some(part) = parts.get_mut(number % producers) {
            part.push(event);
        }
    }
    let threads: Vec<_> = parts
        .into_iter()
        .map(|part| {
            let ledger = ledger.clone();
            std::thread::spawn(move || emit_all(&ledger, part, gap))
        })
        .collect();
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().map_err(|_| "a producer died")??);
    }
    ledger.close()?;
    Ok(Latencies::new(all))
}

fn emit_all(ledger: &Ledger, events: Vec<AuditEvent>, gap: Duration) -> Result<Vec<Duration>, String> {
    let mut took = Vec::with_capacity(events.len());
    let start = Instant::now();
    let mut due = Duration::ZERO;
    for event in events {
        // Sleeps where there is time for it; a core that only waits would be taken from the log's own threads.
        let early = due.saturating_sub(start.elapsed());
        if early > Duration::from_micros(100) {
            std::thread::sleep(early - Duration::from_micros(60));
        }
        while start.elapsed() < due {
            std::hint::spin_loop();
        }
        let before = Instant::now();
        let receipt = ledger.emit(event).map_err(|error| error.to_string())?;
        took.push(before.elapsed());
        drop(receipt);
        due += gap;
    }
    Ok(took)
}
