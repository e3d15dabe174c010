//! Packed integers: value *i* of width *w* takes bits *i·w* to *i·w + w - 1* of a little-endian bit string.
//!
//! Reading is random access by shifts; a place beyond the bytes reads as zero, because whoever takes a slice for packed
//! values has checked its length and counts. Specified in `format-spec/00-conventions.md`.

/// Bytes that `count` values of `width` bits take.
pub(crate) fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Smallest width that holds `value`.
pub(crate) fn width_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Appends packed values to bytes.
pub(crate) struct PackedWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u128,
    bits: u32,
}

impl<'a> PackedWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, pending: 0, bits: 0 }
    }

    /// Adds a value that fits `width` bits.
    pub(crate) fn push(&mut self, value: u64, width: u32) {
        self.pending |= u128::from(value) << self.bits;
        self.bits += width;
        if self.bits >= 64 {
            self.out.extend_from_slice(&(self.pending as u64).to_le_bytes());
            self.pending >>= 64;
            self.bits -= 64;
        }
    }

    /// Writes the last, partly filled bytes; unused bits are zero.
    pub(crate) fn finish(self) {
        let bytes = self.pending.to_le_bytes();
        self.out.extend(bytes.iter().take(self.bits.div_ceil(8) as usize));
    }
}

/// Value `index` of `width` bits (0 to 64).
#[inline]
pub(crate) fn packed_get(bytes: &[u8], index: usize, width: u32) -> u64 {
    let bit = index * width as usize;
    let (byte, shift) = (bit / 8, bit as u32 % 8);
    let mut value = word_at(bytes, byte) >> shift;
    if shift + width > 64 {
        value |= u64::from(bytes.get(byte + 8).copied().unwrap_or(0)) << (64 - shift);
    }
    if width >= 64 { value } else { value & ((1 << width) - 1) }
}

/// Eight bytes from `byte` on, zeros beyond the end.
#[inline]
pub(crate) fn word_at(bytes: &[u8], byte: usize) -> u64 {
    match bytes.get(byte..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(bytes, byte),
    }
}

/// Out of line: within the loops that read words it would cost them their registers.
#[cold]
#[inline(never)]
fn last_word(bytes: &[u8], byte: usize) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes.iter().skip(byte)) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// Whether the bits of the last byte that `bits` do not use are zero.
pub(crate) fn tail_is_zero(bytes: &[u8], bits: usize) -> bool {
    match bytes.last() {
        Some(last) if !bits.is_multiple_of(8) => last >> (bits % 8) == 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_width_come_back() {
        for width in 0..=64_u32 {
            let limit = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            let values: Vec<u64> =
                (0..77_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & limit).chain([limit]).collect();
            let mut bytes = Vec::new();
            let mut writer = PackedWriter::new(&mut bytes);
            values.iter().for_each(|value| writer.push(*value, width));
            writer.finish();
            assert_eq!(bytes.len(), packed_bytes(values.len(), width), "width {width}");
            assert!(tail_is_zero(&bytes, values.len() * width as usize));
            let back: Vec<u64> = (0..values.len()).map(|i| packed_get(&bytes, i, width)).collect();
            assert_eq!(back, values, "width {width}");
        }
    }
}
