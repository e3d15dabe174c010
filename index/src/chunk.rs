//! The keys of one frame's records in memory: what a run is built from, and what is scanned until there is one.
//!
//! ```text
//! keys      column-major: slot 0 of all positions, slot 1 of all positions, ...   u32 each
//! occurred, recorded     i64 ns each
//! present   bit p set: position p has a row (others hold zeros and are never looked at)
//! ```
//!
//! Built once per frame, then immutable and shared (`Arc`) between the writer, snapshots and [`crate::build_run`].

use crate::columns::{COLUMN_COUNT, COLUMNS, ColumnKind, column_of};
use crate::{FINGERPRINT_BITS, IndexError, Zone};

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
            let bits = match column.kind {
                ColumnKind::Terms => 32,
                ColumnKind::Codes => 8,
                ColumnKind::Fingerprints => FINGERPRINT_BITS,
            };
            if u64::from(key) >> bits != 0 {
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
