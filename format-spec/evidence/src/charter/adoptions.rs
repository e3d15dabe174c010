//! When records without a mark were taken in: read before the records themselves, since an `adopt` stands after what it takes in.
//!
//! ```text
//! records of kind 16 under the head -> Adoptions -> adopted_at of each record
//! ```
//!
//! Invariants: only what a head covers is read, so that nobody makes an act late with a record of his own. Beyond the head whoever has the
//! marks knows which records came without. Not here: whether an `adopt` is valid (`statements`), which a later pass says.

use super::record::ClassZero;
use crate::act::{Note, Statement, StatementBody, StatementKind};

/// Ranges of seqs that were taken in, with the time, ns since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoptions {
    ranges: Vec<(u64, u64, i64)>,
}

impl Adoptions {
    /// What the `adopt` statements among these records say; frames below `head` are under a head.
    pub fn of<'a, 'b: 'a>(records: impl IntoIterator<Item = &'a ClassZero<'b>>, head: u64) -> Self {
        let covered = |record: &&ClassZero<'_>| record.kind == StatementKind::Adopt.code() && record.frame_no < head;
        let range = |record: &ClassZero<'_>| {
            let note = Note::of_statement(record.body?).ok()?;
            match Statement::parse(note.text()).ok()?.body {
                StatementBody::Adopt { from, through } => Some((from, through, record.recorded_at)),
                _ => None,
            }
        };
        Self { ranges: records.into_iter().filter(covered).filter_map(range).collect() }
    }

    /// When the record of a seq was taken in, where it came without a mark.
    pub fn time_of(&self, seq: u64) -> Option<i64> {
        self.ranges.iter().find(|&&(from, through, _)| from <= seq && seq < through).map(|&(_, _, time)| time)
    }
}
