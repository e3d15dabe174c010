//! From the key that was given to the one that signed: rotations of the signing key.
//!
//! ```text
//! given key -> rotation 1 (signed by both keys, its tree has the key record) -> ... -> key of the newer checkpoint
//! ```
//!
//! Invariant: a rotation counts only if the tree that the old key signed has the record that names the new one; a signature of
//! some key beside the old one's is not enough. Specified in `format-spec/11-bundle.md`, "Key trail".

use std::borrow::Cow;

use super::check::check_rows;
use super::{Bundle, CheckError, KeyRecordProof};
use crate::checkpoint::Checkpoint;
use crate::commit::genesis_chain;
use crate::key::VerifierKey;
use crate::merkle::{leaf_hash, multiproof_root, node_hash, verify_consistency};
use crate::record::{GROUPS, Value};
use crate::retention::{KeyRecord, Role};
use crate::rotation::{KeyTrail, Rotation};
use crate::schema::{Field, Kind};

impl Bundle {
    /// The rotations as texts and signatures say them ([BND-13]).
    pub(super) fn key_trail(&self, key: &VerifierKey) -> Result<KeyTrail, CheckError> {
        let mut trail = KeyTrail::new(key.clone());
        for (epoch, rotation) in (1..).zip(&self.trail) {
            trail.push(&rotation.text).map_err(|error| fails(epoch, error.to_string()))?;
        }
        Ok(trail)
    }

    /// Key records lie under their rotations, and each rotation in what came later ([BND-13]). With the whole history the
    /// records are there anyway, and so is every tree.
    pub(super) fn check_trail(&self, trail: &KeyTrail, newer: &Checkpoint) -> Result<(), CheckError> {
        let later = trail.rotations().iter().skip(1).map(|rotation| &rotation.checkpoint).chain([newer]);
        for (((epoch, proof), rotation), next) in (1..).zip(&self.trail).zip(trail.rotations()).zip(later) {
            let here = &rotation.checkpoint;
            if here.size > next.size {
                return Err(fails(epoch, "it is signed for more frames than what comes later"));
            }
            let Some(record) = &proof.record else { continue };
            self.check_key_record(epoch, rotation, record, trail.first())?;
            verify_consistency(here.size, &here.root, next.size, &next.root, &record.consistency)
                .map_err(|error| fails(epoch, error.to_string()))?;
        }
        Ok(())
    }

    fn check_key_record(
        &self,
        epoch: u32,
        rotation: &Rotation,
        proof: &KeyRecordProof,
        first: &VerifierKey,
    ) -> Result<(), CheckError> {
        let (frame, size) = (&proof.frame, rotation.checkpoint.size);
        let genesis = genesis_chain(self.log_id, first.name(), &first.to_string());
        let leaf = leaf_hash(&frame.descriptor.hashed(&frame.chain_before.unwrap_or(genesis)));
        let leaves = [(frame.descriptor.frame_no, leaf)];
        if frame.descriptor.log_id != self.log_id
            || multiproof_root(size, &leaves, &proof.tree, node_hash) != Some(rotation.checkpoint.root)
        {
            return Err(fails(epoch, "the frame of the key record is not in the tree that it signs"));
        }
        check_rows(frame)?;
        let [row] = frame.rows.as_slice() else { return Err(fails(epoch, "its one row is the key record")) };
        let whole = (0..GROUPS).all(|k| row.open.has_group(k));
        let head = row.groups.envelope().ok();
        let body = match row.groups.value(Field::METADATA) {
            Ok(Some(Value::Text(text))) if whole => text.text().into_owned(),
            _ => return Err(fails(epoch, "the key record is not open as a whole")),
        };
        let said = KeyRecord { epoch, key: rotation.key.clone(), role: Role::Checkpoint, add: true };
        if head.is_none_or(|head| head.kind != Kind::Key as u8) || KeyRecord::parse(&body).ok() != Some(said) {
            return Err(fails(epoch, "the record is not the one that brings its key"));
        }
        Ok(())
    }
}

fn fails(epoch: u32, problem: impl Into<Cow<'static, str>>) -> CheckError {
    CheckError::Trail { epoch, problem: problem.into() }
}
