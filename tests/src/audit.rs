//! Reads a log directory with the format crate alone, as an outsider would: no engine code, so no engine bug, helps.
//!
//! ```text
//! MANIFEST ──> segments: header, every block, descriptors ──> chain and tree leaves
//!          └─> journal files: every group to the end of the file, seqs and checksums dense
//! ```
//!
//! Meant for a log that an opening has just recovered: everything torn is gone then, so whatever is not whole is a finding.

use indelible_engine::world::storage::Storage;
use indelible_evidence::commit::{chain, genesis_chain};
use indelible_evidence::merkle::{LogTree, leaf_hash};
use indelible_format::frame::read_descriptor;
use indelible_format::journal::{GroupScanner, JournalHeader, Position};
use indelible_format::manifest::{Manifest, SegmentEntry, SegmentState};
use indelible_format::names::{
    journal_file_name, parse_journal_file_name, parse_segment_file_name, parse_torn_file_name, segment_file_name,
};
use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader, SegmentTrailer, check_payload};

use crate::model::Model;

const FILE_MAX: usize = 1 << 26;

/// What an audit found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Leaf hashes of all frames.
    pub leaves: Vec<[u8; 32]>,
    /// Seq after the last framed record.
    pub framed_to: u64,
    /// Seq after the last record in the journal, or 0.
    pub journal_to: u64,
    /// Journal files that were cut, with the offset, as the names in `torn/` say.
    pub torn: Vec<(u64, u64)>,
}

/// Audits a directory that was just opened.
///
/// # Errors
/// The first thing that is not as the format demands.
pub fn audit(storage: &dyn Storage) -> Result<Audit, String> {
    let manifest = Manifest::decode(&read(storage, "MANIFEST")?).map_err(|error| format!("MANIFEST: {error}"))?;
    let mut audit = Audit::default();
    let mut before = genesis_chain(manifest.log_id, &manifest.origin, &manifest.key);
    for entry in &manifest.segments {
        if entry.first_seq != audit.framed_to || entry.first_frame != audit.leaves.len() as u64 {
            return Err(format!("segment {} does not continue the one before it", entry.id));
        }
        before = audit.segment(storage, entry, before)?;
    }
    for name in storage.list("segments").map_err(|error| error.to_string())? {
        let Some((id, generation)) = parse_segment_file_name(&name) else { continue };
        let named = manifest.segments.iter().find(|entry| entry.id == id);
        if named.is_some_and(|entry| entry.generation != generation) {
            return Err(format!("segments/{name} is a generation that was replaced, or never became the log's"));
        }
    }
    audit.journal(storage, &manifest)?;
    for name in storage.list("torn").map_err(|error| error.to_string())? {
        let place = parse_torn_file_name(&format!("torn/{name}"));
        audit.torn.extend(place);
        if place.is_none() && !name.ends_with(".tmp") {
            return Err(format!("torn/{name} is no name that recovery gives"));
        }
    }
    Ok(audit)
}

fn read(storage: &dyn Storage, name: &str) -> Result<Vec<u8>, String> {
    storage.read(name, FILE_MAX).map_err(|error| format!("{name}: {error}"))
}

impl Audit {
    fn segment(&mut self, storage: &dyn Storage, entry: &SegmentEntry, before: [u8; 32]) -> Result<[u8; 32], String> {
        let name = segment_file_name(entry.id, entry.generation);
        let bytes = read(storage, &name)?;
        let at = |offset: usize, what: &dyn std::fmt::Display| format!("{name} at {offset}: {what}");
        let header =
            SegmentHeader::decode(bytes.get(..SegmentHeader::SIZE).unwrap_or(&bytes)).map_err(|error| at(0, &error))?;
        if header.chain_before != before || entry.chain_before != before {
            return Err(at(0, &"does not continue the chain"));
        }
        let sealed = entry.state == SegmentState::Sealed;
        let (mut offset, mut value) = (SegmentHeader::SIZE, before);
        let end = if sealed { bytes.len().saturating_sub(SegmentTrailer::SIZE) } else { bytes.len() };
        while offset < end {
            let rest = bytes.get(offset..end).unwrap_or_default();
            let block = BlockHeader::decode(rest).map_err(|error| at(offset, &error))?;
            let payload = rest.get(BlockHeader::SIZE..block.total() as usize).ok_or_else(|| at(offset, &"cut off"))?;
            check_payload(&block, payload).map_err(|error| at(offset, &error))?;
            match block.kind {
                BlockKind::Frame => value = self.frame(payload, value).map_err(|error| at(offset, &error))?,
                // A log that was open has no footer on its active segment, unless it was closed and nothing came since.
                BlockKind::Footer if !sealed => return Ok(value),
                _ => {}
            }
            offset += block.total() as usize;
        }
        if sealed {
            let trailer =
                SegmentTrailer::decode(bytes.get(end..).unwrap_or_default()).map_err(|error| at(end, &error))?;
            let footer = bytes.get(trailer.footer_offset as usize..).and_then(|rest| BlockHeader::decode(rest).ok());
            if footer.is_none_or(|footer| footer.kind != BlockKind::Footer) {
                return Err(at(end, &"the trailer does not point at a footer"));
            }
            let end = (entry.first_seq + entry.records, entry.length, entry.chain_after);
            if end != (self.framed_to, bytes.len() as u64, value) {
                return Err(at(0, &"records, length or chain value are not what the manifest says"));
            }
        }
        Ok(value)
    }

    fn frame(&mut self, payload: &[u8], before: [u8; 32]) -> Result<[u8; 32], String> {
        let (descriptor, _) = read_descriptor(payload).map_err(|error| error.to_string())?;
        if (descriptor.frame_no, descriptor.first_seq) != (self.leaves.len() as u64, self.framed_to) {
            return Err(format!("frame {} is not the next", descriptor.frame_no));
        }
        let hashed = descriptor.hashed(&before);
        self.leaves.push(leaf_hash(&hashed));
        self.framed_to += u64::from(descriptor.count);
        Ok(chain(&hashed))
    }

    fn journal(&mut self, storage: &dyn Storage, manifest: &Manifest) -> Result<(), String> {
        let names = storage.list("journal").map_err(|error| error.to_string())?;
        let mut numbers: Vec<u64> =
            names.iter().filter_map(|name| parse_journal_file_name(&format!("journal/{name}"))).collect();
        numbers.retain(|number| *number >= manifest.journal_first);
        numbers.sort_unstable();
        let mut place: Option<(u64, Position)> = None;
        for number in numbers {
            let name = journal_file_name(number);
            let bytes = read(storage, &name)?;
            let header = JournalHeader::decode(bytes.get(..JournalHeader::SIZE).unwrap_or(&bytes))
                .map_err(|error| format!("{name}: {error}"))?;
            let before = match place {
                None if header.first_seq > self.framed_to => {
                    return Err(format!("{name} begins at seq {}, frames end at {}", header.first_seq, self.framed_to));
                }
                None => Position { previous_crc: None, next_seq: Some(header.first_seq) },
                Some((incarnation, position)) if incarnation == header.incarnation => position,
                Some((_, position)) => Position { previous_crc: Some(0), ..position },
            };
            let mut scanner = GroupScanner::new(&bytes, before).map_err(|error| format!("{name}: {error}"))?;
            for group in scanner.by_ref() {
                group.map_err(|stop| format!("{name} is not whole at {}: {}", stop.offset, stop.error))?;
            }
            place = Some((header.incarnation, scanner.position()));
            self.journal_to = scanner.position().next_seq.unwrap_or(header.first_seq);
        }
        Ok(())
    }

    /// Checks the log's end and its checkpoints, those handed out and the one that is stored, against the tree.
    ///
    /// # Errors
    /// A checkpoint that is ahead, or has another root than the tree of that size.
    pub fn check(&self, model: &Model, stored: Option<(u64, [u8; 32])>, next_seq: u64) -> Result<(), String> {
        if self.framed_to.max(self.journal_to) != next_seq {
            return Err(format!(
                "frames end at {}, the journal at {}, the log at {next_seq}",
                self.framed_to, self.journal_to
            ));
        }
        let mut tree = LogTree::new();
        let mut heads: Vec<(u64, [u8; 32])> = model.notes().iter().map(|(size, root)| (*size, *root)).collect();
        let newest = heads.last().map_or(0, |(size, _)| *size);
        match stored {
            Some(head) => heads.push(head),
            None if newest > 0 => {
                return Err(format!("a checkpoint of {newest} frames was handed out, none is stored"));
            }
            None => {}
        }
        if stored.is_some_and(|(size, _)| size < newest) {
            return Err(format!("a checkpoint of {newest} frames was handed out, an older one is stored"));
        }
        heads.sort_unstable();
        for (size, root) in heads {
            while tree.size() < size {
                let leaf = self.leaves.get(tree.size() as usize);
                tree.push(
                    *leaf.ok_or_else(|| format!("a checkpoint of {size} frames, {} are there", self.leaves.len()))?,
                );
            }
            if tree.root() != root {
                return Err(format!("the checkpoint of {size} frames has another root than the log"));
            }
        }
        Ok(())
    }
}
