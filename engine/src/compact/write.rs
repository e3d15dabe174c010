//! Writes the file of a new generation: the blocks of the old one in their order, some of them other than they were.
//!
//! ```text
//! header | term pages with voids, frames, runs, in the old order | lookups | footer | trailer -> synced
//! ```
//!
//! Invariant: nothing of a removed record is in it. Terms that no frame uses any more are void, pages behind the last one with
//! a term that is used are left out, lookups and runs know only what is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_evidence::schema::Field;
use indelible_format::manifest::SegmentEntry;
use indelible_format::names::segment_file_name;
use indelible_format::segment::{
    Authority, BlockEntry, BlockKind, Footer, FooterTotals, FrameEntry, LookupView, PageEntry, SegmentHeader,
    SegmentTrailer, TermPage, TermTable, TermUse, encode_lookup, put_block,
};
use indelible_index::Zone;

use super::frame::Made;
use super::report::SegmentReport;
use super::segment::{OldFrame, RunPart};
use super::swap::New;
use crate::error::{Error, FormatContext, IoContext, Result};
use crate::mutant::{Mutant, planted};
use crate::segment::{Blocks, Segment, page_entries};
use crate::world::storage::{OpenMode, Storage, StorageFile};
use crate::write::active::poison_on_sync;
use crate::write::shared::Shared;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 4 << 20;

/// What a new generation is made of.
pub(super) struct Parts<'a> {
    pub(super) frames: &'a [OldFrame],
    pub(super) made: &'a [Made],
    /// Rows that queries see, by frame.
    pub(super) rows: &'a [u32],
    /// Times of the rows, by frame, where they were looked at: of every frame that changed, and of the last one with rows.
    pub(super) zones: &'a [Option<Zone>],
    pub(super) used: &'a TermUse,
    pub(super) runs: &'a [RunPart],
    /// Under which intent and head it is written.
    pub(super) authority: &'a Authority,
}

/// A block of the old file, by what it becomes.
enum Item {
    /// A term page and its entries.
    Page(Vec<PageEntry>),
    /// The frame of this index.
    Frame(usize),
    /// The run of this index.
    Run(usize),
}

/// Writes and syncs the new generation's file; nobody names it yet.
pub(super) fn write<'t>(
    shared: &Shared,
    old: &Arc<Segment>,
    parts: &Parts<'_>,
    table: &dyn Fn() -> Result<&'t TermTable>,
) -> Result<(New, SegmentReport)> {
    let (Some(old_entry), Some(generation)) = (old.entry(), old.generation.checked_add(1)) else {
        return Err(Error::Compaction { segment: old.id, problem: "it has no further generation".to_owned() });
    };
    let header = SegmentHeader { generation, ..old.blocks().header(&old.name)? };
    let mut file = NewFile::create(shared.storage.as_ref(), &header, shared.options.zstd_level)?;
    // The first block, so that an opening finds it without reading on ([SEG-20]).
    file.put(BlockKind::Authority, 0, &parts.authority.encode().map_err(Error::Record)?)?;
    let footer = Footer {
        totals: no_totals(old_entry),
        frames: Vec::new(),
        pages: Vec::new(),
        runs: Vec::new(),
        lookups: Vec::new(),
    };
    let mut writer = Writer { old, parts, file: &mut file, footer, page_no: 0 };
    writer.blocks()?;
    writer.lookups(table)?;
    let Writer { mut footer, .. } = writer;
    footer.pages.sort_by_key(|page| (page.field, page.first));
    footer.totals = totals(old_entry, parts, &footer.frames);
    let length = file.finish(&footer)?;
    let entry = SegmentEntry {
        generation,
        length,
        occurred_min: footer.totals.occurred_min,
        occurred_max: footer.totals.occurred_max,
        recorded_min: footer.totals.recorded_min,
        recorded_max: footer.totals.recorded_max,
        ..old_entry.clone()
    };
    let report = report(old_entry, &entry, parts);
    let name = segment_file_name(entry.id, entry.generation);
    let blocks = Blocks::lazy(Arc::clone(&shared.storage), entry.id, entry.generation);
    let segment = Arc::new(Segment::with_footer(entry.clone(), name, blocks, Arc::clone(&shared.cache)));
    // Read once before anybody depends on it; from here on it stays mapped, too.
    segment.directory()?;
    Ok((New { old: Arc::clone(old), entry, segment }, report))
}

struct Writer<'a, 'f> {
    old: &'a Segment,
    parts: &'a Parts<'a>,
    file: &'f mut NewFile,
    footer: Footer,
    page_no: u64,
}

impl Writer<'_, '_> {
    fn blocks(&mut self) -> Result<()> {
        let mut pages: BTreeMap<u64, Vec<PageEntry>> = BTreeMap::new();
        for page in self.old.directory()?.read().pages.iter().flatten() {
            pages.entry(page.offset).or_default().push(*page);
        }
        let is_live = |page: &PageEntry| used_of(self.parts.used, page) > 0;
        let last_live = pages.iter().rev().find(|(_, entries)| entries.iter().any(is_live)).map(|(offset, _)| *offset);
        let pages = pages.into_iter().filter(|(offset, _)| last_live.is_some_and(|last| *offset <= last));
        let mut items: Vec<(u64, Item)> = pages.map(|(offset, entries)| (offset, Item::Page(entries))).collect();
        let frames = self.parts.frames.iter().enumerate();
        items.extend(frames.map(|(index, frame)| (frame.entry.offset, Item::Frame(index))));
        for (index, run) in self.parts.runs.iter().enumerate() {
            // A run that was not there before comes last.
            items.push((if run.old.length == 0 { u64::MAX } else { run.old.offset }, Item::Run(index)));
        }
        items.sort_by_key(|(offset, _)| *offset);
        items.into_iter().try_for_each(|(_, item)| match item {
            Item::Page(entries) => self.page(&entries),
            Item::Frame(index) => self.frame(index),
            Item::Run(index) => self.run(index),
        })
    }

    /// A term page; the same bytes where all its terms are used.
    fn page(&mut self, entries: &[PageEntry]) -> Result<()> {
        let Some(first) = entries.first() else { return Ok(()) };
        let used = self.parts.used;
        let number = self.page_no;
        self.page_no += 1;
        let block = self.old.blocks().block(&self.old.name, first.offset, first.length)?;
        let all = entries.iter().all(|page| used_of(used, page) == page.count);
        if all {
            let (offset, length) = self.file.put(BlockKind::Terms, number, block.payload())?;
            self.footer.pages.extend(entries.iter().map(|page| PageEntry { offset, length, ..*page }));
            return Ok(());
        }
        let page = TermPage::decode(block.payload()).in_file(&self.old.name, first.offset)?;
        let left = page.retain(|field, ordinal| used.has(field, ordinal));
        let payload = if left == page {
            block.payload().to_vec()
        } else {
            left.encode(self.file.zstd_level).map_err(Error::Record)?
        };
        let (offset, length) = self.file.put(BlockKind::Terms, number, &payload)?;
        self.footer.pages.extend(page_entries(&left, offset, length));
        Ok(())
    }

    fn frame(&mut self, index: usize) -> Result<()> {
        let (Some(frame), Some(made)) = (self.parts.frames.get(index), self.parts.made.get(index)) else {
            return Ok(());
        };
        let old = frame.entry;
        let entry = match made {
            Made::Kept => {
                let block = self.old.blocks().block(&self.old.name, old.offset, old.length)?;
                let (offset, length) = self.file.put(BlockKind::Frame, block.header.number, block.payload())?;
                FrameEntry { offset, length, ..old }
            }
            Made::New(new) => {
                let (offset, length) = self.file.put(BlockKind::Frame, frame.descriptor.frame_no, &new.payload)?;
                let zone = self.parts.zones.get(index).copied().flatten();
                let times = zone.map_or((0, 0, 0), |zone| (zone.occurred_min, zone.occurred_max, zone.recorded_first));
                let (occurred_min, occurred_max, recorded_first) = times;
                FrameEntry { offset, length, occurred_min, occurred_max, recorded_first, ..old }
            }
        };
        self.footer.frames.push(entry);
        Ok(())
    }

    fn run(&mut self, index: usize) -> Result<()> {
        let Some(run) = self.parts.runs.get(index) else { return Ok(()) };
        let number = run.old.number;
        let (offset, length) = match &run.payload {
            Some(payload) => self.file.put(BlockKind::Run, number.into(), payload)?,
            None => {
                let block = self.old.blocks().block(&self.old.name, run.old.offset, run.old.length)?;
                self.file.put(BlockKind::Run, number.into(), block.payload())?
            }
        };
        self.footer.runs.push(BlockEntry { offset, length, number });
        Ok(())
    }

    /// Lookups without the terms that are gone.
    fn lookups<'t>(&mut self, table: &dyn Fn() -> Result<&'t TermTable>) -> Result<()> {
        let old = self.old.directory()?.read().lookups.clone();
        for field in Field::all().filter(|field| field.has_terms()) {
            let number = u32::from(field.id());
            let found = old.iter().find(|lookup| lookup.number == number);
            let sorted = match found.and_then(|lookup| self.sorted(lookup)) {
                Some(sorted) => sorted,
                None if self.old.directory()?.read().term_count(field) == 0 => continue,
                // Damaged, or not there: derived, so it is made again.
                None => table()?.sorted_ordinals(field),
            };
            let left: Vec<u32> = sorted.into_iter().filter(|&ordinal| self.parts.used.has(field, ordinal)).collect();
            if !left.is_empty() {
                let (offset, length) = self.file.put(BlockKind::Lookup, number.into(), &encode_lookup(field, &left))?;
                self.footer.lookups.push(BlockEntry { offset, length, number });
            }
        }
        Ok(())
    }

    fn sorted(&self, lookup: &BlockEntry) -> Option<Vec<u32>> {
        let block = self.old.blocks().block(&self.old.name, lookup.offset, lookup.length).ok()?;
        let view = LookupView::open(block.payload()).ok()?;
        (0..view.len()).map(|rank| view.get(rank)).collect()
    }
}

/// How many terms of a page's section are used.
fn used_of(used: &TermUse, page: &PageEntry) -> u32 {
    let ordinals = page.first..page.first.saturating_add(page.count);
    ordinals.map(|ordinal| u32::from(used.has(page.field, ordinal))).sum()
}

/// Of a segment of which nothing is left: what every generation of it says.
fn no_totals(old: &SegmentEntry) -> FooterTotals {
    FooterTotals {
        records: old.records,
        occurred_min: 0,
        occurred_max: 0,
        recorded_min: 0,
        recorded_max: 0,
        chain_after: old.chain_after,
    }
}

/// Times are over what is left.
fn totals(old: &SegmentEntry, parts: &Parts<'_>, frames: &[FrameEntry]) -> FooterTotals {
    let with_rows = || frames.iter().zip(parts.rows).filter(|(_, rows)| **rows > 0).map(|(entry, _)| entry);
    let last = parts.rows.iter().rposition(|rows| *rows > 0);
    let last = last.and_then(|last| parts.zones.get(last).copied().flatten());
    FooterTotals {
        occurred_min: with_rows().map(|entry| entry.occurred_min).min().unwrap_or(0),
        occurred_max: with_rows().map(|entry| entry.occurred_max).max().unwrap_or(0),
        recorded_min: with_rows().map(|entry| entry.recorded_first).next().unwrap_or(0),
        recorded_max: last.map_or(0, |zone| zone.recorded_last),
        ..no_totals(old)
    }
}

fn report(old: &SegmentEntry, new: &SegmentEntry, parts: &Parts<'_>) -> SegmentReport {
    let mut report = SegmentReport {
        id: new.id,
        generation: new.generation,
        bytes_before: old.length,
        bytes_after: new.length,
        ..SegmentReport::default()
    };
    for (made, frame) in parts.made.iter().zip(parts.frames) {
        match made {
            Made::Kept => report.frames_kept += 1,
            Made::New(new) => {
                report.gone.add(new.gone);
                report.stub_bytes.add(new.stub_bytes);
                if new.expired {
                    report.frames_expired += 1;
                    report.descriptor_bytes += frame.descriptor.encode().len() as u64;
                } else {
                    report.frames_pruned += 1;
                }
            }
        }
    }
    report
}

/// A file being written from front to back.
struct NewFile {
    file: Arc<dyn StorageFile>,
    name: String,
    buffer: Vec<u8>,
    /// Where the buffer goes.
    start: u64,
    zstd_level: i32,
}

impl NewFile {
    fn create(storage: &dyn Storage, header: &SegmentHeader, zstd_level: i32) -> Result<Self> {
        let name = segment_file_name(header.segment_id, header.generation);
        // A file of this name is what an attempt left behind that never reached the manifest.
        if storage.exists(&name).doing("look for", &name)? {
            storage.remove(&name).doing("remove", &name)?;
        }
        let file = storage.open(&name, OpenMode::CreateNew).doing("create", &name)?;
        Ok(Self { file, name, buffer: header.encode().to_vec(), start: 0, zstd_level })
    }

    /// Appends a block; gives its offset and length.
    fn put(&mut self, kind: BlockKind, number: u64, payload: &[u8]) -> Result<(u64, u32)> {
        let before = self.buffer.len();
        let offset = self.start + before as u64;
        put_block(&mut self.buffer, kind, false, number, payload).map_err(Error::Record)?;
        let length = (self.buffer.len() - before) as u32;
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok((offset, length))
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_at(&self.buffer, self.start).doing("write", &self.name)?;
        self.start += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Appends footer and trailer and syncs; gives the length of the file.
    fn finish(&mut self, footer: &Footer) -> Result<u64> {
        let (footer_offset, _) = self.put(BlockKind::Footer, 0, &footer.encode())?;
        self.buffer.extend_from_slice(&SegmentTrailer { footer_offset }.encode());
        self.flush()?;
        if !planted(Mutant::NewGenerationUnsynced) {
            poison_on_sync(self.file.sync_data(), &self.name)?;
        }
        Ok(self.start)
    }
}
