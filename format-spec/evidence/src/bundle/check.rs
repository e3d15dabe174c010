//! Checks a bundle against a verifier key, and against nothing else.
//!
//! ```text
//! decode -> key trail -> checkpoints -> frames: order, chain, root, times -> log tree -> deletions -> claim -> report
//! ```
//!
//! Invariant: every byte that the report speaks of was hashed up to the signed root. Specified in
//! `format-spec/11-bundle.md`, "What a checker does".

use std::borrow::Cow;

use super::frame_root::frame_root;
use super::{Bundle, CheckError, CheckReport, FrameProof, RowProof};
use crate::checkpoint::Checkpoint;
use crate::commit::{chain, genesis_chain};
use crate::descriptor::{ClassEntry, Descriptor, Hash};
use crate::key::VerifierKey;
use crate::merkle::{leaf_hash, multiproof_root, node_hash, verify_consistency};
use crate::record::{EnvelopeHead, GROUPS, check_group};
use crate::rotation::KeyTrail;
use crate::schema::Kind;
use crate::witness::WitnessPolicy;

const SECOND: i64 = 1_000_000_000;

/// Checks a bundle file against the log's verifier key.
///
/// # Errors
/// [`CheckError`]: the first thing that does not hold. Nothing of a refused bundle is to be believed.
pub fn check(bytes: &[u8], key: &VerifierKey) -> Result<CheckReport, CheckError> {
    Bundle::decode(bytes)?.check(key)
}

/// As [`check`], and asks for a quorum of witnesses on the newer checkpoint ([WIT-3]).
///
/// # Errors
/// As [`check`]; [`CheckError::Witnesses`].
pub fn check_witnessed(bytes: &[u8], key: &VerifierKey, policy: &WitnessPolicy) -> Result<CheckReport, CheckError> {
    let bundle = Bundle::decode(bytes)?;
    let cosignatures =
        policy.cosignatures(&bundle.checkpoint).map_err(|source| CheckError::Checkpoint { which: "newer", source })?;
    if cosignatures.len() < policy.quorum() {
        return Err(CheckError::Witnesses { found: cosignatures.len(), quorum: policy.quorum() });
    }
    Ok(CheckReport { cosignatures, ..bundle.check(key)? })
}

impl Bundle {
    /// Checks a decoded bundle ([BND-5] to [BND-17]).
    ///
    /// # Errors
    /// As [`check`].
    pub fn check(self, key: &VerifierKey) -> Result<CheckReport, CheckError> {
        let trail = self.key_trail(key)?;
        let (checkpoint, _) =
            trail.open(&self.checkpoint).map_err(|source| CheckError::Checkpoint { which: "newer", source })?;
        self.check_trail(&trail, &checkpoint)?;
        let old = self.check_old(&checkpoint, &trail)?;
        let genesis = genesis_chain(self.log_id, key.name(), &key.to_string());
        let mut leaves = Vec::with_capacity(self.frames.len());
        let mut before: Option<(&Descriptor, Hash)> = None;
        for frame in &self.frames {
            let descriptor = &frame.descriptor;
            if descriptor.log_id != self.log_id {
                return Err(fails(frame, "it belongs to another log"));
            }
            check_order(frame, before.map(|(descriptor, _)| descriptor))?;
            check_rows(frame)?;
            let computed = before.map_or(genesis, |(_, chain_after)| chain_after);
            let hashed = descriptor.hashed(&frame.chain_before.unwrap_or(computed));
            leaves.push((descriptor.frame_no, leaf_hash(&hashed)));
            before = Some((descriptor, chain(&hashed)));
        }
        if multiproof_root(checkpoint.size, &leaves, &self.tree, node_hash) != Some(checkpoint.root) {
            return Err(CheckError::Tree { size: checkpoint.size });
        }
        let deletions = self.check_deletions(&checkpoint, trail.clone(), &leaves)?;
        self.into_report(checkpoint, old, &trail, deletions)
    }

    /// [BND-5]
    fn check_old(&self, newer: &Checkpoint, trail: &KeyTrail) -> Result<Option<Checkpoint>, CheckError> {
        let Some(old) = &self.old else { return Ok(None) };
        let (older, _) = trail.open(&old.note).map_err(|source| CheckError::Checkpoint { which: "older", source })?;
        verify_consistency(older.size, &older.root, newer.size, &newer.root, &old.proof)
            .map_err(CheckError::Consistency)?;
        Ok(Some(older))
    }
}

/// [BND-6]
fn check_order(frame: &FrameProof, before: Option<&Descriptor>) -> Result<(), CheckError> {
    let here = &frame.descriptor;
    if here.frame_no == 0 && here.first_seq != 0 {
        return Err(fails(frame, "frame 0 begins at seq 0"));
    }
    let Some(before) = before else { return Ok(()) };
    let end = before.first_seq.saturating_add(before.count.into());
    let adjoins = before.frame_no.checked_add(1) == Some(here.frame_no);
    if here.first_seq < end || (adjoins && here.first_seq != end) {
        return Err(fails(frame, format!("frame {} ends before seq {end}", before.frame_no)));
    }
    let falls = here.schedule_version < before.schedule_version
        || here.key_epoch < before.key_epoch
        || here.lost_events < before.lost_events;
    if falls {
        return Err(fails(frame, "schedule version, key epoch or lost events are lower than before"));
    }
    Ok(())
}

/// [BND-7]
pub(super) fn check_rows(frame: &FrameProof) -> Result<(), CheckError> {
    for row in &frame.rows {
        for k in (0..GROUPS).filter(|&k| row.open.has_group(k)) {
            check_group(k as u8, row.groups.group(k))
                .map_err(|error| fails(frame, format!("position {}: {error}", row.position)))?;
        }
        check_kind(frame, row)?;
    }
    if !frame.rows.is_empty() && frame_root(frame) != Some(frame.descriptor.frame_root) {
        return Err(fails(frame, "what is shown is not what its frame root commits to"));
    }
    for entry in &frame.descriptor.classes {
        check_times(frame, entry)?;
    }
    Ok(())
}

/// Kinds and classes belong together ([REC-8], [REC-10], [REC-11]).
fn check_kind(frame: &FrameProof, row: &RowProof) -> Result<(), CheckError> {
    if !row.open.has_group(0) {
        return Ok(());
    }
    let head = EnvelopeHead::decode(row.groups.group(0)).map_err(|error| fails(frame, error.to_string()))?;
    let kind = Kind::from_code(head.kind);
    let class = frame.descriptor.classes.iter().find(|entry| entry.positions >> row.position & 1 == 1);
    let permanent = class.is_some_and(|entry| entry.class == 0);
    let first = frame.descriptor.first_seq == 0 && row.position == 0;
    let sound = match kind {
        Some(Kind::Event) => !permanent,
        Some(Kind::Access) => true,
        _ => permanent,
    };
    if sound && first == (kind == Some(Kind::Genesis)) {
        return Ok(());
    }
    Err(fails(frame, format!("position {}: no record of its kind stands there", row.position)))
}

/// Times of opened headers lie in the class table's; of a whole class they are the class table's ([COM-5]).
fn check_times(frame: &FrameProof, entry: &ClassEntry) -> Result<(), CheckError> {
    let headers = || frame.rows.iter().filter(|row| entry.positions >> row.position & 1 == 1 && row.open.has_header());
    let recorded = || headers().map(|row| row.recorded_at.div_euclid(SECOND));
    let occurred = || headers().filter_map(RowProof::occurred);
    let (Some(min), Some(max), Some(latest)) = (recorded().min(), recorded().max(), occurred().max()) else {
        return Ok(());
    };
    let within = min >= entry.recorded_min && max <= entry.recorded_max && latest <= entry.occurred_max;
    let exact = (min, max, latest) == (entry.recorded_min, entry.recorded_max, entry.occurred_max);
    if within && (exact || headers().count() as u32 != entry.count()) {
        return Ok(());
    }
    Err(fails(frame, format!("times of class {} are not those of the class table", entry.class)))
}

pub(super) fn fails(frame: &FrameProof, problem: impl Into<Cow<'static, str>>) -> CheckError {
    let Descriptor { frame_no, first_seq: first, count, .. } = frame.descriptor;
    let last = first.saturating_add(u64::from(count).saturating_sub(1));
    CheckError::Frame { frame_no, first, last, problem: problem.into() }
}
