//! One frame: decided on, and written again without what goes.
//!
//! ```text
//! descriptor -> decision -> nothing: kept | every record: expired, from the descriptor alone | else: checksum, columns, records,
//!    hashes compared with the frame root -> what is left -> payload
//! ```
//!
//! Invariant: only a frame that verifies against its descriptor is pruned: what was changed by somebody else is reported and
//! not made to look like something that was removed.

use indelible_format::commit::{FrameView, RecordRef, Removal, Salts, prune as prune_frame};
use indelible_format::descriptor::Descriptor;
use indelible_format::frame::{FrameEncoder, FrameOptions, FrameReader, encode_expired};
use indelible_format::record::Record;
use indelible_format::schema::Field;
use indelible_format::segment::{BlockHeader, FrameEntry, TermSink, TermSource, TermTable, check_payload};
use indelible_format::{FormatError, Problem};

use super::Prune;
use super::report::{Gone, StubBytes};
use crate::error::{Corruption, Error, FormatContext, Result};
use crate::segment::{Block, Segment};

/// A frame whose descriptor is known and the rest of which is read when somebody asks for it.
pub struct LazyFrame<'a> {
    segment: &'a Segment,
    index: usize,
    entry: &'a FrameEntry,
    header: &'a BlockHeader,
    payload: &'a [u8],
    descriptor: &'a Descriptor,
    terms: &'a dyn TermSource,
    reader: Option<FrameReader<'a>>,
    records: Option<Vec<Option<Record>>>,
}

impl std::fmt::Debug for LazyFrame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LazyFrame({})", self.descriptor.frame_no)
    }
}

impl<'a> LazyFrame<'a> {
    pub(crate) fn new(
        segment: &'a Segment,
        (index, entry): (usize, &'a FrameEntry),
        block: &'a Block,
        descriptor: &'a Descriptor,
        terms: &'a dyn TermSource,
    ) -> Self {
        let (header, payload) = (&block.header, block.payload());
        Self { segment, index, entry, header, payload, descriptor, terms, reader: None, records: None }
    }

    /// Its descriptor, which was compared with the log tree.
    pub fn descriptor(&self) -> &Descriptor {
        self.descriptor
    }

    /// Positions that have lost group 0, 1, 2 and 3 already. Reads the frame's head, not its records.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the frame is damaged.
    pub fn removed(&mut self) -> Result<[u128; 4]> {
        if self.segment.generation == 0 {
            // Only compactions remove, and each makes a generation.
            return Ok([0; 4]);
        }
        let reader = self.reader()?;
        Ok([0, 1, 2, 3].map(|k| reader.removed_positions(k)))
    }

    /// Its records by position, `None` where removed; of those whose envelope alone is left, the other groups are empty.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the frame is damaged.
    pub fn records(&mut self) -> Result<&[Option<Record>]> {
        if self.records.is_none() {
            let terms = self.terms;
            let records = self.reader()?.all_records(terms);
            self.records = Some(records.map_err(|error| self.damaged(error))?);
        }
        Ok(self.records.as_deref().unwrap_or_default())
    }

    pub(super) fn reader(&mut self) -> Result<&FrameReader<'a>> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => check_payload(self.header, self.payload)
                .and_then(|()| FrameReader::open(self.payload))
                .map_err(|error| self.damaged(error))?,
        };
        Ok(self.reader.insert(reader))
    }

    fn damaged(&self, error: FormatError) -> Error {
        let inside = self.entry.offset + BlockHeader::SIZE as u64;
        let damage: Result<(), Corruption> = Err(error).in_file(&self.segment.name, inside);
        match damage {
            Err(damage) => self.segment.in_frame(self.index, damage).into(),
            Ok(()) => Error::Closed,
        }
    }

    fn refused(&self, error: FormatError) -> Error {
        let problem = format!("frame {}: {error}", self.descriptor.frame_no);
        Error::Compaction { segment: self.segment.id, problem }
    }
}

/// What a compaction makes of a frame.
pub(super) enum Made {
    /// The same bytes.
    Kept,
    /// Another payload.
    New(NewFrame),
}

/// A frame of which something goes.
pub(super) struct NewFrame {
    pub(super) payload: Vec<u8>,
    /// Whether nothing but the descriptor is left.
    pub(super) expired: bool,
    pub(super) gone: Gone,
    pub(super) stub_bytes: StubBytes,
}

/// Makes frames, with buffers of its own.
pub(super) struct Maker {
    encoder: FrameEncoder,
}

impl Maker {
    pub(super) fn new(zstd_level: i32) -> Self {
        Self { encoder: FrameEncoder::new(FrameOptions { zstd_level, ..FrameOptions::default() }) }
    }

    /// Asks what goes and takes it away. `table` has the terms of the segment, where it is needed.
    pub(super) fn make<'t>(
        &mut self,
        frame: &mut LazyFrame<'_>,
        prune: &dyn Prune,
        table: &dyn Fn() -> Result<&'t TermTable>,
    ) -> Result<Made> {
        let removal = prune.removal(frame)?;
        if removal == Removal::new() {
            return Ok(Made::Kept);
        }
        let descriptor = frame.descriptor;
        let all = descriptor.all_positions();
        if removal.positions(0) == all {
            return self.expire(frame);
        }
        let before = frame.removed()?;
        if (0..4).all(|k| removal.positions(k) & !before.get(k).copied().unwrap_or(0) == 0) {
            return Ok(Made::Kept);
        }
        let salts = frame.reader()?.salts().clone();
        let view = FrameView { descriptor, salts: &salts, records: frame.records()? };
        let pruned = match prune_frame(&view, &removal) {
            Ok(pruned) => pruned,
            Err(error) if matches!(error.problem, Problem::Hash(_)) => return Err(frame.damaged(error)),
            Err(error) => return Err(frame.refused(error)),
        };
        let after = [0, 1, 2, 3].map(|k| pruned.salts.removed_positions(descriptor, k));
        let gone = Gone::between(before, after);
        if pruned.salts == Salts::Expired {
            return self.expired(frame, gone);
        }
        let mut sink = KnownTerms { table: table()? };
        let slots: Vec<Option<RecordRef<'_>>> =
            pruned.records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
        let payload = self.encoder.encode(descriptor, &pruned.salts, &slots, &mut sink);
        let payload = payload.map_err(|error| frame.damaged(error))?;
        let stub_bytes = StubBytes::of(&pruned.salts);
        Ok(Made::New(NewFrame { payload, expired: false, gone, stub_bytes }))
    }

    /// Every record goes: nothing is decoded, and of a frame that was whole not even the head is read.
    fn expire(&self, frame: &mut LazyFrame<'_>) -> Result<Made> {
        let all = frame.descriptor.all_positions();
        let before = frame.removed()?;
        if before[0] == all {
            return Ok(Made::Kept);
        }
        self.expired(frame, Gone::between(before, [all; 4]))
    }

    fn expired(&self, frame: &LazyFrame<'_>, gone: Gone) -> Result<Made> {
        let payload = encode_expired(frame.descriptor).map_err(|error| frame.refused(error))?;
        Ok(Made::New(NewFrame { payload, expired: true, gone, stub_bytes: StubBytes::default() }))
    }
}

/// The terms that a segment has: what survives used them before, so it needs no others, and ordinals stay.
struct KnownTerms<'a> {
    table: &'a TermTable,
}

impl TermSink for KnownTerms<'_> {
    fn intern(&mut self, field: Field, value: &[u8]) -> u32 {
        // The encoder refuses this ordinal; it can only come up where the frame was not decoded from these terms.
        self.table.find(field, value).unwrap_or(u32::MAX)
    }

    fn find_term(&self, field: Field, value: &[u8]) -> Option<u32> {
        self.table.find(field, value)
    }

    fn has_room(&self, _field: Field) -> bool {
        false
    }
}
