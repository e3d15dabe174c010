//! Time as an argument: nothing in the engine asks the machine for the time except through [`Clock`].
//!
//! ```text
//! SystemClock ── wall: CLOCK_REALTIME        may jump either way; stamps records
//!             └─ monotonic: since first use   never goes back; measures waits and ages
//! ManualClock ── both set by a test, shared by all clones
//! ```
//!
//! Invariants: `monotonic` never decreases, and all [`SystemClock`] values of a process share one origin, so their
//! readings can be compared. `wall_nanos` promises nothing about order: the writer takes the maximum of the last
//! stamp and the wall clock itself.
//!
//! Deliberately not here: sleeping and timers (waiting is done on condition variables), time zones and formatting.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the engine reads the time.
pub trait Clock: Send + Sync {
    /// UTC in nanoseconds since 1970-01-01, without leap seconds; negative before it. It may go back or jump.
    fn wall_nanos(&self) -> i64;

    /// Time since an arbitrary fixed moment; never decreases. Only differences mean anything.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The moment that [`SystemClock::monotonic`] counts from, fixed at its first use in the process.
static ORIGIN: OnceLock<Instant> = OnceLock::new();

impl Clock for SystemClock {
    fn wall_nanos(&self) -> i64 {
        signed_nanos(SystemTime::now())
    }

    fn monotonic(&self) -> Duration {
        ORIGIN.get_or_init(Instant::now).elapsed()
    }
}

/// Nanoseconds since 1970, saturating at both ends of `i64` (the years 1677 and 2262).
fn signed_nanos(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

/// A clock that stands still until it is told otherwise; clones share one time.
///
/// ```
/// use indelible_engine::world::clock::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new(1_000);
/// let shared = clock.clone();
/// clock.advance(Duration::from_nanos(5));
/// clock.set_wall(-7);
/// assert_eq!(shared.wall_nanos(), -7);
/// assert_eq!(shared.monotonic(), Duration::from_nanos(5));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    state: Arc<ManualState>,
}

#[derive(Debug, Default)]
struct ManualState {
    wall_nanos: AtomicI64,
    monotonic_nanos: AtomicU64,
}

impl ManualClock {
    /// A clock whose wall shows `wall_nanos` (UTC, since 1970) and whose monotonic time is zero.
    pub fn new(wall_nanos: i64) -> Self {
        let clock = ManualClock::default();
        clock.set_wall(wall_nanos);
        clock
    }

    /// Sets the wall clock alone, forwards or back, as an administrator or NTP does.
    pub fn set_wall(&self, wall_nanos: i64) {
        self.state.wall_nanos.store(wall_nanos, Ordering::SeqCst);
    }

    /// Lets time pass on both clocks, saturating at their ends.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let forward = i64::try_from(nanos).unwrap_or(i64::MAX);
        // Monotonic first: whoever sees the new wall time also sees the time that has passed.
        self.state.monotonic_nanos.update(Ordering::SeqCst, Ordering::SeqCst, |now| now.saturating_add(nanos));
        self.state.wall_nanos.update(Ordering::SeqCst, Ordering::SeqCst, |now| now.saturating_add(forward));
    }
}

impl Clock for ManualClock {
    fn wall_nanos(&self) -> i64 {
        self.state.wall_nanos.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.state.monotonic_nanos.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_signed_and_saturates() {
        let cases = [
            (UNIX_EPOCH, 0),
            (UNIX_EPOCH + Duration::from_nanos(1), 1),
            (UNIX_EPOCH - Duration::from_nanos(1), -1),
            (UNIX_EPOCH + Duration::from_secs(20_000_000_000), i64::MAX),
            (UNIX_EPOCH - Duration::from_secs(20_000_000_000), i64::MIN),
        ];
        for (time, nanos) in cases {
            assert_eq!(signed_nanos(time), nanos, "{time:?}");
        }
    }

    #[test]
    fn system_clock_is_this_century_and_monotonic() {
        let clock = SystemClock;
        // 2020-01-01, before this was written: a clock in other units would fall short of it or saturate.
        assert!((1_577_836_800_000_000_000..i64::MAX).contains(&clock.wall_nanos()));
        let first = clock.monotonic();
        assert!(SystemClock.monotonic() >= first);
    }

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(i64::MAX - 3);
        clock.advance(Duration::from_secs(1));
        assert_eq!((clock.wall_nanos(), clock.monotonic()), (i64::MAX, Duration::from_secs(1)));
        clock.set_wall(5);
        assert_eq!((clock.wall_nanos(), clock.monotonic()), (5, Duration::from_secs(1)));
        clock.advance(Duration::MAX);
        assert_eq!(clock.monotonic(), Duration::from_nanos(u64::MAX));
    }
}
