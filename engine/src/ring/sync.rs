//! The atomics, locks and pauses of the ring and the watermark, in two versions: the real ones, and loom's.
//!
//! ```text
//! normal build      std atomics, std UnsafeCell, parking_lot       what ships
//! --cfg loom        loom's of the same names                       what the model checker drives
//! ```
//!
//! Nothing else in the ring asks which version it runs on. Loom's clock never advances, so in a model a wait with a
//! deadline is a wait for ever: a missed wake-up becomes a deadlock, which loom reports.
//!
//! The orderings the proofs lean on are named here ([`publish`], [`release_room`], [`room_fence`], [`watermark_fence`]),
//! because each can be weakened on purpose in a model. One that passes with a weakened ordering proves nothing; the README
//! of this folder has the command.

pub(crate) use std::sync::atomic::Ordering;
use std::time::Instant;

#[cfg(loom)]
pub(crate) use ::loom::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, fence},
};

/// Whether an ordering is weakened on purpose, to show that the models notice: the one that `INDELIBLE_WEAKEN` names.
#[cfg(loom)]
pub(crate) fn weakened(what: &str) -> bool {
    static NAMED: std::sync::OnceLock<Option<std::ffi::OsString>> = std::sync::OnceLock::new();
    NAMED.get_or_init(|| std::env::var_os("INDELIBLE_WEAKEN")).as_deref().is_some_and(|named| named == what)
}

/// What ships is never weakened.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn weakened(_what: &str) -> bool {
    false
}

/// How a filled slot becomes visible to the consumer.
#[inline(always)]
pub(crate) fn publish() -> Ordering {
    if weakened("publish") { Ordering::Relaxed } else { Ordering::Release }
}

/// How an emptied slot becomes visible to the producers.
#[inline(always)]
pub(crate) fn release_room() -> Ordering {
    if weakened("release") { Ordering::Relaxed } else { Ordering::Release }
}

/// Orders "room was made" before "is anybody waiting for room".
pub(crate) fn room_fence() {
    if !weakened("fence") {
        fence(Ordering::SeqCst);
    }
}

/// Orders "the watermark moved" before "does anybody wait for this value".
pub(crate) fn watermark_fence() {
    if !weakened("watermark") {
        fence(Ordering::SeqCst);
    }
}

/// Two cache lines: x86 prefetches lines in pairs, so one line of distance still shares.
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// `std::cell::UnsafeCell` with the interface of loom's, which checks every access.
#[cfg(not(loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// Lends a pointer for reading.
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// Lends a pointer for writing.
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

#[cfg(loom)]
pub(crate) use ::loom::cell::UnsafeCell;

/// A lock with one condition: what threads sleep on, off the fast path.
pub(crate) struct Monitor<T> {
    state: Mutex<T>,
    changed: Condvar,
}

#[cfg(loom)]
use ::loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
use parking_lot::{Condvar, Mutex, MutexGuard};

impl<T> Monitor<T> {
    pub(crate) fn new(state: T) -> Self {
        Monitor { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(not(loom))]
        return self.state.lock();
        #[cfg(loom)]
        return self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    }

    /// Sleeps until notified (or for no reason); false when the deadline passed first.
    pub(crate) fn wait<'a>(&self, guard: MutexGuard<'a, T>, deadline: Option<Instant>) -> (MutexGuard<'a, T>, bool) {
        #[cfg(loom)]
        {
            // A model has no clock: a missed wake-up must show as a deadlock and not as a timeout.
            let _ = deadline;
            let guard = self.changed.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner());
            (guard, true)
        }
        #[cfg(not(loom))]
        {
            let mut guard = guard;
            let in_time = match deadline {
                None => {
                    self.changed.wait(&mut guard);
                    true
                }
                Some(deadline) => !self.changed.wait_until(&mut guard, deadline).timed_out(),
            };
            (guard, in_time)
        }
    }

    /// Wakes one sleeper; no system call when nobody sleeps.
    pub(crate) fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Wakes all sleepers; no system call when nobody sleeps.
    pub(crate) fn notify_all(&self) {
        self.changed.notify_all();
    }
}

/// Waiting for another thread that is in the middle of something short: spin, then yield, then sleep briefly.
///
/// The sleep grows from 20 to 320 microseconds, so a thread preempted for long costs the waiter almost no processor time.
pub(crate) struct Backoff {
    round: u32,
}

const SPIN_ROUNDS: u32 = 6;
#[cfg(not(loom))]
const YIELD_ROUNDS: u32 = 10;

impl Backoff {
    pub(crate) fn new() -> Self {
        Backoff { round: 0 }
    }

    /// True when spinning has not helped, so that a waiter who can park properly should.
    pub(crate) fn is_spent(&self) -> bool {
        cfg!(loom) || self.round > SPIN_ROUNDS + 2
    }

    /// Pauses for some cycles, longer each time up to a limit, and never gives the processor away.
    pub(crate) fn spin(&mut self) {
        #[cfg(not(loom))]
        {
            (0..1u32 << self.round.min(SPIN_ROUNDS)).for_each(|_| std::hint::spin_loop());
            self.round = self.round.saturating_add(1);
        }
    }

    /// Pauses, longer each time.
    pub(crate) fn snooze(&mut self) {
        #[cfg(loom)]
        ::loom::thread::yield_now();
        #[cfg(not(loom))]
        match self.round {
            0..SPIN_ROUNDS => (0..1u32 << self.round).for_each(|_| std::hint::spin_loop()),
            SPIN_ROUNDS..YIELD_ROUNDS => std::thread::yield_now(),
            round => std::thread::sleep(std::time::Duration::from_micros(20 << (round - YIELD_ROUNDS).min(4))),
        }
        self.round = self.round.saturating_add(1);
    }
}
