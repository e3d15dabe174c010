//! Term pages: the distinct values of text fields, in order of first use, which frames name by ordinal.
//!
//! ```text
//! version 1 | compression 1 | sections 2 | raw_length 4 | section 12 x n | data: text values, section after section
//! ```
//!
//! A **void** is a term that is gone with the records that used it: one byte, 3, holds its ordinal's place, so that the other
//! ordinals of a segment never change ([SEG-11]).
//!
//! Invariants of a decoded page: sections ascend by field, each has at least one value, every value is a canonical text or
//! void.
//! Continuity of ordinals and uniqueness of values across pages is checked by whoever holds the pages before
//! ([`super::TermTable`]). A page is data, never derived. Specified in `format-spec/04-segment.md`.

use std::borrow::Cow;

use crate::layout;
use crate::zstd_block::{BlockCompressor, decompress};
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::record::TextRef;
use indelible_evidence::schema::Field;

const NAME: &str = "term page";
/// Most bytes of a page's data before compression.
pub const TERM_PAGE_RAW_MAX: usize = 1_114_112;
/// More than there are fields with terms; sections ascend by field, so a page never has as many.
const SECTIONS_MAX: usize = 64;
const VERSION: u8 = 1;
/// What stands for a term that is gone: the prefix of no text.
const VOID: u8 = 3;

/// Values of one field, ordinals rising from `first`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermSection {
    /// The field.
    pub field: Field,
    /// Ordinal of the first value.
    pub first: u32,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl TermSection {
    /// An empty section; a page takes only sections with values.
    pub fn new(field: Field, first: u32) -> Self {
        Self { field, first, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Appends a value in the record's text encoding.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as u32);
    }

    /// Appends a void.
    pub fn push_void(&mut self) {
        self.push(&[VOID]);
    }

    /// Number of values, voids included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all values together.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Value `i` of the section (ordinal `first + i`), in the record's text encoding; `None` where it is void or beyond the end.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        let end = *self.ends.get(i)? as usize;
        let start = if i == 0 { 0 } else { *self.ends.get(i - 1)? as usize };
        self.bytes.get(start..end).filter(|value| *value != [VOID])
    }

    /// The value with this ordinal, if it lies in this section and is not void.
    pub fn by_ordinal(&self, ordinal: u32) -> Option<&[u8]> {
        self.get(ordinal.checked_sub(self.first)? as usize)
    }

    /// All values in order of their ordinals, `None` for voids.
    pub fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// Number of voids.
    pub fn voids(&self) -> usize {
        self.values().filter(Option::is_none).count()
    }
}

/// A term page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TermPage {
    /// Ascending by field.
    pub sections: Vec<TermSection>,
}

impl TermPage {
    /// The value of `field` with this ordinal, if it lies in this page and is not void.
    pub fn term(&self, field: Field, ordinal: u32) -> Option<&[u8]> {
        self.sections.iter().find(|section| section.field == field)?.by_ordinal(ordinal)
    }

    /// Number of voids in all sections.
    pub fn voids(&self) -> usize {
        self.sections.iter().map(TermSection::voids).sum()
    }

    /// The same page with a void in place of every term that `is_used` does not want: all ordinals stay what they are.
    #[must_use]
    pub fn retain(&self, is_used: impl Fn(Field, u32) -> bool) -> Self {
        let sections = self.sections.iter().map(|section| {
            let mut kept = TermSection::new(section.field, section.first);
            for (ordinal, value) in (section.first..).zip(section.values()) {
                match value.filter(|_| is_used(section.field, ordinal)) {
                    Some(value) => kept.push(value),
                    None => kept.push_void(),
                }
            }
            kept
        });
        Self { sections: sections.collect() }
    }

    /// The payload of its block: compressed with zstd `level` where that is smaller (level 0: never).
    pub fn encode(&self, level: i32) -> Result<Vec<u8>, FormatError> {
        let raw_length = self.sections.iter().map(TermSection::byte_len).sum::<usize>();
        let good = !self.sections.is_empty()
            && self.sections.len() <= SECTIONS_MAX
            && raw_length <= TERM_PAGE_RAW_MAX
            && self.sections.iter().all(|section| !section.is_empty());
        if !good {
            return Err(FormatError::invalid(NAME, "sections", 2, "no section, an empty one, or too much in one page"));
        }
        let raw: Vec<u8> = self.sections.iter().flat_map(|section| section.bytes.iter().copied()).collect();
        let mut compressor = BlockCompressor::new(level);
        let compressed = compressor.compress(&raw);
        let mut out = vec![VERSION, u8::from(compressed.is_some())];
        out.extend_from_slice(&(self.sections.len() as u16).to_le_bytes());
        out.extend_from_slice(&(raw_length as u32).to_le_bytes());
        for section in &self.sections {
            out.extend_from_slice(&[section.field.id(), 0, 0, 0]);
            out.extend_from_slice(&section.first.to_le_bytes());
            out.extend_from_slice(&(section.len() as u32).to_le_bytes());
        }
        out.extend_from_slice(compressed.unwrap_or(&raw));
        Ok(out)
    }

    /// Reads the payload of a term page block, whose checksum was checked.
    pub fn decode(payload: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, payload);
        let version = reader.u8("version")?;
        let compression = reader.u8("compression")?;
        if version != VERSION || compression > 1 {
            let why = format!("version {version}, compression {compression}: not known");
            return Err(reader.invalid("version", 0, why));
        }
        let sections = usize::from(reader.u16("sections")?);
        let raw_length = reader.u32("raw_length")? as usize;
        if sections == 0 || sections > SECTIONS_MAX {
            return Err(reader.invalid(
                "sections",
                2,
                format!("{sections} sections: none, or more than there are fields"),
            ));
        }
        if raw_length > TERM_PAGE_RAW_MAX {
            return Err(reader.invalid("raw_length", 4, format!("{raw_length} bytes, at most 1,114,112 allowed")));
        }
        let heads = reader.take("sections", sections * layout::TERM_SECTION.size())?;
        let at = reader.offset();
        let stored = reader.take("data", reader.left())?;
        let raw = if compression == 1 {
            let mut raw = Vec::new();
            let inflated = decompress(NAME, stored, raw_length, &mut raw);
            inflated.map_err(|error| error.shifted(at))?;
            Cow::Owned(raw)
        } else if stored.len() == raw_length {
            Cow::Borrowed(stored)
        } else {
            return Err(reader.invalid("raw_length", 4, "data has another length"));
        };
        Self::take_sections(heads, sections, &raw)
    }

    fn take_sections(heads: &[u8], count: usize, raw: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new("term page sections", heads);
        let mut data = Reader::new("term page data", raw);
        let mut page = Self { sections: Vec::with_capacity(count) };
        for _ in 0..count {
            let start = reader.offset();
            let id = reader.u8("field")?;
            reader.zeros("reserved", 3)?;
            let (first, count) = (reader.u32("first")?, reader.u32("count")?);
            let Some(field) = Field::from_id(id).filter(|field| field.has_pages()) else {
                return Err(reader.invalid("field", start, format!("field {id} has no terms")));
            };
            if page.sections.last().is_some_and(|last| last.field >= field) {
                return Err(reader.invalid("field", start, "sections do not ascend by field"));
            }
            // A value takes at least one byte, so the bytes left bound the count before anything is allocated.
            if count == 0 || count as usize > data.left() || first.checked_add(count).is_none() {
                return Err(reader.invalid("count", start + 8, format!("{count} terms from ordinal {first}")));
            }
            let mut section = TermSection::new(field, first);
            section.ends.reserve_exact(count as usize);
            let from = data.offset();
            for _ in 0..count {
                if raw.get(data.offset()) == Some(&VOID) {
                    data.take("void term", 1)?;
                } else {
                    TextRef::take(&mut data, "term")?;
                }
                section.ends.push((data.offset() - from) as u32);
            }
            section.bytes = raw.get(from..data.offset()).unwrap_or_default().to_vec();
            page.sections.push(section);
        }
        data.end()?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_evidence::record::put_text;
    use proptest::prelude::*;

    fn section(field: Field, first: u32, texts: &[&str]) -> TermSection {
        let mut section = TermSection::new(field, first);
        for text in texts {
            let mut value = Vec::new();
            put_text(&mut value, text);
            section.push(&value);
        }
        section
    }

    fn page() -> TermPage {
        let long = "x".repeat(300);
        let sections = vec![
            section(Field::WORKSPACE, 4, &["acme", "", &long]),
            section(Field::SESSION, 0, &["0195f3a2-0000-7abc-8def-001122334455"]),
        ];
        TermPage { sections }
    }

    /// [CONV-4] [CONV-6] [SEG-4] [SEG-9] [SEG-10]
    #[test]
    fn round_trip_and_every_changed_byte() {
        for level in [0, 3] {
            let payload = page().encode(level).unwrap();
            assert_eq!(payload.get(1), Some(&u8::from(level != 0)));
            assert_eq!(TermPage::decode(&payload).unwrap(), page());
            for at in 0..payload.len() {
                let mut changed = payload.clone();
                changed[at] ^= 1;
                if let Ok(read) = TermPage::decode(&changed) {
                    // Without a checksum a changed page may be another page; it must then encode to what was read.
                    assert!(level != 0 || read.encode(0).unwrap() == changed, "byte {at}");
                }
                assert!(TermPage::decode(&payload[..at]).is_err(), "cut at {at}");
            }
        }
        assert!(TermPage::decode(&[0; 64]).is_err());
    }

    /// [SEG-11]
    #[test]
    fn voids_keep_the_ordinals_of_the_others() {
        let left = page().retain(|field, ordinal| field == Field::WORKSPACE && ordinal == 5);
        assert_eq!((left.voids(), left.term(Field::WORKSPACE, 5)), (3, Some(&[0][..])), "an empty text is no void");
        assert_eq!((left.term(Field::WORKSPACE, 4), left.term(Field::SESSION, 0)), (None, None));
        assert_eq!(left.sections[0].values().collect::<Vec<_>>(), [None, Some(&[0][..]), None]);
        for level in [0, 3] {
            assert_eq!(TermPage::decode(&left.encode(level).unwrap()).unwrap(), left);
        }
        assert_eq!(left.retain(|_, _| true), left, "what is void stays void");
        let one = TermPage { sections: vec![section(Field::LANE, 0, &["a"])] }.encode(0).unwrap();
        for prefix in [5, 7, 0x83] {
            // Two bytes of a text: no other odd prefix stands for anything.
            let mut bad = one.clone();
            let at = bad.len() - 2;
            bad[at] = prefix;
            assert!(TermPage::decode(&bad).is_err(), "prefix {prefix}");
        }
    }

    /// [SEG-4] [SEG-9]
    #[test]
    fn malformed_pages_are_refused() {
        let swapped = TermPage { sections: page().sections.into_iter().rev().collect() };
        let twice = TermPage { sections: vec![section(Field::LANE, 0, &["a"]), section(Field::LANE, 1, &["b"])] };
        let no_terms = TermPage { sections: vec![section(Field::EVENT_ID, 0, &["a"])] };
        let overflow = TermPage { sections: vec![section(Field::LANE, u32::MAX, &["a"])] };
        for bad in [swapped, twice, no_terms, overflow] {
            assert!(TermPage::decode(&bad.encode(0).unwrap()).is_err(), "{bad:?}");
        }
        assert!(TermPage::default().encode(0).is_err());
        assert!(TermPage { sections: vec![section(Field::LANE, 0, &[])] }.encode(0).is_err());
        let mut count = page().encode(0).unwrap();
        count[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(TermPage::decode(&count).is_err());
        let mut raw = page().encode(3).unwrap();
        raw[4..8].copy_from_slice(&(TERM_PAGE_RAW_MAX as u32 + 1).to_le_bytes());
        assert!(TermPage::decode(&raw).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = TermPage::decode(&bytes);
            bytes.splice(0..bytes.len().min(4), [1, 0, 1, 0]);
            let _ = TermPage::decode(&bytes);
        }
    }
}
