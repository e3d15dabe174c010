//! The one error of this crate: what was wrong, in which structure and field, at which offset.
//!
//! Offsets count from the start of the structure that was decoded; whoever knows the file adds the structure's own place.

use std::borrow::Cow;

/// Bytes that are not a valid structure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{structure}: {field} at byte {offset}: {problem}")]
pub struct FormatError {
    /// Structure being decoded, as the specification names it ("group header").
    pub structure: &'static str,
    /// Field of the structure.
    pub field: &'static str,
    /// Offset of the field from the start of the structure's bytes.
    pub offset: u64,
    /// What was wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end before the field does.
    #[error("needs {needed} bytes, {left} are left")]
    Truncated {
        /// Bytes the field needs.
        needed: u64,
        /// Bytes that were left.
        left: u64,
    },
    /// Bytes follow where the structure should end.
    #[error("{extra} bytes follow the end")]
    Trailing {
        /// How many.
        extra: u64,
    },
    /// Not the magic that this structure begins with.
    #[error("not the expected magic")]
    Magic,
    /// Written by another format version.
    #[error("format version {found}; this reader reads version {reads}: use a release that reads it")]
    Version {
        /// The version found.
        found: u64,
        /// The version this crate reads.
        reads: u64,
    },
    /// A checksum differs: accidental damage (or tampering that did not care).
    #[error("checksum {found:08x} stored, {computed:08x} computed: the bytes are damaged")]
    Checksum {
        /// As stored.
        found: u32,
        /// As computed.
        computed: u32,
    },
    /// A hash differs: the content is not what was committed.
    #[error("hash differs from what was committed: {0}")]
    Hash(Cow<'static, str>),
    /// An AEAD tag does not verify: wrong key, wrong place or changed bytes.
    #[error("does not decrypt: wrong key, moved or changed")]
    Sealed,
    /// A value outside what the field allows.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
}

impl FormatError {
    /// An error at a place, with the problem.
    pub fn new(structure: &'static str, field: &'static str, offset: usize, problem: Problem) -> Self {
        Self { structure, field, offset: offset as u64, problem }
    }

    /// An invalid value, described.
    pub fn invalid(
        structure: &'static str,
        field: &'static str,
        offset: usize,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(structure, field, offset, Problem::Invalid(why.into()))
    }

    /// The same error seen from an enclosing structure that begins `by` bytes earlier.
    pub fn shifted(mut self, by: usize) -> Self {
        self.offset += by as u64;
        self
    }
}
