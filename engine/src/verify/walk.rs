//! Phase one of a segment: from block to block by their headers, taking in the term pages.
//!
//! ```text
//! header 128 | block header -> +length -> block header -> ...        frame payloads are not read here
//!                term page: checksum, decode, into the term table; how many terms there are before each frame
//!                damaged header: on to the next place that the footer knows, else the end
//! ```
//!
//! Invariant: every frame gets its place in the count, also one whose header is damaged, as long as the footer knows it.

use indelible_evidence::schema::{FIELD_COUNT, Field};
use indelible_format::segment::{
    BlockEntry, BlockHeader, BlockKind, Footer, PageEntry, SegmentHeader, TermPage, TermTable,
};
use indelible_index::{Postings as _, RunReader};

use super::check_segment::Place;
use crate::error::{Corruption, FormatContext};

/// Number of terms of each field at some place of the file.
pub(super) type Limits = [u32; FIELD_COUNT];

/// A frame's block.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameAt {
    pub(super) offset: u64,
    /// Header and payload.
    pub(super) length: u32,
    /// Number of term pages before it.
    pub(super) pages: usize,
    /// Its header is damaged: only the footer knows it.
    pub(super) lost: bool,
}

/// A run's block.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunAt {
    pub(super) entry: BlockEntry,
    pub(super) positions: u32,
}

/// Damage, and the frame (by index) at or behind which it lies.
pub(super) struct Damage {
    pub(super) damage: Corruption,
    pub(super) frame: usize,
    pub(super) reach: Reach,
}

/// Which records damage touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The frame.
    Frame,
    /// The frame and all behind it in the segment.
    Rest,
    /// All records of the segment.
    Segment,
}

/// What a walk found.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) frames: Vec<FrameAt>,
    pub(super) pages: Vec<PageEntry>,
    pub(super) runs: Vec<RunAt>,
    pub(super) lookups: Vec<BlockEntry>,
    pub(super) footer_at: Option<u64>,
    pub(super) terms: TermTable,
    /// Terms before the first page, after the first, and so on.
    pub(super) limits: Vec<Limits>,
    /// Frame from which on terms are missing because a page is damaged.
    pub(super) terms_lost: Option<usize>,
    pub(super) damages: Vec<Damage>,
    /// Where an open segment stops before its end, and why: unfinished, not damaged.
    pub(super) unfinished: Option<Corruption>,
}

/// Walks a segment's blocks up to `end`. `with_terms`: term pages are decoded.
pub(super) fn walk(place: &Place<'_>, end: u64, footer: Option<&Footer>, with_terms: bool) -> Walked {
    let mut walker = Walker {
        place,
        end,
        footer,
        with_terms,
        walked: Walked { limits: vec![[0; FIELD_COUNT]], ..Walked::default() },
        page_no: 0,
        runs_to: Some(0),
    };
    let mut offset = SegmentHeader::SIZE as u64;
    while offset < end {
        match walker.block(offset) {
            Some(next) => offset = next,
            None => break,
        }
    }
    walker.walked
}

struct Walker<'a> {
    place: &'a Place<'a>,
    end: u64,
    footer: Option<&'a Footer>,
    with_terms: bool,
    walked: Walked,
    page_no: u64,
    /// Ordinal after the last run; `None` after a damaged one.
    runs_to: Option<u32>,
}

impl Walker<'_> {
    /// Takes the block at `offset`; gives where the next one is, or nothing where the walk ends.
    fn block(&mut self, offset: u64) -> Option<u64> {
        let header = match self.header(offset) {
            Ok(header) => header,
            Err(damage) => return self.lost(offset, damage),
        };
        if self.place.is_open() && matches!(header.kind, BlockKind::Lookup | BlockKind::Footer) {
            // What a reopened log has not cut off yet ([RCV-5]): derived, and written again at the next close.
            return None;
        }
        if let Some(problem) = self.order_problem(offset, &header) {
            self.damage(Corruption::at(self.place.name, offset, problem), Reach::Rest);
        }
        match header.kind {
            BlockKind::Terms => self.page(offset, &header),
            BlockKind::Frame => {
                let pages = self.walked.limits.len() - 1;
                self.walked.frames.push(FrameAt { offset, length: header.total(), pages, lost: false });
            }
            BlockKind::Run => self.run(offset, &header)?,
            BlockKind::Lookup => {
                let number = u32::try_from(header.number).unwrap_or(u32::MAX);
                self.walked.lookups.push(BlockEntry { offset, length: header.total(), number });
            }
            BlockKind::Footer => self.walked.footer_at = Some(offset),
            // Read before, with the others: see `super::authority`.
            BlockKind::Authority => {}
        }
        Some(offset + u64::from(header.total()))
    }

    /// A block's header, the block known to end inside the file ([SEG-2], [SEG-9]).
    fn header(&self, offset: u64) -> Result<BlockHeader, Corruption> {
        let name = self.place.name;
        let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX).min(BlockHeader::SIZE);
        let header = BlockHeader::decode(&self.place.blocks.bytes(name, offset, left)?).in_file(name, offset)?;
        if offset + u64::from(header.total()) > self.end {
            let problem = format!("the block has {} bytes, only {} are left", header.total(), self.end - offset);
            return Err(Corruption::at(name, offset, problem));
        }
        if header.encrypted {
            return Err(Corruption::at(name, offset, "the block is marked encrypted and the log is not"));
        }
        Ok(header)
    }

    fn order_problem(&self, offset: u64, header: &BlockHeader) -> Option<String> {
        let walked = &self.walked;
        if walked.footer_at.is_some() {
            return Some("a block follows the footer".to_owned());
        }
        match header.kind {
            BlockKind::Footer => {
                let ends = offset + u64::from(header.total()) == self.end;
                (!ends).then(|| "the footer is not the last block".to_owned())
            }
            BlockKind::Lookup => {
                let ascends = walked.lookups.last().is_none_or(|last| u64::from(last.number) < header.number);
                (!ascends).then(|| format!("the lookup of field {} does not ascend", header.number))
            }
            BlockKind::Authority => {
                let first = offset == SegmentHeader::SIZE as u64 && self.place.entry.generation > 0;
                (!first).then(|| "an authority block that is not the first of a rewritten file".to_owned())
            }
            kind => (!walked.lookups.is_empty()).then(|| format!("a {kind:?} block stands behind the lookups")),
        }
    }

    /// A header that cannot be read: the end of an open segment, or damage.
    fn lost(&mut self, offset: u64, damage: Corruption) -> Option<u64> {
        let at = self.walked.frames.len();
        if self.place.is_open() && !self.place.is_durable(at) {
            self.walked.unfinished = Some(damage);
            return None;
        }
        let frames = self.footer.map_or(&[][..], |footer| &footer.frames);
        let lost_frame = frames.iter().find(|entry| entry.offset == offset);
        let next = self.next_known(offset);
        let reach = if lost_frame.is_some() && next.is_some() { Reach::Frame } else { Reach::Rest };
        let problem = match next {
            Some(_) => damage.problem.clone(),
            None => format!("{}; the blocks behind it cannot be found", damage.problem),
        };
        self.damage(Corruption { problem, ..damage }, reach);
        if let Some(entry) = lost_frame {
            let pages = self.walked.limits.len() - 1;
            self.walked.frames.push(FrameAt { offset, length: entry.length, pages, lost: true });
        } else if self.footer.is_some_and(|footer| footer.pages.iter().any(|page| page.offset == offset)) {
            self.page_no += 1;
            self.walked.terms_lost.get_or_insert(at);
        } else {
            self.runs_to = None;
        }
        next
    }

    /// The next place behind `offset` where the footer knows a block.
    fn next_known(&self, offset: u64) -> Option<u64> {
        let footer = self.footer?;
        let frames = footer.frames.iter().map(|entry| entry.offset);
        let pages = footer.pages.iter().map(|entry| entry.offset);
        let blocks = footer.runs.iter().chain(&footer.lookups).map(|entry| entry.offset);
        let known = frames.chain(pages).chain(blocks).chain(self.place.footer_at);
        known.filter(|known| (offset + 1..self.end).contains(known)).min()
    }

    fn page(&mut self, offset: u64, header: &BlockHeader) {
        let number = self.page_no;
        self.page_no += 1;
        if let Err(damage) = self.take_page(offset, header, number) {
            let at = self.walked.frames.len();
            if self.place.is_open() && !self.place.is_durable(at) {
                // The frames that need it are not there yet either; frames behind it would show as damaged by themselves.
                self.walked.unfinished.get_or_insert(damage);
            } else {
                self.damage(damage, Reach::Rest);
            }
            self.walked.terms_lost.get_or_insert(at);
        }
        let limits = std::array::from_fn(|id| Field::from_id(id as u8).map_or(0, |field| self.walked.terms.len(field)));
        self.walked.limits.push(limits);
    }

    fn take_page(&mut self, offset: u64, header: &BlockHeader, number: u64) -> Result<(), Corruption> {
        let name = self.place.name;
        let block = self.place.blocks.block(name, offset, header.total())?;
        if header.number != number {
            return Err(Corruption::at(
                name,
                offset,
                format!("term page {} stands where {number} was expected", header.number),
            ));
        }
        if !self.with_terms || self.walked.terms_lost.is_some() {
            return Ok(());
        }
        let page = TermPage::decode(block.payload()).in_file(name, offset + BlockHeader::SIZE as u64)?;
        if self.place.entry.generation == 0 && page.voids() > 0 {
            // [SEG-11]
            return Err(Corruption::at(
                name,
                offset,
                "a void term in a file of generation 0, from which nothing was removed",
            ));
        }
        self.walked.terms.load_page(&page).in_file(name, offset)?;
        self.walked.pages.extend(page.sections.iter().map(|section| PageEntry {
            offset,
            length: header.total(),
            first: section.first,
            count: section.len() as u32,
            field: section.field,
        }));
        Ok(())
    }

    /// Takes a run; nothing where it is the unfinished end of an open segment.
    fn run(&mut self, offset: u64, header: &BlockHeader) -> Option<()> {
        match self.take_run(offset, header) {
            Ok(run) => {
                self.runs_to = Some(run.entry.number.saturating_add(run.positions));
                self.walked.runs.push(run);
            }
            Err(damage) if self.place.is_open() && !self.place.is_durable(self.walked.frames.len()) => {
                self.walked.unfinished.get_or_insert(damage);
                return None;
            }
            Err(damage) => {
                self.runs_to = None;
                self.damage(damage, Reach::Segment);
            }
        }
        Some(())
    }

    fn take_run(&self, offset: u64, header: &BlockHeader) -> Result<RunAt, Corruption> {
        let name = self.place.name;
        let block = self.place.blocks.block(name, offset, header.total())?;
        let run = RunReader::open(block.payload()).in_file(name, offset)?;
        let entry = BlockEntry { offset, length: header.total(), number: run.first_ordinal() };
        if u64::from(entry.number) != header.number {
            return Err(Corruption::at(name, offset, "the run begins at another ordinal than its block says"));
        }
        if let Some(expected) = self.runs_to.filter(|expected| *expected != entry.number) {
            return Err(Corruption::at(
                name,
                offset,
                format!("the run begins at ordinal {}, expected was {expected}", entry.number),
            ));
        }
        Ok(RunAt { entry, positions: run.positions() })
    }

    fn damage(&mut self, damage: Corruption, reach: Reach) {
        let frame = self.walked.frames.len();
        self.walked.damages.push(Damage { damage, frame, reach });
    }
}
