//! Few rows of a run as a list of positions: read from the keys that have them, narrowed by other keys, without a bitmap.
//!
//! ```text
//! few_of      positions of some keys, from lists
//! narrowed    those of a list that have one of some keys: a bitmap is asked bit by bit, a long list is probed for each
//!             position, a short one is read and compared
//! ```
//!
//! Invariant: a list ascends without repeats; bytes that say otherwise are an error.

use roaring::RoaringBitmap;

use crate::IndexError;
use crate::layout::LIST_ROWS_MAX;
use crate::leaf::{Damage, Leaf};
use crate::reader::{RunReader, damaged};
use crate::words::Words;

/// Most rows that are kept as a list: as many as one key has in a list.
pub(crate) const FEW_ROWS: u64 = LIST_ROWS_MAX as u64;

/// Keys of one leaf from which on all its entries are read once instead of looking up each key.
const SCAN_KEYS: usize = 24;

/// To look for one position in a list costs about as much as to read so many.
const PROBE_COST: u32 = 8;

impl RunReader<'_> {
    /// Positions that have one of the keys of a slot. For keys that are expected to have few: about how many.
    pub(crate) fn few_of(&self, slot: usize, keys: &[u32], expected: u64) -> Result<Vec<u16>, IndexError> {
        let mut rows = Vec::with_capacity(expected.min(FEW_ROWS) as usize);
        self.by_leaf(slot, keys, |number, keys| {
            let (entry, leaf) = self.leaf(number)?;
            each_of_keys(&leaf, keys, |position| rows.push(position)).map_err(|why| damaged(&entry, why))
        })?;
        ascending(rows)
    }

    /// Those of a list that have one of the keys of a slot.
    pub(crate) fn narrowed(&self, rows: &[u16], slot: usize, keys: &[u32]) -> Result<Vec<u16>, IndexError> {
        let mut found = Vec::new();
        let mut words = None;
        self.by_leaf(slot, keys, |number, keys| {
            let (entry, leaf) = self.leaf(number)?;
            let each_has = entry.count / u32::from(entry.keys.max(1));
            let probe = matches!(leaf, Leaf::Bitmap { .. })
                || u32::try_from(rows.len()).unwrap_or(u32::MAX).saturating_mul(PROBE_COST) < each_has;
            let read = if probe {
                keys.iter().try_for_each(|key| leaf.positions_within(*key, rows, |position| found.push(position)))
            } else {
                let words = words.get_or_insert_with(|| Words::of(rows));
                each_of_keys(&leaf, keys, |position| {
                    if words.has(position) == 1 {
                        found.push(position);
                    }
                })
            };
            read.map_err(|why| damaged(&entry, why))
        })?;
        ascending(found)
    }
}

/// Calls `each` for the positions of some of a leaf's keys, ascending by key and position.
pub(crate) fn each_of_keys(leaf: &Leaf<'_>, keys: &[u32], mut each: impl FnMut(u16)) -> Result<(), Damage> {
    if keys.len() < SCAN_KEYS {
        return keys.iter().try_for_each(|key| leaf.positions_of(*key, &mut each));
    }
    let mut wanted = keys.iter().copied().peekable();
    leaf.walk(|key, position| {
        while wanted.next_if(|next| *next < key).is_some() {}
        if wanted.peek() == Some(&key) {
            each(position);
        }
    })
}

/// The list in order: that of one key is, those of several follow each other.
fn ascending(mut rows: Vec<u16>) -> Result<Vec<u16>, IndexError> {
    if rows.is_sorted_by(|one, next| one < next) {
        return Ok(rows);
    }
    rows.sort_unstable();
    if rows.is_sorted_by(|one, next| one < next) {
        return Ok(rows);
    }
    Err(IndexError::invalid("leaf", "positions", 0, "a row has two keys of one column, or one key twice"))
}

/// The list as a bitmap.
pub(crate) fn bitmap_of(rows: &[u16]) -> Result<RoaringBitmap, IndexError> {
    RoaringBitmap::from_sorted_iter(rows.iter().map(|row| u32::from(*row)))
        .map_err(|_| IndexError::invalid("leaf", "positions", 0, "positions of a key do not ascend"))
}
