//! Monotone sequences in a little more than two bits a value above their low bits (Elias-Fano), read in place.
//!
//! ```text
//! value = bucket << low | low bits
//! lows    n packed values of `low` bits                                                 padded to a byte
//! highs   for every bucket in order: a 1 for each value in it, then a 0                 n + buckets bits, padded
//! ```
//!
//! Where a bucket begins is found by counting zeros, a word at a time: a leaf has at most some hundred words.
//! Counts come from the leaf table, whose checksum was checked; a sequence that does not hold what they say is refused.

use crate::packed::{PackedWriter, packed_bytes, tail_is_zero, word_at};

/// Appends the values of a non-descending sequence, all below `buckets << low`.
pub(crate) fn write_sequence(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, low: u32, len: usize, buckets: u64) {
    let mask = (1_u64 << low) - 1;
    let mut highs = vec![0_u8; (len + buckets as usize).div_ceil(8)];
    let mut lows = PackedWriter::new(out);
    for (index, value) in values.enumerate() {
        let bit = (value >> low) as usize + index;
        if let Some(byte) = highs.get_mut(bit / 8) {
            *byte |= 1 << (bit % 8);
        }
        lows.push(value & mask, low);
    }
    lows.finish();
    out.extend_from_slice(&highs);
}

/// Most low bits that eight bytes hold wherever they begin; keys and positions have 32 at most.
const LOW_BITS_MAX: u32 = 56;

/// A sequence in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence<'a> {
    lows: &'a [u8],
    highs: &'a [u8],
    low: u32,
    len: usize,
    buckets: u64,
}

impl<'a> Sequence<'a> {
    /// Takes a sequence off the front of `bytes`; nothing where they are too short, or more low bits than one read gives.
    pub(crate) fn split(bytes: &'a [u8], low: u32, len: usize, buckets: u64) -> Option<(Self, &'a [u8])> {
        if low > LOW_BITS_MAX {
            return None;
        }
        let (lows, rest) = bytes.split_at_checked(packed_bytes(len, low))?;
        let highs_bytes = usize::try_from(buckets).ok()?.checked_add(len)?.div_ceil(8);
        let (highs, rest) = rest.split_at_checked(highs_bytes)?;
        Some((Self { lows, highs, low, len, buckets }, rest))
    }

    /// A reader of bucket boundaries, at the first.
    pub(crate) fn boundaries(&self) -> Boundaries<'a> {
        Boundaries { highs: self.highs, word: 0, zeros: 0 }
    }

    /// Low bits of a value.
    #[inline]
    fn low_bits(&self, index: usize) -> u64 {
        let bit = index * self.low as usize;
        word_at(self.lows, bit / 8) >> (bit % 8) & ((1 << self.low) - 1)
    }

    /// Values in buckets `from..to`, ascending. What [`Sequence::walk`] does, checked once for all: where the buckets begin says
    /// how many values there are. Nothing where the sequence does not hold what its counts say.
    #[inline]
    pub(crate) fn each_in(&self, from: u64, to: u64, mut each: impl FnMut(u64)) -> Option<()> {
        let mut boundaries = self.boundaries();
        let (begin, end) = (boundaries.start_of(from)?, boundaries.start_of(to)?);
        let first = begin.checked_sub(usize::try_from(from).ok()?)?;
        let last = end.checked_sub(usize::try_from(to).ok()?)?;
        if last > self.len || to > self.buckets {
            return None;
        }
        let mut place = begin / 64;
        let mut word = word_at(self.highs, place * 8) & (u64::MAX << (begin % 64));
        for index in first..last {
            // There are as many ones between the two bits as there are indexes, so each finds one.
            while word == 0 {
                place += 1;
                word = word_at(self.highs, place * 8);
            }
            let bit = place * 64 + word.trailing_zeros() as usize;
            word &= word - 1;
            each(((bit - index) as u64) << self.low | self.low_bits(index));
        }
        Some(())
    }

    /// Values in buckets `from..to`, with their indexes, until `each` says stop; the index after the last one read.
    /// Nothing where the sequence does not hold what its counts say.
    #[inline]
    pub(crate) fn walk(&self, from: u64, to: u64, mut each: impl FnMut(usize, u64)) -> Option<usize> {
        let start = self.boundaries().start_of(from)?;
        let mut index = start.checked_sub(usize::try_from(from).ok()?)?;
        let words = self.highs.len().div_ceil(8);
        let mut word = word_at(self.highs, start / 64 * 8) & (u64::MAX << (start % 64));
        for word_index in start / 64.. {
            while word != 0 {
                let bit = word_index * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                // Every one before `bit` was counted in `index`, so this cannot go below zero.
                let bucket = (bit - index) as u64;
                if bucket >= to {
                    return Some(index);
                }
                if index >= self.len || bucket >= self.buckets {
                    return None;
                }
                each(index, bucket << self.low | self.low_bits(index));
                index += 1;
            }
            if word_index + 1 >= words {
                break;
            }
            word = word_at(self.highs, (word_index + 1) * 8);
        }
        Some(index)
    }

    /// How many of the values that belong to one key, `base` and what follows it, lie in a window: all in its middle, and those
    /// beside it that `has` says, which is none outside of the window. The middle is counted from where its buckets begin,
    /// without reading a value.
    pub(crate) fn count_in(
        &self,
        boundaries: &mut Boundaries<'_>,
        base: u64,
        window: &Window,
        has: &impl Fn(u16) -> u64,
    ) -> Option<u64> {
        let bucket = |position: u32| (base + u64::from(position)) >> self.low;
        let (from, end) = (bucket(window.from), bucket(window.last) + 1);
        let first = (base + u64::from(window.middle.start)).div_ceil(1 << self.low).min(end);
        let last = bucket(window.middle.end).max(first).min(end);
        let begin = boundaries.start_of(from)?;
        let mut count = self.count_each(begin, from, first, has)?;
        let middle = boundaries.start_of(first)? as u64 - first;
        let behind = boundaries.start_of(last)?;
        count += (behind as u64 - last).checked_sub(middle)?;
        count += self.count_each(behind, last, end, has)?;
        Some(count)
    }

    /// Values in buckets `from..to`, which begin at this bit, that `has` says.
    fn count_each(&self, begin: usize, from: u64, to: u64, has: &impl Fn(u16) -> u64) -> Option<u64> {
        let (mut bit, mut bucket, mut count) = (begin, from, 0);
        while bucket < to {
            if self.highs.get(bit / 8)? >> (bit % 8) & 1 == 1 {
                let index = bit.checked_sub(usize::try_from(bucket).ok()?).filter(|index| *index < self.len)?;
                count += has((bucket << self.low | self.low_bits(index)) as u16);
            } else {
                bucket += 1;
            }
            bit += 1;
        }
        Some(count)
    }

    /// Calls `each` for those of the ascending `values` that are in the sequence. One pass over the boundaries, and a look at the
    /// values that share a bucket with a wanted one: no other value is read. Nothing where the sequence does not hold what
    /// its counts say.
    pub(crate) fn probe(&self, values: impl Iterator<Item = u64>, mut each: impl FnMut(u64)) -> Option<()> {
        let mut boundaries = self.boundaries();
        for value in values {
            let bucket = value >> self.low;
            if bucket >= self.buckets {
                break;
            }
            let bit = boundaries.start_of(bucket)?;
            let first = bit.checked_sub(usize::try_from(bucket).ok()?)?;
            let wanted = value & ((1 << self.low) - 1);
            // No end before the last one that shares the bucket: whether it is the wanted one can hardly be foretold, and a wrong
            // guess would wait for the low bits to be read.
            let mut found = false;
            for index in first..first + self.ones_from(bit) {
                if index >= self.len {
                    return None;
                }
                found |= self.low_bits(index) == wanted;
            }
            if found {
                each(value);
            }
        }
        Some(())
    }

    /// How many ones there are from a bit on to the next zero.
    #[inline]
    fn ones_from(&self, bit: usize) -> usize {
        let mut count = 0;
        loop {
            let at = bit + count;
            let ones = (!(word_at(self.highs, at / 8) >> (at % 8))).trailing_zeros() as usize;
            count += ones;
            // Fewer than these are the end; all of them may go on in the next bytes.
            if ones < 64 - at % 8 {
                return count;
            }
        }
    }

    /// Whether it is the one encoding of its values: as many ones as values, nothing behind them.
    pub(crate) fn is_strict(&self) -> bool {
        let ones: usize = self.highs.iter().map(|byte| byte.count_ones() as usize).sum();
        ones == self.len
            && tail_is_zero(self.highs, self.len + self.buckets as usize)
            && tail_is_zero(self.lows, self.len * self.low as usize)
    }
}

/// Positions `from..=last`, of which those in `middle` are wanted and of the others some.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub from: u32,
    pub middle: std::ops::Range<u32>,
    pub last: u32,
}

/// Finds where buckets begin, forwards only, so that reading all boundaries costs one pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boundaries<'a> {
    highs: &'a [u8],
    word: usize,
    zeros: usize,
}

/// Words that are counted together where all of them lie before the wanted boundary.
const BLOCK_WORDS: usize = 8;

impl Boundaries<'_> {
    /// The bit at which `bucket` begins; its index is the bit less the bucket. Buckets must not descend from call to call.
    #[inline]
    pub(crate) fn start_of(&mut self, bucket: u64) -> Option<usize> {
        let Some(wanted) = usize::try_from(bucket).ok()?.checked_sub(1) else {
            return Some(0);
        };
        // A block has 512 zeros at most, so the wanted one is not in it. A loop over whole blocks becomes vector code.
        while wanted.checked_sub(self.zeros)? >= BLOCK_WORDS * 64 {
            let block = self.highs.get(self.word * 8..(self.word + BLOCK_WORDS) * 8)?;
            let words = block.as_chunks::<8>().0.iter();
            let ones: u32 = words.map(|word| u64::from_le_bytes(*word).count_ones()).sum();
            self.zeros += BLOCK_WORDS * 64 - ones as usize;
            self.word += BLOCK_WORDS;
        }
        while self.word * 8 < self.highs.len() {
            let word = Counted::new(!word_at(self.highs, self.word * 8));
            if let Some(left) = wanted.checked_sub(self.zeros)
                && left < word.ones()
            {
                return Some(self.word * 64 + word.nth_one(left) + 1);
            }
            self.zeros += word.ones();
            self.word += 1;
        }
        None
    }
}

/// A word with the ones of its parts counted side by side: what its total takes is most of what a place takes.
struct Counted {
    word: u64,
    /// Ones of every two bits, and of every four.
    twos: u64,
    fours: u64,
    /// Ones of every byte and those below it.
    sums: u64,
}

impl Counted {
    #[inline]
    fn new(word: u64) -> Self {
        let twos = word - (word >> 1 & 0x5555_5555_5555_5555);
        let fours = (twos & 0x3333_3333_3333_3333) + (twos >> 2 & 0x3333_3333_3333_3333);
        let bytes = (fours + (fours >> 4)) & 0x0F0F_0F0F_0F0F_0F0F;
        Self { word, twos, fours, sums: bytes.wrapping_mul(0x0101_0101_0101_0101) }
    }

    #[inline]
    fn ones(&self) -> usize {
        (self.sums >> 56) as usize
    }

    /// Place of the one number `n` (from 0) of a word that has more than `n`.
    #[inline]
    fn nth_one(&self, n: usize) -> usize {
        const EACH: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = EACH << 7;
        // The high bit of a byte stays where no more than `n` ones lie in it and below it; nothing is borrowed across bytes.
        let passed = (((n as u64 * EACH) | HIGH) - self.sums) & HIGH;
        let mut place = ((passed >> 7).wrapping_mul(EACH) >> 56).min(7) * 8;
        let mut left = n as u64 - (self.sums << 8 >> place & 0xFF);
        // Without branches: which way each halving goes cannot be foretold.
        let low = self.fours >> place & 0xF;
        let skip = u64::from(left >= low);
        (left, place) = (left - low * skip, place + 4 * skip);
        let low = self.twos >> place & 3;
        let skip = u64::from(left >= low);
        (left, place) = (left - low * skip, place + 2 * skip);
        let low = self.word >> place & 1;
        (place + u64::from(left >= low)) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_one_of_a_word_is_found() {
        let mut words = vec![1, 1 << 63, u64::MAX, 0x8000_0000_0000_0001, 0xFF00_FF00_FF00_FF00, 0x0102_0408_1020_4080];
        words.extend((1..300_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 60)));
        for word in words {
            let counted = Counted::new(word);
            let places: Vec<usize> = (0..64).filter(|place| word >> place & 1 == 1).collect();
            assert_eq!(counted.ones(), places.len(), "{word:#x}");
            let found: Vec<usize> = (0..places.len()).map(|n| counted.nth_one(n)).collect();
            assert_eq!(found, places, "{word:#x}");
        }
    }

    proptest! {
        #[test]
        fn a_sequence_comes_back_whole_and_by_bucket(
            mut values in prop::collection::vec(0_u64..5000, 1..300), low in 0_u32..8, from in 0_u64..600, width in 0_u64..99,
        ) {
            values.sort_unstable();
            let buckets = (4999 >> low) + 1;
            let mut bytes = Vec::new();
            write_sequence(&mut bytes, values.iter().copied(), low, values.len(), buckets);
            let (sequence, rest) = Sequence::split(&bytes, low, values.len(), buckets).expect("long enough");
            prop_assert!(rest.is_empty() && sequence.is_strict());
            let from = from.min(buckets);
            let to = (from + width).min(buckets);
            let mut back = Vec::new();
            sequence.walk(from, to, |index, value| back.push((index, value))).expect("sound");
            let expected: Vec<(usize, u64)> =
                values.iter().copied().enumerate().filter(|(_, value)| (from..to).contains(&(value >> low))).collect();
            prop_assert_eq!(&back, &expected);
            let mut each = Vec::new();
            sequence.each_in(from, to, |value| each.push(value)).expect("sound");
            prop_assert_eq!(each, expected.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
            prop_assert_eq!(sequence.each_in(0, buckets + 1, |_| ()), None);
            let window = Window { from: from as u32, middle: from as u32 + 3..to as u32 * 2 + 3, last: to as u32 * 2 + 9 };
            let wanted = |value: u32| {
                let beside = value.is_multiple_of(3) && (window.from..=window.last).contains(&value);
                window.middle.contains(&value) || beside
            };
            let counted = sequence.count_in(&mut sequence.boundaries(), 0, &window, &|value| u64::from(wanted(value.into())));
            let inside = values.iter().filter(|value| (u64::from(window.from)..=u64::from(window.last)).contains(value));
            let expected = inside.filter(|value| wanted(**value as u32)).count() as u64;
            if window.last < 5000 {
                prop_assert_eq!(counted, Some(expected));
            }
            let mut probed = Vec::new();
            sequence.probe((0..6000).step_by(width as usize + 1), |value| probed.push(value)).expect("sound");
            let expected: Vec<u64> =
                (0..6000).step_by(width as usize + 1).filter(|value| values.binary_search(value).is_ok()).collect();
            prop_assert_eq!(probed, expected);
        }
    }
}
