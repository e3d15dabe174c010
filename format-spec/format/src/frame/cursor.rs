//! Reads rows of a frame one after the other, keeping for each blob column the block that was inflated last.
//!
//! Rebuilding a record copies values in the order of the schema behind presence bytes, so the groups come out as they were
//! committed. Texts of terms are taken as the source gives them (a term page was checked when it was read); texts of group
//! 2 and the payload are checked here.

use std::borrow::Cow;
use std::ops::Range;

use super::blobs::{BlobBlock, BlobColumn};
use super::ids::IdText;
use super::read::{ColumnValues, FrameReader, RowNumbers};
use super::split::{CODE_FIELDS, FIELD_COUNTS, FIRST_FIELD};
use super::texts::TextBuffers;
use super::{NAME, Slot};
use crate::segment::TermSource;
use indelible_evidence::FRAME_BYTES_MAX;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::{GROUPS, Groups, Record, SCHEMA, TextRef, check_group};
use indelible_evidence::schema::{Field, Kind};

/// Reads rows of one frame; keeps at most one inflated block a blob column.
#[derive(Debug)]
pub struct FrameCursor<'r> {
    frame: &'r FrameReader<'r>,
    /// By blob column: the four fields of group 2, then the payload.
    kept: [KeptBlock; BLOB_COLUMNS],
    buffers: RowBuffers,
}

/// Columns of group 2, then that of the payload.
const BLOB_COLUMNS: usize = 5;

/// What rows are put together in: handed from one frame's cursor to the next, so that only the first allocates.
#[derive(Debug, Default)]
pub struct RowBuffers {
    /// The groups of the row that was read last.
    bytes: Vec<u8>,
    texts: TextBuffers,
    /// By blob column: the block that was read last, where it was compressed.
    raw: [Vec<u8>; BLOB_COLUMNS],
}

/// The block of a column that was read last.
#[derive(Debug, Default)]
struct KeptBlock {
    block: Option<BlobBlock>,
    in_place: bool,
    /// Row that comes next in the block and where its bytes begin: reading rows in order costs no sums.
    next: (usize, usize),
}

impl<'r> FrameCursor<'r> {
    pub(super) fn new(frame: &'r FrameReader<'r>, buffers: RowBuffers) -> Self {
        Self { frame, kept: Default::default(), buffers }
    }

    /// The buffers, for the cursor of another frame.
    pub fn into_buffers(self) -> RowBuffers {
        self.buffers
    }

    /// Value of a field of group 2; `None` where it is absent or the field is in another group.
    pub fn text2(&mut self, row: usize, field: Field) -> Result<Option<IdText<'_>>, FormatError> {
        let frame = self.frame;
        match frame.column(Slot::of(field)).map(|column| column.values) {
            Some(ColumnValues::Ids(column)) => Ok(column.get(&frame.body, row)?.map(IdText::Uuid)),
            Some(ColumnValues::Blobs(column)) => {
                let Some(kept) = usize::from(field.id()).checked_sub(usize::from(FIRST_FIELD[2])) else {
                    return Ok(None);
                };
                let bytes = self.blob(&column, kept, row)?;
                Ok(id_text(bytes)?.map(|text| match text {
                    TextRef::Uuid(uuid) => IdText::Uuid(uuid),
                    TextRef::Utf8(text) => IdText::Text(Cow::Borrowed(text)),
                }))
            }
            _ => Ok(None),
        }
    }

    /// Bytes of group 3 as the payload column has them: empty where erased, or where the row's text has a column of its own.
    pub(super) fn payload(&mut self, row: usize) -> Result<&[u8], FormatError> {
        match self.frame.column(Slot::PAYLOAD).map(|column| column.values) {
            Some(ColumnValues::Blobs(column)) => self.blob(&column, 4, row),
            _ => Ok(&[]),
        }
    }

    /// The whole record of a row, its groups as they were committed.
    pub fn record<T: TermSource + ?Sized>(&mut self, row: usize, terms: &T) -> Result<Record, FormatError> {
        let RecordRef { seq, recorded_at, class, groups } = self.record_ref(row, terms)?;
        Ok(Record { seq, recorded_at, class, groups: Groups::from_slices(groups) })
    }

    /// The same, in place until the next row is read.
    pub fn record_ref<T: TermSource + ?Sized>(&mut self, row: usize, terms: &T) -> Result<RecordRef<'_>, FormatError> {
        let frame = self.frame;
        let Some(position) = frame.position_of_row(row) else {
            return Err(FormatError::invalid(NAME, "row", 0, format!("no row {row} of {}", frame.rows())));
        };
        let numbers = frame.numbers(row)?;
        let mut bytes = std::mem::take(&mut self.buffers.bytes);
        bytes.clear();
        let mut ends = [0usize; GROUPS];
        for (k, end) in ends.iter_mut().enumerate() {
            if frame.removed_positions(k) >> position & 1 == 0 {
                match k {
                    0 | 1 => put_term_group(&mut bytes, k, &numbers, terms)?,
                    2 => self.put_id_group(&mut bytes, row)?,
                    _ => self.put_payload(&mut bytes, row, terms)?,
                }
            }
            *end = bytes.len();
        }
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(FormatError::invalid(NAME, "columns", 0, "more than 1,048,576 bytes of groups"));
        }
        self.buffers.bytes = bytes;
        let [a, b, c, d] = ends;
        let slice = |range: Range<usize>| self.buffers.bytes.get(range).unwrap_or_default();
        let class = frame.descriptor.classes.iter().find(|entry| entry.positions >> position & 1 == 1);
        Ok(RecordRef {
            seq: frame.descriptor.first_seq + u64::from(position),
            recorded_at: numbers.of(Slot::RECORDED_AT),
            class: class.map_or(0, |entry| entry.class),
            groups: [slice(0..a), slice(a..b), slice(b..c), slice(c..d)],
        })
    }

    fn put_payload<T: TermSource + ?Sized>(
        &mut self,
        out: &mut Vec<u8>,
        row: usize,
        terms: &T,
    ) -> Result<(), FormatError> {
        let frame = self.frame;
        if let Some(texts) = &frame.texts
            && texts.put_group(&frame.body, row, terms, &mut self.buffers.texts, out)?
        {
            return Ok(());
        }
        out.extend_from_slice(self.checked_payload(row)?);
        Ok(())
    }

    /// Group 3 of a row from the payload column.
    pub(super) fn checked_payload(&mut self, row: usize) -> Result<&[u8], FormatError> {
        let payload = self.payload(row)?;
        check_group(3, payload)?;
        Ok(payload)
    }

    /// The text of the `bit`-th field of group 2 from its blob column, in the record's text encoding; `None` where it is absent.
    pub(super) fn text2_bytes(&mut self, bit: u8, row: usize) -> Result<Option<&[u8]>, FormatError> {
        let column = self.frame.column(Slot(FIRST_FIELD[2] + bit)).map(|column| column.values);
        let Some(ColumnValues::Blobs(column)) = column else { return Ok(None) };
        let bytes = self.blob(&column, usize::from(bit), row)?;
        Ok(id_text(bytes)?.map(|_| bytes))
    }

    fn put_id_group(&mut self, out: &mut Vec<u8>, row: usize) -> Result<(), FormatError> {
        let presence_at = out.len();
        out.push(0);
        let mut presence = 0u8;
        for bit in 0..FIELD_COUNTS[2] {
            let before = out.len();
            self.put_id(out, bit, row)?;
            presence |= u8::from(out.len() > before) << bit;
        }
        if let Some(place) = out.get_mut(presence_at) {
            *place = presence;
        }
        Ok(())
    }

    /// Appends the value of the `bit`-th field of group 2, in the record's text encoding; nothing where it is absent.
    pub(super) fn put_id(&mut self, out: &mut Vec<u8>, bit: u8, row: usize) -> Result<(), FormatError> {
        let frame = self.frame;
        match frame.column(Slot(FIRST_FIELD[2] + bit)).map(|column| &column.values) {
            Some(ColumnValues::Ids(column)) => {
                if let Some(uuid) = column.get(&frame.body, row)? {
                    out.push(1);
                    out.extend_from_slice(&uuid);
                }
            }
            _ => out.extend_from_slice(self.text2_bytes(bit, row)?.unwrap_or_default()),
        }
        Ok(())
    }

    /// Bytes of a row of a blob column, inflating its block where that is not the one read last.
    fn blob(&mut self, column: &BlobColumn, kept: usize, row: usize) -> Result<&[u8], FormatError> {
        let Self { frame, kept: all, buffers } = self;
        let body: &[u8] = &frame.body;
        let length = column.length(body, row);
        let (Some(raw), Some(kept)) = (buffers.raw.get_mut(kept), all.get_mut(kept).filter(|_| length > 0)) else {
            return Ok(&[]);
        };
        let same = kept.block.as_ref().is_some_and(|block| block.rows.contains(&row));
        if !same {
            let index = column.block_of(body, row);
            let block = column.block(body, index)?;
            kept.block = None;
            kept.in_place = !column.inflate(body, &block, raw)?;
            kept.next = (block.rows.start, 0);
            kept.block = Some(block);
        }
        let Some(block) = &kept.block else { return Ok(&[]) };
        let raw = if kept.in_place { column.stored(body, block) } else { raw };
        let (next_row, next_start) = kept.next;
        let start = match row.checked_sub(next_row) {
            Some(_) => next_start + (next_row..row).map(|before| column.length(body, before)).sum::<usize>(),
            None => column.place(body, block, row).start,
        };
        kept.next = (row + 1, start + length);
        Ok(raw.get(start..start + length).unwrap_or_default())
    }
}

/// Appends group 0 or 1 of a row.
fn put_term_group<T: TermSource + ?Sized>(
    out: &mut Vec<u8>,
    k: usize,
    numbers: &RowNumbers,
    terms: &T,
) -> Result<(), FormatError> {
    if k == 0 {
        let (kind, schema) = (numbers.of(Slot::KIND) as u8, numbers.of(Slot::SCHEMA) as u8);
        if Kind::from_code(kind).is_none() || schema != SCHEMA {
            let why = format!("unknown record kind {kind} in schema {schema}");
            return Err(FormatError::invalid(NAME, "kind", 0, why));
        }
        out.extend_from_slice(&[kind, schema]);
        out.extend_from_slice(&numbers.of(Slot::OCCURRED_AT).to_le_bytes());
    }
    let presence_at = out.len();
    out.push(0);
    let mut presence = 0u8;
    for bit in 0..FIELD_COUNTS[k] {
        let id = FIRST_FIELD[k] + bit;
        let value = numbers.of(Slot(id));
        if value == 0 {
            continue;
        }
        presence |= 1 << bit;
        if CODE_FIELDS >> id & 1 == 1 {
            out.push(value as u8);
            continue;
        }
        let ordinal = value as u32 - 1;
        let before = out.len();
        let found = Field::from_id(id).map(|field| terms.append_term(field, ordinal, out)).transpose()?;
        if found != Some(true) || out.len() == before {
            let why = format!("term {ordinal} of field {id} is void or not in the segment's term pages");
            return Err(FormatError::invalid(NAME, "terms", 0, why));
        }
        // Checked here so that a few bytes of ordinals cannot make gigabytes of records.
        if out.len() > FRAME_BYTES_MAX {
            return Err(FormatError::invalid(NAME, "terms", 0, "more than 1,048,576 bytes of groups"));
        }
    }
    if let Some(place) = out.get_mut(presence_at) {
        *place = presence;
    }
    Ok(())
}

/// A text value of group 2; `None` where it is absent.
fn id_text(bytes: &[u8]) -> Result<Option<TextRef<'_>>, FormatError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::new("frame text", bytes);
    let text = TextRef::take(&mut reader, "text")?;
    reader.end()?;
    Ok(Some(text))
}
