//! What is where in a segment: frames, term pages, runs, lookups, and the keys of records that no run covers yet.
//!
//! Built from the footer of a sealed or closed segment, or grown frame by frame by the framer, by recovery, or by a reader
//! that follows a writer.

use std::sync::Arc;

use indelible_evidence::FRAME_RECORDS_MAX;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::schema::{FIELD_COUNT, Field};
use indelible_format::segment::{
    BlockEntry, BlockHeader, BlockKind, Footer, FooterTotals, FrameEntry, PageEntry, SegmentTrailer,
};
use indelible_index::{ChunkSet, KeyChunk, OpenedRun, RunReader};
use parking_lot::Mutex;

use super::blocks::{Block, Blocks};
use crate::error::{Corruption, FormatContext};

/// How many frames are looked at one by one, from where a record would be if all were full.
const FRAMES_NEAR: usize = 4;

/// A run of the index.
#[derive(Clone)]
pub(crate) struct RunInfo {
    pub(crate) entry: BlockEntry,
    /// Records it covers.
    pub(crate) positions: u32,
    /// Its payload and parsed head, kept after first use.
    opened: Arc<Mutex<Option<KeptRun>>>,
}

/// A run's payload and its parsed head.
type KeptRun = (Arc<Block>, Arc<OpenedRun>);

impl RunInfo {
    pub(crate) fn new(entry: BlockEntry, positions: u32) -> Self {
        Self { entry, positions, opened: Arc::default() }
    }
}

/// The postings of some consecutive records of a segment.
pub(crate) enum Postings {
    /// An index run in the file.
    Run(RunInfo),
    /// Records that no run covers yet, from this ordinal on.
    Chunks(Vec<Arc<KeyChunk>>),
}

/// What is where in a segment.
pub(crate) struct Directory {
    pub(crate) frames: Vec<FrameEntry>,
    /// By field id, ascending by first ordinal.
    pub(crate) pages: [Vec<PageEntry>; FIELD_COUNT],
    pub(crate) runs: Vec<RunInfo>,
    pub(crate) lookups: Vec<BlockEntry>,
    /// Lookups read ahead, because the file may lose them when its segment grows again.
    pub(crate) kept_lookups: Vec<(u32, Arc<Block>)>,
    /// Keys of the records from the end of the last run on, one chunk a frame.
    pub(crate) chunks: Vec<Arc<KeyChunk>>,
    records: u32,
    /// Offset after the last data or run block: where a footer is, or the next block goes.
    pub(crate) end: u64,
    /// Term pages so far.
    pub(crate) page_count: u64,
    pub(crate) chain_after: Hash,
    /// Latest recorded-at, ns.
    pub(crate) recorded_max: i64,
}

/// How much a directory held at some moment.
pub(super) struct DirectoryMark {
    frames: usize,
    pages: [usize; FIELD_COUNT],
    runs: usize,
    /// A run drops keys, so the keys themselves.
    chunks: Vec<Arc<KeyChunk>>,
    records: u32,
    end: u64,
    page_count: u64,
    chain_after: Hash,
    recorded_max: i64,
}

impl Directory {
    /// Of a segment without frames, whose blocks begin at `end`.
    pub(crate) fn empty(end: u64, chain_before: Hash) -> Self {
        Self {
            frames: Vec::new(),
            pages: std::array::from_fn(|_| Vec::new()),
            runs: Vec::new(),
            lookups: Vec::new(),
            kept_lookups: Vec::new(),
            chunks: Vec::new(),
            records: 0,
            end,
            page_count: 0,
            chain_after: chain_before,
            recorded_max: 0,
        }
    }

    /// Of a sealed or cleanly closed segment. Records behind the last run are keyed from their frames.
    pub(crate) fn from_footer(blocks: &Blocks, name: &str) -> Result<Self, Corruption> {
        let (footer, footer_at) = read_footer(blocks, name)?;
        let mut directory = Self::empty(footer_at, footer.totals.chain_after);
        directory.end = footer.lookups.first().map_or(footer_at, |lookup| lookup.offset);
        directory.recorded_max = footer.totals.recorded_max;
        directory.records = u32::try_from(footer.totals.records)
            .map_err(|_| Corruption::at(name, footer_at, "more records than a segment can hold"))?;
        let mut page_offsets = std::collections::HashSet::new();
        for page in &footer.pages {
            page_offsets.insert(page.offset);
            if let Some(pages) = directory.pages.get_mut(usize::from(page.field.id())) {
                pages.push(*page);
            }
        }
        directory.page_count = page_offsets.len() as u64;
        for (index, run) in footer.runs.iter().enumerate() {
            // Of a damaged run the records are still known: they end where the next run begins, or with the segment.
            let end = footer.runs.get(index + 1).map_or(directory.records, |next| next.number);
            let positions = run_positions(blocks, name, run).unwrap_or(end.saturating_sub(run.number));
            directory.runs.push(RunInfo::new(*run, positions));
        }
        directory.lookups = footer.lookups;
        directory.frames = footer.frames;
        let keyed = directory.keyed_to();
        for entry in directory.frames.iter().filter(|entry| entry.first_ordinal >= keyed) {
            let block = blocks.block(name, entry.offset, entry.length)?;
            let frame = indelible_format::frame::FrameReader::open(block.payload()).in_file(name, entry.offset)?;
            let chunk = super::chunk_of_frame(&frame, entry.first_ordinal)
                .map_err(|error| Corruption::at(name, entry.offset, error))?;
            directory.chunks.push(Arc::new(chunk));
        }
        Ok(directory)
    }

    /// The same directory for a segment that goes on growing: without lookups, which will be written again.
    pub(crate) fn clone_for_growth(&self) -> Self {
        Self {
            frames: self.frames.clone(),
            pages: self.pages.clone(),
            runs: self.runs.clone(),
            lookups: Vec::new(),
            kept_lookups: Vec::new(),
            chunks: self.chunks.clone(),
            ..*self
        }
    }

    /// Offsets of the term pages, ascending.
    pub(crate) fn page_offsets(&self) -> Vec<u64> {
        let mut offsets: Vec<u64> = self.pages.iter().flatten().map(|page| page.offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        offsets
    }

    /// Records in all frames.
    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    /// Ordinal after the last record that a run covers.
    pub(crate) fn keyed_to(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.entry.number + run.positions)
    }

    /// Index of the frame that holds `ordinal`.
    pub(crate) fn frame_of(&self, ordinal: u32) -> Option<usize> {
        if ordinal >= self.records {
            return None;
        }
        // Frames before this one have too few records to reach the ordinal; mostly they are full, and it is the one. Where the
        // footer lies about that, or many are not full, all are searched.
        let least = ordinal as usize / FRAME_RECORDS_MAX;
        let rest = self.frames.get(least..).unwrap_or_default();
        let near = rest.iter().take(FRAMES_NEAR).take_while(|entry| entry.first_ordinal <= ordinal).count();
        if (1..FRAMES_NEAR).contains(&near) {
            return Some(least + near - 1);
        }
        self.frames.partition_point(|entry| entry.first_ordinal <= ordinal).checked_sub(1)
    }

    /// The page with a term.
    pub(crate) fn page_of(&self, field: Field, ordinal: u32) -> Option<PageEntry> {
        let pages = self.pages.get(usize::from(field.id()))?;
        let index = pages.partition_point(|page| page.first <= ordinal).checked_sub(1)?;
        pages.get(index).copied().filter(|page| ordinal - page.first < page.count)
    }

    /// Number of terms of a field.
    pub(crate) fn term_count(&self, field: Field) -> u32 {
        let pages = self.pages.get(usize::from(field.id()));
        pages.and_then(|pages| pages.last()).map_or(0, |page| page.first + page.count)
    }

    /// Adds a frame with its keys.
    pub(crate) fn push_frame(
        &mut self,
        entry: FrameEntry,
        count: u32,
        chunk: Arc<KeyChunk>,
        chain: Hash,
        recorded_last: i64,
    ) {
        self.push_unkeyed(entry, count, chain, recorded_last);
        self.chunks.push(chunk);
    }

    /// Adds a frame whose keys a run has, or that are added by [`Directory::push_keys`] before anybody asks.
    pub(super) fn push_unkeyed(&mut self, entry: FrameEntry, count: u32, chain: Hash, recorded_last: i64) {
        self.records = entry.first_ordinal + count;
        self.end = entry.offset + u64::from(entry.length);
        self.recorded_max = self.recorded_max.max(recorded_last);
        self.chain_after = chain;
        self.frames.push(entry);
    }

    /// Adds the keys of the next frame behind the last run that has none yet.
    pub(super) fn push_keys(&mut self, chunk: KeyChunk) {
        self.chunks.push(Arc::new(chunk));
    }

    /// The first frame behind the last run whose keys are missing.
    pub(super) fn next_unkeyed(&self) -> Option<FrameEntry> {
        let chunks_end = self.chunks.last().map_or(0, |chunk| chunk.first_ordinal() + chunk.positions());
        let from = self.keyed_to().max(chunks_end);
        self.frames.get(self.frames.partition_point(|entry| entry.first_ordinal < from)).copied()
    }

    /// What it holds now, for [`Directory::rewind`].
    pub(super) fn mark(&self) -> DirectoryMark {
        DirectoryMark {
            frames: self.frames.len(),
            pages: std::array::from_fn(|field| self.pages.get(field).map_or(0, Vec::len)),
            runs: self.runs.len(),
            chunks: self.chunks.clone(),
            records: self.records,
            end: self.end,
            page_count: self.page_count,
            chain_after: self.chain_after,
            recorded_max: self.recorded_max,
        }
    }

    /// Forgets what was added since `mark`.
    pub(super) fn rewind(&mut self, mark: DirectoryMark) {
        self.frames.truncate(mark.frames);
        for (pages, count) in self.pages.iter_mut().zip(mark.pages) {
            pages.truncate(count);
        }
        self.runs.truncate(mark.runs);
        self.chunks = mark.chunks;
        self.records = mark.records;
        self.end = mark.end;
        self.page_count = mark.page_count;
        self.chain_after = mark.chain_after;
        self.recorded_max = mark.recorded_max;
    }

    /// Adds a term page's sections.
    pub(crate) fn push_pages(&mut self, entries: &[PageEntry]) {
        for entry in entries {
            self.end = entry.offset + u64::from(entry.length);
            if let Some(pages) = self.pages.get_mut(usize::from(entry.field.id())) {
                pages.push(*entry);
            }
        }
        self.page_count += 1;
    }

    /// Adds a run and drops the keys it covers.
    pub(crate) fn push_run(&mut self, entry: BlockEntry, positions: u32) {
        self.end = entry.offset + u64::from(entry.length);
        self.runs.push(RunInfo::new(entry, positions));
        let keyed = self.keyed_to();
        self.chunks.retain(|chunk| chunk.first_ordinal() >= keyed);
    }

    /// Postings of all records, ascending: runs, then the keys behind them.
    pub(crate) fn postings(&self) -> Vec<Postings> {
        let mut all: Vec<Postings> = self.runs.iter().cloned().map(Postings::Run).collect();
        if !self.chunks.is_empty() {
            all.push(Postings::Chunks(self.chunks.clone()));
        }
        all
    }

    /// The footer that describes this directory, all of whose frames are whole; `lookups` as they were written.
    pub(crate) fn footer(&self, lookups: Vec<BlockEntry>) -> Footer {
        Footer {
            totals: FooterTotals {
                records: self.records.into(),
                occurred_min: self.frames.iter().map(|entry| entry.occurred_min).min().unwrap_or(0),
                occurred_max: self.frames.iter().map(|entry| entry.occurred_max).max().unwrap_or(0),
                recorded_min: self.frames.first().map_or(0, |entry| entry.recorded_first),
                recorded_max: self.recorded_max,
                chain_after: self.chain_after,
            },
            frames: self.frames.clone(),
            pages: self.pages.iter().flatten().copied().collect(),
            runs: self.runs.iter().map(|run| run.entry).collect(),
            lookups,
        }
    }
}

fn read_footer(blocks: &Blocks, name: &str) -> Result<(Footer, u64), Corruption> {
    let length = blocks.len(name)?;
    let size = SegmentTrailer::SIZE;
    let trailer_at = length
        .checked_sub(size as u64)
        .ok_or_else(|| Corruption::at(name, length, "the file is too short for a trailer"))?;
    let trailer = SegmentTrailer::decode(&blocks.bytes(name, trailer_at, size)?).in_file(name, trailer_at)?;
    let at = trailer.footer_offset;
    let footer_length = trailer_at
        .checked_sub(at)
        .and_then(|length| u32::try_from(length).ok())
        .ok_or_else(|| Corruption::at(name, trailer_at, "the trailer points outside the file"))?;
    let block = blocks.block(name, at, footer_length)?;
    if block.header.kind != BlockKind::Footer {
        return Err(Corruption::at(name, at, "the trailer does not point at a footer"));
    }
    Ok((Footer::decode(block.payload()).in_file(name, at)?, at))
}

/// How many records a run covers, from its head: opening a log must not read its whole index.
fn run_positions(blocks: &Blocks, name: &str, run: &BlockEntry) -> Result<u32, Corruption> {
    let bytes = blocks.bytes(name, run.offset, BlockHeader::SIZE + RunReader::HEAD_BYTES)?;
    let header = BlockHeader::decode(&bytes).in_file(name, run.offset)?;
    let (first, positions) =
        RunReader::covers(bytes.get(BlockHeader::SIZE..).unwrap_or_default()).in_file(name, run.offset)?;
    if header.kind != BlockKind::Run || header.total() != run.length || first != run.number {
        return Err(Corruption::at(name, run.offset, "the run is another than its entry says"));
    }
    Ok(positions)
}

fn open_run(blocks: &Blocks, name: &str, run: &BlockEntry) -> Result<(u32, Arc<Block>, Arc<OpenedRun>), Corruption> {
    use indelible_index::Postings as _;
    let block = blocks.unchecked(name, run.offset, run.length)?;
    let (positions, opened) = {
        let reader = RunReader::open(block.payload()).in_file(name, run.offset)?;
        if reader.first_ordinal() != run.number {
            return Err(Corruption::at(name, run.offset, "the run begins at another ordinal than its entry says"));
        }
        (reader.positions(), reader.opened())
    };
    Ok((positions, Arc::new(block), opened))
}

impl RunInfo {
    /// Calls `with` on the run's reader.
    pub(crate) fn with_reader<T>(
        &self,
        blocks: &Blocks,
        name: &str,
        with: impl FnOnce(&RunReader<'_>) -> Result<T, indelible_index::IndexError>,
    ) -> Result<T, Corruption> {
        let kept = self.opened.lock().clone();
        let (block, opened) = match kept {
            Some(kept) => kept,
            None => {
                let (_, block, opened) = open_run(blocks, name, &self.entry)?;
                *self.opened.lock() = Some((Arc::clone(&block), Arc::clone(&opened)));
                (block, opened)
            }
        };
        let reader = RunReader::resume(block.payload(), opened).in_file(name, self.entry.offset)?;
        with(&reader).in_file(name, self.entry.offset)
    }
}

impl Postings {
    /// Calls `with` on these postings.
    pub(super) fn with<T>(
        &self,
        blocks: &Blocks,
        name: &str,
        with: &mut dyn FnMut(&dyn indelible_index::Postings) -> Result<T, indelible_index::IndexError>,
    ) -> Result<T, Corruption> {
        match self {
            Postings::Run(run) => run.with_reader(blocks, name, |reader| with(reader)),
            Postings::Chunks(chunks) => ChunkSet::new(chunks).and_then(|set| with(&set)).in_file(name, 0),
        }
    }

    /// First ordinal and ordinal after the last.
    pub(crate) fn range(&self) -> (u32, u32) {
        match self {
            Postings::Run(run) => (run.entry.number, run.entry.number + run.positions),
            Postings::Chunks(chunks) => (
                chunks.first().map_or(0, |chunk| chunk.first_ordinal()),
                chunks.last().map_or(0, |chunk| chunk.first_ordinal() + chunk.positions()),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories whose frames begin at these ordinals.
    fn of(firsts: &[u32], records: u32) -> Directory {
        let entry = |first_ordinal: &u32| FrameEntry {
            offset: 0,
            length: 0,
            first_ordinal: *first_ordinal,
            occurred_min: 0,
            occurred_max: 0,
            recorded_first: 0,
            leaf_hash: [0; 32],
        };
        Directory { frames: firsts.iter().map(entry).collect(), records, ..Directory::empty(0, [0; 32]) }
    }

    #[test]
    fn a_frame_is_found_whether_frames_are_full_or_not_or_lie() {
        let full: Vec<u32> = (0..50).map(|frame| frame * 128).collect();
        let short: Vec<u32> = (0..50).map(|frame| frame * 3).collect();
        let mixed: Vec<u32> = (0..50).map(|frame| frame * 128 - (frame * frame) % 100).collect();
        let gaps = [0, 1_000, 1_001, 5_000];
        for firsts in [full.as_slice(), &short, &mixed, &gaps, &[0], &[]] {
            let records = firsts.last().map_or(0, |last| last + 128);
            let directory = of(firsts, records);
            for ordinal in 0..records + 300 {
                let expected = firsts.iter().rposition(|first| *first <= ordinal).filter(|_| ordinal < records);
                assert_eq!(directory.frame_of(ordinal), expected, "ordinal {ordinal} of {firsts:?}");
            }
        }
    }
}
