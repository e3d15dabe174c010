//! The hot tail on disk: groups of records as they came, appended and synced.
//!
//! Specified in `format-spec/07-journal.md`.

mod read;
mod window;
mod writer;

pub(crate) use read::{JournalState, read_journal};
pub(crate) use writer::{JournalWriter, KeptFile};
