//! Purges by schedule, for programs that keep a log open.
//!
//! ```text
//! thread: wait (interval, or until stopped) -> purge -> outcome kept -> wait ...
//! ```
//!
//! Invariants: dropping it ends the thread after the purge that runs, if one does; a purge that fails is kept as the outcome and tried again
//! at the next turn. Not here: what a purge does ([`super::purge`]).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::purge::{PurgeOptions, PurgeReport};
use crate::error::{Error, Result};
use crate::ledger::Ledger;

/// How the last purge went.
#[derive(Debug, Clone)]
pub struct PurgeOutcome {
    /// How many purges ran so far.
    pub runs: u64,
    /// What it did, or why it failed.
    pub result: Result<PurgeReport, String>,
}

#[derive(Default)]
struct State {
    stopped: bool,
    due: bool,
    last: Option<PurgeOutcome>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Purges a log every so often, until it is dropped.
pub struct PurgeScheduler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for PurgeScheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PurgeScheduler")
    }
}

impl PurgeScheduler {
    /// How the last purge went; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<PurgeOutcome> {
        self.shared.state.lock().last.clone()
    }

    /// Has a purge run now, beside the schedule, and waits for it.
    #[must_use]
    pub fn run_now(&self) -> Option<PurgeOutcome> {
        let mut state = self.shared.state.lock();
        let before = state.last.as_ref().map_or(0, |last| last.runs);
        state.due = true;
        self.shared.changed.notify_all();
        while state.last.as_ref().map_or(0, |last| last.runs) <= before && !state.stopped {
            self.shared.changed.wait(&mut state);
        }
        state.last.clone()
    }
}

impl Drop for PurgeScheduler {
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Ledger {
    /// Purges every `interval`, the first time after one, in a thread of its own with the log's signing key. Holds a handle to the log:
    /// drop the scheduler before the log is to be closed by its last handle.
    ///
    /// # Errors
    /// Where the thread cannot be started.
    pub fn purge_every(&self, interval: Duration) -> Result<PurgeScheduler> {
        let shared = Arc::new(Shared::default());
        let (own, ledger) = (Arc::clone(&shared), self.clone());
        let thread = std::thread::Builder::new()
            .name("indelible-purge".to_owned())
            .spawn(move || keep(&own, &ledger, interval))
            .map_err(|error| Error::Option { option: "purge interval", problem: error.to_string() })?;
        Ok(PurgeScheduler { shared, thread: Some(thread) })
    }
}

fn keep(shared: &Shared, ledger: &Ledger, interval: Duration) {
    let mut next = Instant::now() + interval;
    loop {
        {
            let mut state = shared.state.lock();
            while !state.stopped && !state.due && Instant::now() < next {
                shared.changed.wait_until(&mut state, next);
            }
            if state.stopped {
                return;
            }
            state.due = false;
        }
        let result = ledger.purge(&PurgeOptions::default()).map_err(|error| error.to_string());
        next = Instant::now() + interval;
        let mut state = shared.state.lock();
        let runs = state.last.as_ref().map_or(0, |last| last.runs) + 1;
        state.last = Some(PurgeOutcome { runs, result });
        shared.changed.notify_all();
    }
}
