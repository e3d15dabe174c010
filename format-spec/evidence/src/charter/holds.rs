//! A hold over its whole life: what was committed as held, and how a record is judged anew.
//!
//! ```text
//! placed (act) -> seqs below through -> extensions (statements) -> ... -> released (act)
//! record -> committed? held : groups there? filter : tested before? not held : held
//! ```
//!
//! Invariants: an extension begins where the hold is resolved to ([ACT-11]), so that each seq is tested once; what cannot be tested any more counts
//! as held. Not here: which holds are open (`state`).

use crate::act::Placed;
use crate::bundle::{Filter, Open};
use crate::error::FormatError;
use crate::key::VerifierKey;
use crate::record::Record;
use crate::retention::SeqSet;

/// A hold.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Seq of the act that placed it.
    pub seq: u64,
    /// What the act says.
    pub placed: Placed,
    /// Who placed it.
    pub by: Vec<VerifierKey>,
    pub(super) pieces: Vec<Piece>,
}

/// What one record committed of a hold.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) frame_no: u64,
    pub(super) through: u64,
    pub(super) seqs: SeqSet,
}

/// Why a record is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holding {
    /// The log committed to it.
    Committed,
    /// The filter matches.
    Matches,
    /// The filter needs a group that is erased, and nobody tested the record before.
    Undecidable,
}

impl Hold {
    /// Every record below this seq was tested.
    pub fn through(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.through)
    }

    /// How far it was resolved, and what it held, by records in frames below `frame`.
    pub(super) fn until(&self, frame: u64) -> (u64, SeqSet) {
        let pieces = self.pieces.iter().take_while(|piece| piece.frame_no < frame);
        pieces.fold((0, SeqSet::new()), |(_, held), piece| (piece.through, held.union(&piece.seqs)))
    }

    /// Why a record is held; `there` are the parts of it that are open, `filter` what the hold is for.
    ///
    /// # Errors
    /// Where the record's bytes are not canonical.
    pub fn holds(&self, filter: &Filter, record: &Record, there: Open) -> Result<Option<Holding>, FormatError> {
        if self.pieces.iter().any(|piece| piece.seqs.contains(record.seq)) {
            return Ok(Some(Holding::Committed));
        }
        if there.covers(filter.needs()) {
            return Ok(filter.passes(record)?.then_some(Holding::Matches));
        }
        Ok((record.seq >= self.through()).then_some(Holding::Undecidable))
    }
}
