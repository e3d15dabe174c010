//! The footer: where everything in a segment is, so that a reader opens it without scanning.
//!
//! ```text
//! head 96 | frame entry 72 x frames | page entry 24 x pages | run entry 16 x runs | lookup entry 16 x lookups
//! ```
//!
//! Derived from the blocks before it: never evidence, and a verifier compares it with them ([SEG-5]). [`FooterView`] reads
//! entries in place; opening it costs nothing per entry, so order is checked by [`FooterView::check`] and by whoever
//! follows an entry.

use super::{BlockEntry, FrameEntry, PageEntry};
use crate::layout;
use indelible_evidence::FORMAT_VERSION;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::schema::Field;

const NAME: &str = "footer";
const HEAD: usize = layout::FOOTER_HEAD.size();

/// What the footer says of the segment as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FooterTotals {
    /// Records (positions) in the segment.
    pub records: u64,
    /// Earliest occurred-at, ns; 0 where none is known.
    pub occurred_min: i64,
    /// Latest occurred-at, ns; 0 where none is known.
    pub occurred_max: i64,
    /// First recorded-at, ns; 0 where none is known.
    pub recorded_min: i64,
    /// Last recorded-at, ns; 0 where none is known.
    pub recorded_max: i64,
    /// Chain value of the last frame.
    pub chain_after: Hash,
}

/// A footer to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// The segment as a whole.
    pub totals: FooterTotals,
    /// In file order.
    pub frames: Vec<FrameEntry>,
    /// Ascending by field, then by first ordinal.
    pub pages: Vec<PageEntry>,
    /// Ascending by first ordinal.
    pub runs: Vec<BlockEntry>,
    /// Ascending by field id.
    pub lookups: Vec<BlockEntry>,
}

impl Footer {
    /// The payload of its block. Entries are written as they are; [`FooterView::check`] tells whether they are in order.
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(HEAD + self.frames.len() * FrameEntry::SIZE + self.pages.len() * PageEntry::SIZE);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        for count in [self.frames.len(), self.pages.len(), self.runs.len(), self.lookups.len()] {
            out.extend_from_slice(&(count as u32).to_le_bytes());
        }
        out.extend_from_slice(&[0; 4]);
        let totals = &self.totals;
        out.extend_from_slice(&totals.records.to_le_bytes());
        for time in [totals.occurred_min, totals.occurred_max, totals.recorded_min, totals.recorded_max] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.extend_from_slice(&totals.chain_after);
        self.frames.iter().for_each(|entry| entry.put(&mut out));
        self.pages.iter().for_each(|entry| entry.put(&mut out));
        self.runs.iter().chain(&self.lookups).for_each(|entry| entry.put(&mut out));
        out
    }

    /// Reads and checks a whole footer.
    pub fn decode(payload: &[u8]) -> Result<Self, FormatError> {
        let view = FooterView::open(payload)?;
        view.check()?;
        let mut footer = Self {
            totals: view.totals,
            frames: Vec::with_capacity(view.frames),
            pages: Vec::with_capacity(view.pages),
            runs: Vec::with_capacity(view.runs),
            lookups: Vec::with_capacity(view.lookups),
        };
        for i in 0..view.frames {
            footer.frames.push(view.frame(i)?);
        }
        for i in 0..view.pages {
            footer.pages.push(view.page(i)?);
        }
        for i in 0..view.runs {
            footer.runs.push(view.run(i)?);
        }
        for i in 0..view.lookups {
            footer.lookups.push(view.lookup_entry(i)?);
        }
        Ok(footer)
    }
}

/// A footer read in place.
#[derive(Debug, Clone, Copy)]
pub struct FooterView<'a> {
    bytes: &'a [u8],
    totals: FooterTotals,
    frames: usize,
    pages: usize,
    runs: usize,
    lookups: usize,
}

impl<'a> FooterView<'a> {
    /// Opens the payload of a footer block, whose checksum was checked. Counts are bounded by the payload's length.
    pub fn open(payload: &'a [u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, payload);
        reader.version()?;
        reader.zeros("reserved", 2)?;
        let mut counts = [0usize; 4];
        for count in &mut counts {
            *count = reader.u32("count")? as usize;
        }
        reader.zeros("reserved2", 4)?;
        let totals = FooterTotals {
            records: reader.u64("records")?,
            occurred_min: reader.i64("occurred_min")?,
            occurred_max: reader.i64("occurred_max")?,
            recorded_min: reader.i64("recorded_min")?,
            recorded_max: reader.i64("recorded_max")?,
            chain_after: reader.array("chain_after")?,
        };
        let [frames, pages, runs, lookups] = counts;
        let needed = frames as u128 * FrameEntry::SIZE as u128
            + pages as u128 * PageEntry::SIZE as u128
            + (runs as u128 + lookups as u128) * BlockEntry::SIZE as u128;
        if needed != reader.left() as u128 {
            let why = format!("{needed} bytes of entries announced, {} follow", reader.left());
            return Err(reader.invalid("count", 4, why));
        }
        Ok(Self { bytes: payload, totals, frames, pages, runs, lookups })
    }

    /// The segment as a whole.
    pub fn totals(&self) -> &FooterTotals {
        &self.totals
    }

    /// Number of frames.
    pub fn frame_count(&self) -> usize {
        self.frames
    }

    /// Number of page entries.
    pub fn page_count(&self) -> usize {
        self.pages
    }

    /// Number of runs.
    pub fn run_count(&self) -> usize {
        self.runs
    }

    /// Number of lookups.
    pub fn lookup_count(&self) -> usize {
        self.lookups
    }

    /// Frame entry `i`.
    pub fn frame(&self, i: usize) -> Result<FrameEntry, FormatError> {
        FrameEntry::take(&mut self.entry("frame", i, self.frames, HEAD, FrameEntry::SIZE)?)
    }

    /// Page entry `i`.
    pub fn page(&self, i: usize) -> Result<PageEntry, FormatError> {
        PageEntry::take(&mut self.entry("page", i, self.pages, self.pages_at(), PageEntry::SIZE)?)
    }

    /// Run entry `i`.
    pub fn run(&self, i: usize) -> Result<BlockEntry, FormatError> {
        BlockEntry::take(&mut self.entry("run", i, self.runs, self.runs_at(), BlockEntry::SIZE)?)
    }

    /// Lookup entry `i`.
    pub fn lookup_entry(&self, i: usize) -> Result<BlockEntry, FormatError> {
        let start = self.runs_at() + self.runs * BlockEntry::SIZE;
        BlockEntry::take(&mut self.entry("lookup", i, self.lookups, start, BlockEntry::SIZE)?)
    }

    /// Index of the frame that holds the record with this ordinal; `None` where the segment has no such record.
    pub fn find_frame_by_ordinal(&self, ordinal: u32) -> Result<Option<usize>, FormatError> {
        if u64::from(ordinal) >= self.totals.records {
            return Ok(None);
        }
        let after = partition(self.frames, |i| Ok(self.frame(i)?.first_ordinal <= ordinal))?;
        Ok(after.checked_sub(1))
    }

    /// The page entry that holds this term; `None` where the segment has no such term.
    pub fn find_page(&self, field: Field, ordinal: u32) -> Result<Option<PageEntry>, FormatError> {
        let after = partition(self.pages, |i| {
            let entry = self.page(i)?;
            Ok((entry.field, entry.first) <= (field, ordinal))
        })?;
        let Some(index) = after.checked_sub(1) else { return Ok(None) };
        let entry = self.page(index)?;
        let holds = entry.field == field && ordinal.checked_sub(entry.first).is_some_and(|i| i < entry.count);
        Ok(holds.then_some(entry))
    }

    /// Indexes of the page entries of a field.
    pub fn pages_of(&self, field: Field) -> Result<std::ops::Range<usize>, FormatError> {
        let start = partition(self.pages, |i| Ok(self.page(i)?.field < field))?;
        let end = partition(self.pages, |i| Ok(self.page(i)?.field <= field))?;
        Ok(start..end.max(start))
    }

    /// Number of terms of a field.
    pub fn term_count(&self, field: Field) -> Result<u32, FormatError> {
        let range = self.pages_of(field)?;
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else { return Ok(0) };
        let entry = self.page(last)?;
        Ok(entry.first.saturating_add(entry.count))
    }

    /// The lookup of a field.
    pub fn find_lookup(&self, field: Field) -> Result<Option<BlockEntry>, FormatError> {
        for i in 0..self.lookups {
            let entry = self.lookup_entry(i)?;
            if entry.number == u32::from(field.id()) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Checks the order of all entries; whether they agree with the file is for whoever has the file ([SEG-5]).
    pub fn check(&self) -> Result<(), FormatError> {
        let bad = |field, offset, why: &'static str| Err(FormatError::invalid(NAME, field, offset, why));
        let mut frame_end = 0u64;
        for i in 0..self.frames {
            let entry = self.frame(i)?;
            let at = HEAD + i * FrameEntry::SIZE;
            let follows = match i.checked_sub(1) {
                None => entry.first_ordinal == 0,
                Some(before) => self.frame(before)?.first_ordinal < entry.first_ordinal,
            };
            if !follows || u64::from(entry.first_ordinal) >= self.totals.records {
                return bad("first_ordinal", at + 12, "frames do not ascend from ordinal 0 to the number of records");
            }
            if entry.offset < frame_end {
                return bad("frame offset", at, "frames do not ascend in the file");
            }
            if entry.occurred_min > entry.occurred_max {
                return bad("occurred_min", at + 16, "the earliest is later than the latest");
            }
            frame_end = end_of(entry.offset, entry.length)?;
        }
        if (self.frames == 0) != (self.totals.records == 0) {
            return bad("records", 24, "records without frames, or frames without records");
        }
        self.check_pages()?;
        self.check_blocks()
    }

    fn check_pages(&self) -> Result<(), FormatError> {
        let mut last: Option<(Field, u32)> = None;
        for i in 0..self.pages {
            let entry = self.page(i)?;
            end_of(entry.offset, entry.length)?;
            let expected = last.filter(|&(field, _)| field == entry.field).map_or(0, |(_, end)| end);
            let end = entry.first.checked_add(entry.count);
            let ascends = last.is_none_or(|(field, _)| field <= entry.field);
            match end {
                Some(end) if ascends && entry.first == expected && entry.count > 0 => last = Some((entry.field, end)),
                _ => {
                    let at = self.pages_at() + i * PageEntry::SIZE;
                    return Err(FormatError::invalid(
                        NAME,
                        "first",
                        at,
                        "term pages of a field do not follow each other",
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_blocks(&self) -> Result<(), FormatError> {
        let mut last = None;
        for i in 0..self.runs + self.lookups {
            let is_run = i < self.runs;
            let entry = if is_run { self.run(i)? } else { self.lookup_entry(i - self.runs)? };
            end_of(entry.offset, entry.length)?;
            if i == self.runs {
                last = None;
            }
            let at = self.runs_at() + i * BlockEntry::SIZE;
            if last.is_some_and(|last| last >= entry.number) {
                return Err(FormatError::invalid(NAME, "number", at + 12, "entries do not ascend"));
            }
            let field = u8::try_from(entry.number).ok().and_then(Field::from_id);
            if !is_run && !field.is_some_and(Field::has_terms) {
                return Err(FormatError::invalid(NAME, "number", at + 12, "a lookup of a field without terms"));
            }
            last = Some(entry.number);
        }
        Ok(())
    }

    fn pages_at(&self) -> usize {
        HEAD + self.frames * FrameEntry::SIZE
    }

    fn runs_at(&self) -> usize {
        self.pages_at() + self.pages * PageEntry::SIZE
    }

    fn entry(
        &self,
        what: &'static str,
        i: usize,
        count: usize,
        start: usize,
        size: usize,
    ) -> Result<Reader<'a>, FormatError> {
        let at = start + i.min(count) * size;
        match self.bytes.get(at..at + size) {
            Some(bytes) if i < count => Ok(Reader::new("footer entry", bytes)),
            _ => Err(FormatError::invalid(NAME, what, at, format!("entry {i} of {count}"))),
        }
    }
}

/// End of a block in the file; the smallest block is its header and one byte.
fn end_of(offset: u64, length: u32) -> Result<u64, FormatError> {
    let fits = offset >= layout::SEGMENT_HEADER.size() as u64 && length as usize > layout::BLOCK_HEADER.size();
    match offset.checked_add(u64::from(length)) {
        Some(end) if fits => Ok(end),
        _ => Err(FormatError::invalid(NAME, "offset", 0, format!("no block of {length} bytes at {offset}"))),
    }
}

/// First index for which `before` is false, by binary search; whatever the order really is, it ends.
pub(super) fn partition(
    count: usize,
    mut before: impl FnMut(usize) -> Result<bool, FormatError>,
) -> Result<usize, FormatError> {
    let (mut low, mut high) = (0usize, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests;
