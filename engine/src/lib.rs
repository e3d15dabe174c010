//! The log: ring, writer, journal, segments, snapshots, recovery, query. Knows columns, not the audit domain.
//!
//! All I/O goes through [`storage::Storage`], time through [`clock::Clock`], randomness through [`rng::Rng`], so that a
//! simulated disk can drive everything.

pub mod clock;
pub mod draft;
pub mod error;
pub mod options;
pub mod query;
pub mod ring;
pub mod rng;
mod segment;
pub mod storage;
pub mod verify;
pub mod watermark;
