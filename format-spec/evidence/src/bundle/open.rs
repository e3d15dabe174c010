//! Makes the parts of a bundle from a frame's hashes and from the log's leaf hashes.
//!
//! Invariant: what is made here is what the decoder expects, so `decode(encode(bundle)) == bundle`. Nothing that is not to
//! be open gets into a bundle: not its bytes, and no salt or key above it.

use super::{FrameProof, NAME, Open, RowProof, TreeProof};
use crate::commit::{ClassHashes, FrameHashes, GroupHashes};
use crate::descriptor::{ClassEntry, Descriptor, Hash};
use crate::error::FormatError;
use crate::merkle::{LogTree, b3_root, multiproof};
use crate::record::{GROUPS, Groups, Record};

impl FrameProof {
    /// Opens rows of a frame: positions ascending, each with what is to be open.
    ///
    /// `hashes` are the frame's, `records` its records by position. `chain_before` is left out by the caller where the
    /// bundle's frame before has the number just below, and for frame 0.
    ///
    /// # Errors
    /// Where a record to be opened was removed, or a group of it erased.
    pub fn open(
        descriptor: &Descriptor,
        chain_before: Option<Hash>,
        hashes: &FrameHashes,
        records: &[Option<Record>],
        masks: &[(u8, Open)],
    ) -> Result<Self, FormatError> {
        let mut rows = Vec::with_capacity(masks.len());
        for &(position, open) in masks {
            rows.push(open_row(descriptor, hashes, records, position, open)?);
        }
        let mut frame = Self::closed(descriptor, chain_before);
        if masks.is_empty() {
            return Ok(frame);
        }
        frame.rows = rows;
        for (index, (entry, class)) in descriptor.classes.iter().zip(&hashes.classes).enumerate() {
            let trees = std::array::from_fn(|k| open_tree(&frame, index, k, entry, class));
            frame.classes.push(trees);
        }
        frame.drop_keyed_salts();
        Ok(frame)
    }

    /// A frame of which nothing is open: its frame root stands in the descriptor, also where the frame is gone as a whole.
    pub fn closed(descriptor: &Descriptor, chain_before: Option<Hash>) -> Self {
        Self { descriptor: descriptor.clone(), chain_before, rows: Vec::new(), classes: Vec::new() }
    }

    /// Where a class key stands for the salts of its records, the salts are not repeated.
    fn drop_keyed_salts(&mut self) {
        for (entry, trees) in self.descriptor.classes.iter().zip(&self.classes) {
            for row in self.rows.iter_mut().filter(|row| entry.positions >> row.position & 1 == 1) {
                for (salt, tree) in row.salts.iter_mut().zip(trees) {
                    if tree.key.is_some() {
                        *salt = None;
                    }
                }
            }
        }
    }
}

fn open_row(
    descriptor: &Descriptor,
    hashes: &FrameHashes,
    records: &[Option<Record>],
    position: u8,
    open: Open,
) -> Result<RowProof, FormatError> {
    let seq = descriptor.first_seq.saturating_add(position.into());
    let refuse = |why: String| FormatError::invalid(NAME, "rows", 0, format!("seq {seq} cannot be shown: {why}"));
    let place = descriptor.classes.iter().zip(&hashes.classes).find_map(|(entry, class)| {
        let bit = 1u128.checked_shl(position.into())?;
        (entry.positions & bit != 0).then(|| ((entry.positions & (bit - 1)).count_ones() as usize, class))
    });
    let (rank, class) = place.ok_or_else(|| refuse("it lies beyond its frame".to_owned()))?;
    let record = records.get(usize::from(position)).and_then(Option::as_ref);
    // Of a record that went alone the stub still opens the header.
    let erased = Groups::default();
    let groups_there = match record {
        Some(record) => &record.groups,
        None if open == Open::HEADER => &erased,
        None => return Err(refuse("it was removed".to_owned())),
    };
    let mut salts = [None; GROUPS];
    let mut groups: [&[u8]; GROUPS] = [&[]; GROUPS];
    for k in (0..GROUPS).filter(|&k| open.has_group(k)) {
        let salt = class.groups.get(k).and_then(|group| group.salts.get(rank).copied().flatten());
        let bytes = groups_there.group(k);
        if salt.is_none() || bytes.is_empty() {
            return Err(refuse(format!("its group {k} was erased")));
        }
        if let (Some(place), Some(bytes_place)) = (salts.get_mut(k), groups.get_mut(k)) {
            *place = salt;
            *bytes_place = bytes;
        }
    }
    let closed = open.has_header() && !open.has_group(0);
    let g = class.groups.first().and_then(|group| group.g.get(rank));
    let occurred = class.times.get(rank).map(|&(_, occurred)| occurred);
    let closed_envelope = if closed { occurred.zip(g.copied()) } else { None };
    if closed && closed_envelope.is_none() {
        return Err(refuse("its class is gone".to_owned()));
    }
    let recorded = record.map(|record| record.recorded_at);
    let recorded = recorded.or_else(|| class.times.get(rank).map(|&(recorded, _)| recorded)).unwrap_or(0);
    let recorded_at = if open.has_header() { recorded } else { 0 };
    Ok(RowProof { position, open, recorded_at, closed_envelope, salts, groups: Groups::from_slices(groups) })
}

fn open_tree(frame: &FrameProof, index: usize, k: usize, entry: &ClassEntry, class: &ClassHashes) -> TreeProof {
    let Some(group) = class.groups.get(k) else { return TreeProof::default() };
    let key = if frame.all_open(index, k) { group.key } else { None };
    let leaves = if k == 0 { &class.leaves } else { &group.g };
    let mut hashes = Vec::new();
    let mut subtree = |first: u64, length: u64| root_of(group, leaves, entry.count(), first, length);
    multiproof(entry.count().into(), &frame.open_ranks(index, k), &mut subtree, &mut hashes);
    TreeProof { key, hashes }
}

/// Root of some leaves of a class tree; of all of them it is known even where the leaves are gone.
fn root_of(group: &GroupHashes, leaves: &[Hash], count: u32, first: u64, length: u64) -> Hash {
    if length == u64::from(count) {
        return group.root;
    }
    let range = usize::try_from(first).unwrap_or(usize::MAX)..usize::try_from(first + length).unwrap_or(usize::MAX);
    leaves.get(range).and_then(b3_root).unwrap_or_default()
}

/// Multiproof of frames in the log tree over the first `size` of `leaves` (leaf hashes of all frames).
///
/// # Errors
/// Where there are fewer leaves than `size`, or a frame lies beyond it.
pub fn tree_proof(leaves: &[Hash], size: u64, frames: &[u64]) -> Result<Vec<Hash>, FormatError> {
    let beyond = size > leaves.len() as u64 || frames.last().is_none_or(|&last| last >= size);
    if beyond {
        let why = format!("the checkpoint has {size} frames, the log {}", leaves.len());
        return Err(FormatError::invalid(NAME, "log-tree proof", 0, why));
    }
    let mut proof = Vec::new();
    let mut subtree = |first: u64, length: u64| {
        let mut tree = LogTree::new();
        for leaf in leaves.get(first as usize..(first + length) as usize).unwrap_or_default() {
            tree.push(*leaf);
        }
        tree.root()
    };
    multiproof(size, frames, &mut subtree, &mut proof);
    Ok(proof)
}
