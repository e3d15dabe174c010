//! What a caller waits for in `emit`, paced in open loop: a late event does not slow the schedule down.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use indelible::{AuditEvent, Ledger, Options};

use crate::load::create;
use crate::measure::Latencies;

/// Emits `events` at `rate` a second, split over `producers` threads; gives the time that each call took.
///
/// Each thread makes the events that it emits, before the clock starts: an event that another thread had made would be freed
/// on the wrong heap within the call, under that heap's lock, and a service does no such thing.
///
/// # Errors
/// The log's own.
pub fn paced(
    dir: &Path,
    events: &[AuditEvent],
    rate: u64,
    producers: usize,
) -> Result<Latencies, Box<dyn std::error::Error>> {
    let ledger = create(dir, Options::default())?;
    let gap = Duration::from_nanos(1_000_000_000 * producers as u64 / rate.max(1));
    let ready = Barrier::new(producers);
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..producers)
            .map(|number| {
                let (ledger, ready) = (&ledger, &ready);
                scope.spawn(move || {
                    let own: Vec<AuditEvent> = events.iter().skip(number).step_by(producers).cloned().collect();
                    ready.wait();
                    emit_all(ledger, own, gap)
                })
            })
            .collect();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a producer died")??);
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
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
