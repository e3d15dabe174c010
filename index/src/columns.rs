//! The indexed columns: which fields of a record have postings, and what their keys are.
//!
//! A column's place in [`COLUMNS`] is its slot, used for arrays in memory; bytes and filters name a column by field id.
//! The list is that of the fields table in `format-spec/01-record.md`; a test compares the two.

use crate::IndexError;

/// What the keys of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Ordinal of the value in the segment's term pages, plus one.
    Terms,
    /// The field's code.
    Codes,
    /// [`fingerprint`](crate::fingerprint) of the value: a hit has to be checked on the record.
    Fingerprints,
}

impl ColumnKind {
    /// Bits that its keys have at most.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            ColumnKind::Terms => 32,
            ColumnKind::Codes => 8,
            ColumnKind::Fingerprints => crate::FINGERPRINT_BITS,
        }
    }
}

/// One indexed field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Field id of the record schema.
    pub field: u8,
    /// Name of the field.
    pub name: &'static str,
    /// What its keys are.
    pub kind: ColumnKind,
}

/// How many columns there are.
pub const COLUMN_COUNT: usize = 14;

const fn column(field: u8, name: &'static str, kind: ColumnKind) -> Column {
    Column { field, name, kind }
}

/// Every indexed column, ascending by field id.
pub const COLUMNS: [Column; COLUMN_COUNT] = [
    column(0, "workspace", ColumnKind::Terms),
    column(1, "lane", ColumnKind::Terms),
    column(2, "service", ColumnKind::Terms),
    column(3, "action", ColumnKind::Terms),
    column(4, "severity", ColumnKind::Codes),
    column(5, "outcome", ColumnKind::Codes),
    column(6, "actor_type", ColumnKind::Codes),
    column(7, "target_type", ColumnKind::Terms),
    column(8, "actor_id", ColumnKind::Terms),
    column(13, "target_id", ColumnKind::Terms),
    column(14, "session", ColumnKind::Terms),
    column(15, "event_id", ColumnKind::Fingerprints),
    column(16, "correlation_id", ColumnKind::Fingerprints),
    column(26, "kind", ColumnKind::Codes),
];

/// Slot and description of the column of a field.
///
/// # Errors
/// [`IndexError::UnknownField`] where the field is not indexed.
pub fn column_of(field: u8) -> Result<(usize, Column), IndexError> {
    COLUMNS
        .iter()
        .enumerate()
        .find(|(_, column)| column.field == field)
        .map(|(slot, column)| (slot, *column))
        .ok_or(IndexError::UnknownField { field })
}
