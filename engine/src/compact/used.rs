//! Which terms of a segment the frames that are left still use: the others become void.

use indelible_format::FormatError;
use indelible_format::frame::FrameReader;
use indelible_format::schema::{FIELD_COUNT, Field};

/// A bit for each term of each field.
#[derive(Debug, Default, Clone)]
pub(super) struct Used {
    fields: [Vec<u64>; FIELD_COUNT],
}

impl Used {
    /// Marks one term.
    pub(super) fn mark(&mut self, field: Field, ordinal: u32) {
        let Some(words) = self.fields.get_mut(usize::from(field.id())) else { return };
        let word = ordinal as usize / 64;
        if word >= words.len() {
            words.resize(word + 1, 0);
        }
        if let Some(word) = words.get_mut(word) {
            *word |= 1 << (ordinal % 64);
        }
    }

    /// Marks what another has marked.
    pub(super) fn merge(&mut self, other: &Self) {
        for (words, others) in self.fields.iter_mut().zip(&other.fields) {
            if words.len() < others.len() {
                words.resize(others.len(), 0);
            }
            words.iter_mut().zip(others).for_each(|(word, other)| *word |= other);
        }
    }

    /// Whether a term is used.
    pub(super) fn has(&self, field: Field, ordinal: u32) -> bool {
        if field == Field::METADATA {
            return true;
        }
        let words = self.fields.get(usize::from(field.id()));
        let word = words.and_then(|words| words.get(ordinal as usize / 64));
        word.is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    /// How many of `count` terms from `first` on are used.
    pub(super) fn count(&self, field: Field, first: u32, count: u32) -> u32 {
        (first..first.saturating_add(count)).map(|ordinal| u32::from(self.has(field, ordinal))).sum()
    }

    /// Marks all terms that the rows of a frame name.
    pub(super) fn mark_frame(&mut self, frame: &FrameReader<'_>) -> Result<(), FormatError> {
        for field in Field::all().filter(|field| field.has_terms()) {
            for row in 0..frame.rows() {
                if let Some(ordinal) = frame.term_ordinal(row, field)? {
                    self.mark(field, ordinal);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_merge_and_are_counted() {
        let (mut one, mut other) = (Used::default(), Used::default());
        [0, 63, 64, 700].into_iter().for_each(|ordinal| one.mark(Field::LANE, ordinal));
        [64, 65].into_iter().for_each(|ordinal| other.mark(Field::LANE, ordinal));
        other.mark(Field::METADATA, 3);
        one.merge(&other);
        assert_eq!(one.count(Field::LANE, 0, 1_000), 5);
        assert_eq!((one.count(Field::LANE, 64, 2), one.count(Field::METADATA, 0, 3)), (2, 0));
        assert!(one.has(Field::METADATA, 3) && !one.has(Field::ACTION, 3) && !one.has(Field::LANE, 66));
    }
}
