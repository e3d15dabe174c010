//! What every store must do to be compared, and the list of stores.
//!
//! ```text
//! Peer: load (timed) -> open -> Asked: prepare some (not timed), answer them (timed) -> verify, purge (timed)
//!       single: a new store that commits one event after the other, each durable before the next
//! ```
//!
//! Invariants: every store gets the same events in the same order and keeps every field of them; every one answers every question
//! it is asked with full events. What a store cannot do it says with `None`; nothing is estimated.
//!
//! Deliberately not here: clocks and percentiles (`crate::measure`), and what an answer should be (`indelible_benches::oracle`).

mod append;
mod digest;
mod event_json;
mod fjall;
mod keyed;
mod ours;
#[cfg(feature = "all-peers")]
mod quipu;
#[cfg(feature = "all-peers")]
mod quipu_rows;
mod redb;
mod row;
mod sqlite;
#[cfg(feature = "all-peers")]
mod tantivy;

use std::path::Path;
use std::time::Duration;

use indelible::AuditEvent;
use indelible_benches::question::{Answer, Question};

pub use append::{raw_sync, verify_chain};
pub use digest::digest;

/// Errors of stores only end the measurement of that store.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Events behind one sync of every store that commits in batches.
pub const BATCH: usize = 1_000;

/// A store under comparison.
pub trait Peer {
    /// Short name without spaces, for the command line.
    fn key(&self) -> &'static str;

    /// Name as the tables show it.
    fn name(&self) -> &'static str;

    /// What is durable when, as the tables show it.
    fn durability(&self) -> &'static str;

    /// What it keeps besides the events: `chain` where they are bound together, `index` where other columns are indexed.
    fn keeps(&self) -> &'static str;

    /// Loads events into a new store in `dir`, which is empty, and closes it. A store that takes events by value takes them out;
    /// what is left is freed outside the measured time.
    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()>;

    /// Opens what was loaded; `None` where it only appends.
    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>>;

    /// A new store in `dir` that commits events one by one; `None` where it is measured under another name.
    fn single(&self, _dir: &Path) -> Result<Option<Box<dyn Single>>> {
        Ok(None)
    }

    /// Checks that nothing that was loaded has been changed; `None` where it cannot know.
    fn verify(&self, _dir: &Path, _threads: usize) -> Result<Option<Verified>> {
        Ok(None)
    }

    /// Deletes events of severity info older than `cutoff` (ns) and gives the space back; `None` where it cannot.
    fn purge(&self, _dir: &Path, _cutoff: i64) -> Result<Option<Purged>> {
        Ok(None)
    }
}

/// An open store. Some questions are prepared, then the same are answered in the same order: whoever asks for a page has the
/// cursor already, and has not just read the 199 pages before it.
pub trait Asked {
    /// Does what is not timed: of Q7, finds where the page before ends.
    fn prepare(&mut self, question: &Question) -> Result<()>;

    /// Answers the question that was prepared first of those that were not answered.
    fn answer(&mut self, question: &Question) -> Result<Answer>;
}

/// A store that commits one event at a time.
pub trait Single {
    /// Commits one event; it is durable when this returns.
    fn commit(&mut self, event: &AuditEvent) -> Result<()>;
}

/// A check that found nothing wrong.
#[derive(Debug, Clone, Copy)]
pub struct Verified {
    /// Bytes of content that were checked, in the store's own form.
    pub bytes: u64,
}

/// What a purge did.
#[derive(Debug, Clone)]
pub struct Purged {
    /// Steps and what they took.
    pub steps: Vec<(String, Duration)>,
    /// Events that are gone.
    pub removed: u64,
    /// Events that should be gone and are still there.
    pub left: u64,
}

/// All stores, the one everything is compared with first.
pub fn all() -> Vec<Box<dyn Peer>> {
    let sqlite = |full, chain| -> Box<dyn Peer> { Box::new(sqlite::Sqlite { full, chain }) };
    let mut stores: Vec<Box<dyn Peer>> = vec![
        Box::new(ours::Indelible),
        sqlite(true, true),
        sqlite(true, false),
        sqlite(false, true),
        sqlite(false, false),
        Box::new(redb::Redb),
        Box::new(fjall::Fjall),
    ];
    #[cfg(feature = "all-peers")]
    stores.extend([
        Box::new(tantivy::Tantivy) as Box<dyn Peer>,
        Box::new(quipu::Quipu { pipeline: false }),
        Box::new(quipu::Quipu { pipeline: true }),
    ]);
    stores.extend(
        [(false, false), (true, false), (false, true), (true, true)]
            .map(|(chain, zstd)| -> Box<dyn Peer> { Box::new(append::Append { chain, zstd }) }),
    );
    stores
}

/// Bytes of all files below `dir`.
pub fn bytes_below(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let found = entry.metadata()?;
        sum += if found.is_dir() { bytes_below(&entry.path())? } else { found.len() };
    }
    Ok(sum)
}
