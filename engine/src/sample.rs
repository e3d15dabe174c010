//! What tests of this crate begin with: a log on a simulated disk.
//!
//! Not here: what tests outside the crate use (`tests/`), and any assertion.

use std::sync::Arc;

use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;

use crate::log::{CreateSpec, DEFAULT_SCHEDULE, LogConfig};
use crate::options::Options;
use crate::world::World;
use crate::world::clock::ManualClock;
use crate::world::rng::SeededRng;
use crate::world::storage::sim::SimStorage;

fn key() -> SigningKey {
    SigningKey::generate([3; 32], "test/log").expect("a name")
}

/// A log on `disk` that signs; its clock stands still. Randomness goes on with the disk, so that an opening does not repeat that
/// of the one before.
pub(crate) fn config(disk: &SimStorage, options: Options) -> LogConfig {
    LogConfig {
        world: World {
            storage: Arc::new(disk.clone()),
            clock: Arc::new(ManualClock::new(1_800_000_000_000_000_000)),
            rng: Arc::new(SeededRng::new(disk.op_count())),
        },
        options,
        signer: Some(Arc::new(key())),
        kept: None,
        path: "test".to_owned(),
    }
}

/// What such a log is created as.
pub(crate) fn spec() -> CreateSpec {
    CreateSpec {
        log_id: LogId([5; 16]),
        origin: "test/log".to_owned(),
        key: key().verifier().to_string(),
        schedule: DEFAULT_SCHEDULE.to_owned(),
    }
}
