//! The terms of a segment: ordinal to value for decoding, text to ordinals for queries.
//!
//! A segment with a footer is read page by page through the shared cache and searched by its lookups. A segment that grows
//! keeps all its terms in memory, because its writer needs them there anyway.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::record::TextRef;
use indelible_evidence::schema::Field;
use indelible_format::segment::{LookupView, TermPage, TermTable};
use parking_lot::RwLock;

use super::{Cache, Segment, SegmentTerms};
use crate::error::{Corruption, FormatContext};
use crate::query::like;

/// Where a segment's terms come from.
pub enum Terms {
    /// From its pages, through the cache.
    Paged {
        /// Shared by all segments.
        cache: Arc<Cache>,
    },
    /// From memory.
    Live(Arc<RwLock<TermTable>>),
}

/// Ordinals of one field in a page, and the page.
pub(super) type PageOf = (std::ops::Range<u32>, Arc<TermPage>);

impl Terms {
    pub(crate) fn paged(cache: Arc<Cache>) -> Self {
        Terms::Paged { cache }
    }

    /// The value of a term in the record's text encoding.
    pub(crate) fn value(
        &self,
        segment: &Segment,
        field: Field,
        ordinal: u32,
    ) -> Result<Option<Cow<'static, [u8]>>, Corruption> {
        match self {
            Terms::Live(table) => Ok(table.read().get(field, ordinal).map(|value| Cow::Owned(value.to_vec()))),
            Terms::Paged { .. } => {
                let Some((_, page)) = self.page(segment, field, ordinal)? else { return Ok(None) };
                Ok(page.term(field, ordinal).map(|value| Cow::Owned(value.to_vec())))
            }
        }
    }

    /// The page with a term, and the ordinals of the field in it; only of a segment with pages.
    pub(super) fn page(&self, segment: &Segment, field: Field, ordinal: u32) -> Result<Option<PageOf>, Corruption> {
        let Terms::Paged { cache } = self else { return Ok(None) };
        let Some(entry) = segment.directory()?.read().page_of(field, ordinal) else { return Ok(None) };
        let load = || {
            let block = segment.blocks().block(&segment.name, entry.offset, entry.length)?;
            TermPage::decode(block.payload()).in_file(&segment.name, entry.offset)
        };
        let page = cache
            .page((segment.id, segment.read_generation(), entry.offset), load)
            .map_err(|damage| segment.located(damage))?;
        Ok(Some((entry.first..entry.first + entry.count, page)))
    }

    /// The ordinal of the term that equals `text`, whose encoding is `value`.
    pub(crate) fn find(
        &self,
        segment: &Segment,
        field: Field,
        text: &str,
        value: &[u8],
    ) -> Result<Option<u32>, Corruption> {
        if let Terms::Live(table) = self {
            return Ok(table.read().find(field, value));
        }
        let terms = SegmentTerms::of(segment);
        let found = self.with_lookup(segment, field, |lookup| {
            let rank = lookup.first_not_less(|ordinal| compare(&terms, field, ordinal, text))?;
            let Some(ordinal) = lookup.get(rank) else { return Ok(None) };
            Ok((compare(&terms, field, ordinal, text)? == Ordering::Equal).then_some(ordinal))
        });
        match found {
            Ok(Some(found)) => Ok(found),
            _ => Ok(self.search(segment, field, |term| term == text)?.into_iter().next()),
        }
    }

    /// Ordinals of the terms that begin with `prefix`.
    pub(crate) fn find_prefix(&self, segment: &Segment, field: Field, prefix: &str) -> Result<Vec<u32>, Corruption> {
        if let Terms::Live(table) = self {
            let table = table.read();
            let starts = |ordinal: &u32| {
                table
                    .get(field, *ordinal)
                    .and_then(|value| text_of(value).ok())
                    .is_some_and(|text| text.starts_with(prefix))
            };
            return Ok((0..table.len(field)).filter(starts).collect());
        }
        let terms = SegmentTerms::of(segment);
        let found = self.with_lookup(segment, field, |lookup| {
            let mut rank = lookup.first_not_less(|ordinal| compare(&terms, field, ordinal, prefix))?;
            let mut found = Vec::new();
            while let Some(ordinal) = lookup.get(rank) {
                if !self.text(segment, field, ordinal)?.starts_with(prefix) {
                    break;
                }
                found.push(ordinal);
                rank += 1;
            }
            Ok(found)
        });
        match found {
            Ok(Some(found)) => Ok(found),
            _ => self.search(segment, field, |term| term.starts_with(prefix)),
        }
    }

    /// Ordinals of the terms that a pattern matches ([`crate::query::Test::Like`]): looks at every term of the field once, page
    /// by page through the cache, so that memory grows with what is found and not with the dictionary.
    pub(crate) fn find_like(&self, segment: &Segment, field: Field, parts: &[String]) -> Result<Vec<u32>, Corruption> {
        match self {
            Terms::Live(table) => {
                let table = table.read();
                let matches = |ordinal: &u32| {
                    table
                        .get(field, *ordinal)
                        .and_then(|value| text_of(value).ok())
                        .is_some_and(|text| like(parts, &text))
                };
                Ok((0..table.len(field)).filter(matches).collect())
            }
            Terms::Paged { .. } => self.search(segment, field, |term| like(parts, term)),
        }
    }

    /// Ordinals of the terms that pass a test, by looking at all of them: for patterns, and where the lookup is damaged or not there.
    fn search(&self, segment: &Segment, field: Field, test: impl Fn(&str) -> bool) -> Result<Vec<u32>, Corruption> {
        let count = segment.directory()?.read().term_count(field);
        let mut found = Vec::new();
        for ordinal in 0..count {
            // A void is no term any more.
            let Some(value) = self.value(segment, field, ordinal)? else { continue };
            if test(&text_of(&value).in_file(&segment.name, 0)?) {
                found.push(ordinal);
            }
        }
        Ok(found)
    }

    fn with_lookup<T>(
        &self,
        segment: &Segment,
        field: Field,
        with: impl FnOnce(&LookupView<'_>) -> Result<T, FormatError>,
    ) -> Result<Option<T>, Corruption> {
        let (entry, kept) = {
            let directory = segment.directory()?.read();
            let number = u32::from(field.id());
            let kept =
                directory.kept_lookups.iter().find(|(kept, _)| *kept == number).map(|(_, block)| Arc::clone(block));
            (directory.lookups.iter().find(|lookup| lookup.number == number).copied(), kept)
        };
        let Some(entry) = entry else { return Ok(None) };
        let block = match kept {
            Some(block) => block,
            None => Arc::new(segment.blocks().block(&segment.name, entry.offset, entry.length)?),
        };
        let lookup = LookupView::open(block.payload()).in_file(&segment.name, entry.offset)?;
        with(&lookup).map(Some).in_file(&segment.name, entry.offset).map_err(|damage| segment.located(damage))
    }

    /// The text of a term.
    pub(crate) fn text(&self, segment: &Segment, field: Field, ordinal: u32) -> Result<String, FormatError> {
        let value = self.value(segment, field, ordinal);
        let value = value.map_err(|damage| FormatError::invalid("term page", "term", 0, damage.problem))?;
        text_of(&value.ok_or_else(|| no_term(field, ordinal))?)
    }
}

/// How a term's text stands to another; the term is read where it lies.
fn compare(terms: &SegmentTerms<'_>, field: Field, ordinal: u32, text: &str) -> Result<Ordering, FormatError> {
    terms.value(field, ordinal, |value| {
        let value = text_ref(value.ok_or_else(|| no_term(field, ordinal))?)?;
        Ok(value.text().as_bytes().cmp(text.as_bytes()))
    })?
}

fn no_term(field: Field, ordinal: u32) -> FormatError {
    FormatError::invalid("term page", "term", 0, format!("there is no term {ordinal} of {}", field.name()))
}

/// The text of a value in the record's text encoding.
pub(crate) fn text_of(value: &[u8]) -> Result<String, FormatError> {
    Ok(text_ref(value)?.text().into_owned())
}

fn text_ref(value: &[u8]) -> Result<TextRef<'_>, FormatError> {
    let mut reader = Reader::new("term", value);
    let text = TextRef::take(&mut reader, "term")?;
    reader.end()?;
    Ok(text)
}
