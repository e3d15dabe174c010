//! Some frames with their term pages, encoded behind each other: what one write appends to the active segment.
//!
//! ```text
//! [term page]... [frame][frame]...[frame] [run]?
//! ```
//!
//! A batch is built once. When the disk is full it is kept and written later, byte for byte the same: salts are random, so
//! building it again would give other roots.

use std::sync::Arc;

use indelible_evidence::commit::{Committer, FrameFacts, RecordRef, Salts, chain};
use indelible_evidence::descriptor::Hash;
use indelible_evidence::merkle::leaf_hash;
use indelible_evidence::schema::Field;
use indelible_evidence::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX};
use indelible_format::frame::{FrameEncoder, FrameOptions};
use indelible_format::segment::{BlockEntry, BlockKind, FrameEntry, PageEntry, TermTable, put_block};
use indelible_index::{COLUMN_COUNT, COLUMNS, ColumnKind, KeyChunk, fingerprint};

use super::facts;
use crate::error::{Error, Result};
use crate::segment::{Directory, frame_entry, page_entries};
use crate::world::rng::Rng;

/// Records that one run of the index covers at most.
pub(crate) const RUN_RECORDS_MAX: u32 = 65_536;

/// A frame of a batch, for the directory.
pub(crate) struct BatchFrame {
    pub(crate) entry: FrameEntry,
    pub(crate) count: u32,
    pub(crate) chunk: Arc<KeyChunk>,
    pub(crate) chain: Hash,
    pub(crate) recorded_last: i64,
}

/// Encoded blocks and what the directory will know of them.
pub(crate) struct Batch {
    /// Where the first byte goes in the file.
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) pages: Vec<Vec<PageEntry>>,
    pub(crate) frames: Vec<BatchFrame>,
    pub(crate) run: Option<(BlockEntry, u32)>,
    /// Seq after the last record.
    pub(crate) end_seq: u64,
    /// Records and their bytes, to be released from the queue.
    pub(crate) records: usize,
    pub(crate) record_bytes: usize,
}

/// What the framer knows of the log when it makes a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameState {
    pub(crate) facts: FrameFacts,
    pub(crate) chain: Hash,
    pub(crate) next_ordinal: u32,
}

/// Makes frames; keeps its buffers.
pub(crate) struct FrameMaker {
    committer: Committer,
    encoder: FrameEncoder,
    zstd_level: i32,
}

/// A frame that has no place in a file yet.
struct Made {
    frame_no: u64,
    payload: Vec<u8>,
    count: u32,
    chunk: Arc<KeyChunk>,
    leaf: Hash,
    chain: Hash,
    first_ordinal: u32,
}

impl FrameMaker {
    pub(crate) fn new(zstd_level: i32) -> Self {
        let options = FrameOptions { zstd_level, ..FrameOptions::default() };
        Self { committer: Committer::new(), encoder: FrameEncoder::new(options), zstd_level }
    }

    /// Encodes `frames` (each the records of one frame, in order) as the next bytes of the segment that `directory`
    /// describes; moves `state` on.
    pub(crate) fn batch(
        &mut self,
        frames: &[Vec<RecordRef<'_>>],
        state: &mut FrameState,
        terms: &mut TermTable,
        directory: &Directory,
        rng: &dyn Rng,
    ) -> Result<Batch> {
        let mark = terms.mark();
        let mut next = *state;
        let made: Result<Vec<Made>> = frames.iter().map(|records| self.make(records, &mut next, terms, rng)).collect();
        let laid_out = made.and_then(|made| self.lay_out(made, terms.since(&mark), directory));
        match laid_out {
            Ok(mut batch) => {
                *state = next;
                for record in frames.iter().flatten() {
                    batch.end_seq = record.seq + 1;
                    batch.records += 1;
                    batch.record_bytes += record.groups.iter().map(|group| group.len()).sum::<usize>();
                }
                Ok(batch)
            }
            Err(error) => {
                terms.rewind(&mark);
                Err(error)
            }
        }
    }

    fn make(
        &mut self,
        records: &[RecordRef<'_>],
        state: &mut FrameState,
        terms: &mut TermTable,
        rng: &dyn Rng,
    ) -> Result<Made> {
        let mut salt_key = [0u8; 32];
        rng.fill(&mut salt_key);
        let mut facts = state.facts;
        facts::follow(&mut facts, records);
        let descriptor = self.committer.commit(&facts, records, &salt_key).map_err(Error::Record)?;
        let slots: Vec<Option<RecordRef<'_>>> = records.iter().copied().map(Some).collect();
        let mut keys = vec![0; COLUMN_COUNT * records.len()];
        let payload = self
            .encoder
            .encode_keyed(&descriptor, &Salts::Whole(salt_key), &slots, terms, &mut |row, field, value| {
                put_fingerprint(&mut keys, records.len(), row, field, value);
            })
            .map_err(Error::Record)?;
        let chunk = self
            .chunk(keys, records.len(), state.next_ordinal)
            .map_err(|error| Error::Query(format!("a frame that was just made gives no keys: {error}")))?;
        let hashed = descriptor.hashed(&state.chain);
        let made = Made {
            frame_no: descriptor.frame_no,
            count: records.len() as u32,
            chunk: Arc::new(chunk),
            leaf: leaf_hash(&hashed),
            chain: chain(&hashed),
            first_ordinal: state.next_ordinal,
            payload,
        };
        state.chain = made.chain;
        state.next_ordinal += made.count;
        state.facts = facts::after(&descriptor);
        Ok(made)
    }

    /// The keys of the frame that was encoded last: `keys` has the fingerprints already.
    fn chunk(
        &self,
        mut keys: Vec<u32>,
        rows: usize,
        first_ordinal: u32,
    ) -> std::result::Result<KeyChunk, indelible_index::IndexError> {
        for (column, place) in COLUMNS.iter().zip(keys.chunks_exact_mut(rows.max(1))) {
            let Some(field) = Field::from_id(column.field) else { continue };
            if column.kind != ColumnKind::Fingerprints {
                // Codes and ordinals fit: the encoder checked them.
                place.iter_mut().zip(self.encoder.numbers(field)).for_each(|(place, &number)| *place = number as u32);
            }
        }
        let (occurred, recorded) = self.encoder.times();
        let own = |times: &[i64]| times.get(..rows).unwrap_or_default().to_vec();
        KeyChunk::from_columns(first_ordinal, keys, own(occurred), own(recorded))
    }

    fn lay_out(
        &self,
        made: Vec<Made>,
        pages: Vec<indelible_format::segment::TermPage>,
        directory: &Directory,
    ) -> Result<Batch> {
        let start = directory.end;
        let mut bytes = Vec::new();
        let mut page_sets = Vec::with_capacity(pages.len());
        for (page_no, page) in (directory.page_count..).zip(&pages) {
            let offset = start + bytes.len() as u64;
            let before = bytes.len();
            let payload = page.encode(self.zstd_level).map_err(Error::Record)?;
            put_block(&mut bytes, BlockKind::Terms, false, page_no, &payload).map_err(Error::Record)?;
            page_sets.push(page_entries(page, offset, (bytes.len() - before) as u32));
        }
        let first_frame = made.first().map(|made| made.first_ordinal);
        let mut frames = Vec::with_capacity(made.len());
        for made in made {
            let offset = start + bytes.len() as u64;
            let before = bytes.len();
            put_block(&mut bytes, BlockKind::Frame, false, made.frame_no, &made.payload).map_err(Error::Record)?;
            let length = (bytes.len() - before) as u32;
            let (entry, recorded_last) = frame_entry(offset, length, made.first_ordinal, made.leaf, &made.chunk);
            frames.push(BatchFrame { entry, count: made.count, chunk: made.chunk, chain: made.chain, recorded_last });
        }
        debug_assert_eq!(first_frame, frames.first().map(|frame| frame.entry.first_ordinal));
        let run = self.put_due_run(&mut bytes, start, &frames, directory)?;
        Ok(Batch { start, bytes, pages: page_sets, frames, run, end_seq: 0, records: 0, record_bytes: 0 })
    }

    /// Appends a run where the records without one fill it.
    fn put_due_run(
        &self,
        bytes: &mut Vec<u8>,
        start: u64,
        frames: &[BatchFrame],
        directory: &Directory,
    ) -> Result<Option<(BlockEntry, u32)>> {
        let chunks = directory.chunks.iter().chain(frames.iter().map(|frame| &frame.chunk));
        let mut covered = Vec::new();
        let mut positions = 0;
        let mut full = false;
        for chunk in chunks {
            if positions + chunk.positions() > RUN_RECORDS_MAX {
                full = true;
                break;
            }
            positions += chunk.positions();
            covered.push(Arc::clone(chunk));
        }
        if !full && positions < RUN_RECORDS_MAX {
            return Ok(None);
        }
        let number = directory.keyed_to();
        let run = indelible_index::build_run(&covered)
            .map_err(|error| Error::Query(format!("the index run of the last records could not be built: {error}")))?;
        let offset = start + bytes.len() as u64;
        let before = bytes.len();
        put_block(bytes, BlockKind::Run, false, number.into(), &run).map_err(Error::Record)?;
        Ok(Some((BlockEntry { offset, length: (bytes.len() - before) as u32, number }, positions)))
    }
}

/// Sets the key of a field that the index knows by fingerprint.
fn put_fingerprint(keys: &mut [u32], rows: usize, row: usize, field: Field, value: &[u8]) {
    let slot = COLUMNS.iter().position(|column| column.field == field.id() && column.kind == ColumnKind::Fingerprints);
    if let Some(place) = slot.and_then(|slot| keys.get_mut(slot * rows + row)) {
        *place = fingerprint(value).get();
    }
}

/// How many of the records at the front make the next frame: as many as fit. `None` where more are wanted to fill it.
pub(crate) fn next_frame_len<'a>(
    records: impl Iterator<Item = RecordRef<'a>>,
    partial: bool,
    same_segment: impl Fn(&RecordRef<'_>) -> bool,
) -> Option<usize> {
    let (mut count, mut bytes) = (0, 0usize);
    for record in records {
        let length: usize = record.groups.iter().map(|group| group.len()).sum();
        if count == FRAME_RECORDS_MAX || bytes + length > FRAME_BYTES_MAX || !same_segment(&record) {
            return Some(count);
        }
        count += 1;
        bytes += length;
    }
    (count == FRAME_RECORDS_MAX || (partial && count > 0)).then_some(count)
}
