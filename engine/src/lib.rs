//! The log: ring, writer, journal, segments, snapshots, recovery, query. Knows columns, not the audit domain.
//!
//! ```text
//! Log::emit -> ring -> writer -> journal -> framer -> segments        View <- snapshot <- Log, or LogReader in another process
//! ```
//!
//! All I/O goes through [`world::storage::Storage`], time through [`world::clock::Clock`], randomness through
//! [`world::rng::Rng`], so that a simulated disk can drive everything.

mod compact;
mod create;
mod draft;
mod error;
mod follow;
mod health;
mod journal;
mod kept;
pub mod keys;
mod log;
mod manifest_file;
#[cfg(feature = "mutants")]
pub mod mutant;
#[cfg(not(feature = "mutants"))]
mod mutant;
mod options;
pub mod query;
mod reader;
mod recover;
mod recovery_report;
pub mod ring;
mod run;
#[cfg(test)]
mod sample;
mod segment;
mod snapshot;
mod spare;
pub mod step;
pub mod verify;
pub mod watermark;
pub mod world;
mod write;

pub use compact::{
    CompactReport, CompactRequest, Gone, LazyFrame, Prune, SegmentReport, SegmentTarget, StubBytes, TornFile,
};
pub use create::Creation;
pub use draft::{Ack, Draft, Outcome, Receipt};
pub use error::{Corruption, Error, Result};
pub use follow::{Follow, ViewSource};
pub use health::{DiskHealth, Health, LogBytes, Pressure};
pub use kept::{Adopt, KeepHeads, Kept, KeptError, KeptHeads};
pub use log::{CreateSpec, DEFAULT_SCHEDULE, HeadHook, Log, LogConfig, Refused};
pub use manifest_file::{keys_of, manifest_of, read_keys, read_manifest};
pub use options::{Options, Overflow};
pub use reader::LogReader;
pub use recover::OpeningCheck;
pub use recovery_report::{JournalCut, RecoveryReport};
pub use world::World;
pub use write::queue::Settled;
