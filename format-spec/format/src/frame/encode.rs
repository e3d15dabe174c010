//! Writes frames: records in, payload of a frame block out; terms get their ordinals on the way.
//!
//! Invariants: rows are the records whose group 0 is kept, ascending by position; the same records, salts and ordinals
//! give the same bytes. What the records hash to is not looked at.

use super::columns::put_numbers;
use super::split::{SPLIT_FIELDS, split};
use super::texts_builder::TextsBuilder;
use super::{SLOTS, Shape, Slot, VERSION};
use super::{blobs, ids, salts};
use crate::layout;
use crate::segment::TermSink;
use crate::zstd_block::BlockCompressor;
use indelible_evidence::FormatError;
use indelible_evidence::commit::{RecordRef, Salts};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::schema::Field;
use indelible_evidence::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX};

const NAME: &str = "frame";
const GROUP_2_FIRST: usize = 15;

/// How frames are compressed. Readers need to know none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameOptions {
    /// zstd level of blob blocks; 0 stores them as they are. Default 1.
    pub zstd_level: i32,
    /// Raw bytes that a block of several rows stays under: larger compresses better and is cheaper to write, smaller reads one
    /// row faster.
    pub block_bytes: BlockBytes,
}

impl Default for FrameOptions {
    fn default() -> Self {
        Self { zstd_level: 1, block_bytes: BlockBytes::default() }
    }
}

/// How large blocks are, by what a frame has to hold: a quarter of the column, between two bounds.
///
/// What repeats in real audit records repeats from record to record, each of one to three thousand bytes: a block of few of
/// them finds little, and has a Huffman table of its own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockBytes {
    /// Bytes of a block in columns of up to four of them. Default 32 KiB.
    pub min: usize,
    /// Bytes of a block in the largest columns. Default 64 KiB.
    pub max: usize,
}

impl BlockBytes {
    /// The same for every column.
    pub const fn fixed(bytes: usize) -> Self {
        Self { min: bytes, max: bytes }
    }

    /// For a column of so many raw bytes.
    pub(super) fn of(self, column: usize) -> usize {
        (column / 4).clamp(self.min, self.max.max(self.min))
    }
}

impl Default for BlockBytes {
    fn default() -> Self {
        Self { min: 32 << 10, max: 64 << 10 }
    }
}

/// Writes frames one after the other with the same buffers.
#[derive(Debug)]
pub struct FrameEncoder {
    options: FrameOptions,
    compressor: BlockCompressor,
    /// Codes, terms and times, by slot and row.
    pub(super) numbers: Vec<[i64; FRAME_RECORDS_MAX]>,
    data: Vec<u8>,
    scratch: Vec<u8>,
    directory: Vec<u8>,
    pub(super) texts: TextsBuilder,
    ordinals: Vec<u32>,
}

impl FrameEncoder {
    /// An encoder with these options.
    pub fn new(options: FrameOptions) -> Self {
        Self {
            options,
            compressor: BlockCompressor::new(options.zstd_level),
            numbers: vec![[0; FRAME_RECORDS_MAX]; SLOTS],
            data: Vec::new(),
            scratch: Vec::new(),
            directory: Vec::new(),
            texts: TextsBuilder::default(),
            ordinals: Vec::new(),
        }
    }

    /// The payload of a frame block, not sealed. `records` are by position, `None` where removed, with empty groups where
    /// erased, exactly as `salts` say; seqs and classes are the descriptor's and not looked at; the terms of a field are interned in the order of rows. Fails where records, salts and
    /// descriptor disagree or a record's groups cannot be cut into fields; `sink` may have got terms by then (see `TermTable::rewind`).
    pub fn encode(
        &mut self,
        descriptor: &Descriptor,
        salts: &Salts,
        records: &[Option<RecordRef<'_>>],
        sink: &mut dyn TermSink,
    ) -> Result<Vec<u8>, FormatError> {
        self.encode_keyed(descriptor, salts, records, sink, &mut |_, _, _| {})
    }

    /// The same, telling on the way what the index wants to know, so that nobody has to read the frame for it: `on_id` gets
    /// row, field and value bytes of everything in group 2; the rest is in [`FrameEncoder::numbers`] afterwards.
    pub fn encode_keyed(
        &mut self,
        descriptor: &Descriptor,
        salts: &Salts,
        records: &[Option<RecordRef<'_>>],
        sink: &mut dyn TermSink,
        on_id: &mut dyn FnMut(usize, Field, &[u8]),
    ) -> Result<Vec<u8>, FormatError> {
        let rows = kept_rows(descriptor, salts, records)?;
        let mut ids = std::array::from_fn(|_| Vec::with_capacity(rows.len()));
        let mut terms = std::array::from_fn(|_| Vec::with_capacity(rows.len()));
        let mut payloads = Vec::with_capacity(rows.len());
        let mut holes = Vec::new();
        self.texts.clear();
        for (row, record) in rows.iter().enumerate() {
            self.take_row(row, record, &mut terms, &mut ids)?;
            for (field, values) in (GROUP_2_FIRST as u8..).zip(&ids) {
                if let (Some(field), Some(value)) =
                    (Field::from_id(field), values.last().filter(|value| !value.is_empty()))
                {
                    on_id(row, field, value);
                }
            }
            let payload = record.groups[3];
            payloads.push(if self.texts.push(payload, &mut holes, sink)? { &[][..] } else { payload });
        }
        self.intern(&terms, sink)?;
        self.texts.intern(sink)?;
        let columns = self.put_columns(rows.len(), &ids, &payloads);

        Ok(self.payload(descriptor, salts, columns))
    }

    /// The payload, once directory and data are filled.
    pub(super) fn payload(&self, descriptor: &Descriptor, salts: &Salts, columns: u16) -> Vec<u8> {
        let stored = descriptor.encode();
        let mut out = Vec::with_capacity(stored.len() + self.data.len() + self.directory.len() + 256);
        out.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        out.extend_from_slice(&stored);
        out.extend_from_slice(&[VERSION, salts::state_of(salts)]);
        out.extend_from_slice(&columns.to_le_bytes());
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        salts::put_salts(&mut out, salts);
        let length = (out.len() - length_at - 4) as u32;
        if let Some(place) = out.get_mut(length_at..length_at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        out.extend_from_slice(&self.directory);
        out.extend_from_slice(&self.data);
        out
    }

    /// What the last frame has in a field of codes or terms, by row: code, ordinal + 1, or 0 where it is absent. Rows beyond
    /// the frame's hold anything.
    pub fn numbers(&self, field: Field) -> &[i64] {
        self.column(Slot::of(field))
    }

    /// Occurred-at and recorded-at of the last frame's rows, ns.
    pub fn times(&self) -> (&[i64], &[i64]) {
        (self.column(Slot::OCCURRED_AT), self.column(Slot::RECORDED_AT))
    }

    fn column(&self, slot: Slot) -> &[i64] {
        self.numbers.get(usize::from(slot.0)).map_or(&[], |column| column.as_slice())
    }

    fn take_row<'r>(
        &mut self,
        row: usize,
        record: &RecordRef<'r>,
        terms: &mut [Vec<&'r [u8]>; GROUP_2_FIRST],
        ids: &mut [Vec<&'r [u8]>; 4],
    ) -> Result<(), FormatError> {
        let [envelope, identity, correlation, _] = record.groups;
        let cut = split([envelope, identity, correlation])?;
        let mut set = |slot: Slot, value: i64| {
            if let Some(place) = self.numbers.get_mut(usize::from(slot.0)).and_then(|column| column.get_mut(row)) {
                *place = value;
            }
        };
        set(Slot::KIND, cut.head.kind.into());
        set(Slot::SCHEMA, cut.head.schema.into());
        set(Slot::OCCURRED_AT, cut.head.occurred_at);
        set(Slot::RECORDED_AT, record.recorded_at);
        for (id, value) in cut.values.iter().enumerate().take(SPLIT_FIELDS) {
            let Some(field) = Field::from_id(id as u8) else { continue };
            match value {
                _ if id >= GROUP_2_FIRST => {
                    if let Some(column) = ids.get_mut(id - GROUP_2_FIRST) {
                        column.push(value);
                    }
                }
                _ if field.has_terms() => {
                    if let Some(column) = terms.get_mut(id) {
                        column.push(value);
                    }
                }
                [code] => set(Slot::of(field), (*code).into()),
                _ => set(Slot::of(field), 0),
            }
        }
        Ok(())
    }

    /// Replaces the terms of every field by their ordinals, field by field.
    fn intern(&mut self, terms: &[Vec<&[u8]>; GROUP_2_FIRST], sink: &mut dyn TermSink) -> Result<(), FormatError> {
        for (id, values) in terms.iter().enumerate() {
            let Some(field) = Field::from_id(id as u8).filter(|field| field.has_terms()) else { continue };
            let Some(column) = self.numbers.get_mut(id) else { continue };
            if values.iter().all(|value| value.is_empty()) {
                column.fill(0);
                continue;
            }
            self.ordinals.clear();
            sink.intern_all(field, values, &mut self.ordinals);
            if self.ordinals.contains(&u32::MAX) {
                return Err(FormatError::invalid(NAME, "term", 0, "a segment has too many terms"));
            }
            for ((place, value), &ordinal) in column.iter_mut().zip(values).zip(&self.ordinals) {
                *place = if value.is_empty() { 0 } else { i64::from(ordinal) + 1 };
            }
        }
        Ok(())
    }

    /// Fills directory and data; returns the number of columns.
    pub(super) fn put_columns(&mut self, rows: usize, ids: &[Vec<&[u8]>; 4], payloads: &[&[u8]]) -> u16 {
        self.data.clear();
        self.directory.clear();
        let mut columns = 0;
        if rows == 0 {
            return 0;
        }
        for slot in Slot::all() {
            let Some(shape) = slot.shape() else { continue };
            let start = self.data.len();
            let encoding = match shape {
                Shape::Ids => self.put_ids(ids.get(usize::from(slot.0) - GROUP_2_FIRST).map_or(&[], Vec::as_slice)),
                Shape::Payload => self.put_blobs(payloads).then_some(7),
                Shape::Texts => self.texts.put(&mut self.data).then_some(9),
                Shape::Codes | Shape::Terms | Shape::Times => {
                    let column = self.numbers.get(usize::from(slot.0)).and_then(|column| column.get(..rows));
                    let values = column.unwrap_or_default();
                    if shape == Shape::Times {
                        put_numbers(&mut self.data, shape, values);
                        Some(2)
                    } else if values.iter().any(|&value| value != 0) {
                        put_numbers(&mut self.data, shape, values);
                        Some(if shape == Shape::Codes { 1 } else { 3 })
                    } else {
                        None
                    }
                }
            };
            if let Some(encoding) = encoding {
                self.directory.extend_from_slice(&[slot.code(), encoding, 0, 0]);
                self.directory.extend_from_slice(&((self.data.len() - start) as u32).to_le_bytes());
                columns += 1;
            }
        }
        debug_assert_eq!(self.directory.len(), usize::from(columns) * layout::COLUMN_ENTRY.size());
        columns
    }

    fn put_ids(&mut self, values: &[&[u8]]) -> Option<u8> {
        if values.iter().all(|value| value.is_empty()) {
            return None;
        }
        if let Some(encoding) = ids::put_ids(&mut self.data, values) {
            return Some(encoding);
        }
        self.put_blobs(values).then_some(6)
    }

    fn put_blobs(&mut self, values: &[&[u8]]) -> bool {
        let Self { options, compressor, data, scratch, .. } = self;
        let column = values.iter().map(|value| value.len()).sum();
        blobs::put_blobs(data, values, options.block_bytes.of(column), compressor, scratch)
    }
}

/// The records whose group 0 is kept, after comparing records with salts and descriptor.
fn kept_rows<'r>(
    descriptor: &Descriptor,
    salts: &Salts,
    records: &[Option<RecordRef<'r>>],
) -> Result<Vec<RecordRef<'r>>, FormatError> {
    salts.check(&descriptor.classes)?;
    let bad = |why: &'static str| Err(FormatError::invalid(NAME, "records", 0, why));
    if records.len() != usize::from(descriptor.count) || records.len() > FRAME_RECORDS_MAX {
        return bad("the number of records is not the descriptor's");
    }
    let removed = [0, 1, 2, 3].map(|k| salts.removed_positions(descriptor, k));
    let mut rows = Vec::with_capacity(records.len());
    let mut total = 0usize;
    for (position, record) in records.iter().enumerate() {
        let gone = |k: usize| removed.get(k).is_some_and(|bits| bits >> position & 1 == 1);
        let Some(record) = record else {
            if !gone(0) {
                return bad("a record is missing that the salts keep");
            }
            continue;
        };
        if record.groups.iter().enumerate().any(|(k, bytes)| bytes.is_empty() != gone(k)) {
            return bad("a group is missing that the salts keep, or there although they removed it");
        }
        total += record.groups.iter().map(|bytes| bytes.len()).sum::<usize>();
        rows.push(*record);
    }
    if total > FRAME_BYTES_MAX {
        return bad("more than 1,048,576 bytes of groups");
    }
    Ok(rows)
}
