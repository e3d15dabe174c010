//! Entries of a footer: where frames, term pages, runs and lookups are.

use crate::layout;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::schema::Field;

/// Where a frame is, and what selects it without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameEntry {
    /// Offset of the block header in the file.
    pub offset: u64,
    /// Bytes of header and payload.
    pub length: u32,
    /// Ordinal of position 0.
    pub first_ordinal: u32,
    /// Earliest occurred-at of its rows, ns; 0 where it has none.
    pub occurred_min: i64,
    /// Latest occurred-at of its rows, ns; 0 where it has none.
    pub occurred_max: i64,
    /// Recorded-at of the first record whose recorded-at is known, ns; 0 where none is.
    pub recorded_first: i64,
    /// Leaf of the log tree.
    pub leaf_hash: Hash,
}

/// Where terms of one field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageEntry {
    /// Offset of the block header in the file.
    pub offset: u64,
    /// Bytes of header and payload.
    pub length: u32,
    /// Ordinal of the field's first term in the page.
    pub first: u32,
    /// Terms of the field in the page.
    pub count: u32,
    /// The field.
    pub field: Field,
}

/// Where a run or a lookup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEntry {
    /// Offset of the block header in the file.
    pub offset: u64,
    /// Bytes of header and payload.
    pub length: u32,
    /// Run: ordinal of its first record; lookup: field id.
    pub number: u32,
}

impl FrameEntry {
    pub(super) const SIZE: usize = layout::FRAME_ENTRY.size();

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.first_ordinal.to_le_bytes());
        for time in [self.occurred_min, self.occurred_max, self.recorded_first] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.extend_from_slice(&self.leaf_hash);
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            offset: reader.u64("frame offset")?,
            length: reader.u32("frame length")?,
            first_ordinal: reader.u32("first_ordinal")?,
            occurred_min: reader.i64("occurred_min")?,
            occurred_max: reader.i64("occurred_max")?,
            recorded_first: reader.i64("recorded_first")?,
            leaf_hash: reader.array("leaf_hash")?,
        })
    }
}

impl PageEntry {
    pub(super) const SIZE: usize = layout::PAGE_ENTRY.size();

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        for value in [self.length, self.first, self.count] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&[self.field.id(), 0, 0, 0]);
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let start = reader.offset();
        let (offset, length) = (reader.u64("page offset")?, reader.u32("page length")?);
        let (first, count) = (reader.u32("first")?, reader.u32("count")?);
        let id = reader.u8("field")?;
        reader.zeros("reserved", 3)?;
        let Some(field) = Field::from_id(id).filter(|field| field.has_pages()) else {
            return Err(reader.invalid("field", start + 20, format!("field {id} has no terms")));
        };
        Ok(Self { offset, length, first, count, field })
    }
}

impl BlockEntry {
    pub(super) const SIZE: usize = layout::BLOCK_ENTRY.size();

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(Self { offset: reader.u64("offset")?, length: reader.u32("length")?, number: reader.u32("number")? })
    }
}
