//! What stops a log for good: the first failure that nobody may go on after.
//!
//! ```text
//! step ──guard──> poisoned already? refuse : run ──error that is final──> poisoned
//! ```
//!
//! Invariants: once set it stays set until the log is opened again, and every step of writer and framer asks it first, so
//! that a failed sync is never tried again by anybody (promise 2 of the design). A full disk does not poison.

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::mutant::{Mutant, planted};

/// Why a log takes no more steps, if it does not.
#[derive(Debug, Default)]
pub(crate) struct Poison {
    reason: Mutex<Option<String>>,
}

impl Poison {
    /// Stops the log; the first reason is kept.
    pub(crate) fn set(&self, error: &Error) {
        self.reason.lock().get_or_insert_with(|| match error {
            Error::Poisoned { reason } => reason.clone(),
            other => other.to_string(),
        });
    }

    /// Why the log was stopped.
    pub(crate) fn reason(&self) -> Option<String> {
        self.reason.lock().clone()
    }

    /// Refuses where the log was stopped.
    pub(crate) fn check(&self) -> Result<()> {
        match self.reason() {
            Some(reason) if !planted(Mutant::ForgetPoison) => Err(Error::Poisoned { reason }),
            _ => Ok(()),
        }
    }

    /// Runs a step, unless the log was stopped, and stops it where the step fails for good.
    pub(crate) fn guard<T>(&self, step: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check()?;
        let done = step();
        if let Err(error) = &done
            && is_final(error)
        {
            self.set(error);
        }
        done
    }
}

/// Whether nothing may be written after this error: all but a full disk and a request that could not be served as asked.
fn is_final(error: &Error) -> bool {
    !error.is_disk_full() && !matches!(error, Error::Option { .. } | Error::RotationOpen { .. })
}
