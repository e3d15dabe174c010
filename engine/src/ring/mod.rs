//! The ring between the threads that emit events and the writer: many producers, one consumer, bounded in slots and bytes.
//!
//! ```text
//! producer --.                  tail word (claims)                          head, freed (releases)
//! producer ---+--> claim ticket -> fill slot -> publish ... slots ... -> drain in ticket order --> writer
//! producer --'                                                            one release per drain
//! ```
//!
//! Invariants:
//! - Tickets are dense from 0, and the consumer takes items in ticket order; so each producer's own order is kept.
//! - Never more than `slots` items nor `bytes_max` bytes are in flight. Byte budget is given back when an item is drained.
//! - A push that returned `Ok` is drained before [`Wakeup::Closed`] is reported; a push that failed gives its item back.
//! - Producers make no system call unless the consumer sleeps; nobody spins without bound.
//! - Every item is dropped exactly once, whichever end goes first.
//!
//! Deliberately not here: what an item is, disk, time of day, fairness between waiting producers, more than one consumer.
//!
//! Files: `word.rs` (the packed tail word), `shared.rs` (slots, claims, releases; the unsafe part), `producer.rs`,
//! `consumer.rs`, `park.rs` (sleeping and waking), `sync.rs` (real or modelled atomics), `loom.rs` (the models).
//! Why it is built like this, and figures: `README.md` in this folder.
//!
//! ```
//! use indelible_engine::ring::{RingConfig, Wakeup, ring};
//! use std::time::Duration;
//!
//! let (producer, mut consumer) = ring(RingConfig::new(1024, 1 << 20)?);
//! let ticket = producer.try_push("an event", 8).expect("an empty ring has room");
//! assert_eq!(ticket.0, 0);
//! drop(producer);
//!
//! let mut batch = Vec::new();
//! while consumer.wait(Duration::from_secs(1)) == Wakeup::Ready {
//!     consumer.drain(&mut batch, 256, 1 << 16);
//! }
//! assert_eq!(batch, ["an event"]);
//! # Ok::<(), indelible_engine::ring::RingConfigError>(())
//! ```

mod consumer;
mod park;
mod producer;
mod shared;
pub(crate) mod sync;
mod word;

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;

pub use consumer::{Consumer, Wakeup};
pub use producer::{Producer, PushError, Ticket};

use shared::Shared;
use sync::Arc;
use word::{BYTES_MAX, SLOTS_MAX};

/// The two bounds of a ring, checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingConfig {
    slots: usize,
    bytes_max: usize,
}

/// Why a [`RingConfig`] was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RingConfigError {
    /// The number of slots is not a power of two from 1 to `most`.
    #[error("a ring of {slots} slots cannot be made: choose a power of two from 1 to {most}")]
    Slots {
        /// What was asked for.
        slots: usize,
        /// The largest number possible.
        most: usize,
    },
    /// The byte budget is 0 or beyond `most`.
    #[error("a ring of {bytes_max} bytes cannot be made: choose from 1 to {most} bytes")]
    Bytes {
        /// What was asked for.
        bytes_max: usize,
        /// The largest budget possible, in bytes.
        most: usize,
    },
}

impl RingConfig {
    /// A ring of `slots` items (a power of two, at most 2^24) and `bytes_max` bytes (at most 1 GiB) in flight.
    ///
    /// # Errors
    /// [`RingConfigError`] names the bound that was not met.
    pub fn new(slots: usize, bytes_max: usize) -> Result<RingConfig, RingConfigError> {
        if !slots.is_power_of_two() || slots > SLOTS_MAX {
            return Err(RingConfigError::Slots { slots, most: SLOTS_MAX });
        }
        if bytes_max == 0 || bytes_max > BYTES_MAX {
            return Err(RingConfigError::Bytes { bytes_max, most: BYTES_MAX });
        }
        Ok(RingConfig { slots, bytes_max })
    }

    /// The number of slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The byte budget.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

/// Makes a ring and gives its two ends.
pub fn ring<T: Send>(config: RingConfig) -> (Producer<T>, Consumer<T>) {
    ring_at(config, 0, 0)
}

/// A ring that starts as if `first` items of `freed` bytes had passed through it, so that tests reach the wraps.
fn ring_at<T: Send>(config: RingConfig, first: u64, freed: u64) -> (Producer<T>, Consumer<T>) {
    let shared = Arc::new(Shared::new(config, first, freed));
    (Producer::first(Arc::clone(&shared)), Consumer::new(shared, first, freed))
}
