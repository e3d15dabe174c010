//! What every store must do to be compared.

use std::path::Path;
use std::time::Duration;

use indelible::AuditEvent;
use indelible_benches::question::{Answer, Question};

/// Errors of stores only end the program.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What loading gave.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    /// From the first event to the last durable byte, closed.
    pub took: Duration,
    /// CPU of all threads.
    pub cpu: Duration,
    /// Bytes on disk afterwards.
    pub bytes: u64,
}

/// A store under comparison.
pub trait Peer {
    /// Name and durability, as the table shows it.
    fn name(&self) -> String;

    /// Loads events into a new store in `dir`, which is empty, and closes it.
    fn load(&self, dir: &Path, events: &[AuditEvent]) -> Result<()>;

    /// Opens what was loaded.
    fn open(&self, dir: &Path) -> Result<Box<dyn Asked>>;
}

/// An open store.
pub trait Asked {
    /// Does what is not timed: of Q7, finds where the page before ends.
    fn prepare(&mut self, question: &Question) -> Result<Option<i64>>;

    /// Answers; `cursor` is what `prepare` gave.
    fn answer(&mut self, question: &Question, cursor: Option<i64>) -> Result<Answer>;
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
