//! Everything that a ledger takes from outside itself: the log's directory, the small files that must lie elsewhere, time, randomness.
//!
//! ```text
//!            World
//!     log ─────┴───── outside
//!     │ storage       signing keys, anchor, heads, what is remembered for a log; commands that get heads
//!     │ clock, rng
//!     machine:    DirStorage, SystemClock, OsRng  |  Machine (`machine/`)
//!     simulation: SimStorage, ManualClock, ...    |  SimOutside (`simulated.rs`), with the same power switch
//! ```
//!
//! Invariant: nothing else in this crate opens a file, asks for the time of day or makes a key, so that whatever a program does
//! with a ledger can be done on a simulated disk that loses its power at any moment. Not here: what the files mean.

mod machine;
mod outside;
mod simulated;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_engine::LogConfig;
pub use indelible_engine::world::clock::{Clock, ManualClock, SystemClock};
pub use indelible_engine::world::rng::{OsRng, Rng, SeededRng};
pub use indelible_engine::world::storage::{Access, DirStorage, Storage};
use indelible_format::names::MANIFEST;

pub use machine::{Machine, outputs};
pub use outside::Outside;
pub use simulated::SimOutside;

use crate::error::Result;

/// What one ledger stands on. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct World {
    /// The log's directory, time, randomness.
    pub log: indelible_engine::World,
    /// The files that lie outside the log's directory.
    pub outside: Arc<dyn Outside>,
    /// The log directory's name, for messages, and to tell whether another file lies inside it.
    pub path: PathBuf,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World({})", self.path.display())
    }
}

impl World {
    /// The machine: a real directory and real files, the machine's clock and randomness.
    ///
    /// # Errors
    /// [`indelible_engine::Error::NotALog`] where there is no such directory; where it cannot be opened, or, with [`Access::Create`],
    /// made.
    pub fn machine(path: impl AsRef<Path>, access: Access) -> Result<Self> {
        let path = path.as_ref();
        if access == Access::Create {
            outputs::check(path, None)?;
        }
        let log = match LogConfig::at(path, access) {
            Ok(config) => config.world,
            Err(indelible_engine::Error::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound && access != Access::Create =>
            {
                return Err(indelible_engine::Error::NotALog { path: path.display().to_string() }.into());
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { log, outside: Arc::new(Machine), path: path.to_owned() })
    }

    /// The log directory's name in messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// What the engine opens the log with.
    pub(crate) fn config(&self, options: &indelible_engine::Options) -> LogConfig {
        LogConfig { world: self.log.clone(), options: options.clone(), signer: None, kept: None, path: self.name() }
    }

    /// Whether a log lies in the directory.
    pub(crate) fn has_log(&self) -> Result<bool> {
        let found = self.log.storage.exists(MANIFEST);
        let named = |source| indelible_engine::Error::Io { what: "look for", file: MANIFEST.to_owned(), source };
        Ok(found.map_err(named)?)
    }

    /// What the log is, read from its directory.
    pub(crate) fn manifest(&self) -> Result<indelible_format::manifest::Manifest> {
        Ok(indelible_engine::manifest_of(self.log.storage.as_ref(), &self.name())?)
    }

    /// The signing keys that the log has had, read from its directory.
    pub(crate) fn trail(&self) -> Result<indelible_evidence::rotation::KeyTrail> {
        Ok(indelible_engine::keys_of(self.log.storage.as_ref(), &self.name())?)
    }
}
