//! Sizes that an event must keep to, and what is wrong with one that does not.
//!
//! Invariant: [`AuditEvent::validate`] refuses empty mandatory fields, values that are too large, and codes that this
//! version does not know. It never judges characters: those are data.

use std::borrow::Cow;

use super::{AuditEvent, each_text};

/// Upper bounds, in bytes of UTF-8 unless the name says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Text of the metadata object; 64 KiB.
    pub metadata_bytes_max: usize,
    /// Nesting of the metadata object, itself included; 16.
    pub metadata_depth_max: usize,
    /// Each field that is filtered by (ids, names, action, target and so on); 4 KiB.
    pub text_bytes_max: usize,
    /// Each field that is only read (reason, error message, proof data and address); 64 KiB.
    pub prose_bytes_max: usize,
    /// All of an event, its original included; 1 MiB less 4 KiB. At most [`RECORD_BYTES_MAX`] less 4 KiB, so that the encoded
    /// record fits into a frame: see [`Limits::with_record_bytes_max`].
    pub event_bytes_max: usize,
}

/// The most bytes that a record may have in this format; no setting goes beyond it.
pub const RECORD_BYTES_MAX: usize = indelible_evidence::FRAME_BYTES_MAX;

/// The bytes of records that are accepted where nothing else is said.
pub const RECORD_BYTES_DEFAULT: usize = 1 << 20;

/// What a record may have besides the texts of its event.
const RECORD_OVERHEAD: usize = 4 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            metadata_bytes_max: 65_536,
            metadata_depth_max: 16,
            text_bytes_max: 4_096,
            prose_bytes_max: 65_536,
            event_bytes_max: RECORD_BYTES_DEFAULT - RECORD_OVERHEAD,
        }
    }
}

impl Limits {
    /// Events whose records have up to so many bytes; `None` below 8 KiB and above [`RECORD_BYTES_MAX`]. An importer that reads
    /// records and the ledger that stores them need the same bound.
    #[must_use]
    pub fn with_record_bytes_max(self, bytes: usize) -> Option<Self> {
        let allowed = (2 * RECORD_OVERHEAD..=RECORD_BYTES_MAX).contains(&bytes);
        allowed.then(|| Self { event_bytes_max: bytes - RECORD_OVERHEAD, ..self })
    }

    /// No bounds: for reading back what was checked when it was written.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self {
            metadata_bytes_max: usize::MAX,
            metadata_depth_max: usize::MAX,
            text_bytes_max: usize::MAX,
            prose_bytes_max: usize::MAX,
            event_bytes_max: usize::MAX,
        }
    }

    /// Bytes that the text field of this name may have: fields of prose have a bound of their own.
    pub fn of_field(&self, field: &str) -> usize {
        match field {
            "reason" | "error.message" | "proof.data" | "proof.url" => self.prose_bytes_max,
            _ => self.text_bytes_max,
        }
    }
}

/// An event that cannot be written: which field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event field `{field}` {problem}")]
#[non_exhaustive]
pub struct EventInvalid {
    /// The field by its native name, for example `target.id`; `event` where it is all of it.
    pub field: Cow<'static, str>,
    /// What is wrong.
    pub problem: EventProblem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventProblem {
    /// A mandatory field is not there.
    #[error("is missing: it is mandatory")]
    Missing,
    /// A mandatory field is empty.
    #[error("is empty: it is mandatory")]
    Empty,
    /// More bytes than its limit.
    #[error(
        "has {bytes} bytes, which is over the limit of {limit}: shorten it (a program can raise its bound in `Limits`)"
    )]
    TooLong {
        /// Its size.
        bytes: usize,
        /// The limit that it breaks.
        limit: usize,
    },
    /// All of the event has more bytes than records may have.
    #[error(
        "has {bytes} bytes, which is over the limit of {limit}: {}",
        if *limit + RECORD_OVERHEAD < RECORD_BYTES_MAX {
            format!("raise it with --record-bytes-max, up to {RECORD_BYTES_MAX} (in a program: Limits::with_record_bytes_max)")
        } else {
            format!("no record has more than {RECORD_BYTES_MAX}, so --record-bytes-max cannot go beyond it: shorten the event")
        }
    )]
    EventTooLong {
        /// Its size.
        bytes: usize,
        /// The limit that it breaks.
        limit: usize,
    },
    /// Nested deeper than the limit.
    #[error("is nested deeper than {limit} levels: flatten it (a program can raise its bound in `Limits`)")]
    TooDeep {
        /// The limit that it breaks.
        limit: usize,
    },
    /// One object with the same key twice, which readers would take differently.
    #[error("has the key {key:?} twice in one object: remove one of them")]
    DuplicateKey {
        /// The key, decoded.
        key: String,
    },
    /// Metadata that is JSON, but not an object.
    #[error("is not a JSON object: wrap it in {{...}}")]
    NotAnObject,
    /// Not JSON, or not of the expected shape.
    #[error("cannot be read: {message}")]
    Unreadable {
        /// What the parser says, with the column.
        message: String,
    },
    /// A code of a later version; closed sets cannot be extended by writing to them.
    #[error("has the unknown code {code}: this version writes known values only")]
    UnknownCode {
        /// The code.
        code: u8,
    },
}

impl EventInvalid {
    pub(crate) fn new(field: impl Into<Cow<'static, str>>, problem: EventProblem) -> Self {
        Self { field: field.into(), problem }
    }
}

impl AuditEvent {
    /// Checks everything that must hold before the event is written.
    ///
    /// # Errors
    /// The first field that breaks a rule: empty though mandatory, over a limit, or of a code that is not known.
    pub fn validate(&self, limits: &Limits) -> Result<(), EventInvalid> {
        self.validate_codes()?;
        for (field, text) in [
            ("workspace", &self.workspace),
            ("actor.id", &self.actor.id),
            ("action", &self.action),
            ("target.type", &self.target.kind),
            ("target.id", &self.target.id),
        ] {
            if text.is_empty() {
                return Err(EventInvalid::new(field, EventProblem::Empty));
            }
        }
        self.validate_sizes(limits)
    }

    fn validate_codes(&self) -> Result<(), EventInvalid> {
        let proof = self.proof.as_ref().map(|proof| proof.kind);
        let codes = [
            ("actor.type", self.actor.kind.name(), self.actor.kind.code()),
            ("outcome", self.outcome.name(), self.outcome.code()),
            ("severity", self.severity.name(), self.severity.code()),
            ("proof.kind", proof.map_or(Some(""), |kind| kind.name()), proof.map_or(0, |kind| kind.code())),
        ];
        match codes.into_iter().find(|(_, name, _)| name.is_none()) {
            Some((field, _, code)) => Err(EventInvalid::new(field, EventProblem::UnknownCode { code })),
            None => Ok(()),
        }
    }

    fn validate_sizes(&self, limits: &Limits) -> Result<(), EventInvalid> {
        let mut total = 0usize;
        let mut problem = None;
        each_text(self, |field, text| {
            total = total.saturating_add(text.len());
            let limit = limits.of_field(field);
            if text.len() > limit && problem.is_none() {
                problem = Some(EventInvalid::new(field, EventProblem::TooLong { bytes: text.len(), limit }));
            }
        });
        if let Some(problem) = problem {
            return Err(problem);
        }
        if let Some(metadata) = &self.metadata {
            total = total.saturating_add(metadata.as_str().len());
            metadata.check_limits(limits)?;
        }
        if let Some(original) = &self.original {
            total = total.saturating_add(original.bytes.len()).saturating_add(original.format.len());
        }
        if total > limits.event_bytes_max {
            let problem = EventProblem::EventTooLong { bytes: total, limit: limits.event_bytes_max };
            return Err(EventInvalid::new("event", problem));
        }
        Ok(())
    }
}
