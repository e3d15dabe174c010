//! What postings know about a filter: rows that match for sure and rows that may.
//!
//! ```text
//!   sure            unsure           the rest
//! |---------|--------------------|------------|     sure <= truth <= sure + unsure
//! ```
//!
//! `unsure` is empty for exact filters, so that these cost one bitmap. Rules of three-valued logic:
//! and: sure = A.sure & B.sure; or: sure = A.sure | B.sure; not: what is neither, and unsure stays unsure.

use std::borrow::Cow;

use roaring::RoaringBitmap;

/// Positions of a run (0 to 65,535) or chunk set that match, as far as the postings can tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounds {
    /// These match.
    pub sure: RoaringBitmap,
    /// These may match: the engine checks the record. Disjoint from `sure`.
    pub unsure: RoaringBitmap,
}

/// How many rows match: at least `sure`, at most `maybe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Rows that match for sure.
    pub sure: u64,
    /// Rows that match or may match.
    pub maybe: u64,
}

impl Bounds {
    /// Bounds that are the truth.
    #[must_use]
    pub fn exact(rows: RoaringBitmap) -> Self {
        Self { sure: rows, unsure: RoaringBitmap::new() }
    }

    /// Whether nothing is left to check on records.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.unsure.is_empty()
    }

    /// Whether no row can match.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.sure.is_empty() && self.unsure.is_empty()
    }

    /// Rows that match or may match, shared with `sure` where that is exact.
    #[must_use]
    pub fn maybe(&self) -> Cow<'_, RoaringBitmap> {
        if self.unsure.is_empty() { Cow::Borrowed(&self.sure) } else { Cow::Owned(&self.sure | &self.unsure) }
    }

    /// How many rows match.
    #[must_use]
    pub fn count(&self) -> Count {
        let sure = self.sure.len();
        Count { sure, maybe: sure + self.unsure.len() }
    }

    /// Rows that match both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        if self.is_exact() && other.is_exact() {
            return Self::exact(self.sure & &other.sure);
        }
        let maybe = self.maybe().as_ref() & other.maybe().as_ref();
        let sure = self.sure & &other.sure;
        Self { unsure: maybe - &sure, sure }
    }

    /// Rows that match this and not `other`, without the complement of `other`.
    #[must_use]
    pub fn and_not(self, other: &Self) -> Self {
        if self.is_exact() && other.is_exact() {
            return Self::exact(self.sure - &other.sure);
        }
        let maybe = self.maybe().as_ref() - &other.sure;
        let sure = self.sure - other.maybe().as_ref();
        Self { unsure: maybe - &sure, sure }
    }

    /// Rows that match either.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let sure = self.sure | &other.sure;
        if self.unsure.is_empty() && other.unsure.is_empty() {
            return Self::exact(sure);
        }
        Self { unsure: (self.unsure | &other.unsure) - &sure, sure }
    }

    /// Rows out of `all` that do not match.
    #[must_use]
    pub fn not(self, all: &RoaringBitmap) -> Self {
        let mut sure = all - &self.sure;
        if !self.unsure.is_empty() {
            sure -= &self.unsure;
        }
        Self { sure, unsure: self.unsure }
    }
}
