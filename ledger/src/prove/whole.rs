//! The parts of a bundle that show how a log came to be what it is: all frames with the log's own records, and its rotations.
//!
//! ```text
//! removed records in the range -> every frame, every record of class 0, stubs that deletions rest on -> deletions can be checked
//! rotations -> key record's frame, path in the head that both keys signed, consistency to the next head
//! ```
//!
//! Invariant: what deletions rest on is opened, and of removed records nothing else. Not here: the check (`indelible_evidence::bundle`).

use indelible_engine::query::SurveyedFrame;
use indelible_evidence::bundle::{FrameProof, KeyRecordProof, Open, RotationProof, tree_proof};
use indelible_evidence::commit::{FrameHashes, FrameView};
use indelible_evidence::merkle::consistency_proof;
use indelible_evidence::record::{GROUPS, Record};

use super::{Maker, ProveError};
use crate::error::{Error, Result};
use crate::retain::history::history;
use crate::retain::records::register;

impl Maker<'_> {
    /// Whether a record from `first` to `last` was removed, whole or but for its envelope.
    pub(super) fn has_removed(&self, first: u64, last: u64) -> Result<bool> {
        let mut removed = false;
        for segment in self.view.segment_facts()? {
            let end = segment.first_seq + segment.records;
            if segment.generation == 0 || end <= first || segment.first_seq > last {
                continue;
            }
            self.view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut SurveyedFrame<'_>| -> Result<()> {
                let start = frame.descriptor().first_seq;
                if !removed && start <= last && start + u64::from(frame.descriptor().count) > first {
                    let gone = frame.removed()?;
                    let hidden = gone[0] | gone[1] & gone[2] & gone[3];
                    removed |= hidden & window(start, first, last) != 0;
                }
                Ok(())
            })?;
        }
        Ok(removed)
    }

    /// Every frame of the checkpoint, with what deletions rest on, and of the range what `open` says.
    pub(super) fn whole_history(
        &self,
        range: Option<(u64, u64)>,
        open: impl Fn(&Record) -> Result<Open>,
    ) -> Result<Vec<FrameProof>> {
        let (history, _) = history(self.view, self.manifest, &self.trail)?;
        let mut frames = Vec::new();
        for segment in self.view.segment_facts()? {
            self.view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut SurveyedFrame<'_>| -> Result<()> {
                let descriptor = frame.descriptor().clone();
                if descriptor.frame_no >= self.checkpoint.size {
                    return Ok(());
                }
                let (gone, salts, records) = (frame.removed()?, frame.salts()?, frame.records()?);
                let asked = range.map_or(0, |(first, last)| window(descriptor.first_seq, first, last));
                let hidden = gone[0] | gone[1] & gone[2] & gone[3];
                let mut masks: Vec<(u8, Open)> = history.evidence(&descriptor, &gone);
                for (position, record) in (0u8..).zip(&records) {
                    let Some(record) = record else { continue };
                    if (asked & !hidden) >> position & 1 == 0 {
                        continue;
                    }
                    let mask = without_erased(open(record)?, record);
                    match masks.iter_mut().find(|(at, _)| *at == position) {
                        Some((_, known)) => *known = known.and(mask),
                        None => masks.push((position, mask)),
                    }
                }
                masks.retain(|(_, mask)| *mask != Open::NOTHING);
                masks.sort_unstable_by_key(|(position, _)| *position);
                let view = FrameView { descriptor: &descriptor, salts: &salts, records: &records };
                let proof = FrameHashes::of(&view)
                    .and_then(|hashes| FrameProof::open(&descriptor, None, &hashes, &records, &masks));
                frames.push(proof.map_err(ProveError::Withheld)?);
                Ok(())
            })?;
        }
        Ok(frames)
    }

    /// The rotations of the signing key; with the whole history the key records are there anyway.
    pub(super) fn rotations(&self, whole_history: bool) -> Result<Vec<RotationProof>> {
        let rotations = self.trail.rotations();
        if rotations.is_empty() {
            return Ok(Vec::new());
        }
        let register = register(self.view, self.manifest)?;
        let mut proofs = Vec::with_capacity(rotations.len());
        for (index, rotation) in rotations.iter().enumerate() {
            let mut record = None;
            if !whole_history {
                let next = rotations.get(index + 1).map_or(self.checkpoint.size, |next| next.checkpoint.size);
                let added = register.checkpoint_keys().get(index + 1).and_then(|key| key.added);
                let seq = added.ok_or_else(|| Error::Option {
                    option: "rotation",
                    problem: format!("no key record announces the key of epoch {}", index + 1),
                })?;
                record = Some(self.key_record(seq, rotation.checkpoint.size, next)?);
            }
            proofs.push(RotationProof { text: rotation.to_text(), record });
        }
        Ok(proofs)
    }

    fn key_record(&self, seq: u64, size: u64, next: u64) -> Result<KeyRecordProof> {
        let frame = self.frames(&[seq], |_| Some(Open::EVERYTHING))?.pop();
        let frame = frame.ok_or(ProveError::NotCovered { seq, covered: None })?;
        let tree = tree_proof(&self.leaves, size, &[frame.descriptor.frame_no]).map_err(ProveError::Withheld)?;
        let consistency = consistency_proof(&self.leaves, size, next)
            .map_err(|_| ProveError::Behind { old: size, newest: self.checkpoint.size })?;
        Ok(KeyRecordProof { frame, tree, consistency })
    }
}

/// What of the mask can be opened: erased groups stay closed.
pub(super) fn without_erased(mask: Open, record: &Record) -> Open {
    (0..GROUPS).filter(|&k| record.groups.group(k).is_empty()).fold(mask, Open::without_group)
}

/// Positions of a frame that begins at `start` whose seqs lie from `first` to `last`.
fn window(start: u64, first: u64, last: u64) -> u128 {
    let from = u32::try_from(first.saturating_sub(start)).unwrap_or(128);
    let upto = u32::try_from((last + 1).saturating_sub(start)).unwrap_or(128);
    let below = |end: u32| if end >= 128 { u128::MAX } else { (1u128 << end) - 1 };
    below(upto) & !below(from)
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn windows_are_of_positions() {
        assert_eq!(window(100, 0, u64::MAX - 1), u128::MAX);
        assert_eq!(window(100, 101, 102), 0b110);
        assert_eq!(window(100, 0, 99), 0);
        assert_eq!(window(100, 300, 400), 0);
        assert_eq!(window(100, 227, 227), 1 << 127);
    }
}
