//! Reads the blocks of a segment one after the other: how a directory is made where there is no footer to trust.
//!
//! ```text
//! blocks in order -> checksum, chain, leaf, times, terms -> directory        then: keys of the frames behind the last run
//! ```
//!
//! Used by recovery, by readers that follow a writer, and to find the end of what is whole. Stops at the first block that is
//! not, at a lookup or footer (derived, written again at the next close), or when it has seen as many frames as wanted.

use std::sync::Arc;

use indelible_evidence::merkle::leaf_hash;
use indelible_format::frame::FrameReader;
use indelible_format::segment::{
    Authority, BlockEntry, BlockHeader, BlockKind, FrameEntry, PageEntry, SegmentHeader, TermPage, TermTable,
};
use indelible_index::{KeyChunk, Postings as _, RunReader};

use super::blocks::Blocks;
use super::chunk_of_frame;
use super::directory::Directory;
use super::sweep::Sweep;
use crate::error::{Corruption, FormatContext};

/// Where a scan ended, and why.
#[derive(Debug)]
pub(crate) enum ScanEnd {
    /// The file ends with a whole block.
    Clean,
    /// As many frames were read as were wanted.
    Enough,
    /// Lookups, footer or what is left of them follow.
    Derived,
    /// A block is not whole, or not the next one.
    Broken(Corruption),
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) end: ScanEnd,
    /// Offset after the last whole block that was taken.
    pub(crate) end_offset: u64,
}

/// Where a scan puts what it finds.
pub(crate) struct Target<'a> {
    pub(crate) directory: &'a mut Directory,
    pub(crate) terms: &'a mut TermTable,
    pub(crate) first_seq: u64,
    pub(crate) first_frame: u64,
}

/// When the keys of a frame are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// With the frame: a frame without whole keys ends the scan.
    Now,
    /// Once all blocks are read, and only of the frames that no run covers.
    Later,
}

/// Extends a directory with the blocks from its end on, up to `frames_max` frames in all.
///
/// Most frames of a long segment are covered by a run, and their keys, which take longer to read than all else together, are not
/// wanted. Which ones are is known only at the end. Where a frame then turns out to have no whole keys, the scan must end at that
/// frame: what came after it is forgotten, and everything read once more in order.
pub(crate) fn scan_blocks(blocks: &Blocks, name: &str, frames_max: usize, target: &mut Target<'_>) -> Scanned {
    let before = (target.directory.mark(), target.terms.mark());
    let scanned = read_blocks(blocks, name, frames_max, Keys::Later, target);
    if read_keys(blocks, name, target.directory).is_ok() {
        return scanned;
    }
    target.directory.rewind(before.0);
    target.terms.rewind(&before.1);
    read_blocks(blocks, name, frames_max, Keys::Now, target)
}

fn read_blocks(blocks: &Blocks, name: &str, frames_max: usize, keys: Keys, target: &mut Target<'_>) -> Scanned {
    let mut sweep = Sweep::new(blocks, name);
    let mut scratch = Vec::new();
    loop {
        let offset = target.directory.end;
        let end = match sweep.block(offset) {
            Ok(None) => ScanEnd::Clean,
            Err(damage) => ScanEnd::Broken(damage),
            Ok(Some((header, payload))) => {
                let block = Taken { name, offset, header, payload };
                match take_block(&block, frames_max, keys, &mut scratch, target) {
                    Ok(None) => continue,
                    Ok(Some(end)) => end,
                    Err(damage) => ScanEnd::Broken(damage),
                }
            }
        };
        return Scanned { end, end_offset: offset };
    }
}

/// Reads the keys of the frames behind the last run that have none.
fn read_keys(blocks: &Blocks, name: &str, directory: &mut Directory) -> Result<(), Corruption> {
    let mut sweep = Sweep::new(blocks, name);
    while let Some(entry) = directory.next_unkeyed() {
        let Some((_, payload)) = sweep.block(entry.offset)? else {
            return Err(Corruption::at(name, entry.offset, "the file ends before a frame that was there"));
        };
        let frame = FrameReader::open(payload).in_file(name, entry.offset)?;
        let chunk =
            chunk_of_frame(&frame, entry.first_ordinal).map_err(|error| Corruption::at(name, entry.offset, error))?;
        directory.push_keys(chunk);
    }
    Ok(())
}

/// A whole block, and where it was.
struct Taken<'a> {
    name: &'a str,
    offset: u64,
    header: BlockHeader,
    payload: &'a [u8],
}

fn take_block(
    block: &Taken<'_>,
    frames_max: usize,
    keys: Keys,
    scratch: &mut Vec<u64>,
    target: &mut Target<'_>,
) -> Result<Option<ScanEnd>, Corruption> {
    let (name, offset) = (block.name, block.offset);
    match block.header.kind {
        BlockKind::Terms => take_terms(block, target)?,
        BlockKind::Frame => {
            if target.directory.frames.len() >= frames_max {
                return Ok(Some(ScanEnd::Enough));
            }
            take_frame(block, keys, scratch, target)?;
        }
        BlockKind::Run => {
            let run = RunReader::open(block.payload).in_file(name, offset)?;
            let entry = BlockEntry { offset, length: block.header.total(), number: run.first_ordinal() };
            if entry.number != target.directory.keyed_to()
                || entry.number + run.positions() > target.directory.records()
            {
                return Err(Corruption::at(name, offset, "a run that does not follow the one before it"));
            }
            target.directory.push_run(entry, run.positions());
        }
        BlockKind::Authority => {
            if offset != SegmentHeader::SIZE as u64 {
                return Err(Corruption::at(name, offset, "an authority block that is not the first block of its file"));
            }
            Authority::decode(block.payload).in_file(name, offset)?;
            target.directory.end = offset + u64::from(block.header.total());
        }
        BlockKind::Lookup | BlockKind::Footer => return Ok(Some(ScanEnd::Derived)),
    }
    Ok(None)
}

fn take_terms(block: &Taken<'_>, target: &mut Target<'_>) -> Result<(), Corruption> {
    let (name, offset) = (block.name, block.offset);
    if block.header.number != target.directory.page_count {
        return Err(Corruption::at(name, offset, format!("term page {} is not the next", block.header.number)));
    }
    let page = TermPage::decode(block.payload).in_file(name, offset)?;
    target.terms.load_page(&page).in_file(name, offset)?;
    target.directory.push_pages(&page_entries(&page, offset, block.header.total()));
    Ok(())
}

/// The footer entries of a page.
pub(crate) fn page_entries(page: &TermPage, offset: u64, length: u32) -> Vec<PageEntry> {
    let entry = |section: &indelible_format::segment::TermSection| PageEntry {
        offset,
        length,
        first: section.first,
        count: section.len() as u32,
        field: section.field,
    };
    page.sections.iter().map(entry).collect()
}

fn take_frame(
    block: &Taken<'_>,
    keys: Keys,
    scratch: &mut Vec<u64>,
    target: &mut Target<'_>,
) -> Result<(), Corruption> {
    let (name, offset, length) = (block.name, block.offset, block.header.total());
    let frame = FrameReader::open(block.payload).in_file(name, offset)?;
    let descriptor = frame.descriptor();
    let (records, frames) = (target.directory.records(), target.directory.frames.len() as u64);
    let expected = (target.first_frame + frames, target.first_seq + u64::from(records));
    if (descriptor.frame_no, descriptor.first_seq) != expected || block.header.number != descriptor.frame_no {
        return Err(Corruption::at(
            name,
            offset,
            format!("a frame that is not frame {} from seq {}", expected.0, expected.1),
        ));
    }
    let hashed = descriptor.hashed(&target.directory.chain_after);
    let (leaf, chain) = (leaf_hash(&hashed), indelible_evidence::commit::chain(&hashed));
    let count = u32::from(descriptor.count);
    match keys {
        Keys::Now => {
            let chunk = chunk_of_frame(&frame, records).map_err(|error| Corruption::at(name, offset, error))?;
            let (entry, recorded_last) = frame_entry(offset, length, records, leaf, &chunk);
            target.directory.push_frame(entry, count, Arc::new(chunk), chain, recorded_last);
        }
        Keys::Later => {
            let times = frame.time_bounds(scratch).in_file(name, offset)?.unwrap_or_default();
            let [(occurred_min, occurred_max), (recorded_first, recorded_last)] = times;
            let entry = FrameEntry {
                offset,
                length,
                first_ordinal: records,
                occurred_min,
                occurred_max,
                recorded_first,
                leaf_hash: leaf,
            };
            target.directory.push_unkeyed(entry, count, chain, recorded_last);
        }
    }
    Ok(())
}

/// The footer entry of a frame whose keys are known, and its latest recorded-at.
pub(crate) fn frame_entry(
    offset: u64,
    length: u32,
    first_ordinal: u32,
    leaf_hash: [u8; 32],
    chunk: &KeyChunk,
) -> (FrameEntry, i64) {
    let zone = chunk.zone();
    let entry = FrameEntry {
        offset,
        length,
        first_ordinal,
        occurred_min: zone.occurred_min,
        occurred_max: zone.occurred_max,
        recorded_first: zone.recorded_first,
        leaf_hash,
    };
    (entry, zone.recorded_last)
}

#[cfg(test)]
mod tests;
