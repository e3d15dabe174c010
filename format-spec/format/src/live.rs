//! The live file: where readers in other processes may read to.
//!
//! ```text
//! magic 8 | log_id 16 | incarnation 8 | journal_no 8 | durable_end 8 | framed_to 8 | 0000 | crc 4
//! ```
//!
//! Rewritten in place after each sync and never synced, so a reader may see half of it: a checksum that does not match
//! means "read again", not damage. It is never evidence. Specified in `format-spec/07-journal.md`.

use crate::head::{self, Versioned};
use crate::layout;
use indelible_evidence::FormatError;
use indelible_evidence::LogId;
use indelible_evidence::bytes::put_crc_since;

const NAME: &str = "live file";
const MAGIC: &[u8; 8] = b"INDELLIV";

/// What a writer says of its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// The log.
    pub log_id: LogId,
    /// Incarnation of the writer.
    pub incarnation: u64,
    /// Journal file being written.
    pub journal_no: u64,
    /// Bytes of that file that are synced.
    pub durable_end: u64,
    /// Frames synced in segments.
    pub framed_to: u64,
}

impl Live {
    /// Size in bytes.
    pub const SIZE: usize = layout::LIVE_FILE.size();

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.log_id.0);
        for value in [self.incarnation, self.journal_no, self.durable_end, self.framed_to] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&[0; 4]);
        put_crc_since(&mut out, 0);
        out
    }

    /// Reads the whole file. A `Problem::Checksum` may be a half-written file: read it again.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = head::open(NAME, &layout::LIVE_FILE, MAGIC, Versioned::No, bytes)?;
        let live = Self {
            log_id: LogId(reader.array("log_id")?),
            incarnation: reader.u64("incarnation")?,
            journal_no: reader.u64("journal_no")?,
            durable_end: reader.u64("durable_end")?,
            framed_to: reader.u64("framed_to")?,
        };
        reader.zeros("reserved", 4)?;
        if bytes.len() > Self::SIZE {
            return Err(reader.invalid("end", Self::SIZE, "bytes follow the end"));
        }
        Ok(live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CONV-5] [CONV-6] [JRN-5]
    #[test]
    fn every_changed_byte_is_noticed() {
        let live = Live { log_id: LogId([7; 16]), incarnation: 3, journal_no: 9, durable_end: 4096, framed_to: 12 };
        let bytes = live.encode();
        assert_eq!((bytes.len(), Live::decode(&bytes)), (Live::SIZE, Ok(live)));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(Live::decode(&changed).is_err(), "byte {at}");
            assert!(Live::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(Live::decode(&[0; 64]).is_err());
    }
}
