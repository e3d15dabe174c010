//! What an Indelible log commits to and what an outsider needs to check it: records, hashes, trees, keys, bundles.
//!
//! ```text
//! record groups -> group hashes -> leaves -> class trees -> frame root -> descriptor -> chain, log tree -> checkpoint
//!                                                                                 bundle: some of these, and paths between
//! ```
//!
//! Everything an auditor needs and nothing else: no compression, no encryption of files, no C. Pure: no files, no clock, no
//! threads, no `unsafe`. Decoding is total and strict: any bytes give a value or a [`FormatError`] with structure, field and
//! offset, and what decodes encodes to the same bytes.
//!
//! Not here: how a log lies on a disk (`indelible-format`, which builds on this crate and is never used by it).
//! The chapters in `format-spec/` fix what is implemented here.
#![forbid(unsafe_code)]

pub mod act;
pub mod bundle;
pub mod bytes;
pub mod charter;
pub mod checkpoint;
pub mod commit;
pub mod descriptor;
mod ed25519;
mod error;
pub mod hash;
pub mod key;
mod lanes;
pub mod layout;
pub mod merkle;
pub mod record;
pub mod retention;
pub mod rotation;
pub mod schema;
pub mod witness;

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
