//! Errors of the ledger: the engine's, and what the audit domain adds.

use std::path::PathBuf;

use crate::event::{AuditEvent, EventInvalid};

/// Result of a ledger operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log below.
    #[error(transparent)]
    Log(#[from] indelible_engine::Error),
    /// A signing key that cannot be made, read or used.
    #[error("signing key {}: {problem}", file.display())]
    Key {
        /// The key's file.
        file: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A log is to be written and its signing key is not there, so that nothing that is written would be signed.
    #[error(
        "the signing key of the log is not there: no {}. Name it with --sign-key FILE; where another user wrote the log, the key lies in \
         that user's data directory. To write records that nothing signs, say so: `ingest --unsigned`, OpenOptions::unsigned", file.display()
    )]
    NoSigningKey {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// An output or a key that would lie in a log.
    #[error("{} lies in the log {}: nothing but the log itself is written there; name another file", file.display(), log.display())]
    Inside {
        /// The file.
        file: PathBuf,
        /// The log's directory.
        log: PathBuf,
    },
    /// The log and its anchor do not agree, or the anchor cannot be read or written.
    #[error(transparent)]
    Anchor(Box<crate::anchor::AnchorError>),
    /// Something that cannot be proven.
    #[error(transparent)]
    Prove(Box<crate::prove::ProveError>),
    /// A purge that was refused.
    #[error(transparent)]
    Purge(Box<crate::retain::PurgeError>),
    /// An option that cannot work.
    #[error("{option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl From<indelible_evidence::FormatError> for Error {
    fn from(error: indelible_evidence::FormatError) -> Self {
        Error::Log(indelible_engine::Error::Record(error))
    }
}

/// An event that was not accepted; it comes back.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// The event is not valid; nothing was stored.
    Invalid {
        /// The event.
        event: Box<AuditEvent>,
        /// What is wrong with it.
        reason: EventInvalid,
    },
    /// The log took no more: full, closed, or poisoned.
    Refused {
        /// The event.
        event: Box<AuditEvent>,
        /// Why.
        error: indelible_engine::Error,
    },
}

impl EmitError {
    /// The event that was not accepted.
    #[must_use]
    pub fn into_event(self) -> AuditEvent {
        match self {
            EmitError::Invalid { event, .. } | EmitError::Refused { event, .. } => *event,
        }
    }
}

impl std::fmt::Display for EmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EmitError::Invalid { reason, .. } => write!(f, "event refused: {reason}"),
            EmitError::Refused { error, .. } => write!(f, "event not accepted: {error}"),
        }
    }
}

impl std::error::Error for EmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            EmitError::Invalid { reason, .. } => Some(reason),
            EmitError::Refused { error, .. } => Some(error),
        }
    }
}
