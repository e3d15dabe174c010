//! What a filter means inside one segment, after the engine resolved texts to ordinals and fingerprints.
//!
//! A prefix or an any-of list arrives here as the list of its keys, an exclusion as [`Filter::Not`]. A field that a
//! record does not have is key 0, so that absence can be asked for like a value.

/// A predicate over the rows of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Every row.
    All,
    /// No row.
    Nothing,
    /// Rows whose key of the field is one of these.
    Key {
        /// Field id.
        field: u8,
        /// Any of these; ascending is fastest, order and repeats change nothing.
        keys: Vec<u32>,
    },
    /// Rows that have the field.
    Present {
        /// Field id.
        field: u8,
    },
    /// Rows by the caller's time, half-open, in nanoseconds.
    Occurred {
        /// First time that matches; none: from the beginning.
        from: Option<i64>,
        /// First time that no longer matches; none: to the end.
        to: Option<i64>,
    },
    /// Rows by the log's time, half-open, in nanoseconds.
    Recorded {
        /// First time that matches; none: from the beginning.
        from: Option<i64>,
        /// First time that no longer matches; none: to the end.
        to: Option<i64>,
    },
    /// Rows by ordinal in the segment, half-open.
    Ordinals {
        /// First ordinal that matches.
        from: u32,
        /// First ordinal that no longer matches.
        to: u32,
    },
    /// Rows that match all of these; none listed: every row.
    And(Vec<Filter>),
    /// Rows that match any of these; none listed: no row.
    Or(Vec<Filter>),
    /// Rows that do not match.
    Not(Box<Filter>),
}
