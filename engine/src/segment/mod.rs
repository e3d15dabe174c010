//! A segment as readers see it: frames by ordinal, terms by ordinal and by text, postings.
//!
//! ```text
//!            sealed: mapped                     active: read by position
//!   blocks ──┴──────────────── Blocks ──────────────┴── payloads, checksum checked
//!   Directory: frames, term pages, runs, lookups (from the footer, or grown by the framer or a scan)
//!   Terms:     ordinal -> value by page, cached; text -> ordinals by lookup, or by the live table of an active segment
//! ```
//!
//! Invariants: what a directory names never changes in the file; an active segment only grows, and its directory is extended
//! under its lock after the bytes are written. Not here: deciding what is visible (snapshot), writing (`write`).

mod blocks;
mod cache;
mod directory;
mod keys;
mod rebuild;
mod scan;
mod source;
mod sweep;
mod terms;

pub(crate) use blocks::{Block, Blocks, block_at};
pub use cache::Cache;
pub(crate) use directory::{Directory, Postings};
pub(crate) use keys::{chunk_of_frame, chunk_of_rows};
pub(crate) use scan::{ScanEnd, Target, frame_entry, page_entries, scan_blocks};
pub(crate) use source::SegmentTerms;
pub use terms::Terms;

use std::sync::{Arc, OnceLock};

use indelible_evidence::descriptor::Hash;
use indelible_evidence::record::{Record, put_text};
use indelible_evidence::schema::Field;
use indelible_format::frame::FrameReader;
use indelible_format::manifest::SegmentEntry;
use indelible_format::segment::{FrameEntry, SegmentHeader};
use parking_lot::RwLock;

use crate::error::{Corruption, FormatContext, Result};
use crate::query::ChainValues;

/// One segment, sealed or active.
pub struct Segment {
    /// Segment id.
    pub id: u64,
    /// Generation of the file.
    pub generation: u32,
    /// Seq of its first record.
    pub first_seq: u64,
    /// Number of its first frame.
    pub first_frame: u64,
    /// Chain value before its first frame.
    pub chain_before: Hash,
    /// Name in the log directory.
    pub name: String,
    /// What the manifest says; `None` while the segment is active in this process.
    entry: Option<SegmentEntry>,
    blocks: Blocks,
    directory: OnceLock<RwLock<Directory>>,
    terms: Terms,
    rebuilt: rebuild::Rebuilt,
    /// Where opened frames are kept; `None` where what lies in the file may still become something else.
    frames: Option<Arc<Cache>>,
    /// Chain values that proofs asked for.
    pub(crate) chains: ChainValues,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Segment({}, first seq {})", self.name, self.first_seq)
    }
}

impl Segment {
    /// A segment whose footer is read when it is first needed.
    pub(crate) fn with_footer(entry: SegmentEntry, name: String, blocks: Blocks, cache: Arc<Cache>) -> Self {
        Self {
            id: entry.id,
            generation: entry.generation,
            first_seq: entry.first_seq,
            first_frame: entry.first_frame,
            chain_before: entry.chain_before,
            terms: Terms::paged(Arc::clone(&cache)),
            frames: Some(cache),
            entry: Some(entry),
            name,
            blocks,
            directory: OnceLock::new(),
            rebuilt: rebuild::Rebuilt::default(),
            chains: ChainValues::default(),
        }
    }

    /// A segment that grows, with what is known of it so far.
    pub(crate) fn growing(
        header: &SegmentHeader,
        name: String,
        blocks: Blocks,
        directory: Directory,
        terms: Terms,
        frames: Option<Arc<Cache>>,
    ) -> Self {
        let cell = OnceLock::new();
        // A fresh cell takes the value.
        let _ = cell.set(RwLock::new(directory));
        Self {
            id: header.segment_id,
            generation: header.generation,
            first_seq: header.first_seq,
            first_frame: header.first_frame,
            chain_before: header.chain_before,
            name,
            entry: None,
            blocks,
            directory: cell,
            terms,
            rebuilt: rebuild::Rebuilt::default(),
            frames,
            chains: ChainValues::default(),
        }
    }

    /// Records in it: fixed for a sealed segment, what the directory knows for an active one.
    pub fn records(&self) -> u32 {
        match &self.entry {
            Some(entry) => u32::try_from(entry.records).unwrap_or(u32::MAX),
            None => self.directory().map_or(0, |directory| directory.read().records()),
        }
    }

    /// What the manifest says of it, where it is sealed or closed.
    pub fn entry(&self) -> Option<&SegmentEntry> {
        self.entry.as_ref()
    }

    /// Generation of the file that is read: a newer one than the manifest named where that was compacted before its first use.
    pub(crate) fn read_generation(&self) -> u32 {
        self.blocks.generation().unwrap_or(self.generation)
    }

    /// Where its blocks are.
    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Its terms.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The directory, read from the footer on first use; from the blocks where the footer is damaged.
    pub(crate) fn directory(&self) -> Result<&RwLock<Directory>, Corruption> {
        if let Some(directory) = self.directory.get() {
            return Ok(directory);
        }
        let loaded = match Directory::from_footer(&self.blocks, &self.name) {
            Ok(directory) => directory,
            Err(damage) => self.scanned_directory().ok_or_else(|| self.located(damage))?,
        };
        let mut opened = false;
        let directory = self.directory.get_or_init(|| {
            opened = true;
            RwLock::new(loaded)
        });
        if opened && let Some(cache) = self.counted_in() {
            cache.segment_opened();
        }
        Ok(directory)
    }

    /// Where a sealed segment counts while it is open.
    fn counted_in(&self) -> Option<&Arc<Cache>> {
        self.frames.as_ref().filter(|_| self.blocks.is_sealed())
    }

    /// The same sealed segment, not open; `None` where this one is not open either, or grows.
    pub(crate) fn closed_again(&self) -> Option<Self> {
        self.directory.get()?;
        let (entry, cache) = (self.entry.clone()?, Arc::clone(self.counted_in()?));
        Some(Self::with_footer(entry, self.name.clone(), self.blocks.anew(), cache))
    }

    /// Calls `with` on the directory. One that nobody has read yet is read for this call only, so that a walk over all
    /// segments of a log leaves nothing of them in memory.
    pub(crate) fn with_directory<T>(&self, with: impl FnOnce(&Directory) -> T) -> Result<T, Corruption> {
        if self.directory.get().is_none()
            && self.blocks.is_sealed()
            && let Ok(directory) = Directory::from_footer(&self.blocks.anew(), &self.name)
        {
            return Ok(with(&directory));
        }
        Ok(with(&self.directory()?.read()))
    }

    /// Whether its directory is in memory, and so its file mapped.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.directory.get().is_some()
    }

    /// Reads the lookups into memory, because the file loses them when its segment grows again.
    pub(crate) fn keep_lookups(&self) -> Result<(), Corruption> {
        let lookups = self.directory()?.read().lookups.clone();
        let mut kept = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            // A damaged one is not kept and not missed: see `rebuild`.
            if let Ok(block) = self.blocks.block(&self.name, lookup.offset, lookup.length) {
                kept.push((lookup.number, Arc::new(block)));
            }
        }
        self.directory()?.write().kept_lookups = kept;
        Ok(())
    }

    /// The frame that holds `ordinal`, by its index in the directory.
    pub(crate) fn frame_of(&self, ordinal: u32) -> Result<Option<usize>, Corruption> {
        Ok(self.directory()?.read().frame_of(ordinal))
    }

    /// Entry of frame `index`.
    pub(crate) fn frame_entry(&self, index: usize) -> Result<Option<FrameEntry>, Corruption> {
        Ok(self.directory()?.read().frames.get(index).copied())
    }

    /// Frame `index`, opened; its payload's checksum was checked when it was read.
    pub(crate) fn frame(&self, index: usize) -> Result<Arc<FrameReader<'static>>, Corruption> {
        let entry = self
            .frame_entry(index)?
            .ok_or_else(|| self.located(Corruption::at(&self.name, 0, format!("there is no frame {index}"))))?;
        let load = || {
            let block = self.blocks.block(&self.name, entry.offset, entry.length)?;
            FrameReader::open(block.payload()).map(FrameReader::into_owned).in_file(&self.name, entry.offset)
        };
        let opened = match &self.frames {
            Some(cache) => cache.frame((self.id, self.read_generation(), entry.offset), load),
            None => load().map(Arc::new),
        };
        opened.map_err(|damage| self.in_frame(index, damage))
    }

    /// Adds where we are to damage in a frame.
    pub(crate) fn in_frame(&self, index: usize, damage: Corruption) -> Corruption {
        self.located(damage).in_frame(self.first_frame + index as u64)
    }

    /// One record; `None` where it was removed, a stub row included, or lies beyond the segment.
    pub(crate) fn record(&self, ordinal: u32) -> Result<Option<Record>, Corruption> {
        let Some(index) = self.frame_of(ordinal)? else { return Ok(None) };
        let entry = self.frame_entry(index)?;
        let (first, offset) = entry.map_or((0, 0), |entry| (entry.first_ordinal, entry.offset));
        let frame = self.frame(index)?;
        let Some(row) = frame.live_row_of_position(ordinal - first) else { return Ok(None) };
        let record = frame.record(row, &SegmentTerms::of(self)).in_file(&self.name, offset);
        record.map(Some).map_err(|damage| self.in_frame(index, damage))
    }

    /// Ordinals of the terms of `field` that equal `text`.
    pub(crate) fn find_term(&self, field: Field, text: &str) -> Result<Option<u32>, Corruption> {
        let mut value = Vec::with_capacity(text.len() + 2);
        put_text(&mut value, text);
        self.terms.find(self, field, text, &value)
    }

    /// Ordinals of the terms of `field` that begin with `prefix`, ascending.
    pub(crate) fn find_prefix(&self, field: Field, prefix: &str) -> Result<Vec<u32>, Corruption> {
        let mut found = self.terms.find_prefix(self, field, prefix)?;
        found.sort_unstable();
        Ok(found)
    }

    pub(crate) fn find_like(&self, field: Field, parts: &[String]) -> Result<Vec<u32>, Corruption> {
        self.terms.find_like(self, field, parts)
    }

    /// Adds where we are to damage.
    pub(crate) fn located(&self, damage: Corruption) -> Corruption {
        damage.in_segment(self.id)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.directory.get().is_some()
            && let Some(cache) = self.counted_in()
        {
            cache.segment_closed();
        }
    }
}
