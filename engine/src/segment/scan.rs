//! Reads the blocks of a segment one after the other: how a directory is made where there is no footer to trust.
//!
//! Used by recovery, by readers that follow a writer, and to find the end of what is whole. Stops at the first block that is
//! not, at a lookup or footer (derived, written again at the next close), or when it has seen as many frames as wanted.

use std::sync::Arc;

use indelible_format::descriptor::Descriptor;
use indelible_format::frame::FrameReader;
use indelible_format::merkle::leaf_hash;
use indelible_format::segment::{BlockEntry, BlockKind, FrameEntry, PageEntry, TermPage, TermTable};
use indelible_index::{KeyChunk, Postings as _, RunReader};

use super::blocks::{Block, Blocks, block_at};
use super::chunk_of_frame;
use super::directory::Directory;
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

/// Extends a directory with the blocks from its end on, up to `frames_max` frames in all.
pub(crate) fn scan_blocks(blocks: &Blocks, name: &str, frames_max: usize, target: &mut Target<'_>) -> Scanned {
    loop {
        let offset = target.directory.end;
        let end = match block_at(blocks, name, offset) {
            Ok(None) => ScanEnd::Clean,
            Err(damage) => ScanEnd::Broken(damage),
            Ok(Some(block)) => match take_block(name, offset, &block, frames_max, target) {
                Ok(None) => continue,
                Ok(Some(end)) => end,
                Err(damage) => ScanEnd::Broken(damage),
            },
        };
        return Scanned { end, end_offset: offset };
    }
}

fn take_block(
    name: &str,
    offset: u64,
    block: &Block,
    frames_max: usize,
    target: &mut Target<'_>,
) -> Result<Option<ScanEnd>, Corruption> {
    match block.header.kind {
        BlockKind::Terms => take_terms(name, offset, block, target)?,
        BlockKind::Frame => {
            if target.directory.frames.len() >= frames_max {
                return Ok(Some(ScanEnd::Enough));
            }
            take_frame(name, offset, block, target)?;
        }
        BlockKind::Run => {
            let run = RunReader::open(block.payload()).in_file(name, offset)?;
            let entry = BlockEntry { offset, length: block.header.total(), number: run.first_ordinal() };
            if entry.number != target.directory.keyed_to()
                || entry.number + run.positions() > target.directory.records()
            {
                return Err(Corruption::at(name, offset, "a run that does not follow the one before it"));
            }
            target.directory.push_run(entry, run.positions());
        }
        BlockKind::Lookup | BlockKind::Footer => return Ok(Some(ScanEnd::Derived)),
    }
    Ok(None)
}

fn take_terms(name: &str, offset: u64, block: &Block, target: &mut Target<'_>) -> Result<(), Corruption> {
    if block.header.number != target.directory.page_count {
        return Err(Corruption::at(name, offset, format!("term page {} is not the next", block.header.number)));
    }
    let page = TermPage::decode(block.payload()).in_file(name, offset)?;
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

fn take_frame(name: &str, offset: u64, block: &Block, target: &mut Target<'_>) -> Result<(), Corruption> {
    let frame = FrameReader::open(block.payload()).in_file(name, offset)?;
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
    let chunk = chunk_of_frame(&frame, records).map_err(|error| Corruption::at(name, offset, error))?;
    let hashed = descriptor.hashed(&target.directory.chain_after);
    let chain = indelible_format::commit::chain(&hashed);
    let (entry, recorded_last) = frame_entry(offset, block.header.total(), records, leaf_hash(&hashed), &chunk);
    let count = descriptor_count(descriptor);
    target.directory.push_frame(entry, count, Arc::new(chunk), chain, recorded_last);
    Ok(())
}

fn descriptor_count(descriptor: &Descriptor) -> u32 {
    u32::from(descriptor.count)
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
