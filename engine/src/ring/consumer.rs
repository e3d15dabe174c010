//! The receiving end: one thread takes items out, in ticket order.
//!
//! ```text
//! wait -> Ready -> drain a batch -> (write it) -> wait ...          Closed: nothing is left and nothing will come
//! ```
//!
//! Slots and bytes go back to the producers once per drain, with one fence and no lock unless a producer waits for room.
//! A producer preempted between claim and publication holds up what comes after it, since order is order; the consumer
//! then spins for a moment and sleeps in steps of at most 320 microseconds, so it burns no core.
//!
//! Not here: the ring itself (`shared.rs`).

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::sync::{Arc, Backoff};

/// Why [`Consumer::wait`] came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wakeup {
    /// At least one item can be drained.
    Ready,
    /// The ring is closed and everything that was pushed has been drained.
    Closed,
    /// The timeout passed.
    TimedOut,
}

/// The receiving end. Dropping it closes the ring.
pub struct Consumer<T: Send> {
    shared: Arc<Shared<T>>,
    /// The next ticket to take; `Shared` has it as of the last release.
    head: u64,
    /// Bytes of all items taken.
    freed: u64,
    /// Not `Sync`: the gate wakes one sleeper, and there must be only one.
    one_thread: PhantomData<Cell<()>>,
}

impl<T: Send> Consumer<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, head: u64, freed: u64) -> Self {
        Consumer { shared, head, freed, one_thread: PhantomData }
    }

    /// Takes items in ticket order, appends them to `out`, and returns how many.
    ///
    /// Stops after `max_items`, before the item that would bring this call beyond `max_bytes`, or where nothing is
    /// published yet. The first item is taken even if it alone exceeds `max_bytes`, so that it cannot block the ring.
    pub fn drain(&mut self, out: &mut Vec<T>, max_items: usize, max_bytes: usize) -> usize {
        let mut count = 0;
        let mut total = 0usize;
        while count < max_items {
            let Some(bytes) = self.shared.published(self.head) else {
                break;
            };
            total = total.saturating_add(bytes as usize);
            if count > 0 && total > max_bytes {
                break;
            }
            // SAFETY: this is the consumer (`&mut self` of the only one), the ticket is published, and `head` moves on
            // before anything can unwind, so no ticket is taken twice.
            let item = unsafe { self.shared.take(self.head) };
            self.head += 1;
            self.freed += u64::from(bytes);
            count += 1;
            out.push(item);
        }
        if count > 0 {
            self.shared.release(self.head, self.freed);
        }
        count
    }

    /// Sleeps until an item can be drained, the ring is closed and empty, or `timeout` has passed.
    ///
    /// Looks once and does not sleep with a timeout of zero. A timeout too large for the clock means for ever.
    pub fn wait(&self, timeout: Duration) -> Wakeup {
        if self.shared.published(self.head).is_some() {
            return Wakeup::Ready;
        }
        let deadline = Instant::now().checked_add(timeout);
        let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let mut backoff = Backoff::new();
        loop {
            // The word before the slot: once it says "closed and nothing claimed" no item can appear any more.
            let word = self.shared.tail();
            if self.shared.published(self.head).is_some() {
                return Wakeup::Ready;
            }
            let nothing_claimed = word.items_since(self.head) == 0;
            if nothing_claimed && word.is_closed() {
                return Wakeup::Closed;
            }
            if timeout.is_zero() || (backoff.is_spent() && late()) {
                return Wakeup::TimedOut;
            }
            if nothing_claimed && backoff.is_spent() {
                // Fails when a claim or a close came in between: look again.
                if self.shared.mark_parked(word) && self.shared.gate.pass(deadline) {
                    backoff = Backoff::new();
                }
            } else {
                backoff.snooze();
            }
        }
    }

    /// Items and bytes that wait to be drained, those claimed and not yet published included.
    pub fn lag(&self) -> (usize, usize) {
        self.shared.in_flight()
    }
}

impl<T: Send> Drop for Consumer<T> {
    /// Nobody drains any more: producers must hear of it instead of waiting. Items left are dropped with the last handle.
    fn drop(&mut self) {
        self.shared.release(self.head, self.freed);
        self.shared.close();
    }
}

impl<T: Send> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, bytes) = self.lag();
        f.debug_struct("Consumer").field("items", &items).field("bytes", &bytes).finish_non_exhaustive()
    }
}
