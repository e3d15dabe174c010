//! Checking what is left of a frame against its descriptor, and the hashes that proofs are made of.
//!
//! ```text
//! descriptor + salts or removal section + records that are left  ->  same frame root, same class table, or an error
//! ```
//!
//! Invariants: everything that can be recomputed is; a stub or root stands in only where the removal section says that the
//! part is gone, and there nothing else may be present. The times of a class that is gone as a whole cannot be checked any
//! more, and of an expired frame not even its root: they rest on the chain and on whoever checked before. Not here: chain and log tree, which need the frames around this one.

use super::pipeline::{Pipeline, Times};
use super::salts::{GroupState, Salt, Salts};
use super::table::{check_table, positions_table};
use super::{Committer, RecordRef, STRUCTURE, check_frame};
use crate::descriptor::{ClassEntry, Descriptor, Hash};
use crate::error::{FormatError, Problem};
use crate::record::{GROUPS, Record};

/// A frame as it was read: whole, or what is left of it.
#[derive(Debug, Clone, Copy)]
pub struct FrameView<'a> {
    /// Its descriptor.
    pub descriptor: &'a Descriptor,
    /// What opens its commitments.
    pub salts: &'a Salts,
    /// Records by position; `None` where removed. A group that was erased is an empty slice.
    pub records: &'a [Option<Record>],
}

impl FrameView<'_> {
    fn refs(&self) -> Vec<Option<RecordRef<'_>>> {
        self.records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect()
    }
}

/// Every hash of one class of a frame; lists are by rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassHashes {
    /// Retention class.
    pub class: u16,
    /// Groups 0 to 3.
    pub groups: [GroupHashes; GROUPS],
    /// Leaves; empty where the class is gone as a whole.
    pub leaves: Vec<Hash>,
    /// Recorded-at in nanoseconds and occurred-at in whole seconds; empty where the class is gone as a whole.
    pub times: Vec<(i64, i64)>,
}

/// Every hash of one group of one class; lists are by rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupHashes {
    /// `K[c,k]`, where every record has the group.
    pub key: Option<Hash>,
    /// `T[c,k]`.
    pub root: Hash,
    /// Salts of the records that have the group.
    pub salts: Vec<Option<Salt>>,
    /// Group hashes; empty where the group is gone as a whole.
    pub g: Vec<Hash>,
}

/// Every hash of a frame, for whoever makes proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameHashes {
    /// Ascending by class, as in the class table; none where the frame is expired.
    pub classes: Vec<ClassHashes>,
    /// The frame root.
    pub frame_root: Hash,
}

impl Committer {
    /// Checks a frame against its descriptor ([COM-1], [COM-4] to [COM-6]).
    ///
    /// # Errors
    /// [`Problem::Hash`] where the content is not what was committed; [`Problem::Invalid`] where the parts do not even fit
    /// together.
    pub fn verify(&mut self, view: &FrameView<'_>) -> Result<(), FormatError> {
        self.check(view.descriptor, view.salts, &view.refs()).map(|_| ())
    }

    /// The same for records that lie elsewhere, by position.
    ///
    /// # Errors
    /// As [`Committer::verify`].
    pub fn verify_refs(
        &mut self,
        descriptor: &Descriptor,
        salts: &Salts,
        records: &[Option<RecordRef<'_>>],
    ) -> Result<(), FormatError> {
        self.check(descriptor, salts, records).map(|_| ())
    }

    /// Every hash of what is left of a frame, once it was checked; `records` as in [`FrameView::records`].
    pub(super) fn hashes(
        &mut self,
        descriptor: &Descriptor,
        salts: &Salts,
        records: &[Option<RecordRef<'_>>],
    ) -> Result<FrameHashes, FormatError> {
        let states = self.check(descriptor, salts, records)?;
        if states.is_empty() {
            return Ok(FrameHashes { classes: Vec::new(), frame_root: descriptor.frame_root });
        }
        Ok(FrameHashes::collect(&self.pipeline, &descriptor.classes, &states))
    }

    /// The states of the classes; none of an expired frame, of which nothing is left to hash.
    fn check(
        &mut self,
        descriptor: &Descriptor,
        salts: &Salts,
        records: &[Option<RecordRef<'_>>],
    ) -> Result<Vec<[GroupState; GROUPS]>, FormatError> {
        check_table(descriptor)?;
        salts.check(&descriptor.classes)?;
        check_presence(descriptor, salts, records)?;
        let states = match salts {
            Salts::Whole(key) => self.pipeline.whole_states(&descriptor.classes, key),
            Salts::Pruned(states) => states.clone(),
            Salts::Expired => return Ok(Vec::new()),
        };
        self.pipeline.run(descriptor.first_seq, &descriptor.classes, &states, |position| {
            records.get(position).copied().flatten()
        })?;
        if self.pipeline.frame_root() != descriptor.frame_root {
            return Err(differs(descriptor, "frame_root", "records, stubs or salts are not those of the frame root"));
        }
        self.check_times(descriptor, &states)?;
        Ok(states)
    }

    fn check_times(&self, descriptor: &Descriptor, states: &[[GroupState; GROUPS]]) -> Result<(), FormatError> {
        let mut computed = descriptor.classes.clone();
        self.pipeline.fill_times(&mut computed);
        for ((stored, computed), [envelope, ..]) in descriptor.classes.iter().zip(&computed).zip(states) {
            if !matches!(envelope, GroupState::Removed { .. }) && stored != computed {
                return Err(differs(descriptor, "classes", "times of the class table are not those of its records"));
            }
        }
        Ok(())
    }
}

/// [`Committer::verify`] with buffers of its own.
///
/// # Errors
/// As [`Committer::verify`].
pub fn verify_frame(view: &FrameView<'_>) -> Result<(), FormatError> {
    Committer::new().verify(view)
}

/// Every hash of a whole frame's records.
///
/// # Errors
/// As [`Committer::commit`].
pub fn frame_hashes(records: &[RecordRef<'_>], frame_salt_key: &Hash) -> Result<FrameHashes, FormatError> {
    let first_seq = check_frame(records)?;
    let classes = positions_table(records.iter().map(|record| record.class));
    let mut committer = Committer::new();
    let states = committer.hash_whole(first_seq, &classes, records, frame_salt_key)?;
    Ok(FrameHashes::collect(&committer.pipeline, &classes, &states))
}

impl FrameHashes {
    /// Verifies a frame and gives every hash of what is left of it.
    ///
    /// # Errors
    /// As [`Committer::verify`].
    pub fn of(view: &FrameView<'_>) -> Result<Self, FormatError> {
        Committer::new().hashes(view.descriptor, view.salts, &view.refs())
    }

    fn collect(pipeline: &Pipeline, classes: &[ClassEntry], states: &[[GroupState; GROUPS]]) -> Self {
        let mut start = 0;
        let mut collected = Vec::with_capacity(classes.len());
        for ((entry, groups), roots) in classes.iter().zip(states).zip(pipeline.roots()) {
            let end = start + entry.count() as usize;
            let gone = matches!(groups[0], GroupState::Removed { .. });
            let own: std::ops::Range<usize> = if gone { 0..0 } else { start..end };
            let times: &[Times] = pipeline.times().get(own.clone()).unwrap_or_default();
            collected.push(ClassHashes {
                class: entry.class,
                groups: std::array::from_fn(|k| {
                    let (salts, g) = pipeline.group(k);
                    group_hashes(&groups[k], roots[k], salts, g, start..end)
                }),
                leaves: pipeline.leaves().get(own).unwrap_or_default().to_vec(),
                times: times.to_vec(),
            });
            start = end;
        }
        Self { classes: collected, frame_root: pipeline.frame_root() }
    }
}

fn group_hashes(
    state: &GroupState,
    root: Hash,
    salts: &[Salt],
    g: &[Hash],
    slots: std::ops::Range<usize>,
) -> GroupHashes {
    let removed = state.removed_ranks(slots.len() as u32);
    let salts = salts.get(slots.clone()).unwrap_or_default().iter().enumerate();
    let gone = matches!(state, GroupState::Removed { .. });
    GroupHashes {
        key: if let GroupState::Whole { key } = state { Some(*key) } else { None },
        root,
        salts: salts.map(|(rank, salt)| (removed >> rank & 1 == 0).then_some(*salt)).collect(),
        g: if gone { Vec::new() } else { g.get(slots).unwrap_or_default().to_vec() },
    }
}

/// Checks that exactly what the salts say is left is there, with the seqs and classes of the descriptor.
fn check_presence(
    descriptor: &Descriptor,
    salts: &Salts,
    records: &[Option<RecordRef<'_>>],
) -> Result<(), FormatError> {
    let invalid = |field, position: usize, why: &str| {
        let seq = descriptor.first_seq.wrapping_add(position as u64);
        FormatError::invalid(STRUCTURE, field, 0, format!("frame {}, seq {seq}: {why}", descriptor.frame_no))
    };
    if records.len() != usize::from(descriptor.count) {
        return Err(invalid("records", 0, "one entry for each position of the frame is needed"));
    }
    let removed: [u128; GROUPS] = std::array::from_fn(|k| salts.removed_positions(descriptor, k));
    for (position, record) in records.iter().enumerate() {
        let without = removed.map(|bits| bits >> position & 1 == 1);
        let Some(record) = record else {
            if without[0] {
                continue;
            }
            return Err(invalid("records", position, "the record is missing"));
        };
        if without[0] {
            return Err(invalid("records", position, "the record is said to be removed"));
        }
        if record.seq.checked_sub(descriptor.first_seq) != Some(position as u64) {
            return Err(invalid("seq", position, "the record has another seq"));
        }
        let entry = descriptor.classes.iter().find(|entry| entry.positions >> position & 1 == 1);
        if entry.is_none_or(|entry| entry.class != record.class) {
            return Err(invalid("class", position, "the record has another class than the class table"));
        }
        if record.groups.iter().zip(without).any(|(group, erased)| group.is_empty() != erased) {
            return Err(invalid("groups", position, "a group is missing, or present though it is said to be erased"));
        }
    }
    Ok(())
}

fn differs(descriptor: &Descriptor, field: &'static str, what: &str) -> FormatError {
    let last = descriptor.first_seq.saturating_add(u64::from(descriptor.count).saturating_sub(1));
    let what = format!("frame {}, seqs {} to {last}: {what}", descriptor.frame_no, descriptor.first_seq);
    FormatError::new(STRUCTURE, field, 0, Problem::Hash(what.into()))
}
