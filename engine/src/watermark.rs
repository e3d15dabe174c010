//! The watermark: a number that only grows, and threads that wait for it. The writer moves it after each sync.
//!
//! ```text
//! writer    advance(v): value = max(value, v) -> fence -> value >= wake_at? -> lock, wake all
//! waiter    look -> lock -> wake_at = min(wake_at, target) -> fence -> look -> sleep -> look ...
//! ```
//!
//! Invariants:
//! - The value never goes back, and never moves again once poisoned: after a failed sync nobody knows what is on the disk.
//! - What was reached before the poison stays reached: it was durable.
//! - `advance` takes no lock and makes no system call unless somebody waits for a value it reaches. `wake_at` is the lowest
//!   target anybody sleeps for, so a wait far ahead does not cost every group a wake-up.
//! - No wake-up is missed. The waiter writes `wake_at`, fences and reads the value; `advance` writes the value, fences and
//!   reads `wake_at`. Whichever fence comes second sees the other's write: either the waiter sees the value and does not
//!   sleep, or `advance` sees the target and takes the lock. The waiter holds that lock from before it writes `wake_at` until
//!   it sleeps, so the wake-up cannot come between its look and its sleep.
//!
//! Deliberately not here: what the number counts, and receipts (one watermark serves any number of them).

use std::fmt;
use std::time::Instant;

use crate::ring::sync::{AtomicU64, Monitor, Ordering, fence, watermark_fence};

/// Set in the word once poisoned. It makes the word larger than any value, so a later `fetch_max` changes nothing.
const POISONED: u64 = 1 << 63;

/// How [`Watermark::wait_for`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitOutcome {
    /// The watermark is at the wanted value or beyond.
    Reached,
    /// The deadline passed first; the value may still be reached later.
    TimedOut,
    /// The watermark was poisoned below the wanted value: it will never be reached, and what happened to it is unknown.
    Poisoned,
}

/// A number that only grows, which any number of threads can wait for.
pub struct Watermark {
    /// The value, and [`POISONED`] in the top bit. Written by `advance` and `poison`.
    word: AtomicU64,
    /// The lowest target of all sleepers, `u64::MAX` when there is none. Lowered and reset only under the lock.
    wake_at: AtomicU64,
    sleepers: Monitor<()>,
}

impl Watermark {
    /// The largest value a watermark can have. Larger arguments count as this one.
    pub const MAX: u64 = POISONED - 1;

    /// A watermark that stands at `start`.
    pub fn new(start: u64) -> Self {
        Watermark {
            word: AtomicU64::new(start.min(Self::MAX)),
            wake_at: AtomicU64::new(u64::MAX),
            sleepers: Monitor::new(()),
        }
    }

    /// Moves the watermark to `value` if that is further; does nothing once poisoned.
    ///
    /// Everything this thread did before is visible to whoever sees the new value.
    pub fn advance(&self, value: u64) {
        let value = value.min(Self::MAX);
        if self.word.fetch_max(value, Ordering::Release) >= value {
            return;
        }
        watermark_fence();
        if self.wake_at.load(Ordering::Relaxed) <= value {
            self.wake_all();
        }
    }

    /// The value now; after a poison, the value it stopped at.
    pub fn get(&self) -> u64 {
        self.word.load(Ordering::Acquire) & !POISONED
    }

    /// Whether the watermark is poisoned.
    pub fn is_poisoned(&self) -> bool {
        self.word.load(Ordering::Acquire) & POISONED != 0
    }

    /// Stops the watermark for good and wakes everybody. Poisoning twice is harmless.
    pub fn poison(&self) {
        self.word.fetch_or(POISONED, Ordering::AcqRel);
        // Rare, so it simply takes the lock: a waiter either sleeps by then and is woken, or looks after this.
        self.wake_all();
    }

    /// Waits until the watermark is at `target` or beyond, is poisoned, or `deadline` passes (`None`: for ever).
    pub fn wait_for(&self, target: u64, deadline: Option<Instant>) -> WaitOutcome {
        let target = target.min(Self::MAX);
        if let Some(outcome) = self.outcome(target) {
            return outcome;
        }
        let mut guard = self.sleepers.lock();
        loop {
            // Every round anew: whoever woke the sleepers has reset it.
            self.wake_at.fetch_min(target, Ordering::Relaxed);
            // Pairs with the fence in `advance`.
            fence(Ordering::SeqCst);
            if let Some(outcome) = self.outcome(target) {
                return outcome;
            }
            let (again, in_time) = self.sleepers.wait(guard, deadline);
            guard = again;
            if !in_time {
                // The target stays in `wake_at`: at worst one needless wake-up.
                return self.outcome(target).unwrap_or(WaitOutcome::TimedOut);
            }
        }
    }

    /// How a wait for `target` ends, if it ends now.
    fn outcome(&self, target: u64) -> Option<WaitOutcome> {
        let word = self.word.load(Ordering::Acquire);
        if word & !POISONED >= target {
            Some(WaitOutcome::Reached)
        } else if word & POISONED != 0 {
            Some(WaitOutcome::Poisoned)
        } else {
            None
        }
    }

    #[cold]
    fn wake_all(&self) {
        let guard = self.sleepers.lock();
        self.wake_at.store(u64::MAX, Ordering::Relaxed);
        drop(guard);
        self.sleepers.notify_all();
    }
}

impl fmt::Debug for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watermark").field("value", &self.get()).field("poisoned", &self.is_poisoned()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    /// A deadline that has passed already.
    fn past() -> Option<Instant> {
        Some(Instant::now())
    }

    #[test]
    fn only_grows_and_stops_when_poisoned() {
        let mark = Watermark::new(5);
        for (step, wanted) in [(3, 5), (5, 5), (9, 9), (8, 9)] {
            mark.advance(step);
            assert_eq!(mark.get(), wanted, "after advance({step})");
        }
        assert_eq!(mark.wait_for(9, past()), WaitOutcome::Reached);
        assert_eq!(mark.wait_for(10, past()), WaitOutcome::TimedOut);
        mark.poison();
        mark.advance(20);
        assert_eq!((mark.get(), mark.is_poisoned()), (9, true));
        assert_eq!(mark.wait_for(9, None), WaitOutcome::Reached);
        assert_eq!(mark.wait_for(10, None), WaitOutcome::Poisoned);
    }

    #[test]
    fn values_beyond_the_range_do_not_poison() {
        let mark = Watermark::new(0);
        mark.advance(u64::MAX);
        assert_eq!((mark.get(), mark.is_poisoned()), (Watermark::MAX, false));
        assert_eq!(mark.wait_for(u64::MAX, None), WaitOutcome::Reached);
    }

    #[test]
    fn every_waiter_is_released_at_its_own_value() {
        let steps: u64 = if cfg!(miri) { 8 } else { 2_000 };
        let mark = Arc::new(Watermark::new(0));
        let waiters: Vec<_> = (0..4u64)
            .map(|offset| {
                let mark = Arc::clone(&mark);
                thread::spawn(move || {
                    for target in (offset..=steps).step_by(3) {
                        assert_eq!(mark.wait_for(target, None), WaitOutcome::Reached);
                        assert!(mark.get() >= target);
                    }
                })
            })
            .collect();
        (1..=steps).for_each(|value| mark.advance(value));
        waiters.into_iter().for_each(|waiter| waiter.join().expect("a waiter failed"));
    }

    #[test]
    fn poison_releases_those_who_wait_for_more() {
        let mark = Arc::new(Watermark::new(0));
        let waiters: Vec<_> = (1..4u64)
            .map(|target| {
                let mark = Arc::clone(&mark);
                thread::spawn(move || (target, mark.wait_for(target, None)))
            })
            .collect();
        mark.advance(1);
        mark.poison();
        for waiter in waiters {
            let (target, outcome) = waiter.join().expect("a waiter failed");
            let wanted = if target == 1 { WaitOutcome::Reached } else { WaitOutcome::Poisoned };
            assert_eq!(outcome, wanted, "target {target}");
        }
    }

    #[test]
    fn a_wait_far_ahead_survives_nearer_wakes() {
        let mark = Arc::new(Watermark::new(0));
        let far = thread::spawn({
            let mark = Arc::clone(&mark);
            move || mark.wait_for(100, None)
        });
        for value in 1..=100 {
            assert_eq!(mark.wait_for(value, Some(Instant::now() + Duration::from_micros(1))), WaitOutcome::TimedOut);
            mark.advance(value);
        }
        assert_eq!(far.join().expect("the waiter failed"), WaitOutcome::Reached);
    }
}
