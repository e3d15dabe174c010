//! Packed integers: `n` values of `w` bits each in a little-endian bit string.
//!
//! ```text
//! value i = bits i*w .. i*w + w;  bit b = bit b mod 8 of byte b div 8;  ceil(n*w / 8) bytes in all
//! ```
//!
//! Invariant: unused bits of the last byte are zero ([CONV-2]), checked when the bytes are taken. Not here: what the values
//! mean, and whether the width is the smallest possible: whoever knows the values checks that.

use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;

/// Bits that `max` needs: 0 for 0, 64 at most.
pub const fn width_of(max: u64) -> u8 {
    (u64::BITS - max.leading_zeros()) as u8
}

/// Bytes that `n` values of `width` bits take.
pub const fn packed_len(n: usize, width: u8) -> usize {
    // 128 bits: n comes from a count bounded by bytes at hand, but n * 64 need not fit a usize.
    ((n as u128 * width as u128).div_ceil(8)) as usize
}

/// Appends `values`, each of which fits `width` bits.
pub fn put_packed(out: &mut Vec<u8>, width: u8, values: impl IntoIterator<Item = u64>) {
    let (mut held, mut bits) = (0u128, 0u32);
    for value in values {
        debug_assert!(width_of(value) <= width, "{value} needs more than {width} bits");
        held |= u128::from(value) << bits;
        bits += u32::from(width);
        while bits >= 64 {
            out.extend_from_slice(&(held as u64).to_le_bytes());
            held >>= 64;
            bits -= 64;
        }
    }
    let last = (held as u64).to_le_bytes();
    out.extend_from_slice(last.get(..bits.div_ceil(8) as usize).unwrap_or(&last));
}

/// Packed values in place.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    bytes: &'a [u8],
    width: u8,
    len: usize,
}

impl<'a> Packed<'a> {
    /// Takes `len` values of `width` bits from `reader`; padding bits must be zero ([CONV-2]).
    pub fn take(
        reader: &mut Reader<'a>,
        field: &'static str,
        len: usize,
        width: u8,
        width_max: u8,
    ) -> Result<Self, FormatError> {
        let start = reader.offset();
        if width > width_max.min(64) {
            return Err(reader.invalid(field, start, format!("width {width}, at most {width_max} allowed")));
        }
        let bytes = reader.take(field, packed_len(len, width))?;
        let used = (len as u128 * u128::from(width) % 8) as u32;
        if used != 0 && bytes.last().is_some_and(|last| last >> used != 0) {
            return Err(reader.invalid(field, start, "unused bits of the last byte are not zero"));
        }
        Ok(Self { bytes, width, len })
    }

    /// The same values over bytes that [`Packed::take`] accepted before; wrong bytes give wrong values, never a panic.
    pub fn over(bytes: &'a [u8], len: usize, width: u8) -> Self {
        Self { bytes, width: width.min(64), len }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bits of a value.
    pub fn width(&self) -> u8 {
        self.width
    }

    /// Value `i`; `None` past the end.
    #[inline]
    pub fn get(&self, i: usize) -> Option<u64> {
        if i >= self.len {
            return None;
        }
        if self.width == 0 {
            return Some(0);
        }
        // As many bytes as there are values of this width lie in memory, so eight times that fits.
        let bit = i as u64 * u64::from(self.width);
        let mask = u64::MAX >> (64 - u32::from(self.width));
        // Eight bytes from the value's first one on, or the last eight that there are.
        let at = ((bit / 8) as usize).min(self.bytes.len().saturating_sub(8));
        let shift = bit - at as u64 * 8;
        match self.bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(window) if u64::from(self.width) + shift <= 64 => Some((u64::from_le_bytes(*window) >> shift) & mask),
            _ => self.get_across(bit).map(|value| value & mask),
        }
    }

    /// The bits from `bit` on, where they are in more than eight bytes or there are fewer.
    fn get_across(&self, bit: u64) -> Option<u64> {
        let mut window = [0u8; 16];
        for (to, from) in window.iter_mut().zip(self.bytes.get((bit / 8) as usize..)?) {
            *to = *from;
        }
        Some((u128::from_le_bytes(window) >> (bit % 8)) as u64)
    }

    /// Appends all values in order; the same as [`Packed::iter`] in a fraction of the time.
    pub fn unpack(&self, out: &mut Vec<u64>) {
        let width = usize::from(self.width);
        if width == 0 {
            out.resize(out.len() + self.len, 0);
            return;
        }
        // Values that lie whole in a word of eight bytes from their first byte on, that word inside the bytes.
        let words = self.bytes.len().checked_sub(8).filter(|_| width <= 57);
        let quick = words.map_or(0, |last| ((last * 8 + 7) / width + 1).min(self.len));
        let mask = u64::MAX >> (64 - width);
        out.reserve(self.len);
        let mut done = 0;
        for i in 0..quick {
            let bit = i * width;
            let Some(word) = self.bytes.get(bit / 8..).and_then(|rest| rest.first_chunk::<8>()) else { break };
            out.push((u64::from_le_bytes(*word) >> (bit % 8)) & mask);
            done += 1;
        }
        out.extend((done..self.len).map_while(|i| self.get(i)));
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<'a> {
        let this = *self;
        (0..this.len).map_while(move |i| this.get(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn widths_are_the_smallest() {
        for (max, width) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (255, 8), (256, 9), (u64::MAX, 64)] {
            assert_eq!(width_of(max), width, "{max}");
        }
    }

    #[test]
    fn bit_order_is_little_endian() {
        let mut out = Vec::new();
        put_packed(&mut out, 3, [1, 2, 3]);
        assert_eq!(out, [0b1101_0001, 0b0000_0000]);
    }

    /// [CONV-2]
    #[test]
    fn padding_bits_must_be_zero() {
        for (bytes, good) in [([0b0111_1111], true), ([0b1111_1111], false)] {
            assert_eq!(Packed::take(&mut Reader::new("test", &bytes), "p", 7, 1, 64).is_ok(), good);
        }
        assert!(Packed::take(&mut Reader::new("test", &[0; 99]), "p", 1, 9, 8).is_err(), "wider than allowed");
        assert!(Packed::take(&mut Reader::new("test", &[0; 8]), "p", usize::MAX, 64, 64).is_err());
    }

    #[test]
    fn values_over_other_bytes_than_were_taken_are_wrong_and_no_panic() {
        for bytes in [&[][..], &[0xff; 3], &[0xff; 8], &[0xff; 20]] {
            for width in [1, 7, 33, 64] {
                let packed = Packed::over(bytes, 1_000, width);
                let mask = u64::MAX >> (64 - width);
                assert!((0..1_000).all(|i| packed.get(i).is_none_or(|value| value <= mask)));
            }
        }
    }

    proptest! {
        #[test]
        fn values_come_back(width in 0u8..=64, raw in proptest::collection::vec(any::<u64>(), 0..200)) {
            let mask = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            let values: Vec<u64> = raw.iter().map(|value| value & mask).collect();
            let mut out = Vec::new();
            put_packed(&mut out, width, values.iter().copied());
            prop_assert_eq!(out.len(), packed_len(values.len(), width));
            let mut reader = Reader::new("test", &out);
            let packed = Packed::take(&mut reader, "p", values.len(), width, 64).unwrap();
            prop_assert!(reader.end().is_ok());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), values.clone());
            prop_assert_eq!(packed.get(values.len()), None);
            let mut unpacked = vec![7];
            packed.unpack(&mut unpacked);
            prop_assert_eq!(unpacked.split_first(), Some((&7, values.as_slice())));
        }
    }
}
