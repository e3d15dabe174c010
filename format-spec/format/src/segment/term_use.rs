//! Which terms of a segment something still names: what a compaction keeps of the term pages.
//!
//! ```text
//! frames of the new generation -> mark_terms -> TermUse -> TermPage::retain -> pages with voids
//! ```
//!
//! One bit a term. Not here: reading the ordinals out of frames (`frame`).

use super::TermMark;
use indelible_evidence::schema::{FIELD_COUNT, Field};

/// Terms that are named, out of those that a segment has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermUse {
    fields: [Vec<u64>; FIELD_COUNT],
    terms: TermMark,
}

impl TermUse {
    /// None of the terms of a segment, of which there are as many as `terms` says ([`super::TermTable::mark`]).
    pub fn none_of(terms: &TermMark) -> Self {
        let words = |id: usize| {
            let count = Field::from_id(id as u8).map_or(0, |field| terms.count(field));
            vec![0; (count as usize).div_ceil(64)]
        };
        Self { fields: std::array::from_fn(words), terms: *terms }
    }

    /// Adds a term; false where the segment has no such ordinal.
    pub fn add(&mut self, field: Field, ordinal: u32) -> bool {
        let words = self.fields.get_mut(usize::from(field.id()));
        match words.and_then(|words| words.get_mut((ordinal / 64) as usize)) {
            Some(word) if ordinal < self.terms.count(field) => {
                *word |= 1 << (ordinal % 64);
                true
            }
            _ => false,
        }
    }

    /// Whether a term was added.
    pub fn has(&self, field: Field, ordinal: u32) -> bool {
        let words = self.fields.get(usize::from(field.id()));
        words.and_then(|words| words.get((ordinal / 64) as usize)).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    /// Adds what another one of the same segment has: frames can be marked on several threads.
    pub fn merge(&mut self, other: &Self) {
        for (words, others) in self.fields.iter_mut().zip(&other.fields) {
            for (word, other) in words.iter_mut().zip(others) {
                *word |= other;
            }
        }
    }

    /// Number of terms of a field that were added.
    pub fn count(&self, field: Field) -> u32 {
        let words = self.fields.get(usize::from(field.id()));
        words.map_or(0, |words| words.iter().map(|word| word.count_ones()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TermSink, TermTable};
    use super::*;
    use indelible_evidence::record::put_text;

    #[test]
    fn what_was_added_is_there_and_nothing_beyond_the_segment() {
        let mut table = TermTable::new();
        for number in 0..70 {
            let mut value = Vec::new();
            put_text(&mut value, &format!("lane {number}"));
            table.intern(Field::LANE, &value);
        }
        let mut used = TermUse::none_of(&table.mark());
        assert!(used.add(Field::LANE, 0) && used.add(Field::LANE, 69));
        assert!(!used.add(Field::LANE, 70) && !used.add(Field::LANE, u32::MAX) && !used.add(Field::ACTION, 0));
        let mut other = TermUse::none_of(&table.mark());
        assert!(other.add(Field::LANE, 64));
        used.merge(&other);
        let found: Vec<u32> = (0..200).filter(|&ordinal| used.has(Field::LANE, ordinal)).collect();
        assert_eq!((found, used.count(Field::LANE), used.count(Field::ACTION)), (vec![0, 64, 69], 3, 0));
    }
}
