//! Postings over chunks in memory, by scanning: the hot end of a segment that has no run yet.
//!
//! Everything but fingerprint hits is exact here, times included. A scan of 65,536 rows costs tens of microseconds a
//! column; nothing is built, so that appending stays cheap.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::columns::column_of;
use crate::scan::Scan;
use crate::{Bounds, Count, Filter, IndexError, KeyChunk, Postings, Zone};

/// Consecutive chunks, asked like a run. Positions count from the first chunk's first ordinal.
#[derive(Debug, Clone, Copy)]
pub struct ChunkSet<'a> {
    chunks: &'a [Arc<KeyChunk>],
    first_ordinal: u32,
    positions: u32,
    rows: u32,
}

impl<'a> ChunkSet<'a> {
    /// Takes chunks that follow each other without gaps; none is fine and holds nothing.
    ///
    /// # Errors
    /// [`IndexError::NotConsecutive`] naming the first chunk that does not follow.
    pub fn new(chunks: &'a [Arc<KeyChunk>]) -> Result<Self, IndexError> {
        let first_ordinal = chunks.first().map_or(0, |chunk| chunk.first_ordinal());
        let mut positions = 0_u32;
        let mut rows = 0;
        for chunk in chunks {
            let expected = u64::from(first_ordinal) + u64::from(positions);
            if u64::from(chunk.first_ordinal()) != expected {
                return Err(IndexError::NotConsecutive { expected, found: u64::from(chunk.first_ordinal()) });
            }
            // A chunk ends below ordinal 2^32 and they do not overlap, so neither sum can overflow.
            positions += chunk.positions();
            rows += chunk.rows();
        }
        Ok(Self { chunks, first_ordinal, positions, rows })
    }

    /// The chunks, in order.
    #[must_use]
    pub fn chunks(&self) -> &'a [Arc<KeyChunk>] {
        self.chunks
    }

    /// Each chunk with the position of its first record.
    fn placed(&self) -> impl Iterator<Item = (u32, &'a KeyChunk)> {
        let first_ordinal = self.first_ordinal;
        self.chunks.iter().map(move |chunk| (chunk.first_ordinal() - first_ordinal, chunk.as_ref()))
    }
}

impl Postings for ChunkSet<'_> {
    fn first_ordinal(&self) -> u32 {
        self.first_ordinal
    }

    fn positions(&self) -> u32 {
        self.positions
    }

    fn rows(&self) -> u32 {
        self.rows
    }

    fn present(&self) -> Result<RoaringBitmap, IndexError> {
        let mut bits = BitString::new(self.positions);
        for (first, chunk) in self.placed() {
            bits.put(first, chunk.present());
        }
        Ok(bits.into_bitmap())
    }

    fn evaluate(&self, filter: &Filter) -> Result<Bounds, IndexError> {
        let scan = Scan::new(filter)?;
        let mut sure = BitString::new(self.positions);
        let mut unsure = BitString::new(self.positions);
        for (first, chunk) in self.placed() {
            let mask = scan.mask(chunk);
            sure.put(first, mask.sure);
            unsure.put(first, mask.unsure);
        }
        Ok(Bounds { sure: sure.into_bitmap(), unsure: unsure.into_bitmap() })
    }

    fn count(&self, filter: &Filter) -> Result<Count, IndexError> {
        let scan = Scan::new(filter)?;
        Ok(self.chunks.iter().fold(Count::default(), |count, chunk| {
            let mask = scan.mask(chunk);
            let sure = u64::from(mask.sure.count_ones());
            Count { sure: count.sure + sure, maybe: count.maybe + sure + u64::from(mask.unsure.count_ones()) }
        }))
    }

    fn count_by(&self, field: u8, within: &RoaringBitmap) -> Result<Vec<(u32, u64)>, IndexError> {
        let (slot, _) = column_of(field)?;
        let within = BitString::from_bitmap(within, self.positions);
        let keys = self.placed().flat_map(|(first, chunk)| {
            ones(within.get(first) & chunk.present()).filter_map(move |p| chunk.column(slot).get(p as usize).copied())
        });
        Ok(tally(keys))
    }

    fn keys(&self, field: u8) -> Result<Vec<(u32, u64)>, IndexError> {
        let (slot, _) = column_of(field)?;
        Ok(tally(self.chunks.iter().flat_map(|chunk| {
            let column = chunk.column(slot);
            ones(chunk.present()).filter_map(move |p| column.get(p as usize).copied())
        })))
    }

    fn zones(&self) -> Result<Vec<Zone>, IndexError> {
        Ok(self.placed().map(|(first, chunk)| Zone { first, ..chunk.zone() }).collect())
    }
}

/// Keys below this are counted in an array, larger ones by sorting.
const DENSE_KEYS: usize = 1 << 16;

/// Occurrences of each key, ascending by key.
fn tally(keys: impl Iterator<Item = u32>) -> Vec<(u32, u64)> {
    let mut dense: Vec<u64> = Vec::new();
    let mut large = Vec::new();
    for key in keys {
        if key as usize >= DENSE_KEYS {
            large.push(key);
            continue;
        }
        if key as usize >= dense.len() {
            dense.resize((key as usize + 1).next_power_of_two(), 0);
        }
        if let Some(count) = dense.get_mut(key as usize) {
            *count += 1;
        }
    }
    let mut counts: Vec<(u32, u64)> = (0..).zip(dense).filter(|(_, count)| *count > 0).collect();
    large.sort_unstable();
    counts.extend(large.chunk_by(|a, b| a == b).filter_map(|run| Some((*run.first()?, run.len() as u64))));
    counts
}

/// Positions of the set bits, ascending.
fn ones(mut mask: u128) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let position = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (position < u128::BITS).then_some(position)
    })
}

/// A plain bit per position, written and read 128 at a time at any place.
struct BitString {
    words: Vec<u64>,
    positions: u32,
}

impl BitString {
    fn new(positions: u32) -> Self {
        // Two words beyond the last let a mask straddle the end without a special case.
        Self { words: vec![0; positions as usize / 64 + 3], positions }
    }

    fn from_bitmap(bitmap: &RoaringBitmap, positions: u32) -> Self {
        let mut bits = Self::new(positions);
        for position in bitmap.range(..positions) {
            if let Some(word) = bits.words.get_mut(position as usize / 64) {
                *word |= 1 << (position % 64);
            }
        }
        bits
    }

    fn put(&mut self, first: u32, mask: u128) {
        if mask == 0 {
            return;
        }
        let shift = first % 64;
        let high = if shift == 0 { 0 } else { (mask >> (128 - shift)) as u64 };
        let low = mask << shift;
        for (word, bits) in self.words.iter_mut().skip(first as usize / 64).zip([low as u64, (low >> 64) as u64, high])
        {
            *word |= bits;
        }
    }

    fn get(&self, first: u32) -> u128 {
        let word = |index: usize| u128::from(self.words.get(first as usize / 64 + index).copied().unwrap_or(0));
        let shift = first % 64;
        let low = (word(0) | word(1) << 64) >> shift;
        if shift == 0 { low } else { low | word(2) << (128 - shift) }
    }

    fn into_bitmap(self) -> RoaringBitmap {
        if self.words.iter().all(|word| *word == 0) {
            return RoaringBitmap::new();
        }
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let used = bytes.get(..self.positions.div_ceil(8) as usize).unwrap_or(&bytes);
        RoaringBitmap::from_lsb0_bytes(0, used)
    }
}
