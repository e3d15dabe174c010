//! Commitments of a frame: from records to the frame root, and back for what is left after removal.
//!
//! ```text
//! frame_salt_key -> K[c,k] -> salt[i,k] --+
//! group bytes ----------------------------+-> g[i,k] --------> T[c,1..3] --+
//! seq, times, class, g[i,0] ---------------------> leaf[i] --> T[c,0] -----+-> frame root -> descriptor -> chain
//! ```
//!
//! Invariants: hashes cover salted canonical bytes, never codes or ciphertext; the same pipeline commits and verifies, the
//! only difference being where salts and hashes of removed parts come from. Not here: the log tree (`merkle`), how any of
//! this lies in a frame block (`frame`), whether group bytes are canonical ([`crate::record::Groups::check`]).
//! Specified in `format-spec/02-commitments.md`; the removal section in `format-spec/05-frame.md`.

mod pipeline;
mod prune;
mod salts;
mod table;
mod view;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use prune::{Pruned, Removal, prune};
pub use salts::{GroupState, Salt, Salts, Stub};
pub use view::{ClassHashes, FrameHashes, FrameView, GroupHashes, frame_hashes, verify_frame};

use crate::descriptor::{ClassEntry, Descriptor, Hash};
use crate::error::FormatError;
use crate::hash::{Purpose, b3};
use crate::record::{GROUPS, Groups, Record, SCHEMA};
use crate::{FORMAT_VERSION, FRAME_BYTES_MAX, FRAME_RECORDS_MAX, LogId};
use pipeline::Pipeline;

const STRUCTURE: &str = "frame commitment";
const SECOND: i64 = 1_000_000_000;

/// A record's header values and group bytes, borrowed from wherever they lie.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// Position in the log.
    pub seq: u64,
    /// When the log took it, ns since 1970.
    pub recorded_at: i64,
    /// Retention class.
    pub class: u16,
    /// Canonical bytes of groups 0 to 3.
    pub groups: [&'a [u8]; GROUPS],
}

impl RecordRef<'_> {
    /// A copy of its own.
    pub fn to_record(&self) -> Record {
        let Self { seq, recorded_at, class, groups } = *self;
        Record { seq, recorded_at, class, groups: Groups::from_slices(groups) }
    }
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        let Record { seq, recorded_at, class, ref groups } = *record;
        Self { seq, recorded_at, class, groups: groups.slices() }
    }
}

/// What a descriptor says that does not follow from its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameFacts {
    /// The log.
    pub log_id: LogId,
    /// Frame number from 0.
    pub frame_no: u64,
    /// Class schedule in force.
    pub schedule_version: u32,
    /// Signing-key epoch.
    pub key_epoch: u32,
    /// Events lost by explicit choice since the log began.
    pub lost_events: u64,
}

/// Commits and verifies frames, one after the other, with buffers that are used again.
#[derive(Debug, Default)]
pub struct Committer {
    pipeline: Pipeline,
}

impl Committer {
    /// A committer; buffers grow with the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Commits to a whole frame: 1 to 128 records with dense seqs, at most 1 MiB of groups, none of them empty.
    ///
    /// `frame_salt_key` must be fresh random bytes; it is kept in the frame as [`Salts::Whole`].
    ///
    /// # Errors
    /// [`FormatError`] where the records cannot be a frame or an envelope is damaged.
    pub fn commit(
        &mut self,
        facts: &FrameFacts,
        records: &[RecordRef<'_>],
        frame_salt_key: &Hash,
    ) -> Result<Descriptor, FormatError> {
        let first_seq = check_frame(records)?;
        let mut classes = table::positions_table(records.iter().map(|record| record.class));
        self.hash_whole(first_seq, &classes, records, frame_salt_key)?;
        self.pipeline.fill_times(&mut classes);
        Ok(Descriptor {
            schema: SCHEMA,
            count: records.len() as u16,
            log_id: facts.log_id,
            frame_no: facts.frame_no,
            first_seq,
            schedule_version: facts.schedule_version,
            key_epoch: facts.key_epoch,
            lost_events: facts.lost_events,
            frame_root: self.pipeline.frame_root(),
            index_hash: [0; 32],
            classes,
        })
    }

    fn hash_whole(
        &mut self,
        first_seq: u64,
        classes: &[ClassEntry],
        records: &[RecordRef<'_>],
        frame_salt_key: &Hash,
    ) -> Result<Vec<[GroupState; GROUPS]>, FormatError> {
        let states = self.pipeline.whole_states(classes, frame_salt_key);
        self.pipeline.run(first_seq, classes, &states, |position| records.get(position).copied())?;
        Ok(states)
    }
}

/// [`Committer::commit`] with buffers of its own.
///
/// # Errors
/// As [`Committer::commit`].
pub fn commit_frame(
    facts: &FrameFacts,
    records: &[RecordRef<'_>],
    frame_salt_key: &Hash,
) -> Result<Descriptor, FormatError> {
    Committer::new().commit(facts, records, frame_salt_key)
}

/// The chain value before frame 0: binds the log's identity. `key` is the first verifier key in its text form.
pub fn genesis_chain(log_id: LogId, origin: &str, key: &str) -> Hash {
    let mut input = Vec::with_capacity(28 + origin.len() + key.len());
    input.extend_from_slice(&log_id.0);
    input.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    input.extend_from_slice(&[0; 2]);
    for text in [origin, key] {
        input.extend_from_slice(&(text.len() as u32).to_le_bytes());
        input.extend_from_slice(text.as_bytes());
    }
    b3(Purpose::Genesis, &input)
}

/// The chain value of a frame, given [`Descriptor::hashed`] with the chain value before it.
pub fn chain(hashed_descriptor: &[u8]) -> Hash {
    b3(Purpose::Chain, hashed_descriptor)
}

/// Checks that records can be one frame; gives the first seq.
fn check_frame(records: &[RecordRef<'_>]) -> Result<u64, FormatError> {
    let invalid = |field, why: &'static str| FormatError::invalid(STRUCTURE, field, 0, why);
    let Some(first) = records.first().filter(|_| records.len() <= FRAME_RECORDS_MAX) else {
        return Err(invalid("records", "a frame has 1 to 128 records"));
    };
    let mut bytes = 0usize;
    for (position, record) in records.iter().enumerate() {
        if first.seq.checked_add(position as u64) != Some(record.seq) || record.seq == u64::MAX {
            return Err(invalid("seq", "seqs of a frame are dense"));
        }
        if record.groups.iter().any(|group| group.is_empty()) {
            return Err(invalid("groups", "a group is missing"));
        }
        bytes = record.groups.iter().fold(bytes, |sum, group| sum.saturating_add(group.len()));
    }
    if bytes > FRAME_BYTES_MAX {
        return Err(invalid("groups", "more than 1,048,576 bytes of groups in a frame"));
    }
    Ok(first.seq)
}
