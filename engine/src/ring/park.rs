//! Where the two sides sleep: the consumer at its gate, producers in the waiting room.
//!
//! ```text
//! Gate   consumer sleeps; a producer that took the PARKED bit out of the tail word opens it.   Sticky: never missed.
//! Room   producers sleep; the consumer calls after making room, if anybody is inside.          Fence on both sides.
//! ```
//!
//! Why no wake-up is lost:
//!
//! - Gate: the consumer puts PARKED into the tail word only if the word says "nothing claimed" at that very moment. Every
//!   later claim or close is an atomic change of the same word, so the first of them sees the bit and opens the gate, once
//!   its item is published. An opened gate stays open until the consumer passes.
//! - Room: a producer counts itself in, then fences, then looks for room; the consumer makes room, then fences, then looks
//!   at the count. Whichever fence comes second sees the other side's write. Looking and falling asleep happen under the
//!   lock that the caller must pass, so a call cannot fall between them.
//!
//! Not here: who decides to sleep (`producer.rs`, `consumer.rs`).

use std::time::Instant;

use super::sync::{AtomicUsize, Monitor, Ordering, fence, room_fence};

/// What the consumer sleeps at.
pub(super) struct Gate {
    open: Monitor<bool>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Gate { open: Monitor::new(false) }
    }

    /// Opens the gate; it stays open until the consumer passes.
    #[cold]
    pub(super) fn open(&self) {
        *self.open.lock() = true;
        self.open.notify_one();
    }

    /// Sleeps until the gate is open, and shuts it behind the caller; false when the deadline passed first.
    pub(super) fn pass(&self, deadline: Option<Instant>) -> bool {
        let mut open = self.open.lock();
        while !*open {
            let (guard, in_time) = self.open.wait(open, deadline);
            open = guard;
            if !in_time && !*open {
                return false;
            }
        }
        *open = false;
        true
    }
}

/// Where producers wait for room.
pub(super) struct Room {
    waiting: AtomicUsize,
    door: Monitor<()>,
}

impl Room {
    pub(super) fn new() -> Self {
        Room { waiting: AtomicUsize::new(0), door: Monitor::new(()) }
    }

    /// Runs `attempt` until it succeeds or the deadline passes, sleeping in between until somebody calls.
    ///
    /// `attempt` gets the input and gives it back when there is still no room.
    pub(super) fn wait_until<I, R>(
        &self,
        input: I,
        deadline: Option<Instant>,
        mut attempt: impl FnMut(I) -> Result<R, I>,
    ) -> Result<R, I> {
        let mut guard = self.door.lock();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `call`.
        fence(Ordering::SeqCst);
        let mut outcome = attempt(input);
        while let Err(input) = outcome {
            let (again, in_time) = self.door.wait(guard, deadline);
            guard = again;
            outcome = attempt(input);
            if !in_time {
                break;
            }
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(guard);
        outcome
    }

    /// Wakes everybody inside, if there is anybody; called after room was made.
    pub(super) fn call(&self) {
        room_fence();
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.call_always();
        }
    }

    /// Wakes everybody inside. Whoever enters later takes the lock after this and so sees what was done before it.
    #[cold]
    pub(super) fn call_always(&self) {
        drop(self.door.lock());
        self.door.notify_all();
    }
}
