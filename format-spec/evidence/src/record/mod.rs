//! A record: header values that the log assigns, and four groups of canonical bytes.
//!
//! ```text
//! group 0  kind schema occurred-at presence | workspace lane service action severity outcome actor_type target_type
//! group 1  presence | actor_id actor_name actor_role actor_ip auth_method target_id session
//! group 2  presence | event_id correlation_id parent_id request_id
//! group 3  presence | proof reason error_code error_message metadata original_format original
//! ```
//!
//! Invariants: a value has one encoding; groups of a record that is present are never empty, so an empty group means that
//! it was erased. Not here: what the fields mean (the audit domain), hashing (`commit`), compression (`frame`).
//! Specified in `format-spec/01-record.md`.

mod text;
mod value;
mod writer;

pub use text::uuid_chars;
pub use text::{TextRef, parse_uuid, put_text, uuid_text};
pub use value::{Fields, ProofRef, Value, check_group, fields_of};
pub use writer::GroupsWriter;

use crate::bytes::{Reader, put_varint};
use crate::commit::RecordRef;
use crate::error::FormatError;
use crate::layout;
use crate::{FRAME_BYTES_MAX, schema};

/// Groups of a record.
pub const GROUPS: usize = 4;
/// Record schema this crate writes.
pub const SCHEMA: u8 = 1;

/// The four groups of one record, in one allocation.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Groups {
    bytes: Vec<u8>,
    ends: [u32; GROUPS],
}

impl Groups {
    /// Groups from their bytes; an empty slice stands for an erased group. Nothing is checked.
    pub fn from_slices(groups: [&[u8]; GROUPS]) -> Self {
        let mut bytes = Vec::with_capacity(groups.iter().map(|group| group.len()).sum());
        let mut ends = [0u32; GROUPS];
        for (end, group) in ends.iter_mut().zip(groups) {
            bytes.extend_from_slice(group);
            *end = bytes.len() as u32;
        }
        Self { bytes, ends }
    }

    /// Groups from bytes that lie one behind the other, and where each ends. `None` where the ends do not ascend to the
    /// last byte. Contents are not checked.
    pub fn from_parts(bytes: Vec<u8>, ends: [u32; GROUPS]) -> Option<Self> {
        let ascending = ends.windows(2).all(|pair| matches!(pair, [a, b] if a <= b));
        (ascending && ends.last().is_some_and(|&end| end as usize == bytes.len())).then_some(Self { bytes, ends })
    }

    /// The bytes of all groups, one behind the other.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes of group `k`; empty where it was erased or `k` is above 3.
    pub fn group(&self, k: usize) -> &[u8] {
        let Some(&end) = self.ends.get(k) else { return &[] };
        let start = if k == 0 { 0 } else { self.ends.get(k - 1).copied().unwrap_or(0) };
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    /// All groups.
    pub fn slices(&self) -> [&[u8]; GROUPS] {
        [self.group(0), self.group(1), self.group(2), self.group(3)]
    }

    /// Bytes of all groups together.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Decodes everything once, so that a record that passes is canonical ([REC-1] to [REC-9]).
    pub fn check(&self) -> Result<(), FormatError> {
        if self.len() > FRAME_BYTES_MAX {
            return Err(FormatError::invalid("record", "groups", 0, "more than 1,048,576 bytes of groups"));
        }
        for k in 0..GROUPS {
            check_group(k as u8, self.group(k))?;
        }
        Ok(())
    }

    /// The envelope's fixed head. Fails where group 0 is damaged or erased.
    pub fn envelope(&self) -> Result<EnvelopeHead, FormatError> {
        EnvelopeHead::decode(self.group(0))
    }

    /// The value of one field, `None` where it is absent or its group erased.
    pub fn value(&self, field: schema::Field) -> Result<Option<Value<'_>>, FormatError> {
        let Some(group) = field.spec().group else { return Ok(None) };
        let bytes = self.group(group as usize);
        if bytes.is_empty() {
            return Ok(None);
        }
        for item in fields_of(group, bytes)? {
            let (found, value) = item?;
            if found == field {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Groups(")?;
        for k in 0..GROUPS {
            write!(f, "{}{}", if k == 0 { "" } else { "|" }, self.group(k).escape_ascii())?;
        }
        write!(f, ")")
    }
}

/// A record with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position in the log.
    pub seq: u64,
    /// When the log took it, ns since 1970; never decreases.
    pub recorded_at: i64,
    /// Retention class, fixed at append.
    pub class: u16,
    /// Canonical bytes.
    pub groups: Groups,
}

/// The fixed bytes that group 0 begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvelopeHead {
    /// Record kind code, known to the schema.
    pub kind: u8,
    /// Record schema.
    pub schema: u8,
    /// Time the caller claims, ns since 1970.
    pub occurred_at: i64,
    /// Fields that follow.
    pub presence: u8,
}

impl EnvelopeHead {
    /// Size in bytes.
    pub const SIZE: usize = layout::ENVELOPE_HEAD.size();

    /// Reads the head of group 0; kind and schema must be known ([REC-7]).
    pub fn decode(group: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new("envelope", group);
        let kind = reader.u8("kind")?;
        if schema::Kind::from_code(kind).is_none() {
            return Err(reader.invalid("kind", 0, format!("unknown record kind {kind}")));
        }
        let schema = reader.u8("schema")?;
        if schema != SCHEMA {
            return Err(reader.invalid(
                "schema",
                1,
                format!("unknown record schema {schema}, this reader knows {SCHEMA}"),
            ));
        }
        Ok(Self { kind, schema, occurred_at: reader.i64("occurred_at")?, presence: reader.u8("presence")? })
    }
}

/// Appends a record's transit form: header values, lengths, groups.
pub fn put_transit(out: &mut Vec<u8>, recorded_at: i64, class: u16, groups: [&[u8]; GROUPS]) {
    out.extend_from_slice(&recorded_at.to_le_bytes());
    out.extend_from_slice(&class.to_le_bytes());
    for group in groups {
        put_varint(out, group.len() as u64);
    }
    for group in groups {
        out.extend_from_slice(group);
    }
}

/// Reads one record in transit form; `seq` comes from where it stands. Group lengths are checked ([REC-1], [REC-9]),
/// group contents are not: see [`Groups::check`].
pub fn take_transit(reader: &mut Reader<'_>, seq: u64) -> Result<Record, FormatError> {
    let RecordRef { seq, recorded_at, class, groups } = take_transit_ref(reader, seq)?;
    Ok(Record { seq, recorded_at, class, groups: Groups::from_slices(groups) })
}

/// The same in place.
pub fn take_transit_ref<'a>(reader: &mut Reader<'a>, seq: u64) -> Result<RecordRef<'a>, FormatError> {
    let recorded_at = reader.i64("recorded_at")?;
    let class = reader.u16("class")?;
    let start = reader.offset();
    let mut lengths = [0usize; GROUPS];
    let mut total = 0usize;
    for length in &mut lengths {
        *length = usize::try_from(reader.varint("group length")?).unwrap_or(usize::MAX);
        total = total.saturating_add(*length);
    }
    if total > FRAME_BYTES_MAX {
        return Err(reader.invalid("group length", start, "more than 1,048,576 bytes of groups"));
    }
    if lengths.contains(&0) || lengths.first().is_none_or(|&first| first < EnvelopeHead::SIZE) {
        return Err(reader.invalid("group length", start, "a group is missing"));
    }
    let mut groups = [&[][..]; GROUPS];
    for (group, length) in groups.iter_mut().zip(lengths) {
        *group = reader.take("group", length)?;
    }
    Ok(RecordRef { seq, recorded_at, class, groups })
}
