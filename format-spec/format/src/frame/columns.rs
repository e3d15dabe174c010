//! Encodings 1 to 3: codes, times and terms as packed differences from their minimum.
//!
//! ```text
//! 1 codes  base u8  | width u8 | packed          2 times  base i64 | scale u8 | width u8 | packed
//! 3 terms  base u32 | width u8 | packed
//! ```
//!
//! Minimum and maximum are over all rows, an absent value counting as 0; where all times are equal the scale is 9. So a
//! column of given values has one encoding ([FRM-5]), which reading all values checks.

use super::Shape;
use crate::bitpack::{Packed, packed_len, put_packed, width_of};
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;

/// Packed values by place in the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackedAt {
    start: usize,
    /// Bytes that they take.
    bytes: usize,
    width: u8,
    len: usize,
}

impl PackedAt {
    /// Takes `len` values from `reader`, which reads the body from `base` on.
    pub(super) fn take(
        reader: &mut Reader<'_>,
        base: usize,
        len: usize,
        width: u8,
        width_max: u8,
    ) -> Result<Self, FormatError> {
        let start = base + reader.offset();
        Packed::take(reader, "packed", len, width, width_max)?;
        Ok(Self { start, bytes: packed_len(len, width), width, len })
    }

    /// No values at all.
    pub(super) fn none() -> Self {
        Self { start: 0, bytes: 0, width: 0, len: 0 }
    }

    /// The same values by place in data that begins at `at` in the body.
    pub(super) fn before(&self, at: usize) -> Self {
        Self { start: self.start.saturating_sub(at), ..*self }
    }

    /// The values.
    pub(super) fn over<'a>(&self, body: &'a [u8]) -> Packed<'a> {
        Packed::over(body.get(self.start..self.start + self.bytes).unwrap_or_default(), self.len, self.width)
    }
}

/// A packed column by place: value = base + packed * unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberColumn {
    base: i64,
    unit: i64,
    packed: PackedAt,
    shape: Shape,
}

impl NumberColumn {
    /// Opens the data of a column of `rows` values, which begins at `base` in the body.
    pub(super) fn open(data: &[u8], at: usize, rows: usize, shape: Shape) -> Result<Self, FormatError> {
        let mut reader = Reader::new("frame column", data);
        let (base, unit, width_max) = match shape {
            Shape::Codes => (i64::from(reader.u8("base")?), 1, 8),
            Shape::Terms => (i64::from(reader.u32("base")?), 1, 32),
            _ => {
                let base = reader.i64("base")?;
                let scale = reader.u8("scale")?;
                if !matches!(scale, 0 | 3 | 6 | 9) {
                    return Err(reader.invalid("scale", 8, format!("scale {scale}, one of 0, 3, 6, 9 allowed")));
                }
                (base, 10i64.pow(u32::from(scale)), 64)
            }
        };
        let width = reader.u8("width")?;
        let packed = PackedAt::take(&mut reader, at, rows, width, width_max)?;
        reader.end()?;
        Ok(Self { base, unit, packed, shape })
    }

    /// The value of a row.
    #[inline]
    pub(super) fn get(&self, body: &[u8], row: usize) -> Result<i64, FormatError> {
        match self.value(body, row) {
            Some(value) => Ok(value),
            None => Err(FormatError::invalid("frame column", "packed", 0, format!("row {row} is out of range"))),
        }
    }

    #[inline]
    fn value(&self, body: &[u8], row: usize) -> Option<i64> {
        let offset = self.packed.over(body).get(row)?.checked_mul(self.unit as u64)?;
        self.base.checked_add_unsigned(offset).filter(|&value| value <= self.largest())
    }

    /// Values of all rows of a column of codes or terms, which have no unit, unchecked. One out of range comes as `i64::MAX`.
    pub(super) fn iter(&self, body: &[u8]) -> impl Iterator<Item = i64> {
        let base = self.base;
        self.packed.over(body).iter().map(move |packed| base.checked_add_unsigned(packed).unwrap_or(i64::MAX))
    }

    /// All values at once, the column known to be what they encode to ([FRM-4], [FRM-5]): differences begin at zero, and width
    /// and scale are those that they need. `raw` is scratch.
    pub(super) fn values(&self, body: &[u8], raw: &mut Vec<u64>, out: &mut Vec<i64>) -> Result<(), FormatError> {
        let invalid = |field, why| Err(FormatError::invalid("frame column", field, 0, why));
        raw.clear();
        let packed = self.packed.over(body);
        packed.unpack(raw);
        let (least, most) = raw.iter().fold((u64::MAX, 0), |(least, most), &value| (least.min(value), most.max(value)));
        let largest = most.checked_mul(self.unit as u64).and_then(|offset| self.base.checked_add_unsigned(offset));
        let Some(largest) = largest.filter(|&largest| largest <= self.largest()) else {
            return invalid("packed", "a row is out of range");
        };
        let could_scale =
            self.shape == Shape::Times && self.unit < UNIT_MAX && raw.iter().all(|value| value.is_multiple_of(1000));
        if least != 0 || width_of(most) != packed.width() || could_scale {
            return invalid("base", "base, scale or width is not the one needed");
        }
        if self.shape != Shape::Times && largest == 0 {
            return invalid("packed", "a column that is absent in every row");
        }
        // The largest does not overflow, so none does.
        let (base, unit) = (self.base, self.unit as u64);
        out.extend(raw.iter().map(|value| base.wrapping_add_unsigned(value.wrapping_mul(unit))));
        Ok(())
    }

    /// Least and largest value of the rows that `rows` has a bit for, which must be some; `raw` is scratch. As strict as reading
    /// each of these rows: one that is out of range is refused, and whether the column is in its one form is not looked at.
    pub(super) fn bounds(&self, body: &[u8], rows: u128, raw: &mut Vec<u64>) -> Result<(i64, i64), FormatError> {
        raw.clear();
        self.packed.over(body).unpack(raw);
        let every = raw.len() == rows.count_ones() as usize;
        let asked =
            raw.iter().enumerate().filter(|(row, _)| every || rows.checked_shr(*row as u32).unwrap_or(0) & 1 == 1);
        let (least, most) = asked.fold((u64::MAX, 0), |(least, most), (_, &value)| (least.min(value), most.max(value)));
        let value = |packed: u64| {
            let offset = packed.checked_mul(self.unit as u64)?;
            self.base.checked_add_unsigned(offset).filter(|&value| value <= self.largest())
        };
        match value(least).zip(value(most)) {
            Some(bounds) => Ok(bounds),
            None => Err(FormatError::invalid("frame column", "packed", 0, "a row is out of range")),
        }
    }

    fn largest(&self) -> i64 {
        match self.shape {
            Shape::Codes => i64::from(u8::MAX),
            Shape::Terms => i64::from(u32::MAX),
            _ => i64::MAX,
        }
    }
}

/// Nanoseconds of the largest scale.
const UNIT_MAX: i64 = 1_000_000_000;

/// Appends a column of codes, times or terms.
pub(super) fn put_numbers(out: &mut Vec<u8>, shape: Shape, values: &[i64]) {
    let base = values.iter().copied().min().unwrap_or(0);
    let difference = |value: i64| value.wrapping_sub(base) as u64;
    let mut unit = 1u64;
    match shape {
        Shape::Codes => out.push(base as u8),
        Shape::Terms => out.extend_from_slice(&(base as u32).to_le_bytes()),
        _ => {
            let mut scale = 9u8;
            unit = 1_000_000_000;
            for &value in values {
                while !difference(value).is_multiple_of(unit) {
                    unit /= 1000;
                    scale -= 3;
                }
            }
            out.extend_from_slice(&base.to_le_bytes());
            out.push(scale);
        }
    }
    let largest = values.iter().map(|&value| difference(value) / unit).max().unwrap_or(0);
    let width = width_of(largest);
    out.push(width);
    if unit == 1 {
        put_packed(out, width, values.iter().map(|&value| difference(value)));
    } else {
        put_packed(out, width, values.iter().map(|&value| difference(value) / unit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(shape: Shape, values: &[i64]) -> Vec<u8> {
        let mut out = Vec::new();
        put_numbers(&mut out, shape, values);
        out
    }

    fn read(shape: Shape, data: &[u8], rows: usize) -> Result<Vec<i64>, FormatError> {
        let column = NumberColumn::open(data, 0, rows, shape)?;
        let mut values = Vec::new();
        column.values(data, &mut Vec::new(), &mut values)?;
        let single = (0..rows).map(|row| column.get(data, row)).collect::<Result<Vec<i64>, _>>()?;
        assert_eq!(single, values);
        for rows in [u128::MAX >> (128 - rows), 1 << (rows - 1), 1] {
            let among = || values.iter().enumerate().filter(|(row, _)| rows >> row & 1 == 1).map(|(_, &value)| value);
            let bounds = column.bounds(data, rows, &mut Vec::new())?;
            assert_eq!(Some(bounds), among().min().zip(among().max()));
        }
        Ok(values)
    }

    /// [FRM-5]
    #[test]
    fn only_the_smallest_form_is_read() {
        assert_eq!(encode(Shape::Codes, &[3, 3, 3]), [3, 0]);
        assert_eq!(encode(Shape::Codes, &[0, 3, 1]), [0, 2, 0b01_11_00]);
        assert_eq!(encode(Shape::Terms, &[5, 6]), [5, 0, 0, 0, 1, 0b10]);
        assert_eq!(encode(Shape::Times, &[-7])[8..], [9, 0]);
        assert_eq!(encode(Shape::Times, &[2_000_000, 0, 4_000_000])[8..10], [6, 3]);
        let refused: [(Shape, &[u8], usize); 7] = [
            (Shape::Codes, &[0, 2, 0b10_01], 2),
            (Shape::Codes, &[0, 3, 0b1], 2),
            (Shape::Codes, &[255, 8, 1, 0], 2),
            (Shape::Codes, &[0, 9, 1, 0, 0], 2),
            (Shape::Codes, &[0, 0], 2),
            (Shape::Terms, &[255, 255, 255, 255, 1, 0b10], 2),
            (Shape::Terms, &[1, 0, 0, 0, 33, 0, 0, 0, 0, 1, 0, 0, 0, 0], 2),
        ];
        for (shape, data, rows) in refused {
            assert!(read(shape, data, rows).is_err(), "{data:?}");
        }
        let times = encode(Shape::Times, &[0, 6000]);
        for (at, value) in [(8, 1), (8, 12), (9, 65), (9, 2), (9, 4)] {
            let mut changed = times.clone();
            changed[at] = value;
            assert!(read(Shape::Times, &changed, 2).is_err(), "byte {at} = {value}");
        }
        let unscaled = [&[0; 8][..], &[0, 13, 0, 0, 0b1110_1110, 0b10]].concat();
        assert!(read(Shape::Times, &unscaled, 2).is_err(), "thousands in units of one");
        let mut overflow = encode(Shape::Times, &[0, 1]);
        overflow[..8].copy_from_slice(&i64::MAX.to_le_bytes());
        assert!(read(Shape::Times, &overflow, 2).is_err());
    }

    proptest! {
        #[test]
        fn times_come_back(values in proptest::collection::vec(any::<i64>(), 1..128), shift in 0u32..40) {
            let values: Vec<i64> = values.into_iter().map(|value| value >> shift).collect();
            for unit in [1, 1000, 1_000_000, 1_000_000_000] {
                let values: Vec<i64> = values.iter().map(|value| value / 1_000_000_000 * unit).collect();
                prop_assert_eq!(read(Shape::Times, &encode(Shape::Times, &values), values.len()).unwrap(), values);
            }
        }

        /// What is read strictly is what its values encode to, and nothing else is refused.
        ///
        /// [FRM-5]
        #[test]
        fn strict_is_what_encodes_to_the_same_bytes(
            base in 0u8..3, scale in 0u8..4, width in 0u8..12, packed in proptest::collection::vec(0u64..4096, 1..40),
            thousands in any::<bool>(), which in 0u8..3,
        ) {
            let shape = [Shape::Codes, Shape::Times, Shape::Terms][usize::from(which)];
            let mask = (1u64 << width) - 1;
            let packed: Vec<u64> =
                packed.iter().map(|&value| if thousands { value / 1000 * 1000 } else { value } & mask).collect();
            let mut data = match shape {
                Shape::Codes => vec![base],
                Shape::Times => [&i64::from(base).to_le_bytes()[..], &[scale * 3]].concat(),
                _ => u32::from(base).to_le_bytes().to_vec(),
            };
            data.push(width);
            put_packed(&mut data, width, packed.iter().copied());
            let Ok(column) = NumberColumn::open(&data, 0, packed.len(), shape) else { return Ok(()) };
            let single = (0..packed.len()).map(|row| column.get(&data, row)).collect::<Result<Vec<i64>, _>>();
            let absent = |values: &[i64]| shape != Shape::Times && values.iter().all(|&value| value == 0);
            let same = single.is_ok_and(|values| encode(shape, &values) == data && !absent(&values));
            prop_assert_eq!(read(shape, &data, packed.len()).is_ok(), same);
        }

        #[test]
        fn terms_come_back(values in proptest::collection::vec(any::<u32>(), 1..128), shift in 0u32..32) {
            let values: Vec<i64> = values.into_iter().map(|value| i64::from(value >> shift)).collect();
            prop_assume!(values.iter().any(|&value| value != 0));
            prop_assert_eq!(read(Shape::Terms, &encode(Shape::Terms, &values), values.len()).unwrap(), values);
        }
    }
}
