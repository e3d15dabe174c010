//! Everything that a log takes from outside itself: a disk, the time and randomness, each behind a trait, put together in [`World`].
//!
//! ```text
//!             World
//!   storage ────┼──── clock ──── rng
//!   DirStorage  │   SystemClock  OsRng        the machine
//!   SimStorage  │   ManualClock  SeededRng    a simulation: crashes and faults on schedule, the same again from the same seed
//! ```
//!
//! Invariant: nothing else in the engine opens a file, asks for the time or draws a random byte, so that whatever runs on a real
//! disk also runs, byte for byte, on a simulated one. Not here: files outside the log's directory (the ledger's), and sleeping.

pub mod clock;
pub mod rng;
pub mod storage;

use std::sync::Arc;

use clock::{Clock, SystemClock};
use rng::{OsRng, Rng};
use storage::Storage;

/// What a log stands on. Cloning gives another handle to the same disk, clock and source of randomness.
#[derive(Clone)]
pub struct World {
    /// The log directory.
    pub storage: Arc<dyn Storage>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness: salts, keys and ids.
    pub rng: Arc<dyn Rng>,
}

impl World {
    /// This storage, with the machine's clock and randomness.
    pub fn on(storage: Arc<dyn Storage>) -> Self {
        Self { storage, clock: Arc::new(SystemClock), rng: Arc::new(OsRng) }
    }
}
