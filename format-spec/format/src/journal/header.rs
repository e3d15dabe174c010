//! The journal file's header.

use crate::head::{self, Versioned};
use crate::layout;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::put_crc_since;
use indelible_evidence::{FORMAT_VERSION, LogId};

const NAME: &str = "journal header";
const MAGIC: &[u8; 8] = b"INDELJNL";

/// First 64 bytes of a journal file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHeader {
    /// Whether payloads are sealed.
    pub encrypted: bool,
    /// The log.
    pub log_id: LogId,
    /// Opening for writing that made the file, from 1.
    pub incarnation: u64,
    /// As in the file's name.
    pub file_no: u64,
    /// Seq of the first record that will be in it.
    pub first_seq: u64,
}

impl JournalHeader {
    /// Size in bytes; the first group begins here.
    pub const SIZE: usize = layout::JOURNAL_HEADER.size();

    /// The header's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&u16::from(self.encrypted).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.log_id.0);
        for value in [self.incarnation, self.file_no, self.first_seq] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&[0; 4]);
        put_crc_since(&mut out, 0);
        out
    }

    /// Reads the header at the front of `bytes`, which may go on.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = head::open(NAME, &layout::JOURNAL_HEADER, MAGIC, Versioned::Yes, bytes)?;
        let flags = reader.u16("flags")?;
        let encrypted = head::encrypted_flag(&reader, 10, flags.into())?;
        reader.zeros("reserved", 4)?;
        let log_id = LogId(reader.array("log_id")?);
        let incarnation = reader.u64("incarnation")?;
        if incarnation == 0 {
            return Err(reader.invalid("incarnation", 32, "incarnations count from 1"));
        }
        let (file_no, first_seq) = (reader.u64("file_no")?, reader.u64("first_seq")?);
        reader.zeros("reserved2", 4)?;
        Ok(Self { encrypted, log_id, incarnation, file_no, first_seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CONV-3] [CONV-5] [CONV-6] [CONV-7]
    #[test]
    fn round_trip_and_every_changed_byte() {
        let header =
            JournalHeader { encrypted: true, log_id: LogId([1; 16]), incarnation: 2, file_no: 3, first_seq: 4 };
        let bytes = header.encode();
        assert_eq!((bytes.len(), JournalHeader::decode(&bytes)), (JournalHeader::SIZE, Ok(header)));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 2;
            assert!(JournalHeader::decode(&changed).is_err(), "byte {at}");
            assert!(JournalHeader::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        for (at, value) in [(8, 2), (10, 2), (11, 1), (12, 1), (32, 0), (56, 1)] {
            let mut other = bytes[..60].to_vec();
            other[at] = value;
            put_crc_since(&mut other, 0);
            assert!(JournalHeader::decode(&other).is_err(), "byte {at} = {value}");
        }
        assert!(JournalHeader::decode(&[0; 64]).is_err());
    }
}
