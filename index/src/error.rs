//! The one error of this crate: what was wrong, in which structure and field, at which offset.
//!
//! Offsets count from the start of the run's payload; whoever knows the file adds the payload's own place. Damage in
//! postings is never loss: the caller rebuilds the run from the records.

/// Postings that cannot be read, built or asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The bytes end before the field does.
    #[error(
        "{structure}: {field} at byte {offset} needs {needed} bytes, {left} are left: rebuild the run from its records"
    )]
    Truncated {
        /// Structure being read, as the specification names it.
        structure: &'static str,
        /// Field of the structure.
        field: &'static str,
        /// Offset of the field in the payload.
        offset: u64,
        /// Bytes the field needs.
        needed: u64,
        /// Bytes that were left.
        left: u64,
    },
    /// Written by another version.
    #[error("index run version {found}; this reader reads version {reads}: use a release that reads it")]
    Version {
        /// The version found.
        found: u16,
        /// The version this crate reads.
        reads: u16,
    },
    /// A checksum differs: accidental damage.
    #[error(
        "{structure} at byte {offset}: checksum {found:08x} stored, {computed:08x} computed: the bytes are damaged, \
         rebuild the run from its records"
    )]
    Checksum {
        /// Structure whose checksum it is.
        structure: &'static str,
        /// Offset of the checked bytes in the payload.
        offset: u64,
        /// As stored.
        found: u32,
        /// As computed.
        computed: u32,
    },
    /// A value outside what the field allows.
    #[error("{structure}: {field} at byte {offset}: {why}; rebuild the run from its records")]
    Invalid {
        /// Structure being read, as the specification names it.
        structure: &'static str,
        /// Field of the structure.
        field: &'static str,
        /// Offset of the field in the payload.
        offset: u64,
        /// What was wrong with it.
        why: &'static str,
    },
    /// A filter or a count names a field that has no postings.
    #[error("field {field} is not indexed: filter on the records instead")]
    UnknownField {
        /// The field id.
        field: u8,
    },
    /// Keys that no run can hold: the caller built the row wrongly.
    #[error("key {key:#x} of field {field} is out of range: fingerprints have 24 bits, codes 8")]
    KeyRange {
        /// The field id.
        field: u8,
        /// The key.
        key: u32,
    },
    /// A chunk or a run would grow beyond its bounds.
    #[error("{what} would hold {found} positions, at most {max} are allowed: start a new one")]
    TooMany {
        /// What would grow.
        what: &'static str,
        /// Positions it would hold.
        found: u64,
        /// Most it may hold.
        max: u64,
    },
    /// Nothing to build from.
    #[error("{what} would be empty: build it from at least one position")]
    Empty {
        /// What would be empty.
        what: &'static str,
    },
    /// Chunks that do not follow each other.
    #[error("chunk starts at ordinal {found}, {expected} was expected: pass consecutive chunks in order")]
    NotConsecutive {
        /// Ordinal at which the chunk had to start.
        expected: u64,
        /// Ordinal at which it starts.
        found: u64,
    },
}

impl IndexError {
    /// An invalid value, described.
    pub(crate) fn invalid(structure: &'static str, field: &'static str, offset: usize, why: &'static str) -> Self {
        Self::Invalid { structure, field, offset: offset as u64, why }
    }
}
