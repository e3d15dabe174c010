//! The terms of a segment in memory: ordinals for values when writing, values for ordinals when reading.
//!
//! ```text
//! record text -> intern -> ordinal in a frame          since(mark) -> pages to be written before that frame
//! term page   -> load_page -> table                    term(field, ordinal) -> text value
//! ```
//!
//! Invariants: ordinals of a field are dense from 0 in order of first use, voids included; a value has one ordinal per field,
//! a void none. Values are kept in the record's text encoding, so that groups are rebuilt by copying.

use std::borrow::Cow;

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use super::{TERM_PAGE_RAW_MAX, TermPage, TermSection};
use indelible_evidence::FormatError;
use indelible_evidence::schema::{FIELD_COUNT, Field};

/// Gives ordinals to values.
pub trait TermSink {
    /// Ordinal of a term of `field`, given its value in the record's text encoding; assigns the next where it is new.
    fn intern(&mut self, field: Field, value: &[u8]) -> u32;

    /// The same for many values, in their order; appends their ordinals, 0 for those that are empty.
    fn intern_all(&mut self, field: Field, values: &[&[u8]], ordinals: &mut Vec<u32>) {
        ordinals.extend(values.iter().map(|value| if value.is_empty() { 0 } else { self.intern(field, value) }));
    }

    /// Ordinal of a term that is there already.
    fn find_term(&self, field: Field, value: &[u8]) -> Option<u32>;

    /// Whether a writer that has another way to store a value should make new terms of `field`.
    fn has_room(&self, field: Field) -> bool;
}

/// Gives values to ordinals.
pub trait TermSource {
    /// The value of a term in the record's text encoding; `None` where there is no such ordinal.
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<Cow<'_, [u8]>>, FormatError>;

    /// Calls `with` on that value, where it lies; false, without a call, where there is no such ordinal. `with` asks for no
    /// other term.
    fn with_term(&self, field: Field, ordinal: u32, with: &mut dyn FnMut(&[u8])) -> Result<bool, FormatError> {
        let value = self.term(field, ordinal)?;
        if let Some(value) = &value {
            with(value);
        }
        Ok(value.is_some())
    }

    /// Appends that value to `out`; false where there is no such ordinal.
    fn append_term(&self, field: Field, ordinal: u32, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        self.with_term(field, ordinal, &mut |value| out.extend_from_slice(value))
    }
}

/// All terms of a segment, both ways.
#[derive(Debug, Clone, Default)]
pub struct TermTable {
    fields: [FieldTerms; FIELD_COUNT],
    hasher: DefaultHashBuilder,
}

/// A void has no bytes, which no value is.
#[derive(Debug, Clone, Default)]
struct FieldTerms {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    by_value: HashTable<Place>,
}

/// A term's ordinal and where its value lies, side by side: a look-up touches the table and the value, nothing else.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    length: u32,
    ordinal: u32,
}

impl Place {
    fn value<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.start..self.start + self.length as usize).unwrap_or_default()
    }
}

impl FieldTerms {
    fn get(&self, ordinal: u32) -> Option<&[u8]> {
        let i = ordinal as usize;
        let end = *self.ends.get(i)?;
        let start = if i == 0 { 0 } else { *self.ends.get(i - 1)? };
        self.bytes.get(start..end).filter(|value| !value.is_empty())
    }
}

/// How many terms each field had at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TermMark([u32; FIELD_COUNT]);

impl TermMark {
    /// As many terms of each field as `count` says.
    pub fn of(count: impl Fn(Field) -> u32) -> Self {
        Self(std::array::from_fn(|id| Field::from_id(id as u8).map_or(0, &count)))
    }

    /// Number of terms of `field`, voids included.
    pub fn count(&self, field: Field) -> u32 {
        self.0.get(usize::from(field.id())).copied().unwrap_or(0)
    }
}

/// A writer keeps the raw data of a page under this where no single term is longer.
const PAGE_TARGET: usize = 16 << 10;
/// Terms, and bytes of terms, from which on a field has no room for values that can be stored otherwise: the table is kept
/// in memory while its segment grows.
const ROOM_TERMS: usize = 1 << 18;
const ROOM_BYTES: usize = 8 << 20;

impl TermTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of terms of `field`, voids included: the ordinal that comes next.
    pub fn len(&self, field: Field) -> u32 {
        self.fields.get(usize::from(field.id())).map_or(0, |terms| terms.ends.len() as u32)
    }

    /// Whether no field has a term.
    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(|terms| terms.ends.is_empty())
    }

    /// The value of a term in the record's text encoding; `None` where it is void or was never there.
    pub fn get(&self, field: Field, ordinal: u32) -> Option<&[u8]> {
        self.fields.get(usize::from(field.id()))?.get(ordinal)
    }

    /// Ordinal of a value in the record's text encoding.
    pub fn find(&self, field: Field, value: &[u8]) -> Option<u32> {
        let terms = self.fields.get(usize::from(field.id()))?;
        let hash = self.hasher.hash_one(value);
        terms.by_value.find(hash, |place| place.value(&terms.bytes) == value).map(|place| place.ordinal)
    }

    /// Where the table is now, for [`TermTable::since`].
    pub fn mark(&self) -> TermMark {
        let mut mark = TermMark::default();
        for (count, terms) in mark.0.iter_mut().zip(&self.fields) {
            *count = terms.ends.len() as u32;
        }
        mark
    }

    /// Pages with the terms added since `mark`, in the order in which they must be written; none where nothing is new.
    pub fn since(&self, mark: &TermMark) -> Vec<TermPage> {
        let mut pages: Vec<TermPage> = Vec::new();
        let mut page = TermPage::default();
        let mut filled = 0usize;
        for field in Field::all() {
            let first = mark.0.get(usize::from(field.id())).copied().unwrap_or(0);
            let mut section = TermSection::new(field, first);
            for ordinal in first..self.len(field) {
                let value = self.get(field, ordinal);
                let length = value.map_or(1, <[u8]>::len);
                if filled > 0 && filled + length > PAGE_TARGET {
                    if !section.is_empty() {
                        page.sections.push(std::mem::replace(&mut section, TermSection::new(field, ordinal)));
                    }
                    pages.push(std::mem::take(&mut page));
                    filled = 0;
                    section.first = ordinal;
                }
                filled += length;
                match value {
                    Some(value) => section.push(value),
                    None => section.push_void(),
                }
            }
            if !section.is_empty() {
                page.sections.push(section);
            }
        }
        if !page.sections.is_empty() {
            pages.push(page);
        }
        debug_assert!(
            pages
                .iter()
                .all(|page| page.sections.iter().map(TermSection::byte_len).sum::<usize>() <= TERM_PAGE_RAW_MAX)
        );
        pages
    }

    /// Forgets the terms added since `mark`: the frame that needed them was not written after all.
    pub fn rewind(&mut self, mark: &TermMark) {
        for (terms, &count) in self.fields.iter_mut().zip(&mark.0) {
            let count = count as usize;
            if terms.ends.len() <= count {
                continue;
            }
            terms.by_value.retain(|place| (place.ordinal as usize) < count);
            terms.ends.truncate(count);
            terms.bytes.truncate(terms.ends.last().copied().unwrap_or(0));
        }
    }

    /// Adds the terms of the next page of the file ([SEG-4]): ordinals must go on, and no value may come twice. A void takes
    /// an ordinal and nothing else ([SEG-11]).
    pub fn load_page(&mut self, page: &TermPage) -> Result<(), FormatError> {
        for section in &page.sections {
            let have = self.len(section.field);
            if section.first != have {
                let why = format!("{:?} begins at ordinal {}, {have} terms came before", section.field, section.first);
                return Err(FormatError::invalid("term page", "first", 4, why));
            }
            for value in section.values() {
                let before = self.len(section.field);
                let Some(value) = value else {
                    self.push_void(section.field);
                    continue;
                };
                if self.intern(section.field, value) != before {
                    let why = format!("a term of {:?} appears twice in one file", section.field);
                    return Err(FormatError::invalid("term page", "data", 0, why));
                }
            }
        }
        Ok(())
    }

    fn push_void(&mut self, field: Field) {
        if let Some(terms) = self.fields.get_mut(usize::from(field.id())) {
            terms.ends.push(terms.bytes.len());
        }
    }

    /// Ordinals of a field's terms in ascending order of their texts, as a lookup block lists them: without voids ([SEG-6]).
    pub fn sorted_ordinals(&self, field: Field) -> Vec<u32> {
        let mut ordinals: Vec<u32> =
            (0..self.len(field)).filter(|&ordinal| self.get(field, ordinal).is_some()).collect();
        ordinals.sort_by_cached_key(|&ordinal| self.get(field, ordinal).map(text_bytes));
        ordinals
    }
}

/// Bytes of the text that a value in the record's text encoding stands for.
fn text_bytes(value: &[u8]) -> Cow<'_, [u8]> {
    let mut reader = indelible_evidence::bytes::Reader::new("term", value);
    match indelible_evidence::record::TextRef::take(&mut reader, "term") {
        Ok(text) => match text.text() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Err(_) => Cow::Borrowed(value),
    }
}

impl TermSink for TermTable {
    fn intern_all(&mut self, field: Field, values: &[&[u8]], ordinals: &mut Vec<u32>) {
        // Values come again soon, and what was just compared with lies in the nearest cache, unlike the table: a value is
        // first looked for among those of the same call. Slots hold index + 1; a lost one costs a look in the table.
        let start = ordinals.len();
        let mut slots = [0u16; 256];
        let mut hashes = [0u64; 256];
        for (index, value) in values.iter().enumerate() {
            if value.is_empty() {
                ordinals.push(0);
                continue;
            }
            let hash = self.hasher.hash_one(value);
            let at = (hash >> 56) as usize;
            let before = usize::from(slots[at]).checked_sub(1);
            let known = before.filter(|&before| hashes[at] == hash && values.get(before) == Some(value));
            let ordinal = match known.and_then(|before| ordinals.get(start + before)) {
                Some(&ordinal) => ordinal,
                None => self.intern_hashed(field, value, hash),
            };
            if let Ok(index) = u16::try_from(index + 1) {
                slots[at] = index;
                hashes[at] = hash;
            }
            ordinals.push(ordinal);
        }
    }

    fn find_term(&self, field: Field, value: &[u8]) -> Option<u32> {
        self.find(field, value)
    }

    fn has_room(&self, field: Field) -> bool {
        let terms = self.fields.get(usize::from(field.id()));
        terms.is_some_and(|terms| terms.ends.len() < ROOM_TERMS && terms.bytes.len() < ROOM_BYTES)
    }

    fn intern(&mut self, field: Field, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        self.intern_hashed(field, value, hash)
    }
}

impl TermTable {
    fn intern_hashed(&mut self, field: Field, value: &[u8], hash: u64) -> u32 {
        let Some(terms) = self.fields.get_mut(usize::from(field.id())) else { return 0 };
        let FieldTerms { bytes, ends, by_value } = terms;
        if let Some(place) = by_value.find(hash, |place| place.value(bytes) == value) {
            return place.ordinal;
        }
        let place = Place { start: bytes.len(), length: value.len() as u32, ordinal: ends.len() as u32 };
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
        let hasher = &self.hasher;
        by_value.insert_unique(hash, place, |other| hasher.hash_one(other.value(bytes)));
        place.ordinal
    }
}

impl TermSource for TermTable {
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<Cow<'_, [u8]>>, FormatError> {
        Ok(self.get(field, ordinal).map(Cow::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_evidence::record::put_text;

    fn value(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(&mut out, text);
        out
    }

    #[test]
    fn ordinals_are_dense_and_pages_bring_them_back() {
        let mut table = TermTable::new();
        let mut loaded = TermTable::new();
        for round in 0..5u32 {
            let mark = table.mark();
            for i in 0..700u32 {
                let text = format!("action.{}", i % (300 * (round + 1)));
                let ordinal = table.intern(Field::ACTION, &value(&text));
                assert_eq!(table.find(Field::ACTION, &value(&text)), Some(ordinal));
                table.intern(Field::SESSION, &value(&format!("00000000-0000-7000-8000-{:012x}", i + round * 100)));
            }
            for page in table.since(&mark) {
                assert!(page.sections.iter().map(TermSection::byte_len).sum::<usize>() <= PAGE_TARGET);
                loaded.load_page(&TermPage::decode(&page.encode(1).unwrap()).unwrap()).unwrap();
            }
        }
        assert_eq!(loaded.mark(), table.mark());
        for field in Field::all() {
            for ordinal in 0..table.len(field) {
                assert_eq!(loaded.get(field, ordinal), table.get(field, ordinal));
            }
        }
        assert_eq!(table.term(Field::ACTION, 100_000), Ok(None));
    }

    #[test]
    fn a_long_term_has_a_page_of_its_own() {
        let mut table = TermTable::new();
        for text in ["a", &"b".repeat(1 << 20), "c"] {
            table.intern(Field::ACTION, &value(text));
        }
        let pages = table.since(&TermMark::default());
        assert_eq!(pages.len(), 3);
        let mut loaded = TermTable::new();
        for page in pages {
            loaded.load_page(&TermPage::decode(&page.encode(0).unwrap()).unwrap()).unwrap();
        }
        assert_eq!(loaded.mark(), table.mark());
    }

    #[test]
    fn rewinding_forgets_and_gives_the_same_ordinals_again() {
        let mut table = TermTable::new();
        table.intern(Field::LANE, &value("kept"));
        let mark = table.mark();
        for i in 0..50 {
            table.intern(Field::LANE, &value(&format!("lane {i}")));
        }
        table.rewind(&mark);
        assert_eq!((table.len(Field::LANE), table.find(Field::LANE, &value("lane 3"))), (1, None));
        assert_eq!(table.intern(Field::LANE, &value("lane 3")), 1);
        assert_eq!(table.find(Field::LANE, &value("kept")), Some(0));
    }

    /// [SEG-6] [SEG-11]
    #[test]
    fn voids_take_an_ordinal_and_are_found_nowhere() {
        let mut table = TermTable::new();
        for text in ["c", "a", "b", "d"] {
            table.intern(Field::LANE, &value(text));
        }
        let pages = table.since(&TermMark::default());
        let mut left = TermTable::new();
        for page in &pages {
            left.load_page(&page.retain(|_, ordinal| ordinal != 1 && ordinal != 3)).unwrap();
        }
        assert_eq!(left.mark(), table.mark());
        assert_eq!((left.get(Field::LANE, 1), left.find(Field::LANE, &value("a"))), (None, None));
        assert_eq!((left.get(Field::LANE, 2), left.find(Field::LANE, &value("b"))), (Some(&value("b")[..]), Some(2)));
        assert_eq!(left.sorted_ordinals(Field::LANE), [2, 0]);
        let mut again = TermTable::new();
        for page in left.since(&TermMark::default()) {
            again.load_page(&page).unwrap();
        }
        assert_eq!((again.mark(), again.sorted_ordinals(Field::LANE)), (left.mark(), vec![2, 0]));
        let mark = left.mark();
        assert_eq!(left.intern(Field::LANE, &value("a")), 4, "a void's ordinal is never given again");
        left.rewind(&mark);
        assert_eq!((left.len(Field::LANE), left.find(Field::LANE, &value("b"))), (4, Some(2)));
    }

    /// [SEG-4]
    #[test]
    fn pages_must_go_on_and_never_repeat_a_term() {
        let page = |first, text: &str| {
            let mut section = TermSection::new(Field::LANE, first);
            section.push(&value(text));
            TermPage { sections: vec![section] }
        };
        let mut table = TermTable::new();
        assert!(table.load_page(&page(1, "a")).is_err());
        table.load_page(&page(0, "a")).unwrap();
        assert!(table.load_page(&page(0, "b")).is_err());
        assert!(table.load_page(&page(1, "a")).is_err());
    }
}
