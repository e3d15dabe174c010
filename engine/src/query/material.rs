//! What proofs are made of: frames whole, the chain values before them, the leaf hashes of the log tree.
//!
//! ```text
//! seq -> frame: descriptor, salts, records          frame number -> chain value before it          all frames -> leaf hashes
//! ```
//!
//! Invariants: a chain value handed out leads to the leaf hash that the directory has of its frame. Nothing else is verified
//! here: whoever makes a proof compares frame roots, whoever checks one trusts nobody. Not here: proofs (the format crate).

use indelible_evidence::commit::{Salts, chain};
use indelible_evidence::descriptor::{Descriptor, Hash};
use indelible_evidence::layout;
use indelible_evidence::merkle::leaf_hash;
use indelible_evidence::record::Record;
use indelible_format::segment::{BlockHeader, FrameEntry};
use parking_lot::Mutex;

use super::View;
use crate::error::{Corruption, FormatContext, Result};
use crate::segment::{Segment, SegmentTerms};

/// Bytes read of a frame block at first: its header and a descriptor of up to eight classes.
const DESCRIPTOR_READ: usize = BlockHeader::SIZE + 4 + layout::DESCRIPTOR_HEAD.size() + 8 * layout::CLASS_ENTRY.size();

/// A frame with what opens its commitments.
#[derive(Debug, Clone)]
pub struct FrameMaterial {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Its salts.
    pub salts: Salts,
    /// Its records by position, `None` where removed.
    pub records: Vec<Option<Record>>,
}

impl View {
    /// The frame that holds `seq`; `None` where that record is not framed yet.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the log is damaged.
    pub fn frame_material(&self, seq: u64) -> Result<Option<FrameMaterial>> {
        for (segment, visible) in self.snapshot().segments() {
            let Some(ordinal) = seq.checked_sub(segment.first_seq).and_then(|ordinal| u32::try_from(ordinal).ok())
            else {
                continue;
            };
            if ordinal >= visible {
                continue;
            }
            let Some(index) = segment.frame_of(ordinal)? else { continue };
            let frame = segment.frame(index)?;
            let records = frame.all_records(&SegmentTerms::of(segment)).in_file(&segment.name, 0);
            return Ok(Some(FrameMaterial {
                descriptor: frame.descriptor().clone(),
                salts: frame.salts().clone(),
                records: records.map_err(|damage| segment.in_frame(index, damage))?,
            }));
        }
        Ok(None)
    }

    /// Number of the frame that holds `seq`; `None` where that record is not framed yet.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the log is damaged.
    pub fn frame_no_of(&self, seq: u64) -> Result<Option<u64>> {
        for (segment, visible) in self.snapshot().segments() {
            let ordinal = seq.checked_sub(segment.first_seq).and_then(|ordinal| u32::try_from(ordinal).ok());
            if let Some(ordinal) = ordinal.filter(|ordinal| *ordinal < visible) {
                return Ok(segment.frame_of(ordinal)?.map(|index| segment.first_frame + index as u64));
            }
        }
        Ok(None)
    }

    /// The chain value before frame `frame_no`; `None` where there is no such frame in view.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the descriptors up to it do not lead to its leaf hash.
    pub fn chain_before(&self, frame_no: u64) -> Result<Option<Hash>> {
        for (segment, _) in self.snapshot().segments() {
            let Some(index) = frame_no.checked_sub(segment.first_frame) else { continue };
            let entries = segment.directory()?.read().frames.clone();
            let Some((last, before)) =
                usize::try_from(index).ok().and_then(|index| entries.get(..=index)?.split_last())
            else {
                continue;
            };
            let (mut bytes, mut buffer) = (Vec::with_capacity(DESCRIPTOR_READ), Vec::with_capacity(DESCRIPTOR_READ));
            let value = segment.chains.before(before.len(), segment.chain_before, |at, value| {
                let entry = before.get(at).ok_or_else(|| no_descriptor(segment, last))?;
                put_hashed(segment, entry, value, (&mut bytes, &mut buffer))?;
                Ok(chain(&bytes))
            })?;
            put_hashed(segment, last, &value, (&mut bytes, &mut buffer))?;
            if leaf_hash(&bytes) != last.leaf_hash {
                let problem = "the descriptors before this frame do not lead to its leaf hash";
                let damage = segment.located(Corruption::at(&segment.name, last.offset, problem));
                return Err(damage.in_frame(frame_no).into());
            }
            return Ok(Some(value));
        }
        Ok(None)
    }

    /// Leaf hashes of the log tree's first frames, at most `frames` of them.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the log is damaged.
    pub fn leaf_hashes(&self, frames: u64) -> Result<Vec<Hash>> {
        let mut leaves = Vec::new();
        for (segment, _) in self.snapshot().segments() {
            let left = usize::try_from(frames.saturating_sub(leaves.len() as u64)).unwrap_or(usize::MAX);
            if left == 0 {
                break;
            }
            let directory = segment.directory()?.read();
            leaves.extend(directory.frames.iter().take(left).map(|entry| entry.leaf_hash));
        }
        Ok(leaves)
    }
}

/// Chain values of a segment's frames as far as somebody asked for them, so that the next proof does not walk again.
#[derive(Debug, Default)]
pub(crate) struct ChainValues(Mutex<Vec<Hash>>);

impl ChainValues {
    /// The value before frame `index`; `next` gives the one after frame `at`, given the one before it.
    fn before(
        &self,
        index: usize,
        first: Hash,
        mut next: impl FnMut(usize, &Hash) -> Result<Hash, Corruption>,
    ) -> Result<Hash, Corruption> {
        let mut known = self.0.lock();
        let mut value = index.min(known.len()).checked_sub(1).and_then(|at| known.get(at).copied()).unwrap_or(first);
        for at in known.len()..index {
            value = next(at, &value)?;
            known.push(value);
        }
        Ok(value)
    }
}

/// Puts the hashed form of a frame's descriptor into `out`: what is stored of it, and the chain value before. The other buffer is
/// for reading.
fn put_hashed(
    segment: &Segment,
    entry: &FrameEntry,
    before: &Hash,
    (out, buffer): (&mut Vec<u8>, &mut Vec<u8>),
) -> Result<(), Corruption> {
    let descriptor_at = BlockHeader::SIZE + 4;
    let mut length = DESCRIPTOR_READ.min(entry.length as usize);
    loop {
        let end = segment.blocks().with_bytes(&segment.name, (entry.offset, length), buffer, |bytes| {
            let size = bytes.get(BlockHeader::SIZE..descriptor_at).and_then(|size| size.try_into().ok());
            let end = descriptor_at.saturating_add(u32::from_le_bytes(size.unwrap_or_default()) as usize);
            if let Some(stored) = bytes.get(descriptor_at..end) {
                out.clear();
                out.extend_from_slice(stored);
                out.extend_from_slice(before);
                return None;
            }
            Some(end)
        })?;
        match end {
            None => return Ok(()),
            Some(end) if end > length && end <= entry.length as usize => length = end,
            Some(_) => return Err(no_descriptor(segment, entry)),
        }
    }
}

fn no_descriptor(segment: &Segment, entry: &FrameEntry) -> Corruption {
    segment.located(Corruption::at(&segment.name, entry.offset, "the block holds no descriptor"))
}
