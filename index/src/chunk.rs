//! The keys of one frame's records in memory: what a run is built from, and what is scanned until there is one.
//!
//! ```text
//! keys      column-major: slot 0 of all positions, slot 1 of all positions, ...   u32 each
//! occurred, recorded     i64 ns each
//! present   bit p set: position p has a row (others hold zeros and are never looked at)
//! ```
//!
//! Built once per frame, then immutable and shared (`Arc`) between the writer, snapshots and [`crate::build_run`].

use crate::columns::{COLUMN_COUNT, COLUMNS, column_of};
use crate::{IndexError, Zone};

/// Most positions in a chunk: those of one frame.
pub const CHUNK_ROWS_MAX: usize = 128;

/// The keys and times of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowKeys {
    /// One key per column, by slot of [`COLUMNS`]; 0 is absent.
    pub keys: [u32; COLUMN_COUNT],
    /// Occurred-at, ns.
    pub occurred: i64,
    /// Recorded-at, ns.
    pub recorded: i64,
}

impl RowKeys {
    /// Sets the key of a field: term ordinal + 1, code, or fingerprint; 0 for absent.
    ///
    /// # Errors
    /// [`IndexError::UnknownField`] where the field is not indexed.
    pub fn set(&mut self, field: u8, key: u32) -> Result<(), IndexError> {
        let (slot, _) = column_of(field)?;
        if let Some(place) = self.keys.get_mut(slot) {
            *place = key;
        }
        Ok(())
    }

    /// Refuses keys that a run could not hold.
    fn check(&self) -> Result<(), IndexError> {
        for (column, key) in COLUMNS.iter().zip(self.keys) {
            if u64::from(key) >> column.kind.bits() != 0 {
                return Err(IndexError::KeyRange { field: column.field, key });
            }
        }
        Ok(())
    }
}

/// The keys of up to 128 consecutive records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChunk {
    first_ordinal: u32,
    len: usize,
    keys: Box<[u32]>,
    occurred: Box<[i64]>,
    recorded: Box<[i64]>,
    present: u128,
    zone: Zone,
}

impl KeyChunk {
    /// A chunk whose positions all have a row, from columns: keys by slot of [`COLUMNS`], each as long as the times.
    ///
    /// # Errors
    /// [`IndexError::Empty`], [`IndexError::TooMany`] and [`IndexError::KeyRange`] as for rows added one by one;
    /// [`IndexError::Empty`] too where the columns are of different lengths.
    pub fn from_columns(
        first_ordinal: u32,
        keys: Vec<u32>,
        occurred: Vec<i64>,
        recorded: Vec<i64>,
    ) -> Result<Self, IndexError> {
        let len = occurred.len();
        if len == 0 || recorded.len() != len || keys.len() != len * COLUMN_COUNT {
            return Err(IndexError::Empty { what: "key chunk" });
        }
        if len > CHUNK_ROWS_MAX || u64::from(first_ordinal) + len as u64 > u64::from(u32::MAX) {
            return Err(IndexError::TooMany { what: "key chunk", found: len as u64, max: CHUNK_ROWS_MAX as u64 });
        }
        for (column, keys) in COLUMNS.iter().zip(keys.chunks_exact(len)) {
            let largest = keys.iter().copied().max().unwrap_or(0);
            if u64::from(largest) >> column.kind.bits() != 0 {
                return Err(IndexError::KeyRange { field: column.field, key: largest });
            }
        }
        let bounds =
            |times: &[i64]| times.iter().fold((i64::MAX, i64::MIN), |(min, max), &time| (min.min(time), max.max(time)));
        let ((occurred_min, occurred_max), (recorded_first, recorded_last)) = (bounds(&occurred), bounds(&recorded));
        let count = len as u32;
        let zone =
            Zone { first: 0, positions: count, rows: count, occurred_min, occurred_max, recorded_first, recorded_last };
        Ok(Self {
            first_ordinal,
            len,
            keys: keys.into_boxed_slice(),
            occurred: occurred.into_boxed_slice(),
            recorded: recorded.into_boxed_slice(),
            present: u128::MAX >> (CHUNK_ROWS_MAX - len),
            zone,
        })
    }

    /// Ordinal in the segment of position 0.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        self.first_ordinal
    }

    /// Positions, with or without a row.
    #[must_use]
    pub fn positions(&self) -> u32 {
        self.len as u32
    }

    /// Positions that have a row, as bits.
    #[must_use]
    pub fn present(&self) -> u128 {
        self.present
    }

    /// Rows among the positions.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.present.count_ones()
    }

    /// Keys of the column in `slot`, one a position; empty for a slot that does not exist.
    #[must_use]
    pub fn column(&self, slot: usize) -> &[u32] {
        self.keys.chunks_exact(self.len).nth(slot).unwrap_or(&[])
    }

    /// Occurred-at of every position, ns.
    #[must_use]
    pub fn occurred(&self) -> &[i64] {
        &self.occurred
    }

    /// Recorded-at of every position, ns.
    #[must_use]
    pub fn recorded(&self) -> &[i64] {
        &self.recorded
    }

    /// Times of the rows; `first` is 0 and is set by whoever places the chunk.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }
}

/// Collects the rows of one frame in order.
#[derive(Debug, Clone)]
pub struct KeyChunkBuilder {
    first_ordinal: u32,
    rows: Vec<RowKeys>,
    present: u128,
}

impl KeyChunkBuilder {
    /// A builder whose first position has this ordinal in the segment.
    #[must_use]
    pub fn new(first_ordinal: u32) -> Self {
        Self { first_ordinal, rows: Vec::with_capacity(CHUNK_ROWS_MAX), present: 0 }
    }

    /// Adds the next position with its keys.
    ///
    /// # Errors
    /// [`IndexError::TooMany`] where the chunk is full, [`IndexError::KeyRange`] for a code or fingerprint too large.
    pub fn push_row(&mut self, row: &RowKeys) -> Result<(), IndexError> {
        row.check()?;
        let position = self.next_position()?;
        self.rows.push(*row);
        self.present |= 1 << position;
        Ok(())
    }

    /// Adds the next position without a row: its record was removed.
    ///
    /// # Errors
    /// [`IndexError::TooMany`] where the chunk is full.
    pub fn push_missing(&mut self) -> Result<(), IndexError> {
        self.next_position()?;
        self.rows.push(RowKeys::default());
        Ok(())
    }

    fn next_position(&self) -> Result<usize, IndexError> {
        let position = self.rows.len();
        let ordinal = u64::from(self.first_ordinal) + position as u64;
        if position >= CHUNK_ROWS_MAX || ordinal >= u64::from(u32::MAX) {
            return Err(IndexError::TooMany {
                what: "key chunk",
                found: position as u64 + 1,
                max: CHUNK_ROWS_MAX as u64,
            });
        }
        Ok(position)
    }

    /// The chunk, column by column.
    ///
    /// # Errors
    /// [`IndexError::Empty`] where no position was added.
    pub fn finish(self) -> Result<KeyChunk, IndexError> {
        let len = self.rows.len();
        if len == 0 {
            return Err(IndexError::Empty { what: "key chunk" });
        }
        let mut keys = vec![0; len * COLUMN_COUNT].into_boxed_slice();
        for (slot, column) in keys.chunks_exact_mut(len).enumerate() {
            for (place, row) in column.iter_mut().zip(&self.rows) {
                *place = row.keys.get(slot).copied().unwrap_or(0);
            }
        }
        Ok(KeyChunk {
            first_ordinal: self.first_ordinal,
            len,
            keys,
            occurred: self.rows.iter().map(|row| row.occurred).collect(),
            recorded: self.rows.iter().map(|row| row.recorded).collect(),
            present: self.present,
            zone: zone_of(&self.rows, self.present),
        })
    }
}

/// Times over the rows that are present.
fn zone_of(rows: &[RowKeys], present: u128) -> Zone {
    let mut zone = Zone {
        first: 0,
        positions: rows.len() as u32,
        rows: present.count_ones(),
        occurred_min: 0,
        occurred_max: 0,
        recorded_first: 0,
        recorded_last: 0,
    };
    let there = || rows.iter().enumerate().filter(|(position, _)| present >> position & 1 == 1).map(|(_, row)| row);
    if zone.rows > 0 {
        zone.occurred_min = there().map(|row| row.occurred).min().unwrap_or(0);
        zone.occurred_max = there().map(|row| row.occurred).max().unwrap_or(0);
        zone.recorded_first = there().map(|row| row.recorded).min().unwrap_or(0);
        zone.recorded_last = there().map(|row| row.recorded).max().unwrap_or(0);
    }
    zone
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with keys that differ by row and column, within every column's range.
    fn rows(count: u32) -> Vec<RowKeys> {
        let row = |n: u32| RowKeys {
            keys: std::array::from_fn(|slot| (n * 7 + slot as u32) % 200),
            occurred: i64::from(n) * 5 - 40,
            recorded: i64::from(n / 2),
        };
        (0..count).map(row).collect()
    }

    fn columns(rows: &[RowKeys]) -> (Vec<u32>, Vec<i64>, Vec<i64>) {
        let keys = (0..COLUMN_COUNT).flat_map(|slot| rows.iter().map(move |row| row.keys[slot])).collect();
        (keys, rows.iter().map(|row| row.occurred).collect(), rows.iter().map(|row| row.recorded).collect())
    }

    #[test]
    fn a_chunk_from_columns_is_the_one_from_rows() {
        for count in [1, 2, 127, 128] {
            let rows = rows(count);
            let mut builder = KeyChunkBuilder::new(9);
            rows.iter().for_each(|row| builder.push_row(row).expect("in range"));
            let (keys, occurred, recorded) = columns(&rows);
            let chunk = KeyChunk::from_columns(9, keys, occurred, recorded).expect("in range");
            assert_eq!(chunk, builder.finish().expect("has rows"), "{count} rows");
        }
    }

    #[test]
    fn columns_that_no_run_could_hold_are_refused() {
        let (keys, occurred, recorded) = columns(&rows(3));
        let from = |first, keys: &[u32], rows: usize| {
            KeyChunk::from_columns(first, keys.to_vec(), occurred[..rows].to_vec(), recorded[..rows].to_vec())
        };
        assert!(from(0, &keys, 3).is_ok());
        assert!(from(0, &keys, 2).is_err() && from(0, &[], 0).is_err());
        assert!(from(u32::MAX - 3, &keys, 3).is_ok() && from(u32::MAX - 2, &keys, 3).is_err());
        // Slots 4 and 12 are a code and a fingerprint.
        for (slot, key) in [(4, 256), (12, 1 << 24)] {
            let mut wrong = keys.clone();
            wrong[slot * 3 + 1] = key;
            assert!(from(0, &wrong, 3).is_err(), "slot {slot}");
        }
        let (keys, occurred, recorded) = columns(&rows(129));
        assert!(KeyChunk::from_columns(0, keys, occurred, recorded).is_err());
    }
}
