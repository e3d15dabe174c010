//! Taking parts of a frame away so that what is left still gives the frame root.
//!
//! ```text
//! frame (whole or pruned already) + removal  ->  removal section, records that are left
//! ```
//!
//! Invariants: the result has the one form that [`Salts::check`] accepts, and verifies against the same descriptor; it is the
//! same whatever the order in which parts were taken away; a key above a removed part is not in it, so what is left of the
//! part cannot be guessed at. Pure: whoever decides what may be
//! removed, and destroys the bytes, is elsewhere.

use super::salts::{GroupState, Salts, Stub, ranks_of};
use super::view::{ClassHashes, FrameView};
use super::{Committer, GROUPS, RecordRef, STRUCTURE};
use crate::descriptor::{ClassEntry, Descriptor};
use crate::error::FormatError;
use crate::record::{Groups, Record};

/// What to take away from a frame: positions by group. Group 0 of a record takes its other groups along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removal {
    groups: [u128; GROUPS],
}

impl Removal {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What either removes.
    #[must_use]
    pub fn and(mut self, other: &Removal) -> Self {
        for (group, other) in self.groups.iter_mut().zip(other.groups) {
            *group |= other;
        }
        self
    }

    /// Whole records: bit `p` set removes the record at position `p`.
    #[must_use]
    pub fn records(mut self, positions: u128) -> Self {
        self.groups = self.groups.map(|group| group | positions);
        self
    }

    /// Every record of a retention class: the class expires.
    #[must_use]
    pub fn class(self, descriptor: &Descriptor, class: u16) -> Self {
        self.records(positions_of_class(descriptor, class))
    }

    /// Group `k` (1 to 3) of records that stay: bit `p` set erases it at position `p`. Group 0 removes the records.
    #[must_use]
    pub fn group(mut self, k: usize, positions: u128) -> Self {
        if k == 0 {
            return self.records(positions);
        }
        if let Some(group) = self.groups.get_mut(k) {
            *group |= positions;
        }
        self
    }

    /// Positions that lose group `k`; 0: the record, and with it every group.
    #[must_use]
    pub fn positions(&self, k: usize) -> u128 {
        self.groups.get(k).copied().unwrap_or(0)
    }

    /// Positions without group `k` after this removal, for every `k`: what it takes and what was gone before.
    ///
    /// # Errors
    /// Where the removal names a position beyond the frame.
    pub fn with(&self, descriptor: &Descriptor, salts: &Salts) -> Result<[u128; GROUPS], FormatError> {
        if self.groups.iter().any(|positions| positions & !descriptor.all_positions() != 0) {
            return Err(FormatError::invalid(STRUCTURE, "removal", 0, "a position lies beyond the frame"));
        }
        let gone = |k: usize| salts.removed_positions(descriptor, k) | self.groups.get(k).copied().unwrap_or(0);
        Ok(std::array::from_fn(gone))
    }

    /// Group `k` of every record of a retention class.
    #[must_use]
    pub fn class_group(self, descriptor: &Descriptor, class: u16, k: usize) -> Self {
        self.group(k, positions_of_class(descriptor, class))
    }
}

/// What is left of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// What opens it.
    pub salts: Salts,
    /// Records by position, as in [`FrameView::records`].
    pub records: Vec<Option<Record>>,
}

/// Verifies a frame and takes `removal` away from it; what was removed before stays removed.
///
/// A removal of nothing gives the frame back unchanged.
///
/// # Errors
/// As [`super::verify_frame`]; [`crate::Problem::Invalid`] where the removal names a position beyond the frame, a
/// record of class 0, which is permanent ([FRM-10]), or a record without its groups.
pub fn prune(view: &FrameView<'_>, removal: &Removal) -> Result<Pruned, FormatError> {
    let FrameView { descriptor, salts, records } = *view;
    let refs: Vec<_> = records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
    let salts = Committer::new().prune(descriptor, salts, &refs, removal)?;
    let gone: [u128; GROUPS] = std::array::from_fn(|k| salts.removed_positions(descriptor, k));
    let left = records.iter().enumerate().map(|(position, record)| {
        let without = gone.map(|positions| positions >> position & 1 == 1);
        record.as_ref().filter(|_| !without[0]).map(|record| without_groups(record, without))
    });
    Ok(Pruned { records: left.collect(), salts })
}

impl Committer {
    /// What [`prune`] does, for whoever has the records elsewhere and wants nothing but what opens the frame afterwards: verifies
    /// and hashes in the buffers of this committer. `records` are by position, as in [`FrameView::records`].
    ///
    /// # Errors
    /// As [`prune`].
    pub fn prune(
        &mut self,
        descriptor: &Descriptor,
        salts: &Salts,
        records: &[Option<RecordRef<'_>>],
        removal: &Removal,
    ) -> Result<Salts, FormatError> {
        let hashes = self.hashes(descriptor, salts, records)?;
        let gone = removal.with(descriptor, salts)?;
        if gone == [0; GROUPS] || matches!(salts, Salts::Expired) {
            return Ok(salts.clone());
        }
        let classes = descriptor.classes.iter().zip(&hashes.classes);
        let pruned = Salts::of_states(classes.map(|(entry, hashes)| states_of(entry, hashes, &gone)).collect());
        pruned.check(&descriptor.classes)?;
        Ok(pruned)
    }
}

fn states_of(entry: &ClassEntry, hashes: &ClassHashes, gone: &[u128; GROUPS]) -> [GroupState; GROUPS] {
    std::array::from_fn(|k| {
        let group = &hashes.groups[k];
        let removed = ranks_of(entry, gone[k]);
        match (removed, group.key) {
            (0, Some(key)) => return GroupState::Whole { key },
            _ if removed.count_ones() == entry.count() => return GroupState::Removed { root: group.root },
            _ => {}
        }
        let is_gone = |rank: usize| removed >> rank & 1 == 1;
        let stubs = group.g.iter().enumerate().filter(|&(rank, _)| is_gone(rank)).map(|(rank, &g)| {
            let times = if k == 0 { hashes.times.get(rank).copied() } else { None };
            Stub { g, times }
        });
        let salts = group.salts.iter().enumerate().filter(|&(rank, _)| !is_gone(rank));
        GroupState::Partly { removed, stubs: stubs.collect(), salts: salts.filter_map(|(_, salt)| *salt).collect() }
    })
}

fn without_groups(record: &Record, without: [bool; GROUPS]) -> Record {
    let mut slices = record.groups.slices();
    for (slice, gone) in slices.iter_mut().zip(without) {
        if gone {
            *slice = &[];
        }
    }
    let Record { seq, recorded_at, class, .. } = *record;
    Record { seq, recorded_at, class, groups: Groups::from_slices(slices) }
}

fn positions_of_class(descriptor: &Descriptor, class: u16) -> u128 {
    descriptor.classes.iter().find(|entry| entry.class == class).map_or(0, |entry| entry.positions)
}
