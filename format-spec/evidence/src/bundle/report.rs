//! What checking a bundle gives: what it shows, or why it is refused.

use std::borrow::Cow;

use super::{Claim, Open};
use crate::LogId;
use crate::checkpoint::Checkpoint;
use crate::error::FormatError;
use crate::key::VerifierKey;
use crate::merkle::ProofError;
use crate::record::{GROUPS, Groups};
use crate::retention::{DeletionReport, Finding};
use crate::witness::Cosignature;

/// What a bundle shows; everything in it is proven against the verifier key that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// The log.
    pub log_id: LogId,
    /// What the bundle claims, and what was found to hold.
    pub claim: Claim,
    /// The signed tree head that everything hashes up to.
    pub checkpoint: Checkpoint,
    /// The older tree head that the newer one only appended to, where the bundle has one.
    pub old: Option<Checkpoint>,
    /// Cosignatures of the witnesses that were asked for, on the newer checkpoint.
    pub cosignatures: Vec<Cosignature>,
    /// Keys that signed checkpoints, from the first: the key that was given, and those that rotations lead to.
    pub keys: Vec<VerifierKey>,
    /// With the whole history the deletions of the log, each found to be legitimate; `None`: nothing was looked at.
    pub deletions: Option<Vec<DeletionReport>>,
    /// What the check cannot know, in words for people.
    pub unknowns: Vec<String>,
    /// For a range: records of it that are not shown because a deletion removed them.
    pub removed: u64,
    /// Frames of the bundle.
    pub frames: u64,
    /// Records of which anything is open: for a complete claim all of the range, else the rows.
    pub examined: u64,
    /// Records whose group k is open: what the bundle discloses.
    pub opened: [u64; GROUPS],
    /// For a range: whether it ends with the last record that the checkpoint covers.
    pub reaches_end: bool,
    /// The records that are shown, ascending by seq; for a complete claim those that pass.
    pub rows: Vec<CheckedRow>,
}

/// A record that a bundle shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRow {
    /// Position in the log.
    pub seq: u64,
    /// When the log took it, ns since 1970.
    pub recorded_at: i64,
    /// The time its caller claims, whole seconds.
    pub occurred_at: i64,
    /// Retention class.
    pub class: u16,
    /// What is open of it.
    pub open: Open,
    /// Canonical bytes of its groups; a closed one is empty.
    pub groups: Groups,
}

/// Why a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The file is no bundle, or a damaged one.
    #[error("not a bundle that this version reads: {0}")]
    Format(#[from] FormatError),
    /// A checkpoint is not one that the given key signed.
    #[error("the {which} checkpoint does not hold under the given key: {source}")]
    Checkpoint {
        /// `newer` or `older`.
        which: &'static str,
        /// What is wrong with it.
        source: FormatError,
    },
    /// The signing keys do not lead from the given one to the one that signed.
    #[error("rotation to key epoch {epoch} does not hold: {problem}")]
    Trail {
        /// Epoch of the key that it brings.
        epoch: u32,
        /// What is wrong.
        problem: Cow<'static, str>,
    },
    /// A deletion was not legitimate, or is not shown as it must be.
    #[error("{0}")]
    Deletion(Finding),
    /// Fewer witnesses than asked for have cosigned the checkpoint.
    #[error(
        "{found} of the witnesses have cosigned the checkpoint, {quorum} are asked for: it may have been shown to nobody else"
    )]
    Witnesses {
        /// Witnesses of the policy whose cosignature holds.
        found: usize,
        /// Witnesses that are asked for.
        quorum: usize,
    },
    /// The newer checkpoint is not an extension of the older one.
    #[error("the newer checkpoint does not extend the older one, so the log was rewritten or cut between them: {0}")]
    Consistency(ProofError),
    /// A frame does not hold.
    #[error("frame {frame_no} (seqs {first} to {last}): {problem}")]
    Frame {
        /// Number of the frame.
        frame_no: u64,
        /// Its first seq.
        first: u64,
        /// Its last seq.
        last: u64,
        /// What is wrong.
        problem: Cow<'static, str>,
    },
    /// The frames are not those of the signed tree.
    #[error("the frames are not in the tree of {size} frames that the checkpoint signs")]
    Tree {
        /// Size of the tree.
        size: u64,
    },
    /// What is shown does not bear the claim out.
    #[error("the claim does not hold{}: {problem}", seq.map_or(String::new(), |seq| format!(" at seq {seq}")))]
    Claim {
        /// The seq at which it fails, where there is one.
        seq: Option<u64>,
        /// What is wrong.
        problem: Cow<'static, str>,
    },
}
