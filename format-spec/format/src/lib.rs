//! The bytes of an Indelible log's files: frames, segments, journal groups, the manifest and the live mark.
//!
//! ```text
//! records (indelible-evidence) --> journal group (hot tail)
//!                              --> frame body: columns, removal section, salts --> block of a segment
//! ```
//!
//! Pure: no files, no clock, no threads, no `unsafe`. Decoding is total and strict, as in `indelible-evidence`, whose
//! [`FormatError`](indelible_evidence::FormatError) it gives. Nothing here is hashed or signed: every encoding of this crate
//! may change without a root changing.
//!
//! Not here: commitments, keys, proofs (`indelible-evidence`), opening files (the engine).
//! The chapters in `format-spec/` fix what is implemented here.
#![forbid(unsafe_code)]

pub mod aead;
pub mod bitpack;
pub mod frame;
mod head;
pub mod journal;
pub mod layout;
pub mod live;
pub mod manifest;
pub mod names;
pub mod segment;
mod zstd_block;
