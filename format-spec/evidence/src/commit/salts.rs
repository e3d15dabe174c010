//! What a frame keeps to open its commitments: one key while it is whole, a removal section once something is removed,
//! nothing once everything is.
//!
//! ```text
//! whole   frame_salt_key
//! pruned  for each class of the class table: group 0 | group 1 | group 2 | group 3
//!           whole    K[c,k]
//!           removed  T[c,k]
//!           partly   removed ranks, a stub for each of them, a salt for each kept one
//! expired nothing: the descriptor has the frame root
//! ```
//!
//! Invariants of a pruned frame ([FRM-1] to [FRM-3], [FRM-15], checked by [`Salts::check`]): a record whose group 0 is removed
//! has no group; partly means at least one removed and one kept; something is removed and something is left. So what is
//! left of a frame has one form.
//! Not here: the bytes of the section (`frame`), the hashes (`hashes` beside this file).

use super::{GROUPS, STRUCTURE};
use crate::descriptor::{ClassEntry, Descriptor, Hash};
use crate::error::FormatError;

/// A record's salt of one group.
pub type Salt = [u8; 16];

/// What is left of one removed group of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub {
    /// Its group hash.
    pub g: Hash,
    /// Group 0 only: recorded-at in nanoseconds and occurred-at in whole seconds, which the leaf needs.
    pub times: Option<(i64, i64)>,
}

/// What is left of one group of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupState {
    /// Every record of the class has the group.
    Whole {
        /// `K[c,k]`, from which the salts follow.
        key: Hash,
    },
    /// No record of the class has the group.
    Removed {
        /// `T[c,k]`.
        root: Hash,
    },
    /// Some records of the class have the group.
    Partly {
        /// Bit `r` set: the record of rank `r` does not have it.
        removed: u128,
        /// One for each removed rank, ascending.
        stubs: Vec<Stub>,
        /// One for each kept rank, ascending.
        salts: Vec<Salt>,
    },
}

impl GroupState {
    /// Ranks that do not have the group, of a class with `count` records.
    pub fn removed_ranks(&self, count: u32) -> u128 {
        match self {
            GroupState::Whole { .. } => 0,
            GroupState::Removed { .. } => ranks_mask(count),
            GroupState::Partly { removed, .. } => *removed,
        }
    }

    fn check(&self, k: usize, count: u32) -> Result<(), FormatError> {
        let GroupState::Partly { removed, stubs, salts } = self else { return Ok(()) };
        let mask = ranks_mask(count);
        if removed & !mask != 0 || *removed == 0 || *removed == mask {
            return Err(invalid(
                "removed ranks",
                "partly removed needs a removed and a kept rank, none above the class",
            ));
        }
        let gone = removed.count_ones();
        if stubs.len() != gone as usize || salts.len() != (count - gone) as usize {
            return Err(invalid("stubs", "stubs and salts do not match the removed ranks"));
        }
        if stubs.iter().any(|stub| stub.times.is_some() != (k == 0)) {
            return Err(invalid("stubs", "times belong to stubs of group 0 and to no other"));
        }
        Ok(())
    }
}

/// What opens a frame's commitments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Salts {
    /// Nothing is removed: the frame salt key.
    Whole(Hash),
    /// For each class of the class table, the state of its groups 0 to 3.
    Pruned(Vec<[GroupState; GROUPS]>),
    /// Every record is removed: only the descriptor, and in it the frame root, is left.
    Expired,
}

impl Salts {
    /// Checks that this is the one form of what is left of the frame, and that nothing permanent is gone ([FRM-1], [FRM-2],
    /// [FRM-3], [FRM-10], [FRM-15]).
    pub fn check(&self, classes: &[ClassEntry]) -> Result<(), FormatError> {
        let states = match self {
            Salts::Whole(_) => return Ok(()),
            Salts::Expired if classes.iter().any(|entry| entry.class == 0) => return Err(permanent()),
            Salts::Expired => return Ok(()),
            Salts::Pruned(states) => states,
        };
        if states.len() != classes.len() {
            return Err(invalid("classes", "one state for each class of the class table is needed"));
        }
        let mut anything = 0u128;
        for (entry, groups) in classes.iter().zip(states) {
            let count = entry.count();
            for (k, state) in groups.iter().enumerate() {
                state.check(k, count)?;
            }
            let [without_record, others @ ..] = groups.each_ref().map(|state| state.removed_ranks(count));
            if others.iter().any(|removed| without_record & !removed != 0) {
                return Err(invalid("removed ranks", "a removed record still has a group"));
            }
            let removed = others.iter().fold(without_record, |all, removed| all | removed);
            if entry.class == 0 && removed != 0 {
                return Err(permanent());
            }
            anything |= removed;
        }
        if anything == 0 {
            return Err(invalid("states", "a pruned frame has nothing removed"));
        }
        if is_everything(states) {
            return Err(invalid(
                "states",
                "everything is removed: such a frame is expired and keeps no removal section",
            ));
        }
        Ok(())
    }

    /// These states in the one form they have: expired where everything is removed ([FRM-15]).
    pub(super) fn of_states(states: Vec<[GroupState; GROUPS]>) -> Self {
        if is_everything(&states) { Salts::Expired } else { Salts::Pruned(states) }
    }

    /// Positions of the frame that do not have group `k` any more.
    pub fn removed_positions(&self, descriptor: &Descriptor, k: usize) -> u128 {
        let states = match self {
            Salts::Whole(_) => return 0,
            Salts::Expired => return if k < GROUPS { descriptor.all_positions() } else { 0 },
            Salts::Pruned(states) => states,
        };
        descriptor.classes.iter().zip(states).fold(0, |all, (entry, groups)| {
            let ranks = groups.get(k).map_or(0, |state| state.removed_ranks(entry.count()));
            all | positions_of(entry, ranks)
        })
    }
}

/// Whether no record of any class has its group 0: nothing is left then ([FRM-1]).
fn is_everything(states: &[[GroupState; GROUPS]]) -> bool {
    states.iter().all(|[envelope, ..]| matches!(envelope, GroupState::Removed { .. }))
}

fn permanent() -> FormatError {
    invalid("states", "class 0 is permanent, yet something of it is removed")
}

/// The positions whose ranks in `entry` are set in `ranks`.
pub(super) fn positions_of(entry: &ClassEntry, ranks: u128) -> u128 {
    let chosen = entry.ranks().enumerate().filter(|&(rank, _)| ranks >> rank & 1 == 1);
    chosen.fold(0, |bits, (_, position)| bits | 1 << position)
}

/// The ranks in `entry` of the positions set in `positions`.
pub(super) fn ranks_of(entry: &ClassEntry, positions: u128) -> u128 {
    let chosen = entry.ranks().enumerate().filter(|&(_, position)| positions >> position & 1 == 1);
    chosen.fold(0, |bits, (rank, _)| bits | 1 << rank)
}

fn ranks_mask(count: u32) -> u128 {
    u128::MAX.checked_shr(128u32.saturating_sub(count)).unwrap_or(0)
}

fn invalid(field: &'static str, why: &'static str) -> FormatError {
    FormatError::invalid(STRUCTURE, field, 0, why)
}
