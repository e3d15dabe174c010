//! A plain bit per position of a run, for rows that are collected or asked for out of order.
//!
//! 8 KiB, kept on the stack: an allocation of that size costs more than to clear it. Invariant: there is a bit for every position that a `u16` can name, so that none is out of range.

use roaring::RoaringBitmap;

use crate::layout::RUN_POSITIONS_MAX;

/// A plain bit per position of a run.
pub(crate) struct Words([u64; RUN_POSITIONS_MAX / 64]);

impl Words {
    pub(crate) fn new() -> Self {
        Self([0; RUN_POSITIONS_MAX / 64])
    }

    /// The bits of these positions.
    pub(crate) fn of(positions: &[u16]) -> Self {
        let mut words = Self::new();
        positions.iter().for_each(|position| words.set(*position));
        words
    }

    #[inline]
    pub(crate) fn set(&mut self, position: u16) {
        self.0[usize::from(position) / 64] |= 1 << (position % 64);
    }

    /// 1 where the position is set.
    #[inline]
    pub(crate) fn has(&self, position: u16) -> u64 {
        self.0[usize::from(position) / 64] >> (position % 64) & 1
    }

    pub(crate) fn add(&mut self, bitmap: &RoaringBitmap) {
        let mut positions = bitmap.range(..RUN_POSITIONS_MAX as u32);
        while let Some(range) = positions.next_range() {
            self.fill(*range.start() as usize, *range.end() as usize);
        }
    }

    /// Positions that are also in a plain bitmap.
    pub(crate) fn common(&self, bits: &[[u8; 8]]) -> u64 {
        let words = self.0.iter().zip(bits);
        words.map(|(word, bytes)| u64::from((word & u64::from_le_bytes(*bytes)).count_ones())).sum()
    }

    /// Adds a plain bitmap, a word of positions at a time.
    pub(crate) fn add_bits(&mut self, bits: &[[u8; 8]]) {
        for (word, bytes) in self.0.iter_mut().zip(bits) {
            *word |= u64::from_le_bytes(*bytes);
        }
    }

    /// Sets positions `first..=last`.
    fn fill(&mut self, first: usize, last: usize) {
        for index in first / 64..=last / 64 {
            let from = first.saturating_sub(index * 64).min(63);
            let to = (last - index * 64).min(63);
            if let Some(word) = self.0.get_mut(index) {
                *word |= (u64::MAX << from) & (u64::MAX >> (63 - to));
            }
        }
    }

    pub(crate) fn into_bitmap(self) -> RoaringBitmap {
        let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        RoaringBitmap::from_lsb0_bytes(0, &bytes)
    }
}
