//! The manifest: the durable list of segments, replaced atomically.
//!
//! ```text
//! magic 8 | version 2 | 00 | length 4 | body_crc 4 | crc 4 | body
//! ```
//!
//! Invariants of a decoded manifest: segments are consecutive in seq, frame number and chain, ids ascend, only the last may
//! be active ([MAN-1]). Cold metadata, so its body is bincode with fixed-size integers inside a checked frame; a golden
//! test pins the bytes. Specified in `format-spec/08-manifest.md`.

use serde::{Deserialize, Serialize};

use crate::head::{self, Versioned};
use crate::layout;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::{FORMAT_VERSION, LogId};
use indelible_evidence::{FormatError, Problem};

const NAME: &str = "manifest";
const BODY: &str = "manifest body";
const MAGIC: &[u8; 8] = b"INDELMAN";
/// Most bytes of a body: room for 400,000 segments.
const BODY_MAX: usize = 64 << 20;

/// The list of segments and what a reader must know before it opens any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The log.
    #[serde(with = "log_id")]
    pub log_id: LogId,
    /// Origin of its checkpoints.
    pub origin: String,
    /// First verifier key in text form.
    pub key: String,
    /// When the log was made, ns since 1970 (as the `u64` of the `i64`).
    pub created_at: u64,
    /// Whether payloads are sealed.
    pub encrypted: bool,
    /// One more with every replacement, from 1.
    pub revision: u64,
    /// Openings for writing so far.
    pub incarnation: u64,
    /// Present where the log was closed cleanly.
    pub closed: Option<Closed>,
    /// Lowest journal file number that may hold unframed records.
    pub journal_first: u64,
    /// Id of the next segment to be made.
    pub next_segment: u64,
    /// Ascending by id.
    pub segments: Vec<SegmentEntry>,
}

/// What a reader must find in a log that was closed cleanly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Journal file with the close mark.
    pub journal_no: u64,
    /// Bytes of that file.
    pub journal_length: u64,
    /// Seq that the next record will get.
    pub next_seq: u64,
    /// Frames in all segments.
    pub frames: u64,
}

/// A segment of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// Segment id.
    pub id: u64,
    /// Generation of the file.
    pub generation: u32,
    /// Active or sealed.
    #[serde(with = "state")]
    pub state: SegmentState,
    /// Seq of its first record.
    pub first_seq: u64,
    /// Number of its first frame.
    pub first_frame: u64,
    /// Records in it; 0 while it is active and the log is not closed. So are the fields below.
    pub records: u64,
    /// Frames in it.
    pub frames: u64,
    /// Bytes of the file.
    pub length: u64,
    /// Earliest occurred-at, ns.
    pub occurred_min: i64,
    /// Latest occurred-at, ns.
    pub occurred_max: i64,
    /// First recorded-at, ns.
    pub recorded_min: i64,
    /// Last recorded-at, ns.
    pub recorded_max: i64,
    /// Chain value before the first frame. Known from the start.
    pub chain_before: Hash,
    /// Chain value after the last frame; zeros while it is active and the log is not closed.
    pub chain_after: Hash,
}

/// Whether a segment still grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SegmentState {
    /// It grows.
    Active = 1,
    /// It never changes again.
    Sealed = 2,
}

impl Manifest {
    /// The file's bytes. Refuses a manifest that no reader would accept ([MAN-1]).
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        self.check()?;
        let body = bincode::serde::encode_to_vec(self, bincode::config::legacy())
            .map_err(|why| FormatError::invalid(BODY, "body", 0, format!("cannot be written: {why}")))?;
        if body.len() > BODY_MAX {
            return Err(FormatError::invalid(NAME, "length", 12, "more than 64 MiB of segments"));
        }
        let mut out = Vec::with_capacity(layout::MANIFEST_HEAD.size() + body.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        indelible_evidence::bytes::put_crc_since(&mut out, 0);
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Reads a whole manifest file ([MAN-1], [MAN-2]).
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = head::open(NAME, &layout::MANIFEST_HEAD, MAGIC, Versioned::Yes, bytes)?;
        reader.zeros("reserved", 2)?;
        let length = reader.u32("length")? as usize;
        let found = reader.u32("body_crc")?;
        if length > BODY_MAX {
            return Err(reader.invalid("length", 12, format!("{length} bytes of body, at most 64 MiB allowed")));
        }
        let head_size = layout::MANIFEST_HEAD.size();
        let body = bytes.get(head_size..).unwrap_or_default();
        if body.len() != length {
            let (needed, left) = (length as u64, body.len() as u64);
            let problem = match left.checked_sub(needed) {
                Some(extra) => Problem::Trailing { extra },
                None => Problem::Truncated { needed, left },
            };
            return Err(FormatError::new(NAME, "body", head_size, problem));
        }
        let computed = crc32fast::hash(body);
        if computed != found {
            return Err(FormatError::new(NAME, "body", head_size, Problem::Checksum { found, computed }));
        }
        let config = bincode::config::legacy().with_limit::<BODY_MAX>();
        let (manifest, consumed): (Self, usize) = bincode::serde::decode_from_slice(body, config)
            .map_err(|why| FormatError::invalid(BODY, "body", 0, format!("cannot be read: {why}")))?;
        if consumed != body.len() {
            let problem = Problem::Trailing { extra: (body.len() - consumed) as u64 };
            return Err(FormatError::new(BODY, "end", consumed, problem));
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// Checks what holds between the fields ([MAN-1], [MAN-4]).
    pub fn check(&self) -> Result<(), FormatError> {
        let bad = |field: &'static str, why: String| Err(FormatError::invalid(BODY, field, 0, why));
        if self.revision == 0 {
            return bad("revision", "revisions count from 1".to_owned());
        }
        let mut last: Option<&SegmentEntry> = None;
        let (mut seq, mut frame) = (0u64, 0u64);
        for (index, entry) in self.segments.iter().enumerate() {
            let id = entry.id;
            if last.is_some_and(|last| last.id >= id) || id >= self.next_segment {
                return bad("id", format!("segment {id} does not ascend below next_segment {}", self.next_segment));
            }
            if entry.first_seq != seq || entry.first_frame != frame {
                return bad("first_seq", format!("segment {id} does not begin at seq {seq}, frame {frame}"));
            }
            if last.is_some_and(|last| last.chain_after != entry.chain_before) {
                return bad("chain_before", format!("segment {id} does not continue the chain"));
            }
            if entry.state == SegmentState::Active {
                if index + 1 != self.segments.len() {
                    return bad("state", format!("segment {id} is active and not the last"));
                }
                if self.closed.is_none() && !entry.is_open_ended() {
                    return bad("records", format!("segment {id} is active in an open log and has values"));
                }
            }
            let next = (seq.checked_add(entry.records), frame.checked_add(entry.frames));
            let (Some(next_seq), Some(next_frame)) = next else {
                return bad("records", format!("segment {id} exceeds 64 bits"));
            };
            (seq, frame) = (next_seq, next_frame);
            last = Some(entry);
        }
        if let Some(closed) = &self.closed
            && (closed.frames != frame || closed.next_seq < seq || closed.journal_no < self.journal_first)
        {
            return bad("closed", "disagrees with the segments or with journal_first".to_owned());
        }
        Ok(())
    }
}

impl SegmentEntry {
    fn is_open_ended(&self) -> bool {
        let times = [self.occurred_min, self.occurred_max, self.recorded_min, self.recorded_max];
        (self.records, self.frames, self.length) == (0, 0, 0) && times == [0; 4] && self.chain_after == [0; 32]
    }
}

/// A log id is its sixteen bytes, without a length.
mod log_id {
    use super::LogId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(id: &LogId, serializer: S) -> Result<S::Ok, S::Error> {
        id.0.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogId, D::Error> {
        <[u8; 16]>::deserialize(deserializer).map(LogId)
    }
}

/// A state is one byte.
mod state {
    use super::SegmentState;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(state: &SegmentState, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*state as u8)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SegmentState, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(SegmentState::Active),
            2 => Ok(SegmentState::Sealed),
            other => Err(D::Error::custom(format!("segment state {other}, 1 or 2 allowed"))),
        }
    }
}

#[cfg(test)]
mod tests;
