//! Reads frames: columns in place, without inflating anything until a text or payload is asked for.
//!
//! Opening checks the descriptor, the salts part and every column's sizes; values are checked when they are read, and all
//! of them at once by [`FrameReader::check`].

use std::borrow::Cow;

use super::blobs::BlobColumn;
use super::columns::NumberColumn;
use super::cursor::{FrameCursor, RowBuffers};
use super::ids::{IdColumn, IdText};
use super::rows::FrameRows;
use super::seal::read_descriptor;
use super::texts::TextColumn;
use super::{NAME, SLOTS, Shape, Slot, VERSION, salts};
use crate::aead::{self, AssociatedData, DataKey};
use crate::layout;
use crate::segment::TermSource;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::{RecordRef, Salts};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::{Groups, Record};
use indelible_evidence::schema::Field;

/// A frame whose columns are read in place. Rows count records whose group 0 is kept; positions count all.
#[derive(Debug, Clone)]
pub struct FrameReader<'a> {
    pub(super) descriptor: Descriptor,
    pub(super) salts: Salts,
    pub(super) body: Cow<'a, [u8]>,
    /// Positions that have lost group k.
    pub(super) removed: [u128; 4],
    pub(super) kept: u128,
    pub(super) columns: Vec<ColumnAt>,
    /// The column of slot `TEXTS`.
    pub(super) texts: Option<Box<TextColumn>>,
    by_slot: [u8; SLOTS],
}

/// A column by place in the body.
#[derive(Debug, Clone)]
pub(super) struct ColumnAt {
    pub(super) slot: Slot,
    pub(super) data: std::ops::Range<usize>,
    pub(super) values: ColumnValues,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum ColumnValues {
    Numbers(NumberColumn),
    Ids(IdColumn),
    Blobs(BlobColumn),
    /// Those of `FrameReader::texts`.
    Texts,
}

const NO_COLUMN: u8 = u8::MAX;

/// Codes, times and term ordinals plus one of a row, by slot; 0 where it has none.
pub(super) struct RowNumbers([i64; SLOTS]);

impl RowNumbers {
    pub(super) fn of(&self, slot: Slot) -> i64 {
        self.0.get(usize::from(slot.0)).copied().unwrap_or(0)
    }
}

impl<'a> FrameReader<'a> {
    /// Opens the payload of a frame block, whose checksum was checked, of a log that is not encrypted.
    pub fn open(payload: &'a [u8]) -> Result<Self, FormatError> {
        let (descriptor, body) = read_descriptor(payload)?;
        let at = payload.len() - body.len();
        Self::over(descriptor, Cow::Borrowed(body)).map_err(|error| error.shifted(at))
    }

    /// Opens the payload of a frame block of an encrypted log ([ENC-1]).
    pub fn open_sealed(
        payload: &[u8],
        key: &DataKey,
        segment_id: u64,
        generation: u32,
    ) -> Result<FrameReader<'static>, FormatError> {
        let (descriptor, sealed) = read_descriptor(payload)?;
        let ad = AssociatedData::frame(&descriptor, segment_id, generation);
        let at = payload.len() - sealed.len();
        let body = aead::open(key, &ad, sealed).map_err(|error| error.shifted(at))?;
        FrameReader::over(descriptor, Cow::Owned(body))
    }

    /// The same frame with a copy of its bytes.
    pub fn into_owned(self) -> FrameReader<'static> {
        FrameReader {
            descriptor: self.descriptor,
            salts: self.salts,
            body: Cow::Owned(self.body.into_owned()),
            removed: self.removed,
            kept: self.kept,
            columns: self.columns,
            texts: self.texts,
            by_slot: self.by_slot,
        }
    }

    fn over(descriptor: Descriptor, body: Cow<'a, [u8]>) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, &body);
        let version = reader.u8("version")?;
        if version != VERSION {
            return Err(reader.invalid("version", 0, format!("unknown frame version {version}")));
        }
        let state = reader.u8("state")?;
        let count = usize::from(reader.u16("columns")?);
        let salts_length = reader.u32("salts_length")? as usize;
        let at = reader.offset();
        let salts_part = reader.take("salts", salts_length)?;
        let salts = salts::take_salts(state, salts_part, &descriptor).map_err(|error| error.shifted(at))?;
        let removed = [0, 1, 2, 3].map(|k| salts.removed_positions(&descriptor, k));
        let kept = descriptor.all_positions() & !removed[0];
        let (columns, by_slot, texts) = take_columns(&mut reader, &body, count, kept.count_ones() as usize)?;
        Ok(Self { descriptor, salts, removed, kept, columns, texts, by_slot, body })
    }

    /// The descriptor.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What opens the frame's commitments.
    pub fn salts(&self) -> &Salts {
        &self.salts
    }

    /// About how many bytes of memory it takes where its body is its own.
    pub fn memory(&self) -> usize {
        self.body.len() + self.columns.len() * size_of::<ColumnAt>() + size_of::<Self>() + 1_024
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.kept.count_ones() as usize
    }

    /// Bitmap of the positions that have lost group `k` (0: the record is removed).
    pub fn removed_positions(&self, k: usize) -> u128 {
        self.removed.get(k).copied().unwrap_or(0)
    }

    /// Bitmap of the stub rows: positions whose group 0 is kept as evidence while groups 1 to 3 are removed. They are gone for
    /// queries, counts and the index.
    pub fn stub_positions(&self) -> u128 {
        let [_, identity, correlation, payload] = self.removed;
        self.kept & identity & correlation & payload
    }

    /// Bitmap of the positions that have a row which is no stub: what queries, counts and the index see.
    pub fn live_positions(&self) -> u128 {
        self.kept & !self.stub_positions()
    }

    /// Row of a position whose record is still there for queries; `None` where it is removed or a stub row.
    pub fn live_row_of_position(&self, position: u32) -> Option<usize> {
        let row = self.row_of_position(position)?;
        (self.live_positions() >> position & 1 == 1).then_some(row)
    }

    /// Position of a row; `None` past the last.
    pub fn position_of_row(&self, row: usize) -> Option<u32> {
        if self.kept & self.kept.wrapping_add(1) == 0 {
            // Nothing is removed before a kept record, so rows are positions.
            return (row < self.rows()).then_some(row as u32);
        }
        let mut left = self.kept;
        for _ in 0..row.min(128) {
            left &= left.wrapping_sub(1);
        }
        (left != 0).then(|| left.trailing_zeros())
    }

    /// Row of a position; `None` where its record is removed or the frame ends before it.
    pub fn row_of_position(&self, position: u32) -> Option<usize> {
        let bit = 1u128.checked_shl(position)?;
        (self.kept & bit != 0).then(|| (self.kept & (bit - 1)).count_ones() as usize)
    }

    /// Seq of a row.
    pub fn seq(&self, row: usize) -> Option<u64> {
        Some(self.descriptor.first_seq + u64::from(self.position_of_row(row)?))
    }

    /// When the log took the record, ns since 1970.
    pub fn recorded_at(&self, row: usize) -> Result<i64, FormatError> {
        self.number(Slot::RECORDED_AT, row)
    }

    /// Time the caller claims, ns since 1970.
    pub fn occurred_at(&self, row: usize) -> Result<i64, FormatError> {
        self.number(Slot::OCCURRED_AT, row)
    }

    /// Least and largest occurred-at, then recorded-at, ns, of the rows that queries see; `None` where there are none. Reads the
    /// two columns of times and nothing else; `raw` is scratch.
    pub fn time_bounds(&self, raw: &mut Vec<u64>) -> Result<Option<[(i64, i64); 2]>, FormatError> {
        let live = self.live_positions();
        if live == 0 {
            return Ok(None);
        }
        let rows = if live == self.kept {
            u128::MAX.checked_shr(128u32.saturating_sub(self.kept.count_ones())).unwrap_or(0)
        } else {
            let positions = (0..128).filter(|position| live >> position & 1 == 1);
            positions.filter_map(|position| self.row_of_position(position)).fold(0, |rows, row| rows | 1 << row)
        };
        let mut bounds = |slot| match self.column(slot).map(|column| column.values) {
            Some(ColumnValues::Numbers(column)) => column.bounds(&self.body, rows, raw),
            _ => Ok((0, 0)),
        };
        Ok(Some([bounds(Slot::OCCURRED_AT)?, bounds(Slot::RECORDED_AT)?]))
    }

    /// Code of the record's kind.
    pub fn kind(&self, row: usize) -> Result<u8, FormatError> {
        self.number(Slot::KIND, row).map(|code| code as u8)
    }

    /// Record schema.
    pub fn schema(&self, row: usize) -> Result<u8, FormatError> {
        self.number(Slot::SCHEMA, row).map(|schema| schema as u8)
    }

    /// Value of a code field (or `Field::KIND`); 0 where it is absent or the field is no code.
    pub fn code(&self, row: usize, field: Field) -> Result<u8, FormatError> {
        match Slot::of(field).shape() {
            Some(Shape::Codes) => self.number(Slot::of(field), row).map(|code| code as u8),
            _ => Ok(0),
        }
    }

    /// Ordinal of a term field's value; `None` where it is absent or the field has no terms.
    pub fn term_ordinal(&self, row: usize, field: Field) -> Result<Option<u32>, FormatError> {
        match Slot::of(field).shape() {
            Some(Shape::Terms) => Ok((self.number(Slot::of(field), row)? as u32).checked_sub(1)),
            _ => Ok(None),
        }
    }

    /// Value of a field of group 2; `None` where it is absent or the field is in another group. UUIDs are read in place,
    /// texts inflate one block: use a [`FrameCursor`] for many rows.
    pub fn text2(&self, row: usize, field: Field) -> Result<Option<IdText<'_>>, FormatError> {
        if let Some(ColumnValues::Ids(column)) = self.column(Slot::of(field)).map(|column| column.values) {
            return Ok(column.get(&self.body, row)?.map(IdText::Uuid));
        }
        let mut cursor = self.cursor();
        Ok(match cursor.text2(row, field)? {
            Some(IdText::Text(text)) => Some(IdText::Text(Cow::Owned(text.into_owned()))),
            Some(IdText::Uuid(uuid)) => Some(IdText::Uuid(uuid)),
            None => None,
        })
    }

    /// The whole record, its groups as they were committed. Inflates up to one block a blob column.
    pub fn record(&self, row: usize, terms: &dyn TermSource) -> Result<Record, FormatError> {
        self.cursor().record(row, terms)
    }

    /// Every record by position, `None` where removed. Checks the whole frame ([`FrameReader::check`]) and inflates every
    /// block once.
    pub fn all_records(&self, terms: &dyn TermSource) -> Result<Vec<Option<Record>>, FormatError> {
        let mut rows = FrameRows::new();
        rows.read(self, terms)?;
        let owned = |record: RecordRef<'_>| Record {
            seq: record.seq,
            recorded_at: record.recorded_at,
            class: record.class,
            groups: Groups::from_slices(record.groups),
        };
        Ok(rows.by_position(self).into_iter().map(|record| record.map(owned)).collect())
    }

    /// Reads rows one after the other, keeping the blocks that were inflated last.
    pub fn cursor(&self) -> FrameCursor<'_> {
        self.cursor_with(RowBuffers::default())
    }

    /// The same with the buffers of a cursor that is done ([`FrameCursor::into_buffers`]).
    pub fn cursor_with(&self, buffers: RowBuffers) -> FrameCursor<'_> {
        FrameCursor::new(self, buffers)
    }

    /// Name and bytes of every column, in their order: the field's name, or that of one of the frame's own columns.
    pub fn column_sizes(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.columns.iter().map(|column| (column.slot.name(), column.data.len() + layout::COLUMN_ENTRY.size()))
    }

    pub(super) fn column(&self, slot: Slot) -> Option<&ColumnAt> {
        self.columns.get(usize::from(*self.by_slot.get(usize::from(slot.0))?))
    }

    /// All numbers of a row: what lies far away is waited for together.
    pub(super) fn numbers(&self, row: usize) -> Result<RowNumbers, FormatError> {
        let mut numbers = RowNumbers([0; SLOTS]);
        for column in &self.columns {
            if let (ColumnValues::Numbers(values), Some(place)) =
                (&column.values, numbers.0.get_mut(usize::from(column.slot.0)))
            {
                *place = values.get(&self.body, row)?;
            }
        }
        Ok(numbers)
    }

    pub(super) fn number(&self, slot: Slot, row: usize) -> Result<i64, FormatError> {
        match self.column(slot).map(|column| &column.values) {
            Some(ColumnValues::Numbers(column)) => column.get(&self.body, row),
            _ => Ok(0),
        }
    }
}

/// The columns of a body: where each lies, the slot of each field, and the metadata column where there is one.
type OpenedColumns = (Vec<ColumnAt>, [u8; SLOTS], Option<Box<TextColumn>>);

/// Reads the directory and opens every column ([FRM-4]).
fn take_columns(reader: &mut Reader<'_>, body: &[u8], count: usize, rows: usize) -> Result<OpenedColumns, FormatError> {
    let mut texts = None;
    let mut columns: Vec<ColumnAt> = Vec::with_capacity(count.min(SLOTS));
    let mut by_slot = [NO_COLUMN; SLOTS];
    let directory = reader.offset();
    let mut at = directory + count * layout::COLUMN_ENTRY.size();
    for _ in 0..count {
        let start = reader.offset();
        let (code, encoding) = (reader.u8("field")?, reader.u8("encoding")?);
        reader.zeros("reserved", 2)?;
        let length = reader.u32("length")? as usize;
        let found = Slot::from_code(code).and_then(|slot| slot.shape().map(|shape| (slot, shape)));
        let Some((slot, shape)) = found.filter(|(_, shape)| rows > 0 && shape.allows(encoding)) else {
            let why = format!("no column of field {code:#x} in encoding {encoding} in a frame of {rows} rows");
            return Err(reader.invalid("field", start, why));
        };
        if columns.last().is_some_and(|last| last.slot >= slot) {
            return Err(reader.invalid("field", start, "columns do not ascend by field"));
        }
        let data = at..at.saturating_add(length);
        let Some(bytes) = body.get(data.clone()) else {
            return Err(reader.invalid("length", start + 4, format!("{length} bytes, the body ends before")));
        };
        let values = match (shape, encoding) {
            (Shape::Payload, _) | (Shape::Ids, 6) => BlobColumn::open(bytes, at, rows).map(ColumnValues::Blobs),
            (Shape::Texts, _) => TextColumn::open(bytes, at, rows).map(|column| {
                texts = Some(Box::new(column));
                ColumnValues::Texts
            }),
            (Shape::Ids, _) => IdColumn::open(bytes, at, rows, encoding).map(ColumnValues::Ids),
            _ => NumberColumn::open(bytes, at, rows, shape).map(ColumnValues::Numbers),
        };
        let values = values.map_err(|error| error.shifted(at))?;
        if let Some(place) = by_slot.get_mut(usize::from(slot.0)) {
            *place = columns.len() as u8;
        }
        at = data.end;
        columns.push(ColumnAt { slot, data, values });
    }
    if at != body.len() {
        return Err(reader.invalid("columns", 2, format!("columns end at byte {at}, the body at {}", body.len())));
    }
    let missing = Slot::all().find(|slot| {
        let has = by_slot.get(usize::from(slot.0)).is_some_and(|&place| place != NO_COLUMN);
        rows > 0 && slot.is_mandatory() && !has
    });
    match missing {
        Some(slot) => Err(reader.invalid("columns", 2, format!("field {:#x} has no column", slot.code()))),
        None => Ok((columns, by_slot, texts)),
    }
}
