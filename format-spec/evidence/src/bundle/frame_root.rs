//! From what a bundle opens of a frame to the frame root.
//!
//! ```text
//! key or salt, group bytes -> g -> (group 0) leaf -> class trees by multiproof -> frame root
//! ```
//!
//! Not here: comparing it with the descriptor, canonical bytes, times (`check`).

use super::{FrameProof, RowProof, TreeProof};
use crate::commit::Salt;
use crate::descriptor::{ClassEntry, Hash};
use crate::hash::{Purpose, b3, b3_parts};
use crate::merkle::{b3_root, multiproof_root};
use crate::record::{EnvelopeHead, GROUPS};

const SECOND: i64 = 1_000_000_000;

impl RowProof {
    /// Occurred-at in whole seconds, where the header is open and, with group 0, readable.
    pub(super) fn occurred(&self) -> Option<i64> {
        match self.closed_envelope {
            Some((occurred, _)) => Some(occurred),
            None => EnvelopeHead::decode(self.groups.group(0)).ok().map(|head| head.occurred_at.div_euclid(SECOND)),
        }
    }
}

/// The frame root that the bundle's parts lead to; `None` where they do not fit together.
pub(super) fn frame_root(frame: &FrameProof) -> Option<Hash> {
    if frame.classes.len() != frame.descriptor.classes.len() {
        return None;
    }
    let mut roots = Vec::with_capacity(frame.classes.len() * GROUPS * 32);
    for (entry, trees) in frame.descriptor.classes.iter().zip(&frame.classes) {
        let rows: Vec<(u32, &RowProof)> = ranked(entry, &frame.rows).collect();
        for (k, tree) in trees.iter().enumerate() {
            roots.extend_from_slice(&class_root(frame.descriptor.first_seq, entry, k, tree, &rows)?);
        }
    }
    Some(b3(Purpose::Frame, &roots))
}

/// Rows of a class with their ranks.
fn ranked<'a>(entry: &ClassEntry, rows: &'a [RowProof]) -> impl Iterator<Item = (u32, &'a RowProof)> + use<'a> {
    let positions = entry.positions;
    rows.iter().filter_map(move |row| {
        let bit = 1u128.checked_shl(row.position.into())?;
        (positions & bit != 0).then(|| ((positions & (bit - 1)).count_ones(), row))
    })
}

fn class_root(
    first_seq: u64,
    entry: &ClassEntry,
    k: usize,
    tree: &TreeProof,
    rows: &[(u32, &RowProof)],
) -> Option<Hash> {
    let mut leaves = Vec::with_capacity(rows.len());
    for &(rank, row) in rows.iter().filter(|(_, row)| row.open.in_tree(k)) {
        let g = match &row.closed_envelope {
            Some((_, g)) if k == 0 => *g,
            _ => group_hash(&salt_of(tree, row, k, rank)?, k, row.groups.group(k)),
        };
        let leaf = if k == 0 { leaf_hash(first_seq, entry.class, row, &g)? } else { g };
        leaves.push((u64::from(rank), leaf));
    }
    if tree.hashes.is_empty() && leaves.len() as u32 == entry.count() {
        // All of the class is open: its tree climbs in lanes.
        let leaves: Vec<Hash> = leaves.into_iter().map(|(_, leaf)| leaf).collect();
        return b3_root(&leaves);
    }
    multiproof_root(entry.count().into(), &leaves, &tree.hashes, node_hash)
}

fn salt_of(tree: &TreeProof, row: &RowProof, k: usize, rank: u32) -> Option<Salt> {
    match &tree.key {
        Some(key) => b3_parts(Purpose::Salt, &[key, &rank.to_le_bytes()]).first_chunk().copied(),
        None => row.salts.get(k).copied().flatten(),
    }
}

fn group_hash(salt: &Salt, k: usize, bytes: &[u8]) -> Hash {
    let length = (bytes.len() as u32).to_le_bytes();
    b3_parts(Purpose::Group, &[salt, &[k as u8, 0, 0, 0], &length, bytes])
}

fn leaf_hash(first_seq: u64, class: u16, row: &RowProof, g: &Hash) -> Option<Hash> {
    let seq = first_seq.checked_add(row.position.into())?;
    let mut input = Vec::with_capacity(61);
    input.extend_from_slice(&seq.to_le_bytes());
    input.extend_from_slice(&row.recorded_at.to_le_bytes());
    input.extend_from_slice(&row.occurred()?.to_le_bytes());
    input.extend_from_slice(&class.to_le_bytes());
    input.extend_from_slice(&[0; 3]);
    input.extend_from_slice(g);
    Some(b3(Purpose::Leaf, &input))
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    b3_parts(Purpose::Node, &[left, right])
}
