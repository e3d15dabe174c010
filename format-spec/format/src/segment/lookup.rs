//! Lookups: the ordinals of a field's terms in ascending order of their texts.
//!
//! ```text
//! version u16 | field u8 | width u8 | count u32 | packed ordinals, width the smallest that holds the largest of them
//! ```
//!
//! Derived from the term pages; voids are left out. Sorted by the bytes of the texts (a UUID's text, not its sixteen bytes), so that a term or
//! a prefix is found by binary search ([SEG-6]).

use std::cmp::Ordering;

use super::footer::partition;
use crate::bitpack::{Packed, put_packed, width_of};
use indelible_evidence::FORMAT_VERSION;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::schema::Field;

const NAME: &str = "term lookup";

/// The payload of a lookup block; `ordinals` are all of the field's terms without voids, sorted by text.
pub fn encode_lookup(field: Field, ordinals: &[u32]) -> Vec<u8> {
    let width = width_of(ordinals.iter().copied().max().unwrap_or(0).into());
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
        // Distinct ordinals need at least that many bits; more only where there are voids, which `check` looks at.
        if count == 0 || width < width_of(u64::from(count) - 1) {
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

    /// Checks that the ordinals are distinct, below `terms` (the field's terms, voids included) and packed no wider than the
    /// largest needs ([SEG-6]). Memory: one bit a term.
    pub fn check(&self, terms: u32) -> Result<(), FormatError> {
        let refuse = |why| Err(FormatError::invalid(NAME, "ordinals", 8, why));
        let mut seen = vec![0u64; (terms as usize).div_ceil(64)];
        let mut largest = 0;
        for ordinal in self.ordinals.iter() {
            let bit = 1u64 << (ordinal % 64);
            match seen.get_mut((ordinal / 64) as usize) {
                Some(word) if ordinal < u64::from(terms) && *word & bit == 0 => *word |= bit,
                _ => return refuse("an ordinal twice, or one that is no term's"),
            }
            largest = largest.max(ordinal);
        }
        if self.ordinals.width() != width_of(largest) {
            return refuse("packed wider than the largest ordinal needs");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TermSink, TermTable};
    use super::*;
    use indelible_evidence::record::put_text;

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
        view.check(6).unwrap();
        let order: Vec<_> = (0..view.len()).map(|rank| texts[view.get(rank).unwrap() as usize]).collect();
        let mut sorted = texts.to_vec();
        sorted.sort_unstable();
        assert_eq!(order, sorted);
        let find = |text: &str| view.first_not_less(|ordinal| Ok(texts[ordinal as usize].cmp(text))).unwrap();
        assert_eq!((find(""), find("a"), find("aa"), find("zz")), (0, 3, 4, 6));
    }

    /// [SEG-6]
    #[test]
    fn only_distinct_ordinals_of_terms_are_lookups() {
        let cases: [(&[u32], u32, bool); 8] = [
            (&[2, 0, 1], 3, true),
            (&[0], 1, true),
            (&[0, 0, 1], 3, false),
            (&[0, 1, 3], 3, false),
            // With voids among the terms.
            (&[0, 1, 3], 4, true),
            (&[700], 701, true),
            (&[700], 700, false),
            (&[], 3, false),
        ];
        for (ordinals, terms, good) in cases {
            let bytes = encode_lookup(Field::LANE, ordinals);
            let read = LookupView::open(&bytes).and_then(|view| view.check(terms));
            assert_eq!(read.is_ok(), good, "{ordinals:?} of {terms}");
        }
        let mut wide = encode_lookup(Field::LANE, &[1, 0]);
        wide[3] = 2;
        assert!(LookupView::open(&wide).and_then(|view| view.check(2)).is_err(), "two bits for 0 and 1");
    }

    /// [CONV-2] [CONV-4]
    #[test]
    fn every_changed_byte_is_refused_or_another_lookup() {
        let bytes = encode_lookup(Field::LANE, &[4, 2, 0, 1, 3]);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(view) = LookupView::open(&changed).and_then(|view| view.check(5).map(|()| view)) {
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
