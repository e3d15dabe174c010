//! The segment file's header: which segment it is, where it begins, what comes before it in the chain.

use crate::head::{self, Versioned};
use crate::layout;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::put_crc_since;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::{FORMAT_VERSION, LogId, SUITE};

const NAME: &str = "segment header";
const MAGIC: &[u8; 8] = b"INDELSEG";

/// First 128 bytes of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Whether block payloads are sealed.
    pub encrypted: bool,
    /// The log.
    pub log_id: LogId,
    /// As in the file's name.
    pub segment_id: u64,
    /// As in the file's name.
    pub generation: u32,
    /// Seq of the first record.
    pub first_seq: u64,
    /// Number of the first frame.
    pub first_frame: u64,
    /// Chain value of the frame before, or of genesis.
    pub chain_before: Hash,
}

impl SegmentHeader {
    /// Size in bytes; the first block begins here ([SEG-2]).
    pub const SIZE: usize = layout::SEGMENT_HEADER.size();

    /// The header's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&SUITE.to_le_bytes());
        out.extend_from_slice(&u32::from(self.encrypted).to_le_bytes());
        out.extend_from_slice(&self.log_id.0);
        out.extend_from_slice(&self.segment_id.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.first_frame.to_le_bytes());
        out.extend_from_slice(&self.chain_before);
        out.extend_from_slice(&[0; 28]);
        put_crc_since(&mut out, 0);
        out
    }

    /// Reads the header at the front of `bytes`, which may go on.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = head::open(NAME, &layout::SEGMENT_HEADER, MAGIC, Versioned::Yes, bytes)?;
        let suite = reader.u16("suite")?;
        if suite != SUITE {
            return Err(reader.invalid("suite", 10, format!("unknown suite {suite}")));
        }
        let flags = reader.u32("flags")?;
        let encrypted = head::encrypted_flag(&reader, 12, flags)?;
        let log_id = LogId(reader.array("log_id")?);
        let segment_id = reader.u64("segment_id")?;
        let generation = reader.u32("generation")?;
        reader.zeros("reserved", 4)?;
        let first_seq = reader.u64("first_seq")?;
        let first_frame = reader.u64("first_frame")?;
        let chain_before = reader.array("chain_before")?;
        reader.zeros("reserved2", 28)?;
        Ok(Self { encrypted, log_id, segment_id, generation, first_seq, first_frame, chain_before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_evidence::Problem;

    /// [CONV-3] [CONV-5] [CONV-6] [CONV-7] [SEG-2]
    #[test]
    fn round_trip_and_every_changed_byte() {
        let header = SegmentHeader {
            encrypted: true,
            log_id: LogId([1; 16]),
            segment_id: 2,
            generation: 3,
            first_seq: 4,
            first_frame: 5,
            chain_before: [6; 32],
        };
        let bytes = header.encode();
        assert_eq!((bytes.len(), SegmentHeader::decode(&bytes)), (SegmentHeader::SIZE, Ok(header)));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 2;
            assert!(SegmentHeader::decode(&changed).is_err(), "byte {at}");
            assert!(SegmentHeader::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(SegmentHeader::decode(&[0; 128]).is_err());
        for (at, value) in [(8, 2), (10, 2), (12, 2), (44, 1), (96, 1)] {
            let mut other = bytes[..124].to_vec();
            other[at] = value;
            put_crc_since(&mut other, 0);
            let problem = SegmentHeader::decode(&other).unwrap_err().problem;
            assert_eq!(matches!(problem, Problem::Version { found: 2, reads: 1 }), at == 8, "{problem:?}");
        }
    }
}
