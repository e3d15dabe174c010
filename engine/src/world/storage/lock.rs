//! What a taken lock is: a guard that can be asked whether it still means anything.
//!
//! ```text
//! try_lock ──> open or create the file ──> lock it ──> is it still the file of that name? ──no──> again
//!                                                                  │ yes
//!                                                              LockGuard ── drop ──> free
//! ```
//!
//! Invariant: two live guards never hold the file that the same name stands for. Somebody can still unlink the file under a
//! holder and lock a new one; [`LockGuard::is_current`] lets the holder notice before it does harm.
//!
//! Deliberately not here: waiting for a lock, shared locks, and the system calls (`file.rs`) or tables (`sim.rs`) behind it.

use std::fmt;
use std::io;

/// Why [`super::Storage::try_lock`] gave no lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else has it.
    #[error("{name} is locked by {}; only one writer can have a log open: stop it, or open the log for reading", holder(.pid))]
    Held {
        /// The lock's name in the log directory.
        name: String,
        /// The process that said it took the lock, if it could be read. It is a hint for people, not evidence.
        pid: Option<u32>,
    },
    /// The lock file could not be opened or locked.
    #[error("could not lock {name}: {source}")]
    Io {
        /// The lock's name in the log directory.
        name: String,
        /// What the disk said.
        source: io::Error,
    },
}

impl LockError {
    pub(super) fn io(name: &str, source: impl Into<io::Error>) -> Self {
        LockError::Io { name: name.to_owned(), source: source.into() }
    }
}

fn holder(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

/// A lock that is held until this is dropped, or the process ends.
pub struct LockGuard {
    held: Box<dyn HeldLock>,
}

/// What an implementation keeps for a held lock; dropping it releases the lock.
pub(super) trait HeldLock: Send + Sync {
    fn is_current(&self) -> io::Result<bool>;
}

impl LockGuard {
    pub(super) fn new(held: impl HeldLock + 'static) -> Self {
        LockGuard { held: Box::new(held) }
    }

    /// Whether the locked file is still the one of that name. `false` means that somebody removed or replaced it and
    /// another writer may be at work: stop writing.
    ///
    /// # Errors
    /// The disk's own.
    pub fn is_current(&self) -> io::Result<bool> {
        self.held.is_current()
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockGuard")
    }
}
