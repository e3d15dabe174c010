//! Journal groups: what was appended with one write and synced together.

use crate::head::{self, Versioned};
use crate::layout;
use indelible_evidence::LogId;
use indelible_evidence::bytes::put_crc_since;
use indelible_evidence::{FormatError, Problem};

const NAME: &str = "group header";
const MAGIC: &[u8; 4] = b"IGRP";

/// Most bytes of a group's payload ([JRN-1]).
pub const GROUP_PAYLOAD_MAX: usize = 16 << 20;
/// Most records of a group ([JRN-1]).
pub const GROUP_RECORDS_MAX: usize = 65_536;

/// What a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum GroupKind {
    /// Records.
    Records = 1,
    /// The log was closed cleanly; nothing follows in the file.
    Close = 2,
}

/// What a writer knows when it writes a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupFacts {
    /// The log.
    pub log_id: LogId,
    /// As in the file header.
    pub incarnation: u64,
    /// Seq of the first record; for a close mark the next seq.
    pub first_seq: u64,
    /// `crc` of the group header before it in this incarnation; 0 for the first.
    pub previous_crc: u32,
    /// Every seq below it was synced before this group was written.
    pub durable_to: u64,
    /// Every frame below it was synced in segments.
    pub framed_to: u64,
}

/// A group's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupHeader {
    /// Records or close mark.
    pub kind: GroupKind,
    /// What the writer knew.
    pub facts: GroupFacts,
    /// Records in it.
    pub count: u32,
    /// Payload bytes that follow.
    pub length: u32,
    /// CRC of the payload as stored.
    pub payload_crc: u32,
    /// CRC of the header itself, which the next group names.
    pub crc: u32,
}

impl GroupHeader {
    /// Size in bytes.
    pub const SIZE: usize = layout::GROUP_HEADER.size();

    /// Seq after the group's last record.
    pub fn next_seq(&self) -> u64 {
        self.facts.first_seq.saturating_add(u64::from(self.count))
    }

    /// Reads the header at the front of `bytes`, which may go on.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = head::open(NAME, &layout::GROUP_HEADER, MAGIC, Versioned::No, bytes)?;
        let kind = match reader.u16("kind")? {
            1 => GroupKind::Records,
            2 => GroupKind::Close,
            other => return Err(reader.invalid("kind", 4, format!("unknown group kind {other}"))),
        };
        reader.zeros("reserved", 2)?;
        let log_id = LogId(reader.array("log_id")?);
        let (incarnation, first_seq) = (reader.u64("incarnation")?, reader.u64("first_seq")?);
        let (count, length) = (reader.u32("count")?, reader.u32("length")?);
        let (previous_crc, payload_crc) = (reader.u32("previous_crc")?, reader.u32("payload_crc")?);
        let (durable_to, framed_to) = (reader.u64("durable_to")?, reader.u64("framed_to")?);
        reader.zeros("reserved2", 16)?;
        reader.zeros("reserved3", 4)?;
        let crc = reader.u32("crc")?;
        let facts = GroupFacts { log_id, incarnation, first_seq, previous_crc, durable_to, framed_to };
        let header = Self { kind, facts, count, length, payload_crc, crc };
        header.check(&reader)?;
        Ok(header)
    }

    fn check(&self, reader: &indelible_evidence::bytes::Reader<'_>) -> Result<(), FormatError> {
        let bounded = self.length as usize <= GROUP_PAYLOAD_MAX && self.count as usize <= GROUP_RECORDS_MAX;
        let fits = match self.kind {
            GroupKind::Records => self.count > 0 && self.length > 0 && bounded,
            GroupKind::Close => (self.count, self.length, self.payload_crc) == (0, 0, 0),
        };
        if !fits {
            let why = format!("{} records in {} bytes of a {:?} group", self.count, self.length, self.kind);
            return Err(reader.invalid("count", 40, why));
        }
        let known = match self.kind {
            GroupKind::Records => self.facts.durable_to <= self.facts.first_seq,
            GroupKind::Close => self.facts.durable_to == self.facts.first_seq,
        };
        if !known || self.facts.first_seq.checked_add(u64::from(self.count)).is_none() {
            return Err(reader.invalid("durable_to", 56, "does not fit the group's first seq"));
        }
        if self.facts.incarnation == 0 {
            return Err(reader.invalid("incarnation", 24, "incarnations count from 1"));
        }
        Ok(())
    }

    /// Checks that `payload`, as stored, is the one that the header announces.
    pub fn check_payload(&self, payload: &[u8]) -> Result<(), FormatError> {
        let (needed, left) = (u64::from(self.length), payload.len() as u64);
        let problem = if left < needed {
            Problem::Truncated { needed, left }
        } else if left > needed {
            Problem::Trailing { extra: left - needed }
        } else {
            let computed = crc32fast::hash(payload);
            if computed == self.payload_crc {
                return Ok(());
            }
            Problem::Checksum { found: self.payload_crc, computed }
        };
        Err(FormatError::new("journal group", "payload", Self::SIZE, problem))
    }
}

/// Appends a group of `count` records, `payload` being their transit forms (or those sealed). Returns the header's CRC,
/// which the next group names. Refuses what no reader would accept ([JRN-1]) and leaves `out` as it was.
pub fn put_group(out: &mut Vec<u8>, facts: &GroupFacts, count: usize, payload: &[u8]) -> Result<u32, FormatError> {
    if payload.len() > GROUP_PAYLOAD_MAX || count > GROUP_RECORDS_MAX {
        let why = format!("{count} records in {} bytes; at most 65,536 in 16 MiB allowed", payload.len());
        return Err(FormatError::invalid(NAME, "count", 40, why));
    }
    let header = GroupHeader {
        kind: GroupKind::Records,
        facts: *facts,
        count: count as u32,
        length: payload.len() as u32,
        payload_crc: crc32fast::hash(payload),
        crc: 0,
    };
    out.reserve(GroupHeader::SIZE + payload.len());
    let crc = put_header(out, &header)?;
    out.extend_from_slice(payload);
    Ok(crc)
}

/// Appends a close mark; `facts.first_seq` is the next seq, and everything below it must be synced. Returns its CRC.
pub fn put_close_mark(out: &mut Vec<u8>, facts: &GroupFacts) -> Result<u32, FormatError> {
    let header = GroupHeader { kind: GroupKind::Close, facts: *facts, count: 0, length: 0, payload_crc: 0, crc: 0 };
    put_header(out, &header)
}

fn put_header(out: &mut Vec<u8>, header: &GroupHeader) -> Result<u32, FormatError> {
    header.check(&indelible_evidence::bytes::Reader::new(NAME, &[]))?;
    let start = out.len();
    let facts = &header.facts;
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&(header.kind as u16).to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&facts.log_id.0);
    out.extend_from_slice(&facts.incarnation.to_le_bytes());
    out.extend_from_slice(&facts.first_seq.to_le_bytes());
    for value in [header.count, header.length, facts.previous_crc, header.payload_crc] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&facts.durable_to.to_le_bytes());
    out.extend_from_slice(&facts.framed_to.to_le_bytes());
    out.extend_from_slice(&[0; 20]);
    put_crc_since(out, start);
    let crc = out.last_chunk::<4>().copied().unwrap_or_default();
    Ok(u32::from_le_bytes(crc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> GroupFacts {
        GroupFacts {
            log_id: LogId([1; 16]),
            incarnation: 1,
            first_seq: 10,
            previous_crc: 5,
            durable_to: 10,
            framed_to: 0,
        }
    }

    /// [CONV-3] [CONV-5] [CONV-6] [JRN-1]
    #[test]
    fn round_trip_and_every_changed_byte() {
        let mut bytes = Vec::new();
        let crc = put_group(&mut bytes, &facts(), 3, b"records").unwrap();
        let header = GroupHeader::decode(&bytes).unwrap();
        assert_eq!((header.crc, header.facts, header.next_seq()), (crc, facts(), 13));
        let read = |bytes: &[u8]| {
            let header = GroupHeader::decode(bytes)?;
            header.check_payload(bytes.get(GroupHeader::SIZE..).unwrap_or_default())
        };
        read(&bytes).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 2;
            assert!(read(&changed).is_err(), "byte {at}");
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(GroupHeader::decode(&[0; 96]).is_err());
    }

    /// [JRN-1] [JRN-6] [JRN-7]
    #[test]
    fn impossible_groups_are_refused_both_ways() {
        let big = vec![0; GROUP_PAYLOAD_MAX + 1];
        assert!(put_group(&mut Vec::new(), &facts(), 1, &big).is_err());
        assert!(put_group(&mut Vec::new(), &facts(), GROUP_RECORDS_MAX + 1, b"x").is_err());
        assert!(put_group(&mut Vec::new(), &facts(), 0, b"x").is_err());
        assert!(put_group(&mut Vec::new(), &facts(), 1, b"").is_err());
        assert!(put_group(&mut Vec::new(), &GroupFacts { durable_to: 11, ..facts() }, 1, b"x").is_err());
        assert!(put_close_mark(&mut Vec::new(), &GroupFacts { durable_to: 9, ..facts() }).is_err());
        let seq_max = GroupFacts { first_seq: u64::MAX, ..facts() };
        assert!(put_group(&mut Vec::new(), &seq_max, 1, b"x").is_err());
        let mut group = Vec::new();
        put_group(&mut group, &facts(), 1, b"x").unwrap();
        let changes = [
            (4, vec![3]),
            (6, vec![1]),
            (24, vec![0; 8]),
            (40, 65_537u32.to_le_bytes().to_vec()),
            (40, vec![0; 4]),
            (44, (GROUP_PAYLOAD_MAX as u32 + 1).to_le_bytes().to_vec()),
            (56, vec![11]),
            (72, vec![1]),
            (88, vec![1]),
        ];
        for (at, value) in changes {
            let mut other = group[..92].to_vec();
            other.splice(at..at + value.len(), value);
            put_crc_since(&mut other, 0);
            assert!(GroupHeader::decode(&other).is_err(), "byte {at}");
        }
        let mut close = Vec::new();
        put_close_mark(&mut close, &facts()).unwrap();
        for at in [40, 44, 52, 56] {
            let mut other = close[..92].to_vec();
            other[at] ^= 1;
            put_crc_since(&mut other, 0);
            assert!(GroupHeader::decode(&other).is_err(), "byte {at} of a close mark");
        }
    }
}
