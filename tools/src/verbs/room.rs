//! Says that a log waits for room on its device, and ends the wait where somebody asks to stop.
//!
//! ```text
//! log waits --> said at once --> every 10 s        there is room --> said, goes on
//!          `--> a signal --> the wait is given up: the log ends, what was accepted and is not durable is not stored
//! ```
//!
//! Invariant: a verb that was asked to stop does not wait for room. Not here: the wait itself, which is the writer's.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use indelible::{Ledger, LedgerReader, OpenOptions, Pressure, ReadOptions};

use crate::failure::Outcome;
use crate::output::say;
use crate::signals::Stop;

/// How often the log is asked.
const LOOK: Duration = Duration::from_millis(20);
/// How often the wait is said again.
const AGAIN: Duration = Duration::from_secs(10);
/// How long an opening may take before somebody looks why.
const OPENING: Duration = Duration::from_secs(1);

/// Runs `work` and watches the log meanwhile. Gives what `work` gives, and whether a wait was given up.
pub fn watched<T>(ledger: &Ledger, stop: &Stop, work: impl FnOnce() -> T) -> (T, bool) {
    let (done, given_up) = (AtomicBool::new(false), AtomicBool::new(false));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut wait = Wait::default();
            while !done.load(Ordering::Acquire) {
                if ledger.waits_for_room() {
                    if stop.asked() {
                        say("there is no room, and a signal asks to end: giving up the wait");
                        ledger.give_up_waiting();
                        given_up.store(true, Ordering::Release);
                        return;
                    }
                    wait.full(Instant::now()).inspect(|text| say(text));
                } else {
                    wait.free(Instant::now()).inspect(|text| say(text));
                }
                std::thread::sleep(LOOK);
            }
        });
        // Also where the work panics: the watcher must end, or nobody ever does.
        let _ended = Ended(&done);
        work()
    });
    (result, given_up.load(Ordering::Acquire))
}

struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What was said of a wait, and when.
#[derive(Debug, Default)]
struct Wait {
    said: Option<Instant>,
    /// When the log was last seen waiting, until it was said that it goes on.
    seen: Option<Instant>,
}

impl Wait {
    fn full(&mut self, now: Instant) -> Option<&'static str> {
        self.seen = Some(now);
        if self.said.is_some_and(|said| now.duration_since(said) < AGAIN) {
            return None;
        }
        self.said = Some(now);
        Some(
            "waiting for room: the log's device is full. Nothing accepted is lost, and it goes on by itself when there is room; \
             Ctrl-C or SIGTERM ends it",
        )
    }

    /// A writer that tries again does not wait for a moment: only after a while it is known to go on.
    fn free(&mut self, now: Instant) -> Option<&'static str> {
        self.seen.take_if(|seen| now.duration_since(*seen) >= OPENING)?;
        Some("there is room again: going on")
    }
}

/// Opens a log for writing, and says so where that waits for room. Before the log is open a signal ends the process at once, which
/// is as safe as any crash.
///
/// # Errors
/// As [`Ledger::open`].
pub fn opened(log: &Path, options: &OpenOptions) -> Outcome<Ledger> {
    let (open, opened) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut wait = Wait::default();
            while opened.recv_timeout(OPENING) == Err(RecvTimeoutError::Timeout) {
                let reader = LedgerReader::open(log, &ReadOptions::default());
                let disk = reader.and_then(|reader| reader.disk_health(0)).ok().flatten();
                if disk.is_some_and(|disk| disk.pressure == Pressure::Full) {
                    wait.full(Instant::now()).inspect(|text| say(text));
                }
            }
        });
        let ledger = Ledger::open(log, options);
        drop(open);
        Ok(ledger?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_said_at_once_and_then_every_ten_seconds() {
        let start = Instant::now();
        let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
        let mut wait = Wait::default();
        assert_eq!(wait.free(at(0)), None);
        let said: Vec<u64> = (0..2_500).filter(|n| wait.full(at(n * 10)).is_some()).collect();
        assert_eq!(said, [0, 1_000, 2_000]);
        assert_eq!(wait.free(at(25_100)), None, "it may only be trying again");
        assert!(wait.free(at(26_000)).is_some());
        assert_eq!(wait.free(at(27_000)), None);
    }
}
