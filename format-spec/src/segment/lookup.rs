//! Lookups: the ordinals of a field's terms in ascending order of their texts.
//!
//! ```text
//! version u16 | field u8 | width u8 | count u32 | packed ordinals, width the smallest that holds count - 1
//! ```
//!
//! Derived from the term pages. Sorted by the bytes of the texts (a UUID's text, not its sixteen bytes), so that a term or
//! a prefix is found by binary search ([SEG-6]).

use std::cmp::Ordering;

use super::footer::partition;
use crate::FORMAT_VERSION;
use crate::bitpack::{Packed, put_packed, width_of};
use crate::bytes::Reader;
use crate::error::FormatError;
use crate::schema::Field;

const NAME: &str = "term lookup";

/// The payload of a lookup block; `ordinals` are all of the field's terms, sorted by text.
pub fn encode_lookup(field: Field, ordinals: &[u32]) -> Vec<u8> {
    let width = width_of(ordinals.len().saturating_sub(1) as u64);
    let mut out = Vec::new();
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&[field.id(), width]);
    out.extend_from_slice(&(ordinals.len() as u32).to_le_bytes());
    put_packed(&mut out, width, ordinals.iter().map(|&ordinal| u64::from(ordinal)));
    out
}

/// A lookup read in place.
#[derive(Debug, Clone, Copy)]
pub struct LookupView<'a> {
    field: Field,
    ordinals: Packed<'a>,
}

impl<'a> LookupView<'a> {
    /// Opens the payload of a lookup block, whose checksum was checked.
    pub fn open(payload: &'a [u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, payload);
        reader.version()?;
        let id = reader.u8("field")?;
        let Some(field) = Field::from_id(id).filter(|field| field.has_terms()) else {
            return Err(reader.invalid("field", 2, format!("field {id} has no terms")));
        };
        let width = reader.u8("width")?;
        let count = reader.u32("count")?;
        if count == 0 || width != width_of(u64::from(count) - 1) {
            return Err(reader.invalid("count", 4, format!("{count} terms of {width} bits")));
        }
        let ordinals = Packed::take(&mut reader, "ordinals", count as usize, width, 32)?;
        reader.end()?;
        Ok(Self { field, ordinals })
    }

    /// The field.
    pub fn field(&self) -> Field {
        self.field
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Never true of an opened lookup.
    pub fn is_empty(&self) -> bool {
        self.ordinals.is_empty()
    }

    /// Ordinal of the term at `rank` in the order of texts.
    pub fn get(&self, rank: usize) -> Option<u32> {
        self.ordinals.get(rank).map(|ordinal| ordinal as u32)
    }

    /// First rank whose term is not `Less` by `compare`, which is given ordinals; the number of terms where all are.
    pub fn first_not_less(
        &self,
        mut compare: impl FnMut(u32) -> Result<Ordering, FormatError>,
    ) -> Result<usize, FormatError> {
        partition(self.len(), |rank| Ok(self.get(rank).map(&mut compare).transpose()? == Some(Ordering::Less)))
    }

    /// Checks that the ordinals are a permutation of 0 to n - 1 ([SEG-6]). Memory: one bit a term.
    pub fn check(&self) -> Result<(), FormatError> {
        let mut seen = vec![0u64; self.len().div_ceil(64)];
        for ordinal in self.ordinals.iter() {
            let bit = 1u64 << (ordinal % 64);
            match seen.get_mut((ordinal / 64) as usize) {
                Some(word) if (ordinal as usize) < self.len() && *word & bit == 0 => *word |= bit,
                _ => return Err(FormatError::invalid(NAME, "ordinals", 8, "not a permutation of the terms")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TermSink, TermTable};
    use super::*;
    use crate::record::put_text;

    fn table(texts: &[&str]) -> TermTable {
        let mut table = TermTable::new();
        for text in texts {
            let mut value = Vec::new();
            put_text(&mut value, text);
            table.intern(Field::SESSION, &value);
        }
        table
    }

    #[test]
    fn terms_and_prefixes_are_found_in_the_order_of_texts() {
        let texts = ["b", "00000000-0000-7000-8000-000000000001", "", "a", "1", "ab"];
        let table = table(&texts);
        let bytes = encode_lookup(Field::SESSION, &table.sorted_ordinals(Field::SESSION));
        let view = LookupView::open(&bytes).unwrap();
        view.check().unwrap();
        let order: Vec<_> = (0..view.len()).map(|rank| texts[view.get(rank).unwrap() as usize]).collect();
        let mut sorted = texts.to_vec();
        sorted.sort_unstable();
        assert_eq!(order, sorted);
        let find = |text: &str| view.first_not_less(|ordinal| Ok(texts[ordinal as usize].cmp(text))).unwrap();
        assert_eq!((find(""), find("a"), find("aa"), find("zz")), (0, 3, 4, 6));
    }

    /// [SEG-6]
    #[test]
    fn only_permutations_are_lookups() {
        for (ordinals, good) in
            [(&[2, 0, 1][..], true), (&[0], true), (&[0, 0, 1], false), (&[0, 1, 3], false), (&[], false)]
        {
            let bytes = encode_lookup(Field::LANE, ordinals);
            let read = LookupView::open(&bytes).and_then(|view| view.check());
            assert_eq!(read.is_ok(), good, "{ordinals:?}");
        }
    }

    /// [CONV-2] [CONV-4]
    #[test]
    fn every_changed_byte_is_refused_or_another_lookup() {
        let bytes = encode_lookup(Field::LANE, &[4, 2, 0, 1, 3]);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(view) = LookupView::open(&changed).and_then(|view| view.check().map(|()| view)) {
                    let ordinals: Vec<u32> = (0..view.len()).filter_map(|rank| view.get(rank)).collect();
                    assert_eq!(encode_lookup(view.field(), &ordinals), changed, "byte {at}");
                }
            }
            assert!(LookupView::open(&bytes[..at]).is_err(), "cut at {at}");
        }
        let mut hostile = bytes.clone();
        hostile[3..8].copy_from_slice(&[32, 255, 255, 255, 255]);
        assert!(LookupView::open(&hostile).is_err());
    }
}
