//! Turns an expression into what the index of one segment understands.
//!
//! Texts become ordinals of the segment's terms, ids become fingerprints, seqs become ordinals. What postings cannot answer
//! (a prefix or a pattern of an id) is widened, so that the filter finds a superset, and every hit is checked on its record.

use std::num::NonZeroU32;

use indelible_evidence::record::put_text;
use indelible_evidence::schema::{Column, Field};
use indelible_index::{Filter, fingerprint};

use super::expr::{Expr, Test};
use crate::error::Corruption;
use crate::segment::Segment;

/// A filter for one segment.
pub(super) struct Resolved {
    pub(super) filter: Filter,
    /// Whether every hit must be checked, because some test was widened.
    pub(super) widened: bool,
}

/// What `expr` means in `segment`.
pub(super) fn resolve(expr: &Expr, segment: &Segment) -> Result<Resolved, Corruption> {
    let mut resolver = Resolver { segment, widened: false };
    let filter = resolver.filter(expr, true)?;
    Ok(Resolved { filter, widened: resolver.widened })
}

struct Resolver<'a> {
    segment: &'a Segment,
    widened: bool,
}

impl Resolver<'_> {
    /// `positive`: widening means more rows; under a negation it means fewer.
    fn filter(&mut self, expr: &Expr, positive: bool) -> Result<Filter, Corruption> {
        Ok(match expr {
            Expr::True => Filter::All,
            Expr::False => Filter::Nothing,
            Expr::Field(field, test) => self.field(*field, test, positive)?,
            Expr::Occurred { from, to } => Filter::Occurred { from: *from, to: *to },
            Expr::Recorded { from, to } => Filter::Recorded { from: *from, to: *to },
            Expr::Seq { from, to } => {
                let ordinal = |seq: u64| u32::try_from(seq.saturating_sub(self.segment.first_seq)).unwrap_or(u32::MAX);
                if from >= to { Filter::Nothing } else { Filter::Ordinals { from: ordinal(*from), to: ordinal(*to) } }
            }
            Expr::And(list) => Filter::And(self.list(list, positive)?),
            Expr::Or(list) => Filter::Or(self.list(list, positive)?),
            Expr::Not(expr) => Filter::Not(Box::new(self.filter(expr, !positive)?)),
        })
    }

    fn list(&mut self, list: &[Expr], positive: bool) -> Result<Vec<Filter>, Corruption> {
        list.iter().map(|expr| self.filter(expr, positive)).collect()
    }

    fn field(&mut self, field: Field, test: &Test, positive: bool) -> Result<Filter, Corruption> {
        let id = field.id();
        let keys = |mut keys: Vec<u32>| {
            keys.sort_unstable();
            keys.dedup();
            if keys.is_empty() { Filter::Nothing } else { Filter::Key { field: id, keys } }
        };
        Ok(match (field.spec().column, test) {
            (_, Test::Present) => Filter::Present { field: id },
            (Column::Codes, Test::Codes(codes)) => keys(codes.iter().map(|&code| u32::from(code)).collect()),
            (Column::Terms, Test::AnyOf(texts)) => {
                let mut found = Vec::new();
                for text in texts {
                    found.extend(self.segment.find_term(field, text)?.map(|ordinal| ordinal + 1));
                }
                keys(found)
            }
            (Column::Terms, Test::Prefix(prefix)) => {
                keys(self.segment.find_prefix(field, prefix)?.into_iter().map(|ordinal| ordinal + 1).collect())
            }
            (Column::Terms, Test::Like(parts)) => {
                keys(self.segment.find_like(field, parts)?.into_iter().map(|ordinal| ordinal + 1).collect())
            }
            (Column::Fingerprints, Test::AnyOf(texts)) => {
                keys(texts.iter().map(|text| text_fingerprint(text).get()).collect())
            }
            (Column::Fingerprints, Test::Prefix(_) | Test::Like(_)) => {
                self.widened = true;
                if positive { Filter::Present { field: id } } else { Filter::Nothing }
            }
            _ => Filter::Nothing,
        })
    }
}

/// The index's fingerprint of a text value.
pub(crate) fn text_fingerprint(text: &str) -> NonZeroU32 {
    let mut value = Vec::with_capacity(text.len() + 2);
    put_text(&mut value, text);
    fingerprint(&value)
}

/// Whether a segment whose records have these ranges can hold a match.
pub(super) fn may_match(expr: &Expr, ranges: &Ranges) -> bool {
    match expr {
        Expr::False => false,
        Expr::Occurred { from, to } => overlaps(*from, *to, ranges.occurred),
        Expr::Recorded { from, to } => overlaps(*from, *to, ranges.recorded),
        Expr::Seq { from, to } => *from < ranges.seqs.1 && *to > ranges.seqs.0 && from < to,
        Expr::And(list) => list.iter().all(|expr| may_match(expr, ranges)),
        Expr::Or(list) => list.iter().any(|expr| may_match(expr, ranges)),
        Expr::True | Expr::Field(..) | Expr::Not(_) => true,
    }
}

/// What is known of the records of a segment without opening it.
pub(super) struct Ranges {
    /// First seq and seq after the last.
    pub(super) seqs: (u64, u64),
    /// Earliest and latest occurred-at, where they are known.
    pub(super) occurred: Option<(i64, i64)>,
    /// First and last recorded-at, where they are known.
    pub(super) recorded: Option<(i64, i64)>,
}

fn overlaps(from: Option<i64>, to: Option<i64>, range: Option<(i64, i64)>) -> bool {
    range.is_none_or(|(min, max)| from.is_none_or(|from| max >= from) && to.is_none_or(|to| min < to))
}
