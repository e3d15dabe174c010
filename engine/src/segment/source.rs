//! The terms of one segment as a source for decoding rows: remembers pages, because rows that are read together share them.
//!
//! ```text
//! ordinal of a field -> the page it was in last time -> the pages at hand, by ordinal -> the segment's, through the cache
//! ```
//!
//! Invariant: a source keeps a bounded number of pages in memory while it lives, whatever rows it is asked for.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use indelible_evidence::FormatError;
use indelible_evidence::schema::{FIELD_COUNT, Field};
use indelible_format::segment::{TermPage, TermSource};

use super::{Segment, Terms};

/// Term pages that a source keeps at hand, and so keeps in memory while it lives: of 16 KiB each, about 8 MiB.
const PAGES_AT_HAND: usize = 512;

/// The terms of one segment.
pub(crate) struct SegmentTerms<'a> {
    segment: &'a Segment,
    at_hand: RefCell<AtHand>,
}

#[derive(Default)]
struct AtHand {
    fields: [FieldPages; FIELD_COUNT],
    count: usize,
}

/// Pages with ordinals of a field, ascending, and which of them was asked last.
#[derive(Default)]
struct FieldPages {
    pages: Vec<PageAtHand>,
    last: usize,
}

/// The ordinals of a field in a page, the page, and where in it they lie.
struct PageAtHand {
    ordinals: Range<u32>,
    page: Arc<TermPage>,
    section: usize,
}

impl PageAtHand {
    fn get(&self, ordinal: u32) -> Option<&[u8]> {
        self.page.sections.get(self.section)?.by_ordinal(ordinal)
    }
}

impl FieldPages {
    /// The page with an ordinal.
    fn find(&mut self, ordinal: u32) -> Option<&PageAtHand> {
        let same = self.pages.get(self.last).is_some_and(|page| page.ordinals.contains(&ordinal));
        if !same {
            self.last = self.pages.partition_point(|page| page.ordinals.start <= ordinal).checked_sub(1)?;
        }
        self.pages.get(self.last).filter(|page| same || page.ordinals.contains(&ordinal))
    }

    fn keep(&mut self, page: PageAtHand) {
        let place = self.pages.partition_point(|kept| kept.ordinals.start <= page.ordinals.start);
        self.pages.insert(place, page);
    }
}

impl AtHand {
    /// Keeps a page of the field with this id; all are let go where there are too many.
    fn keep(&mut self, id: usize, page: PageAtHand) {
        if self.count >= PAGES_AT_HAND {
            self.fields.iter_mut().for_each(|field| field.pages.clear());
            self.count = 0;
        }
        if let Some(pages) = self.fields.get_mut(id) {
            pages.keep(page);
            self.count += 1;
        }
    }
}

impl<'a> SegmentTerms<'a> {
    pub(crate) fn of(segment: &'a Segment) -> Self {
        Self { segment, at_hand: RefCell::default() }
    }

    /// Reads the page with a term through the cache and keeps it at hand; `None` where there is none.
    #[cold]
    fn page(&self, field: Field, ordinal: u32) -> Result<Option<PageAtHand>, FormatError> {
        let found = self.segment.terms.page(self.segment, field, ordinal);
        let found = found
            .map_err(|damage| FormatError::invalid("term page", "term", damage.offset as usize, damage.problem))?;
        Ok(found.map(|(ordinals, page)| {
            let section = page.sections.iter().position(|section| section.field == field).unwrap_or(usize::MAX);
            PageAtHand { ordinals, page, section }
        }))
    }

    /// What `with` says of the value of a term.
    pub(super) fn value<R>(
        &self,
        field: Field,
        ordinal: u32,
        with: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, FormatError> {
        if let Terms::Live(table) = &self.segment.terms {
            return Ok(with(table.read().get(field, ordinal)));
        }
        let mut at_hand = self.at_hand.borrow_mut();
        let id = usize::from(field.id());
        if let Some(page) = at_hand.fields.get_mut(id).and_then(|pages| pages.find(ordinal)) {
            return Ok(with(page.get(ordinal)));
        }
        let Some(page) = self.page(field, ordinal)? else { return Ok(with(None)) };
        let value = with(page.get(ordinal));
        at_hand.keep(id, page);
        Ok(value)
    }
}

impl TermSource for SegmentTerms<'_> {
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<std::borrow::Cow<'_, [u8]>>, FormatError> {
        self.value(field, ordinal, |value| value.map(|value| std::borrow::Cow::Owned(value.to_vec())))
    }

    fn with_term(&self, field: Field, ordinal: u32, with: &mut dyn FnMut(&[u8])) -> Result<bool, FormatError> {
        self.value(field, ordinal, |value| value.map(with).is_some())
    }

    fn append_term(&self, field: Field, ordinal: u32, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        self.value(field, ordinal, |value| value.map(|value| out.extend_from_slice(value)).is_some())
    }
}

#[cfg(test)]
mod tests {
    use indelible_format::segment::TermSection;

    use super::*;

    /// A page of ten terms, each the last byte of its ordinal.
    fn page(first: u32) -> PageAtHand {
        let mut section = TermSection::new(Field::LANE, first);
        (first..first + 10).for_each(|ordinal| section.push(&[2, ordinal as u8 & 0x7f]));
        let page = Arc::new(TermPage { sections: vec![section] });
        PageAtHand { ordinals: first..first + 10, page, section: 0 }
    }

    #[test]
    fn terms_are_found_in_pages_that_came_in_any_order_and_pages_stay_few() {
        let mut at_hand = AtHand::default();
        for n in 0..2_000_u32 {
            let (id, first) = ((n % 3) as usize, n * 7_919 % 2_000 * 20);
            let pages = &mut at_hand.fields[id];
            assert!(pages.find(first).is_none(), "{first} is in no page yet");
            at_hand.keep(id, page(first));
            for ordinal in [first + 9, first, first + 4] {
                let found = at_hand.fields[id].find(ordinal).and_then(|page| page.get(ordinal));
                assert_eq!(found, Some(&[2, ordinal as u8 & 0x7f][..]));
            }
            // Between two pages is none, however near.
            assert!(at_hand.fields[id].find(first + 10).is_none());
            let held: usize = at_hand.fields.iter().map(|field| field.pages.len()).sum();
            assert_eq!(held, at_hand.count);
            assert!(held <= PAGES_AT_HAND, "{held} pages");
        }
    }
}
