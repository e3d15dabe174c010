//! What other threads ask of the writer thread, to be done between two groups.
//!
//! ```text
//! asker: put the order -> push an empty draft into the ring, which wakes the writer -> wait for the answer
//! writer: drain -> take the empty drafts out again -> carry the orders out
//! ```
//!
//! Invariants: an order put before the writer stopped is answered, or its asker is let go. An empty draft is no record (no
//! valid draft has no bytes) and never reaches the journal; the writer looks for them only while some are on their way.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::queue::Reply;
use super::writer::Item;
use crate::draft::Draft;
use crate::error::{Error, Result};
use crate::ring::{Producer, PushError};

/// Something for the writer thread to do.
pub(crate) enum Order {
    /// Begin a new journal file; answers with the seq that it begins with.
    Rotate(Reply<u64>),
    /// Remove the journal files whose records all lie in synced frames, and make that durable.
    Tidy(Reply<()>),
}

/// Orders that wait.
#[derive(Default)]
pub(crate) struct Orders {
    state: Mutex<State>,
    /// Empty drafts in the ring.
    wakes: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Order>,
    stopped: bool,
}

impl Orders {
    /// Puts an order and wakes the writer.
    pub(crate) fn put(&self, producer: &Producer<Item>, order: Order) -> Result<()> {
        {
            let mut state = self.state.lock();
            if state.stopped {
                return Err(Error::Closed);
            }
            state.waiting.push(order);
        }
        self.wakes.fetch_add(1, Ordering::AcqRel);
        match producer.try_push(Item { draft: Draft::empty(), cell: None }, 0) {
            Ok(_) => Ok(()),
            Err(refused) => {
                self.wakes.fetch_sub(1, Ordering::AcqRel);
                match refused {
                    // A full ring keeps the writer awake.
                    PushError::Full(_) => Ok(()),
                    _ => Err(Error::Closed),
                }
            }
        }
    }

    /// The orders that wait.
    pub(crate) fn take(&self) -> Vec<Order> {
        std::mem::take(&mut self.state.lock().waiting)
    }

    /// Takes what only woke the writer out of what it drained.
    pub(crate) fn take_wakes(&self, batch: &mut Vec<Item>) {
        if self.wakes.load(Ordering::Acquire) > 0 {
            let before = batch.len();
            batch.retain(|item| !item.draft.is_empty());
            self.wakes.fetch_sub(before - batch.len(), Ordering::AcqRel);
        }
    }

    /// Takes no more orders and lets those go who wait for an answer.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.waiting.clear();
    }
}
