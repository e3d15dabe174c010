//! Reads a journal file's bytes group by group, and says where and why it stops.

use super::{GroupHeader, GroupKind, JournalHeader};
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::{Groups, Record, take_transit_ref};

/// What the groups before a file say of its first group; unknown where that file is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// `crc` of the last group header of the same incarnation; 0 where the file begins the incarnation.
    pub previous_crc: Option<u32>,
    /// Seq of the next record.
    pub next_seq: Option<u64>,
}

/// A group whose header, payload and place were checked.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// Offset of its header in the file.
    pub offset: u64,
    /// Its header.
    pub header: GroupHeader,
    /// Its payload as stored: sealed in an encrypted log.
    pub payload: &'a [u8],
}

impl<'a> Group<'a> {
    /// Its records, decoded one at a time; of an unencrypted log.
    pub fn records(&self) -> Records<'a> {
        records_of(self.payload, self.header.facts.first_seq, self.header.count)
    }

    /// The same in place.
    pub fn record_refs(&self) -> RecordRefs<'a> {
        let reader = Reader::new("journal group", self.payload);
        RecordRefs { reader, seq: self.header.facts.first_seq, left: self.header.count, failed: false }
    }

    /// Offset of the byte after it in the file.
    pub fn end(&self) -> u64 {
        self.offset + (GroupHeader::SIZE as u64) + u64::from(self.header.length)
    }
}

/// Why and where a scan stopped before the end of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal stops at byte {offset}: {error}")]
pub struct ScanStop {
    /// Offset in the file of the group that is torn or damaged: everything before it is good.
    pub offset: u64,
    /// What was wrong with it; offsets count from the group's header.
    #[source]
    pub error: FormatError,
}

/// Iterates over the groups of one journal file.
#[derive(Debug, Clone)]
pub struct GroupScanner<'a> {
    file: JournalHeader,
    bytes: &'a [u8],
    /// Offset in the file of `bytes`.
    base: u64,
    at: usize,
    position: Position,
    closed: bool,
    stopped: bool,
}

impl<'a> GroupScanner<'a> {
    /// A scanner over a whole file. `before` is where the file before it ended; its first group must be at the header's
    /// first seq in any case.
    pub fn new(bytes: &'a [u8], before: Position) -> Result<Self, FormatError> {
        let file = JournalHeader::decode(bytes)?;
        if before.next_seq.is_some_and(|seq| seq != file.first_seq) {
            let why = format!("begins at seq {}, not where the file before it ended", file.first_seq);
            return Err(FormatError::invalid("journal header", "first_seq", 48, why));
        }
        let position = Position { next_seq: Some(file.first_seq), ..before };
        Ok(Self { file, bytes, base: 0, at: JournalHeader::SIZE, position, closed: false, stopped: false })
    }

    /// A scanner that goes on in a file where another stopped: `bytes` begin at `offset` of the file, `position` is what that
    /// scanner's was.
    pub fn resume(file: JournalHeader, bytes: &'a [u8], offset: u64, position: Position) -> Self {
        Self { file, bytes, base: offset, at: 0, position, closed: false, stopped: false }
    }

    /// The file's header.
    pub fn file(&self) -> &JournalHeader {
        &self.file
    }

    /// Where the groups read so far end: what the next file of the incarnation continues.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Offset behind the last good group.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Whether a close mark was read.
    pub fn closed(&self) -> bool {
        self.closed
    }

    fn step(&self) -> Result<Group<'a>, FormatError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let reader = Reader::new("journal group", rest);
        if self.closed {
            return Err(reader.invalid("magic", 0, "bytes follow the close mark"));
        }
        let header = GroupHeader::decode(rest)?;
        let facts = &header.facts;
        if facts.log_id != self.file.log_id || facts.incarnation != self.file.incarnation {
            return Err(reader.invalid("log_id", 8, "log id or incarnation is not the file's"));
        }
        if self.position.next_seq.is_some_and(|seq| seq != facts.first_seq) {
            let why = format!("seq {} does not continue the group before", facts.first_seq);
            return Err(reader.invalid("first_seq", 32, why));
        }
        if self.position.previous_crc.is_some_and(|crc| crc != facts.previous_crc) {
            return Err(reader.invalid("previous_crc", 48, "does not name the group before"));
        }
        let length = (header.length as usize).min(rest.len().saturating_sub(GroupHeader::SIZE));
        let payload = rest.get(GroupHeader::SIZE..GroupHeader::SIZE + length).unwrap_or_default();
        header.check_payload(payload)?;
        Ok(Group { offset: self.offset(), header, payload })
    }
}

impl<'a> Iterator for GroupScanner<'a> {
    type Item = Result<Group<'a>, ScanStop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped || self.at >= self.bytes.len() {
            return None;
        }
        match self.step() {
            Ok(group) => {
                self.at += GroupHeader::SIZE + group.payload.len();
                self.position.next_seq = Some(group.header.next_seq());
                self.position.previous_crc = Some(group.header.crc);
                self.closed = group.header.kind == GroupKind::Close;
                Some(Ok(group))
            }
            Err(error) => {
                self.stopped = true;
                Some(Err(ScanStop { offset: self.offset(), error }))
            }
        }
    }
}

/// Offset of a valid group at or after `from`, in a file whose bytes before it are damaged: header and payload checksums
/// right, log id and incarnation the file's, seq above `above_seq`. Its presence shows that the damaged place had been
/// written before it. Looks at every `IGRP`, so its cost is one pass over the bytes.
pub fn find_later_group(file: &JournalHeader, bytes: &[u8], from: usize, above_seq: u64) -> Option<usize> {
    let mut at = from;
    while let Some(found) = bytes.get(at..)?.windows(4).position(|window| window == b"IGRP") {
        at += found;
        let rest = bytes.get(at..)?;
        let valid = GroupHeader::decode(rest).is_ok_and(|header| {
            let end = GroupHeader::SIZE.saturating_add(header.length as usize);
            header.facts.log_id == file.log_id
                && header.facts.incarnation == file.incarnation
                && header.facts.first_seq > above_seq
                && rest.get(GroupHeader::SIZE..end).is_some_and(|payload| header.check_payload(payload).is_ok())
        });
        if valid {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The records of a group's payload, opened where it was sealed.
pub fn records_of(payload: &[u8], first_seq: u64, count: u32) -> Records<'_> {
    let reader = Reader::new("journal group", payload);
    Records(RecordRefs { reader, seq: first_seq, left: count, failed: false })
}

/// Reads records of a group one at a time; the last item is an error where bytes follow the last record ([JRN-6]).
#[derive(Debug, Clone)]
pub struct RecordRefs<'a> {
    reader: Reader<'a>,
    seq: u64,
    left: u32,
    failed: bool,
}

impl<'a> Iterator for RecordRefs<'a> {
    type Item = Result<RecordRef<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = if self.left > 0 {
            self.left -= 1;
            let seq = self.seq;
            self.seq = seq.wrapping_add(1);
            Some(take_transit_ref(&mut self.reader, seq))
        } else {
            self.reader.end().err().map(Err)
        };
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

/// [`RecordRefs`] with copies of their bytes.
#[derive(Debug, Clone)]
pub struct Records<'a>(RecordRefs<'a>);

impl Iterator for Records<'_> {
    type Item = Result<Record, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let owned = |record: RecordRef<'_>| Record {
            seq: record.seq,
            recorded_at: record.recorded_at,
            class: record.class,
            groups: Groups::from_slices(record.groups),
        };
        self.0.next().map(|record| record.map(owned))
    }
}

#[cfg(test)]
mod tests;
