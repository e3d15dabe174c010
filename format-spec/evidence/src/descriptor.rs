//! The descriptor of a frame: what is chained, and what the log tree has as its leaf.
//!
//! ```text
//! head 120 | class table 44 x n | previous chain value 32 (hashed, not stored)
//! ```
//!
//! Invariants of a decoded descriptor: the class table ascends, its bitmaps are disjoint and cover exactly the frame's
//! positions. Specified in `format-spec/02-commitments.md`.

use crate::bytes::Reader;
use crate::error::FormatError;
use crate::{FORMAT_VERSION, FRAME_RECORDS_MAX, LogId, SUITE, layout};

/// A 32-byte hash.
pub type Hash = [u8; 32];

/// One retention class of a frame: which positions have it, and the times that retention decides by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassEntry {
    /// Retention class.
    pub class: u16,
    /// Bit `p` set: the record at position `p` has the class.
    pub positions: u128,
    /// Earliest recorded-at, whole seconds (floor).
    pub recorded_min: i64,
    /// Latest recorded-at, whole seconds (floor).
    pub recorded_max: i64,
    /// Latest occurred-at, whole seconds (floor).
    pub occurred_max: i64,
}

impl ClassEntry {
    /// Records of the class.
    pub fn count(&self) -> u32 {
        self.positions.count_ones()
    }

    /// Positions of its records, ascending: rank order.
    pub fn ranks(&self) -> impl Iterator<Item = u32> + use<> {
        let mut left = self.positions;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let position = left.trailing_zeros();
            left &= left - 1;
            Some(position)
        })
    }
}

/// A frame's descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Record schema of the frame.
    pub schema: u8,
    /// Records of the frame, 1 to 128.
    pub count: u16,
    /// The log.
    pub log_id: LogId,
    /// Frame number from 0.
    pub frame_no: u64,
    /// Seq of position 0.
    pub first_seq: u64,
    /// Class schedule in force.
    pub schedule_version: u32,
    /// Signing-key epoch.
    pub key_epoch: u32,
    /// Events lost by explicit choice since the log began.
    pub lost_events: u64,
    /// Root over the class trees.
    pub frame_root: Hash,
    /// Committed index, zero: none yet.
    pub index_hash: Hash,
    /// Ascending by class.
    pub classes: Vec<ClassEntry>,
}

const NAME: &str = "descriptor";

impl Descriptor {
    /// Bitmap of all positions of the frame.
    pub fn all_positions(&self) -> u128 {
        u128::MAX.checked_shr(128 - u32::from(self.count)).unwrap_or(0)
    }

    /// Stored form: without the previous chain value.
    pub fn encode(&self) -> Vec<u8> {
        let size = layout::DESCRIPTOR_HEAD.size() + self.classes.len() * layout::CLASS_ENTRY.size() + 32;
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&SUITE.to_le_bytes());
        out.push(self.classes.len() as u8);
        out.push(self.schema);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.log_id.0);
        out.extend_from_slice(&self.frame_no.to_le_bytes());
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.schedule_version.to_le_bytes());
        out.extend_from_slice(&self.key_epoch.to_le_bytes());
        out.extend_from_slice(&self.lost_events.to_le_bytes());
        out.extend_from_slice(&self.frame_root);
        out.extend_from_slice(&self.index_hash);
        for entry in &self.classes {
            out.extend_from_slice(&entry.class.to_le_bytes());
            out.extend_from_slice(&(entry.count() as u16).to_le_bytes());
            out.extend_from_slice(&entry.positions.to_le_bytes());
            out.extend_from_slice(&entry.recorded_min.to_le_bytes());
            out.extend_from_slice(&entry.recorded_max.to_le_bytes());
            out.extend_from_slice(&entry.occurred_max.to_le_bytes());
        }
        out
    }

    /// Hashed form: stored form and the previous chain value.
    pub fn hashed(&self, previous_chain: &Hash) -> Vec<u8> {
        let mut out = self.encode();
        out.extend_from_slice(previous_chain);
        out
    }

    /// Reads the stored form ([COM-2], [CONV-3], [CONV-7]).
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, bytes);
        reader.version()?;
        let suite = reader.u16("suite")?;
        if suite != SUITE {
            return Err(reader.invalid("suite", 2, format!("unknown suite {suite}")));
        }
        let class_count = reader.u8("classes")?;
        let schema = reader.u8("schema")?;
        if schema != crate::record::SCHEMA {
            return Err(reader.invalid("schema", 5, format!("unknown record schema {schema}")));
        }
        let count = reader.u16("count")?;
        if count == 0 || usize::from(count) > FRAME_RECORDS_MAX {
            return Err(reader.invalid("count", 6, format!("{count} records, 1 to 128 allowed")));
        }
        let mut descriptor = Descriptor {
            schema,
            count,
            log_id: LogId(reader.array("log_id")?),
            frame_no: reader.u64("frame_no")?,
            first_seq: reader.u64("first_seq")?,
            schedule_version: reader.u32("schedule_version")?,
            key_epoch: reader.u32("key_epoch")?,
            lost_events: reader.u64("lost_events")?,
            frame_root: reader.array("frame_root")?,
            index_hash: reader.array("index_hash")?,
            classes: Vec::with_capacity(usize::from(class_count).min(FRAME_RECORDS_MAX)),
        };
        if descriptor.first_seq.checked_add(u64::from(count)).is_none() {
            return Err(reader.invalid("first_seq", 32, "seqs exceed 64 bits"));
        }
        descriptor.take_classes(&mut reader, class_count)?;
        reader.end()?;
        Ok(descriptor)
    }

    fn take_classes(&mut self, reader: &mut Reader<'_>, class_count: u8) -> Result<(), FormatError> {
        let mut covered = 0u128;
        for _ in 0..class_count {
            let start = reader.offset();
            let class = reader.u16("class")?;
            if self.classes.last().is_some_and(|last| last.class >= class) {
                return Err(reader.invalid("class", start, "classes do not ascend"));
            }
            let count = reader.u16("class count")?;
            let positions = u128::from_le_bytes(reader.array("positions")?);
            if positions == 0 || u32::from(count) != positions.count_ones() {
                return Err(reader.invalid("class count", start, "count is not the population of the bitmap"));
            }
            if covered & positions != 0 {
                return Err(reader.invalid("positions", start, "a position has two classes"));
            }
            covered |= positions;
            self.classes.push(ClassEntry {
                class,
                positions,
                recorded_min: reader.i64("recorded_min")?,
                recorded_max: reader.i64("recorded_max")?,
                occurred_max: reader.i64("occurred_max")?,
            });
        }
        if covered != self.all_positions() {
            return Err(reader.invalid("positions", 4, "classes do not cover exactly the positions of the frame"));
        }
        Ok(())
    }
}
