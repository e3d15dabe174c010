//! What can be asked of postings, whether they are scanned in memory or read in place from a run.
//!
//! All positions are relative to [`Postings::first_ordinal`]. A position without a row (a removed record) matches
//! nothing, not even [`Filter::Not`] or [`Filter::All`].

use roaring::RoaringBitmap;

use crate::{Bounds, Count, Filter, IndexError};

/// Where one frame's records lie, and their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone {
    /// Position of the first record.
    pub first: u32,
    /// Positions in the frame, rows or not.
    pub positions: u32,
    /// Rows among them; where there are none all times below are zero and mean nothing.
    pub rows: u32,
    /// Earliest occurred-at, ns.
    pub occurred_min: i64,
    /// Latest occurred-at, ns.
    pub occurred_max: i64,
    /// Earliest recorded-at, ns (the first row's: recorded-at never goes back).
    pub recorded_first: i64,
    /// Latest recorded-at, ns.
    pub recorded_last: i64,
}

/// Postings of consecutive records of one segment.
pub trait Postings {
    /// Ordinal in the segment of position 0.
    fn first_ordinal(&self) -> u32;

    /// Positions, with or without a row.
    fn positions(&self) -> u32;

    /// Rows: positions whose record is still there.
    fn rows(&self) -> u32;

    /// The positions that have rows.
    ///
    /// # Errors
    /// Damage in the bytes read.
    fn present(&self) -> Result<RoaringBitmap, IndexError>;

    /// Which rows match.
    ///
    /// # Errors
    /// [`IndexError::UnknownField`], or damage in the bytes read.
    fn evaluate(&self, filter: &Filter) -> Result<Bounds, IndexError>;

    /// How many rows match, without the bitmaps where that is cheaper.
    ///
    /// # Errors
    /// As [`Postings::evaluate`].
    fn count(&self, filter: &Filter) -> Result<Count, IndexError>;

    /// Rows of `within` by key of a field: (key, rows), ascending by key, none with zero rows; key 0 are those without.
    ///
    /// # Errors
    /// [`IndexError::UnknownField`], or damage in the bytes read.
    fn count_by(&self, field: u8, within: &RoaringBitmap) -> Result<Vec<(u32, u64)>, IndexError>;

    /// Every key of a field with its rows, ascending; key 0 are rows without the field.
    ///
    /// # Errors
    /// [`IndexError::UnknownField`], or damage in the bytes read.
    fn keys(&self, field: u8) -> Result<Vec<(u32, u64)>, IndexError>;

    /// The frames in order.
    ///
    /// # Errors
    /// Damage in the bytes read.
    fn zones(&self) -> Result<Vec<Zone>, IndexError>;
}

/// How a half-open time range meets the times of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// No time of the zone lies in the range.
    None,
    /// Some may.
    Some,
    /// All do.
    All,
}

/// Compares the half-open range `from..to` with the closed range `min..=max`.
pub(crate) fn overlap(from: Option<i64>, to: Option<i64>, min: i64, max: i64) -> Overlap {
    let empty = matches!((from, to), (Some(from), Some(to)) if from >= to);
    if empty || from.is_some_and(|from| max < from) || to.is_some_and(|to| min >= to) {
        Overlap::None
    } else if from.is_none_or(|from| from <= min) && to.is_none_or(|to| max < to) {
        Overlap::All
    } else {
        Overlap::Some
    }
}
