//! The journal: records as they came, in groups that were synced together.
//!
//! ```text
//! file header 64 | group header 96, records in transit form | group ... | close mark 96
//! ```
//!
//! Invariants of what a scan gives: log id and incarnation are the file's, seqs go on without a gap, every checksum is
//! right, each group names the one before it by checksum. Where a scan stops it says at which offset and why; whether that
//! is a torn tail or damage is for recovery to decide. Specified in `format-spec/07-journal.md`.

mod group;
mod header;
mod scan;

pub use group::{GROUP_PAYLOAD_MAX, GROUP_RECORDS_MAX, GroupFacts, GroupHeader, GroupKind, put_close_mark, put_group};
pub use header::JournalHeader;
pub use scan::{Group, GroupScanner, Position, RecordRefs, Records, ScanStop, find_later_group, records_of};
