//! Indelible: an audit log that can prove itself, the crate to embed.
//!
//! ```text
//! builder / native JSON / importers --> AuditEvent --> (ledger, storage engine)
//! ```
//!
//! This crate knows what an audit event is; the storage engine below it does not.

pub mod event;
pub mod filter;
pub mod import;

pub use event::{
    Actor, ActorType, AuditEvent, EventBuilder, EventError, EventInvalid, EventProblem, Limits, Metadata, Original,
    Outcome, Proof, ProofKind, Severity, Target, Timestamp,
};
