//! Indelible: an audit log that can prove itself, the crate to embed.
//!
//! ```text
//! builder / native JSON / importers -> AuditEvent -> Ledger (validate, encode, class) -> storage engine
//!                                                    LedgerReader (query, stats, follow) <- storage engine
//! ```
//!
//! This crate knows what an audit event is; the storage engine below it does not.

pub mod anchor;
mod codec;
mod cosign;
mod create;
mod error;
pub mod event;
pub mod filter;
mod heads;
mod kept;
mod keys;
mod ledger;
pub mod prove;
mod reader;
pub mod retain;
mod rotate;
mod schedule;
mod verify;
pub mod world;

pub use cosign::{add_cosignatures, add_cosignatures_in};
pub use create::{CreateOptions, Created};
pub use error::{EmitError, Error, Result};
pub use heads::{HeadFailure, HeadOptions};
pub use indelible_engine::query::Order;
pub use indelible_engine::{
    Ack, Corruption, DiskHealth, Health, LogBytes, Options, Outcome as Stored, Overflow, Pressure, Receipt,
    RecoveryReport, query,
};
pub use indelible_evidence::LogId;
pub use keys::default_key_file;
pub use ledger::{Ledger, OpenOptions, SharedClock};
pub use reader::{Follow, LedgerReader, Page, Query, ReadOptions, Row, StatsQuery, StatsRow};
pub use rotate::{LogKey, Rotated};
pub use schedule::{Rule, Schedule};
pub use verify::{KnownHeads, Progress, VerifyOptions, VerifyReport, verify, verify_in, verify_known};
pub use world::World;

pub use event::{
    Actor, ActorType, AuditEvent, EventBuilder, EventError, EventInvalid, EventProblem, Limits, Metadata, Original,
    Outcome, Proof, ProofKind, RECORD_BYTES_DEFAULT, RECORD_BYTES_MAX, Severity, Target, Timestamp,
};

/// The example of the README, compiled and run with the other documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
