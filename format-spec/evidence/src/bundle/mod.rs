//! Proof bundles: one file that shows an outsider that records are in a signed log, and where it claims so, all of a range.
//!
//! ```text
//! FrameHashes + records -> FrameProof --+
//! leaf hashes of all frames ------------+-> Bundle -> encode -> file -> check(bytes, verifier key) -> CheckReport
//! checkpoint, older checkpoint, claim --+
//! rotations of the signing key ---------+
//! ```
//!
//! Invariants: a bundle has one encoding; whatever is shown hashes up to the checkpoint's signed root; what is withheld
//! stays a hash. A claim of completeness holds only where every seq of the range is
//! accounted for: shown, or with the whole history removed by a deletion that was legitimate. Checking is pure and its
//! cost is bounded by the file's size. Not here: finding records, reading logs (the ledger does both).
//! Specified in `format-spec/11-bundle.md`.

mod check;
mod claim;
mod decode;
mod deletions;
mod encode;
mod filter;
mod frame_root;
mod open;
mod report;
mod trail;

pub use check::{check, check_witnessed};
pub use filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, Filter};
pub use open::tree_proof;
pub use report::{CheckError, CheckReport, CheckedRow};

use crate::LogId;
use crate::commit::Salt;
use crate::descriptor::{Descriptor, Hash};
use crate::record::{GROUPS, Groups};

const NAME: &str = "bundle";
const MAGIC: &[u8; 8] = b"INDELBND";
/// Flag: an older checkpoint follows the newer one.
const FLAG_OLD: u8 = 1;
/// Flag: the frames are all frames of the checkpoint, and every record of class 0 is open.
const FLAG_WHOLE: u8 = 2;
/// Flag: rotations of the signing key follow.
const FLAG_TRAIL: u8 = 4;

/// What is open of a record: a set of groups and the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Open(u8);

impl Open {
    /// Nothing at all.
    pub const NOTHING: Open = Open(0);
    /// Recorded-at and occurred-at, bound to the seq by the leaf.
    pub const HEADER: Open = Open(0b1_0000);
    /// Header and all groups.
    pub const EVERYTHING: Open = Open(0b1_1111);

    /// One group; group 0 opens the header too.
    pub fn group(k: usize) -> Open {
        match k {
            0 => Open(0b1_0001),
            1..GROUPS => Open(1 << k),
            _ => Open(0),
        }
    }

    /// The set with these bits; `None` for bits that are no set ([BND-3]).
    pub fn from_bits(bits: u8) -> Option<Open> {
        let header_with_envelope = bits & 1 == 0 || bits & Self::HEADER.0 != 0;
        (bits & !Self::EVERYTHING.0 == 0 && header_with_envelope).then_some(Open(bits))
    }

    /// Bits 0 to 3 the groups, bit 4 the header.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// What either opens.
    #[must_use]
    pub fn and(self, other: Open) -> Open {
        Open(self.0 | other.0)
    }

    /// The same without a group. Without group 0 the header stays.
    #[must_use]
    pub fn without_group(self, k: usize) -> Open {
        if k < GROUPS { Open(self.0 & !(1 << k)) } else { self }
    }

    /// Whether group `k` is open.
    pub fn has_group(self, k: usize) -> bool {
        k < GROUPS && self.0 >> k & 1 == 1
    }

    /// Whether the header is open.
    pub fn has_header(self) -> bool {
        self.0 & Self::HEADER.0 != 0
    }

    /// Whether everything that `other` opens is open.
    pub fn covers(self, other: Open) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the record stands in tree `k` of its class opened: by its header for tree 0, by its group for the others.
    fn in_tree(self, k: usize) -> bool {
        if k == 0 { self.has_header() } else { self.has_group(k) }
    }
}

/// What a bundle shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// This record is in the log.
    Record {
        /// Its seq.
        seq: u64,
    },
    /// These records are in the log and pass the filter. Nothing is said of others.
    Rows {
        /// What they pass.
        filter: Filter,
    },
    /// These are all records from the first to the last seq.
    Range {
        /// First seq.
        first: u64,
        /// Last seq.
        last: u64,
    },
    /// These are all records of the range that pass the filter.
    Complete {
        /// First seq.
        first: u64,
        /// Last seq.
        last: u64,
        /// What is open of every record of the range, whether it passes or not: the price of completeness.
        disclosed: Open,
        /// What they pass.
        filter: Filter,
    },
    /// These are the deletions of the log. Only with the whole history.
    Deletions,
}

/// An older checkpoint and the proof that the newer one only appended to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldCheckpoint {
    /// The signed note.
    pub note: String,
    /// RFC 6962 consistency proof to the newer one.
    pub proof: Vec<Hash>,
}

/// A rotation of the signing key, and the proof that the log has its key record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationProof {
    /// Text of the rotation file: the new key, then the note that both keys signed.
    pub text: String,
    /// The key record under that note; `None` with the whole history, which has it.
    pub record: Option<KeyRecordProof>,
}

/// A key record in the tree of its rotation, which later checkpoints only appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecordProof {
    /// The frame of the key record, which is its one row, whole.
    pub frame: FrameProof,
    /// Multiproof of the frame in the log tree of the rotation's size.
    pub tree: Vec<Hash>,
    /// RFC 6962 consistency proof to the next rotation, or to the newer checkpoint.
    pub consistency: Vec<Hash>,
}

/// What a bundle file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The log.
    pub log_id: LogId,
    /// What it shows.
    pub claim: Claim,
    /// The signed note that everything hashes up to.
    pub checkpoint: String,
    /// An older checkpoint, where one was asked for.
    pub old: Option<OldCheckpoint>,
    /// Whether the frames are all frames of the checkpoint and every record of class 0 is open, so that deletions are checked.
    pub whole_history: bool,
    /// Rotations of the signing key, from epoch 1 on; none where the first key still signs.
    pub trail: Vec<RotationProof>,
    /// Ascending by frame number, at least one.
    pub frames: Vec<FrameProof>,
    /// Multiproof of the frames in the log tree of the checkpoint's size.
    pub tree: Vec<Hash>,
}

/// What a bundle shows of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameProof {
    /// The frame's descriptor.
    pub descriptor: Descriptor,
    /// The chain value before it; `None` where it follows from the frame before or from the log's identity.
    pub chain_before: Option<Hash>,
    /// Ascending by position.
    pub rows: Vec<RowProof>,
    /// As the class table; none where there is no row.
    pub classes: Vec<[TreeProof; GROUPS]>,
}

/// What a bundle holds of one class tree besides opened rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeProof {
    /// `K[c,k]`, where every record of the class has the group open.
    pub key: Option<Hash>,
    /// Multiproof of the ranks that are open.
    pub hashes: Vec<Hash>,
}

/// What a bundle opens of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProof {
    /// Position in its frame.
    pub position: u8,
    /// What is open.
    pub open: Open,
    /// When the log took it, ns; 0 where the header is closed.
    pub recorded_at: i64,
    /// Occurred-at in whole seconds and `g[i,0]`, where the header is open and group 0 is closed.
    pub closed_envelope: Option<(i64, Hash)>,
    /// Salts of open groups whose class tree gives no key.
    pub salts: [Option<Salt>; GROUPS],
    /// Groups; a closed one is empty.
    pub groups: Groups,
}

impl FrameProof {
    /// Ranks, in the class at `index` of the class table, whose rows are open in tree `k`.
    fn open_ranks(&self, index: usize, k: usize) -> Vec<u64> {
        let Some(entry) = self.descriptor.classes.get(index) else { return Vec::new() };
        ranks_where(entry.positions, &self.rows, |row| row.open.in_tree(k))
    }

    /// Whether every record of the class has group `k` open, so that its key stands for its salts.
    fn all_open(&self, index: usize, k: usize) -> bool {
        let Some(entry) = self.descriptor.classes.get(index) else { return false };
        ranks_where(entry.positions, &self.rows, |row| row.open.has_group(k)).len() as u32 == entry.count()
    }
}

/// Ranks among `positions` of the rows that are chosen, ascending.
fn ranks_where(positions: u128, rows: &[RowProof], chosen: impl Fn(&RowProof) -> bool) -> Vec<u64> {
    rows.iter()
        .filter(|row| chosen(row))
        .filter_map(|row| {
            let bit = 1u128.checked_shl(row.position.into())?;
            (positions & bit != 0).then(|| u64::from((positions & (bit - 1)).count_ones()))
        })
        .collect()
}
