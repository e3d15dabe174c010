//! What is left of a frame after a removal: its columns cut to the rows and groups that stay, ordinals as they were.
//!
//! ```text
//! FrameReader + removal -> every record rebuilt and hashed (the frame is verified) -> roots, stubs, salts of what goes
//!                       -> columns cut row by row, no text rebuilt                -> payload of the new generation's block
//! removal of all records -> the descriptor, nothing is read or hashed
//! ```
//!
//! Invariants: the payload is the one that [`FrameEncoder::encode`] writes from the records that are left with the same ordinals,
//! whatever the order in which parts were taken away; ordinals stay those of the segment, so its other frames need no change.
//! Not here: what may be removed (retention), the term pages (`segment::TermUse`). Specified in `format-spec/05-frame.md`.

use super::read::ColumnValues;
use super::{FrameEncoder, FrameOptions, FrameReader, FrameRows, Shape, Slot, encode_expired};
use crate::segment::{TermSource, TermUse};
use indelible_evidence::FormatError;
use indelible_evidence::commit::{Committer, Removal, Salts};
use indelible_evidence::record::GROUPS;
use indelible_evidence::schema::Field;

const NAME: &str = "frame";

/// Takes parts away from frames, one frame after the other, with buffers that are used again.
#[derive(Debug)]
pub struct FramePruner {
    committer: Committer,
    encoder: FrameEncoder,
    rows: FrameRows,
}

impl FramePruner {
    /// A pruner; `options` say how what is left is compressed.
    pub fn new(options: FrameOptions) -> Self {
        Self { committer: Committer::new(), encoder: FrameEncoder::new(options), rows: FrameRows::new() }
    }

    /// The payload of `frame` without `removal`; what was removed before stays removed.
    ///
    /// The frame is verified against its descriptor first, because a root that is kept in place of records must not be that of
    /// something else. Where everything goes nothing is kept of the records, and nothing is read.
    ///
    /// # Errors
    /// As [`indelible_evidence::commit::prune`], and where a record cannot be rebuilt.
    pub fn prune<T: TermSource + ?Sized>(
        &mut self,
        frame: &FrameReader<'_>,
        removal: &Removal,
        terms: &T,
    ) -> Result<Vec<u8>, FormatError> {
        let descriptor = frame.descriptor();
        let [gone, ..] = removal.with(descriptor, frame.salts())?;
        if gone == descriptor.all_positions() {
            return encode_expired(descriptor);
        }
        let salts = self.salts_after(frame, removal, terms)?;
        self.encoder.encode_left(frame, &salts)
    }

    /// Verifies the frame and gives what opens it once `removal` is taken away.
    fn salts_after<T: TermSource + ?Sized>(
        &mut self,
        frame: &FrameReader<'_>,
        removal: &Removal,
        terms: &T,
    ) -> Result<Salts, FormatError> {
        self.rows.read(frame, terms)?;
        let records = self.rows.by_position(frame);
        self.committer.prune(frame.descriptor(), frame.salts(), &records, removal)
    }
}

/// A row that stays: which it was, and whether it has lost each group.
#[derive(Debug, Clone, Copy)]
struct LeftRow {
    row: usize,
    lost: [bool; GROUPS],
}

impl FrameEncoder {
    /// The payload of what is left of `frame` once `salts` open it: every column without the rows and groups that these say are
    /// gone. Nothing is hashed, so `salts` must come from [`Committer::prune`] of the same frame.
    ///
    /// # Errors
    /// Where `salts` are not of one form, or keep what the frame does not have any more.
    pub fn encode_left(&mut self, frame: &FrameReader<'_>, salts: &Salts) -> Result<Vec<u8>, FormatError> {
        let descriptor = frame.descriptor();
        salts.check(&descriptor.classes)?;
        let removed: [u128; GROUPS] = std::array::from_fn(|k| salts.removed_positions(descriptor, k));
        if (0..GROUPS).any(|k| frame.removed_positions(k) & !removed.get(k).copied().unwrap_or(0) != 0) {
            return Err(FormatError::invalid(NAME, "salts", 0, "they keep what was removed before"));
        }
        let left = |row: usize| {
            let position = frame.position_of_row(row)?;
            let lost = removed.map(|positions| positions >> position & 1 == 1);
            let [is_removed, ..] = lost;
            (!is_removed).then_some(LeftRow { row, lost })
        };
        let rows: Vec<LeftRow> = (0..frame.rows()).filter_map(left).collect();
        self.take_numbers(frame, &rows)?;
        self.texts.clear();
        if let Some(texts) = &frame.texts {
            let kept = rows.iter().map(|left| (!lost(left, 3)).then_some(left.row));
            self.texts.take_left(texts, &frame.body, kept)?;
        }
        let (bytes, ends) = blobs_of(frame, &rows)?;
        let [a, b, c, d, payloads] = slices_of(&bytes, &ends);
        let columns = self.put_columns(rows.len(), &[a, b, c, d], &payloads);
        Ok(self.payload(descriptor, salts, columns))
    }

    /// Cuts the columns of codes, terms and times.
    fn take_numbers(&mut self, frame: &FrameReader<'_>, rows: &[LeftRow]) -> Result<(), FormatError> {
        for slot in Slot::all() {
            if !matches!(slot.shape(), Some(Shape::Codes | Shape::Terms | Shape::Times)) {
                continue;
            }
            let Some(values) = self.numbers.get_mut(usize::from(slot.0)) else { continue };
            let Some(ColumnValues::Numbers(column)) = frame.column(slot).map(|column| column.values) else {
                values.fill(0);
                continue;
            };
            let group = slot.group().map_or(0, usize::from);
            for (place, left) in values.iter_mut().zip(rows) {
                *place = if lost(left, group) { 0 } else { column.get(&frame.body, left.row)? };
            }
        }
        Ok(())
    }
}

fn lost(left: &LeftRow, group: usize) -> bool {
    left.lost.get(group).copied().unwrap_or(true)
}

/// Values of the four fields of group 2 and of the payload column by row, one after the other, and where each ends.
fn blobs_of(frame: &FrameReader<'_>, rows: &[LeftRow]) -> Result<(Vec<u8>, [Vec<usize>; 5]), FormatError> {
    let (mut bytes, mut ends) = (Vec::new(), [const { Vec::new() }; 5]);
    let mut cursor = frame.cursor();
    // Field by field: a block of a column is inflated once.
    for (number, ends) in (0u8..).zip(&mut ends) {
        for left in rows {
            if number < 4 && !lost(left, 2) {
                cursor.put_id(&mut bytes, number, left.row)?;
            } else if number == 4 && !lost(left, 3) {
                bytes.extend_from_slice(cursor.payload(left.row)?);
            }
            ends.push(bytes.len());
        }
    }
    Ok((bytes, ends))
}

fn slices_of<'b>(bytes: &'b [u8], ends: &[Vec<usize>; 5]) -> [Vec<&'b [u8]>; 5] {
    let mut start = 0;
    ends.each_ref().map(|ends| {
        let slice = |&end: &usize| {
            let value = bytes.get(start..end).unwrap_or_default();
            start = end;
            value
        };
        ends.iter().map(slice).collect()
    })
}

impl FrameReader<'_> {
    /// Adds every term that the frame's rows name to `used`, without reading any record.
    ///
    /// # Errors
    /// Where the frame names a term that the segment does not have.
    pub fn mark_terms(&self, used: &mut TermUse) -> Result<(), FormatError> {
        let mut unknown = None;
        let mut mark = |field: Field, ordinal: u64| {
            if !u32::try_from(ordinal).is_ok_and(|ordinal| used.add(field, ordinal)) {
                unknown = Some((field, ordinal));
            }
        };
        for column in &self.columns {
            let (Some(field), ColumnValues::Numbers(numbers)) = (Field::from_id(column.slot.0), &column.values) else {
                continue;
            };
            if column.slot.shape() == Some(Shape::Terms) {
                // Terms are stored as ordinal + 1, 0 where the row has none.
                numbers.iter(&self.body).filter(|&value| value > 0).for_each(|value| mark(field, value as u64 - 1));
            }
        }
        if let Some(texts) = &self.texts {
            texts.each_term(&self.body, |ordinal| mark(Field::METADATA, ordinal));
        }
        match unknown {
            None => Ok(()),
            Some((field, ordinal)) => {
                let why = format!("term {ordinal} of {} is not in the segment's term pages", field.name());
                Err(FormatError::invalid(NAME, "terms", 0, why))
            }
        }
    }
}
