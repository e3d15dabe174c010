//! The sending end: any number of threads put items in.
//!
//! `try_push` is a handful of loads, one compare-and-swap and one store when it is not contended; it never takes a lock
//! unless the consumer sleeps. `push` is the same, and sleeps in the waiting room when there is no room.
//!
//! Not here: the ring itself (`shared.rs`).

use std::fmt;
use std::time::Instant;

use super::shared::{Refusal, Shared};
use super::sync::{Arc, Backoff, Ordering};

/// The position of an item in the global order of its ring: dense, from 0. The consumer takes items in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// Why an item was not taken. The item comes back in every case.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PushError<T> {
    /// No slot is free, or the bytes do not fit beside what is in flight.
    #[error(
        "the ring is full: the writer is behind; try again, wait with a deadline, or configure more slots or bytes"
    )]
    Full(T),
    /// The item alone is larger than the byte budget, so waiting cannot help.
    #[error("the item is larger than the whole byte budget of the ring: make it smaller or configure more bytes")]
    TooLarge(T),
    /// The ring is closed: the log is shutting down or its writer is gone.
    #[error("the ring is closed: the log is shutting down or its writer has stopped; open the log again")]
    Closed(T),
}

impl<T> PushError<T> {
    /// The item that was not taken.
    pub fn into_item(self) -> T {
        match self {
            PushError::Full(item) | PushError::TooLarge(item) | PushError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    /// Names the reason only: items hold audit data, which does not belong in a debug line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Full(_) => "Full(..)",
            PushError::TooLarge(_) => "TooLarge(..)",
            PushError::Closed(_) => "Closed(..)",
        })
    }
}

/// A handle for putting items in. Cheap to clone; dropping the last one closes the ring.
pub struct Producer<T: Send> {
    shared: Arc<Shared<T>>,
}

impl<T: Send> Producer<T> {
    /// The first handle; `Shared` starts with one producer counted.
    pub(super) fn first(shared: Arc<Shared<T>>) -> Self {
        Producer { shared }
    }

    /// Puts an item of `bytes` bytes in without ever blocking.
    ///
    /// `bytes` is what the item costs of the budget, 0 included; the ring takes the caller's word for it.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`] or [`PushError::Closed`], with the item.
    #[inline]
    pub fn try_push(&self, item: T, bytes: usize) -> Result<Ticket, PushError<T>> {
        if bytes > self.shared.bytes_max() {
            return Err(PushError::TooLarge(item));
        }
        // Lossless: the budget is at most 1 GiB.
        match self.shared.put(item, bytes as u32) {
            Ok(ticket) => Ok(Ticket(ticket)),
            Err((Refusal::Full, item)) => Err(PushError::Full(item)),
            Err((Refusal::Closed, item)) => Err(PushError::Closed(item)),
        }
    }

    /// Puts an item in, waiting for room until `deadline` (`None`: for ever).
    ///
    /// Waiters have no turn order: a large item can be overtaken by small ones for as long as they keep the ring full.
    ///
    /// # Errors
    /// [`PushError::Full`] when the deadline passed, [`PushError::TooLarge`] or [`PushError::Closed`] at once.
    pub fn push(&self, item: T, bytes: usize, deadline: Option<Instant>) -> Result<Ticket, PushError<T>> {
        let mut outcome = self.try_push(item, bytes);
        let mut backoff = Backoff::new();
        loop {
            match outcome {
                Err(PushError::Full(item)) if backoff.is_spent() => {
                    return self.push_parked(item, bytes, deadline);
                }
                Err(PushError::Full(item)) => {
                    backoff.snooze();
                    outcome = self.try_push(item, bytes);
                }
                other => return other,
            }
        }
    }

    #[cold]
    fn push_parked(&self, item: T, bytes: usize, deadline: Option<Instant>) -> Result<Ticket, PushError<T>> {
        let attempt = |item| match self.try_push(item, bytes) {
            Err(PushError::Full(item)) => Err(item),
            settled => Ok(settled),
        };
        match self.shared.room.wait_until(item, deadline, attempt) {
            Ok(settled) => settled,
            Err(item) => Err(PushError::Full(item)),
        }
    }

    /// Closes the ring for all producers. Everything pushed before stays and is drained. Closing twice is harmless.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the ring is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.tail().is_closed()
    }

    /// Items pushed so far, drained or not: every push that returned before this call has a ticket below it.
    pub fn pushed(&self) -> u64 {
        self.shared.claimed()
    }

    /// Items pushed and not yet drained, as of some moment during the call.
    pub fn len(&self) -> usize {
        self.shared.in_flight().0
    }

    /// Whether [`Producer::len`] is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes pushed and not yet drained, as of some moment during the call.
    pub fn bytes(&self) -> usize {
        self.shared.in_flight().1
    }
}

impl<T: Send> Clone for Producer<T> {
    fn clone(&self) -> Self {
        self.shared.producers.fetch_add(1, Ordering::Relaxed);
        Producer { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Send> Drop for Producer<T> {
    fn drop(&mut self) {
        // AcqRel: the pushes of every other handle come before the close by the last one.
        if self.shared.producers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.close();
        }
    }
}

impl<T: Send> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, bytes) = self.shared.in_flight();
        f.debug_struct("Producer").field("items", &items).field("bytes", &bytes).finish_non_exhaustive()
    }
}
