//! Strictness of a whole frame: the values of all columns at once, each known to be in its one encoding.
//!
//! What single rows are read without is decided here ([FRM-4] to [FRM-6], [FRM-9]): that bases and widths are those needed, that
//! no row has a value of a group that it lost, that each row has one payload. Nothing is inflated.

use super::read::{ColumnValues, FrameReader};
use super::text_rows::TextRows;
use super::{NAME, SLOTS, Slot};
use indelible_evidence::FormatError;

/// The values of all columns of one frame; buffers are used again for the next.
#[derive(Debug, Default)]
pub(super) struct ColumnValuesOf {
    /// By slot: codes, times, or ordinals plus one; empty where the frame has no such column.
    numbers: [Vec<i64>; SLOTS],
    /// By column of UUIDs.
    uuids: [Vec<[u8; 16]>; 4],
    /// By slot: its place in `uuids`.
    uuids_at: [Option<u8>; SLOTS],
    /// By slot: rows that have a value.
    present: [u128; SLOTS],
    raw: Vec<u64>,
}

impl ColumnValuesOf {
    /// Reads every column of a frame and checks all that needs no terms.
    pub(super) fn read(&mut self, frame: &FrameReader<'_>, texts: &mut TextRows) -> Result<(), FormatError> {
        self.numbers.iter_mut().for_each(Vec::clear);
        self.uuids.iter_mut().for_each(Vec::clear);
        self.uuids_at = [None; SLOTS];
        self.present = [0; SLOTS];
        let mut next_uuids = 0;
        for column in &frame.columns {
            let at = usize::from(column.slot.0);
            let read = match &column.values {
                ColumnValues::Numbers(numbers) => {
                    let Some(values) = self.numbers.get_mut(at) else { continue };
                    numbers.values(&frame.body, &mut self.raw, values).map(|()| bits_of(values, |&value| value != 0))
                }
                ColumnValues::Ids(ids) => {
                    let Some(values) = self.uuids.get_mut(next_uuids) else { continue };
                    self.uuids_at[at] = Some(next_uuids as u8);
                    next_uuids += 1;
                    ids.values(&frame.body, frame.rows(), &mut self.raw, values)
                }
                ColumnValues::Blobs(blobs) => blobs.check(&frame.body).map(|()| {
                    blobs.lengths(&frame.body, &mut self.raw);
                    bits_of(&self.raw, |&length| length > 0)
                }),
                ColumnValues::Texts => match &frame.texts {
                    Some(column) => texts.read(column, &frame.body),
                    None => Ok(0),
                },
            };
            self.present[at] = read.map_err(|error| error.shifted(column.data.start))?;
        }
        self.check_presence(frame)
    }

    /// Numbers of a slot, one a row; empty where the frame has no such column.
    pub(super) fn numbers(&self, slot: Slot) -> &[i64] {
        self.numbers.get(usize::from(slot.0)).map_or(&[], Vec::as_slice)
    }

    /// The number of a row, 0 where it is absent.
    pub(super) fn number(&self, slot: Slot, row: usize) -> i64 {
        self.numbers(slot).get(row).copied().unwrap_or(0)
    }

    /// UUIDs of a slot, one a row, and the rows that have one.
    pub(super) fn uuids(&self, slot: Slot) -> Option<(&[[u8; 16]], u128)> {
        let at = usize::from(slot.0);
        let uuids = self.uuids.get(usize::from(self.uuids_at.get(at).copied()??))?;
        Some((uuids, self.present.get(at).copied().unwrap_or(0)))
    }

    /// Whether a row has a value in a slot.
    pub(super) fn has(&self, slot: Slot, row: usize) -> bool {
        self.present.get(usize::from(slot.0)).is_some_and(|bits| bits >> row & 1 == 1)
    }

    /// Checks that no row has a value of a group that it lost, and each other one has its payload once ([FRM-9]).
    fn check_presence(&self, frame: &FrameReader<'_>) -> Result<(), FormatError> {
        let present = |slot: Slot| self.present.get(usize::from(slot.0)).copied().unwrap_or(0);
        let lost = [0, 1, 2, 3].map(|k| rows_of(frame, frame.removed_positions(k)));
        for column in &frame.columns {
            let Some(group) = column.slot.group() else { continue };
            let both = present(column.slot) & lost.get(usize::from(group)).copied().unwrap_or(0);
            // A row has its group 0: envelope columns are never asked.
            if both != 0 {
                let position = frame.position_of_row(both.trailing_zeros() as usize).unwrap_or(0);
                let why = format!("position {position} has a value of group {group}, which it lost");
                return Err(FormatError::invalid(NAME, "columns", column.data.start, why));
            }
        }
        let every = u128::MAX.checked_shr(128u32.saturating_sub(frame.rows() as u32)).unwrap_or(0);
        let wrong = !(present(Slot::PAYLOAD) ^ present(Slot::TEXTS)) & every & !lost[3];
        if wrong != 0 {
            let position = frame.position_of_row(wrong.trailing_zeros() as usize).unwrap_or(0);
            let why = format!("position {position} has no payload and did not lose it, or has it twice");
            return Err(FormatError::invalid(NAME, "columns", 0, why));
        }
        Ok(())
    }
}

impl FrameReader<'_> {
    /// Checks what opening and access to single rows do not: that every column is what its values encode to, and that no
    /// row has a value of a group that it lost ([FRM-4] to [FRM-6], [FRM-9]). Inflates nothing: what the blocks hold is checked
    /// when records are rebuilt.
    pub fn check(&self) -> Result<(), FormatError> {
        ColumnValuesOf::default().read(self, &mut TextRows::default())
    }
}

fn bits_of<T>(values: &[T], has: impl Fn(&T) -> bool) -> u128 {
    values.iter().take(128).enumerate().fold(0, |bits, (row, value)| bits | u128::from(has(value)) << row)
}

/// The rows of positions.
fn rows_of(frame: &FrameReader<'_>, positions: u128) -> u128 {
    let mut rows = 0;
    let mut left = positions & frame.kept;
    while left != 0 {
        if let Some(row) = frame.row_of_position(left.trailing_zeros()) {
            rows |= 1 << row;
        }
        left &= left - 1;
    }
    rows
}
