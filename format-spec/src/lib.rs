//! The bytes of an Indelible log: values to bytes and back, hashes, trees, proofs.
//!
//! ```text
//! record groups -> group hashes -> leaves -> class trees -> frame root -> descriptor -> chain, log tree -> checkpoint
//!       |                                                                   |
//!       +---- journal group (hot tail)          frame block in a segment ---+
//! ```
//!
//! Everything an auditor needs to verify a log without the engine. Pure: no files, no clock, no threads, no `unsafe`.
//! Decoding is total and strict: any bytes give a value or a [`FormatError`] with structure, field and offset, and what
//! decodes encodes to the same bytes.
//!
//! The chapters beside this crate (`format-spec/*.md`) fix what is implemented here.
#![forbid(unsafe_code)]

pub mod aead;
pub mod bitpack;
pub mod bundle;
pub mod bytes;
pub mod checkpoint;
pub mod commit;
pub mod descriptor;
mod error;
pub mod frame;
pub mod hash;
mod head;
pub mod journal;
pub mod key;
mod lanes;
pub mod layout;
pub mod live;
pub mod manifest;
pub mod merkle;
pub mod names;
pub mod record;
pub mod retention;
pub mod rotation;
pub mod schema;
pub mod segment;
pub mod witness;
mod zstd_block;

pub use error::{FormatError, Problem};

/// The format version this crate reads and writes.
pub const FORMAT_VERSION: u16 = 1;
/// Suite 1: BLAKE3, SHA-256, Ed25519.
pub const SUITE: u16 = 1;
/// Most records in a frame.
pub const FRAME_RECORDS_MAX: usize = 128;
/// Most canonical group bytes in a frame, and so in one record.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// Identifies a log: 16 random bytes, shown as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub [u8; 16]);

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&record::uuid_text(&self.0))
    }
}

impl std::fmt::Debug for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogId({self})")
    }
}
