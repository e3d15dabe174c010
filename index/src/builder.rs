//! Builds a run's payload from the key chunks of consecutive frames.
//!
//! ```text
//! per column: key << 16 | position of every row -> radix sort -> cut into leaves ----+
//! rows: one bitmap; zones: 256 to a leaf --------------------------------------------+-> head, table, leaves
//! ```
//!
//! Where leaves are cut follows from the counts alone, so that the same chunks always give the same bytes: a key with
//! more than 4,096 rows is a bitmap of its own; other keys share a leaf as long as it has at most 2,048 rows.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::columns::COLUMNS;
use crate::layout::{
    ENTRY_BYTES, HEAD_BYTES, LEAF_ROWS_MAX, LEAF_ZONES_MAX, LIST_ROWS_MAX, LeafEntry, LeafKind, ROWS_COLUMN,
    RUN_POSITIONS_MAX, RUN_VERSION, ZONES_COLUMN, form_of,
};
use crate::leaf::{write_bitmap, write_entries};
use crate::zones::write_zones;
use crate::{ChunkSet, IndexError, KeyChunk, Postings, Zone};

/// The payload of a run over consecutive chunks.
///
/// # Errors
/// [`IndexError::Empty`] without chunks, [`IndexError::TooMany`] above 65,536 positions,
/// [`IndexError::NotConsecutive`] where a chunk does not follow the one before.
pub fn build_run(chunks: &[Arc<KeyChunk>]) -> Result<Vec<u8>, IndexError> {
    let set = ChunkSet::new(chunks)?;
    if chunks.is_empty() {
        return Err(IndexError::Empty { what: "index run" });
    }
    if set.positions() as usize > RUN_POSITIONS_MAX {
        return Err(IndexError::TooMany {
            what: "index run",
            found: u64::from(set.positions()),
            max: RUN_POSITIONS_MAX as u64,
        });
    }
    let zones = set.zones()?;
    let mut builder = Builder::default();
    let mut entries = Vec::with_capacity(set.rows() as usize);
    let mut spare = Vec::new();
    for (slot, column) in COLUMNS.iter().enumerate() {
        entries.clear();
        gather(chunks, slot, &mut entries);
        sort_by_key(&mut entries, &mut spare);
        builder.column(column.field, &entries);
    }
    let present = set.present()?;
    if !present.is_empty() {
        let count = present.len() as u32;
        builder.leaf(ROWS_COLUMN, LeafKind::Bitmap, 1, 0, count, |out| write_bitmap(out, present));
    }
    for group in zones.chunks(LEAF_ZONES_MAX) {
        let first = group.first().map_or(0, |zone| zone.first);
        let positions = group.iter().map(|zone| zone.positions).sum();
        builder.leaf(ZONES_COLUMN, LeafKind::Zones, group.len(), first, positions, |out| write_zones(out, group));
    }
    Ok(builder.finish(&set, &zones))
}

/// key << 16 | position of every row, ascending by position.
fn gather(chunks: &[Arc<KeyChunk>], slot: usize, entries: &mut Vec<u64>) {
    let mut first = 0_u64;
    for chunk in chunks {
        let column = chunk.column(slot);
        let whole = chunk.rows() == chunk.positions();
        let placed = (first..).zip(column).map(|(position, key)| u64::from(*key) << 16 | position);
        if whole {
            entries.extend(placed);
        } else {
            let present = chunk.present();
            entries.extend(placed.enumerate().filter(|(index, _)| present >> index & 1 == 1).map(|(_, entry)| entry));
        }
        first += u64::from(chunk.positions());
    }
}

const DIGIT_BITS: u32 = 11;

/// Sorts by key, stable, so that positions stay ascending: 11 bits of the key a pass, passes that change nothing left out.
fn sort_by_key(entries: &mut Vec<u64>, spare: &mut Vec<u64>) {
    let (all, any) = entries.iter().fold((u64::MAX, 0), |(all, any), entry| (all & entry, any | entry));
    let differing = (all ^ any) >> 16;
    for pass in 0..32_u32.div_ceil(DIGIT_BITS) {
        let shift = pass * DIGIT_BITS;
        let digit_mask = (1_u64 << DIGIT_BITS) - 1;
        if differing >> shift & digit_mask == 0 {
            continue;
        }
        let digit = |entry: u64| (entry >> (16 + shift) & digit_mask) as usize;
        let mut places = [0_u32; 1 << DIGIT_BITS];
        for entry in entries.iter() {
            places[digit(*entry)] += 1;
        }
        let mut sum = 0;
        for place in &mut places {
            sum += std::mem::replace(place, sum);
        }
        spare.resize(entries.len(), 0);
        for entry in entries.iter() {
            let place = &mut places[digit(*entry)];
            // The places are a permutation of the entries by construction.
            spare[*place as usize] = *entry;
            *place += 1;
        }
        std::mem::swap(entries, spare);
    }
}

/// Leaves and their table, in the order of the payload.
#[derive(Default)]
struct Builder {
    table: Vec<LeafEntry>,
    leaves: Vec<u8>,
}

impl Builder {
    fn leaf(
        &mut self,
        column: u8,
        kind: LeafKind,
        keys: usize,
        first_key: u32,
        count: u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.leaves.len();
        write(&mut self.leaves);
        let bytes = self.leaves.get(start..).unwrap_or(&[]);
        self.table.push(LeafEntry {
            column,
            kind,
            keys: keys as u16,
            first_key,
            offset: start as u32,
            length: bytes.len() as u16,
            count,
            crc: crc32fast::hash(bytes),
        });
    }

    /// Cuts the sorted entries of a column into leaves.
    fn column(&mut self, field: u8, entries: &[u64]) {
        let mut pending = 0..0;
        let mut keys = 0;
        let mut at = 0;
        for group in entries.chunk_by(|a, b| a >> 16 == b >> 16) {
            let end = at + group.len();
            let large = group.len() > LIST_ROWS_MAX;
            if keys > 0 && (large || end - pending.start > LEAF_ROWS_MAX) {
                self.several(field, entries.get(pending.clone()).unwrap_or(&[]), keys);
                (pending, keys) = (at..at, 0);
            }
            if large {
                self.one(field, group);
                pending = end..end;
            } else {
                pending.end = end;
                keys += 1;
            }
            at = end;
        }
        if keys > 0 {
            self.several(field, entries.get(pending).unwrap_or(&[]), keys);
        }
    }

    fn several(&mut self, field: u8, entries: &[u64], keys: usize) {
        let first_key = entries.first().map_or(0, |entry| (entry >> 16) as u32);
        let kind = form_of(keys, entries.len());
        self.leaf(field, kind, keys, first_key, entries.len() as u32, |out| write_entries(out, kind, entries, keys));
    }

    fn one(&mut self, field: u8, group: &[u64]) {
        let mut bits = vec![0_u8; RUN_POSITIONS_MAX / 8];
        for entry in group {
            let position = (entry & 0xFFFF) as usize;
            if let Some(byte) = bits.get_mut(position / 8) {
                *byte |= 1 << (position % 8);
            }
        }
        let first_key = group.first().map_or(0, |entry| (entry >> 16) as u32);
        let bitmap = RoaringBitmap::from_lsb0_bytes(0, &bits);
        self.leaf(field, LeafKind::Bitmap, 1, first_key, group.len() as u32, |out| write_bitmap(out, bitmap));
    }

    fn finish(self, set: &ChunkSet<'_>, zones: &[Zone]) -> Vec<u8> {
        let leaves_at = HEAD_BYTES + self.table.len() * ENTRY_BYTES;
        let mut table = Vec::with_capacity(self.table.len() * ENTRY_BYTES);
        for mut entry in self.table.iter().copied() {
            entry.offset += leaves_at as u32;
            entry.write(&mut table);
        }
        let with_rows = || zones.iter().filter(|zone| zone.rows > 0);
        let times = [
            with_rows().map(|zone| zone.occurred_min).min(),
            with_rows().map(|zone| zone.occurred_max).max(),
            with_rows().map(|zone| zone.recorded_first).min(),
            with_rows().map(|zone| zone.recorded_last).max(),
        ];
        let mut run = Vec::with_capacity(leaves_at + self.leaves.len());
        run.extend(RUN_VERSION.to_le_bytes());
        run.extend([0; 2]);
        for value in [set.first_ordinal(), set.positions(), set.rows(), self.table.len() as u32, 0] {
            run.extend(value.to_le_bytes());
        }
        for time in times {
            run.extend(time.unwrap_or(0).to_le_bytes());
        }
        run.extend(crc32fast::hash(&table).to_le_bytes());
        run.extend(crc32fast::hash(&run).to_le_bytes());
        run.extend(table);
        run.extend(self.leaves);
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyChunkBuilder, RowKeys, RunReader};

    /// A run of four rows with keys 1 to 4 in every column, the first column cut into leaves of `cut` rows.
    fn run_cut_at(cut: usize) -> Vec<u8> {
        let mut chunk = KeyChunkBuilder::new(0);
        for key in 1..=4 {
            chunk.push_row(&RowKeys { keys: [key; COLUMNS.len()], occurred: 5, recorded: 6 }).expect("room for 128");
        }
        let chunks = [Arc::new(chunk.finish().expect("not empty"))];
        let set = ChunkSet::new(&chunks).expect("one chunk");
        let entries: Vec<u64> = (0..4_u64).map(|position| (position + 1) << 16 | position).collect();
        let mut builder = Builder::default();
        for (slot, column) in COLUMNS.iter().enumerate() {
            for part in entries.chunks(if slot == 0 { cut } else { 4 }) {
                builder.column(column.field, part);
            }
        }
        let zones = set.zones().expect("in memory");
        let present = set.present().expect("in memory");
        builder.leaf(ROWS_COLUMN, LeafKind::Bitmap, 1, 0, 4, |out| write_bitmap(out, present));
        builder.leaf(ZONES_COLUMN, LeafKind::Zones, 1, 0, 4, |out| write_zones(out, &zones));
        let run = builder.finish(&set, &zones);
        assert_eq!(cut == 4, run == build_run(&chunks).expect("fits a run"));
        run
    }

    #[test]
    fn a_leaf_cut_too_early_is_refused() {
        // [IDX-5]: the rows are the same, so only the rule about cuts tells the two apart.
        let verify = |bytes: &[u8]| RunReader::open(bytes).and_then(|run| run.verify());
        assert_eq!(verify(&run_cut_at(4)), Ok(()));
        for cut in 1..4 {
            let error = verify(&run_cut_at(cut)).expect_err("cut too early");
            assert!(error.to_string().contains("cut too early"), "{error}");
        }
    }
}
