//! One frame: decided on, and written again without what goes.
//!
//! ```text
//! descriptor -> decision -> nothing: kept | every record: expired, from the descriptor alone | else: checksum, columns, records,
//!    hashes compared with the frame root -> what is left -> payload
//! ```
//!
//! Invariant: only a frame that verifies against its descriptor is pruned: what was changed by somebody else is reported and
//! not made to look like something that was removed.

use indelible_evidence::FormatError;
use indelible_evidence::commit::{Removal, Salts};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::Record;
use indelible_format::frame::{FrameOptions, FramePruner, FrameReader, encode_expired};
use indelible_format::segment::{BlockHeader, FrameEntry, TermSource, check_payload};

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
        if self.segment.read_generation() == 0 {
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

    fn refused(&self, why: &str) -> Error {
        let problem = format!("frame {}: {why}", self.descriptor.frame_no);
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
    pruner: FramePruner,
}

impl Maker {
    pub(super) fn new(zstd_level: i32) -> Self {
        Self { pruner: FramePruner::new(FrameOptions { zstd_level, ..FrameOptions::default() }) }
    }

    /// Asks what goes and takes it away; `load_terms` is called before `terms` are asked.
    pub(super) fn make<T: TermSource>(
        &mut self,
        frame: &mut LazyFrame<'_>,
        prune: &dyn Prune,
        terms: &T,
        load_terms: &dyn Fn() -> Result<()>,
    ) -> Result<Made> {
        let removal = prune.removal(frame)?;
        if removal == Removal::new() {
            return Ok(Made::Kept);
        }
        let descriptor = frame.descriptor;
        let all = descriptor.all_positions();
        let permanent = descriptor.classes.iter().find(|entry| entry.class == 0).map_or(0, |entry| entry.positions);
        let named = (0..4).fold(0, |named, k| named | removal.positions(k));
        if named & permanent != 0 || named & !all != 0 {
            return Err(
                frame.refused("the removal names a record of class 0, which is permanent, or none of the frame")
            );
        }
        let before = frame.removed()?;
        if (0..4).all(|k| removal.positions(k) & !before.get(k).copied().unwrap_or(0) == 0) {
            return Ok(Made::Kept);
        }
        if removal.positions(0) == all {
            // Nothing is decoded, and of a frame that was whole not even its head was read.
            let payload = encode_expired(descriptor).map_err(|error| frame.damaged(error))?;
            let (gone, stub_bytes) = (Gone::between(before, [all; 4]), StubBytes::default());
            return Ok(Made::New(NewFrame { payload, expired: true, gone, stub_bytes }));
        }
        frame.reader()?;
        load_terms()?;
        let payload = self.pruner.prune(frame.reader()?, &removal, terms).map_err(|error| frame.damaged(error))?;
        // What was written is read back, so that the figures are of what is there.
        let left = FrameReader::open(&payload).map_err(|error| frame.damaged(error))?;
        let after = [0, 1, 2, 3].map(|k| left.removed_positions(k));
        let expired = matches!(left.salts(), Salts::Expired);
        let (gone, stub_bytes) = (Gone::between(before, after), StubBytes::of(left.salts()));
        drop(left);
        Ok(Made::New(NewFrame { payload, expired, gone, stub_bytes }))
    }
}
