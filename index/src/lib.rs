//! Postings of an Indelible log: which records have which value, built from frames and read in place from bytes.
//!
//! ```text
//! frame -> KeyChunk (keys of <= 128 records, shared, scanned)          hot tail of the active segment: ChunkSet
//!              |
//!              +--- build_run: 65,536 records -> one run payload  -->  RunReader over the mapped bytes
//!
//! Filter --- Postings::evaluate ---> Bounds: rows that match for sure, rows to check on the record
//! ```
//!
//! Invariants:
//! - In every column every row has exactly one key; key 0 means the record does not have the field.
//! - `sure` is a part of the truth and the truth a part of `sure + unsure`, through every and / or / not.
//! - Any bytes give an answer or an [`IndexError`] naming structure, field and offset; never a panic, and never an
//!   allocation beyond what the bytes present and the 65,536 positions of a run allow.
//!
//! Deliberately not here: files and maps, texts and their ordinals (the engine resolves them first), reading records to
//! settle unsure rows, encryption. Postings are derived from records and are never evidence.
//!
//! Specified in `format-spec/06-index-run.md`.
#![forbid(unsafe_code)]

mod bounds;
mod builder;
mod chunk;
mod chunk_set;
mod columns;
mod conjunction;
mod error;
mod evaluate;
mod few;
mod filter;
mod fingerprint;
pub mod layout;
mod leaf;
mod packed;
mod postings;
mod reader;
mod scan;
mod sequence;
mod verify;
mod words;
mod zones;

pub use bounds::{Bounds, Count};
pub use builder::build_run;
pub use chunk::{CHUNK_ROWS_MAX, KeyChunk, KeyChunkBuilder, RowKeys};
pub use chunk_set::ChunkSet;
pub use columns::{COLUMN_COUNT, COLUMNS, Column, ColumnKind, column_of};
pub use error::IndexError;
pub use filter::Filter;
pub use fingerprint::{FINGERPRINT_BITS, fingerprint};
pub use postings::{Postings, Zone};
pub use reader::{OpenedRun, RunReader};
