//! The trailer: the last 16 bytes of a sealed or cleanly closed segment, which say where the footer is.

use crate::layout;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::{Reader, put_crc_since};

const NAME: &str = "segment trailer";
const MAGIC: &[u8; 4] = b"IEND";

/// Where the footer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentTrailer {
    /// Offset of the footer's block header in the file.
    pub footer_offset: u64,
}

impl SegmentTrailer {
    /// Size in bytes.
    pub const SIZE: usize = layout::SEGMENT_TRAILER.size();

    /// The trailer's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.extend_from_slice(&self.footer_offset.to_le_bytes());
        put_crc_since(&mut out, 0);
        out.extend_from_slice(MAGIC);
        out
    }

    /// Reads the trailer at the end of `bytes`, the tail of a file or all of it.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let tail = bytes.get(bytes.len().saturating_sub(Self::SIZE)..).unwrap_or_default();
        // The magic stands last, so that a file cut anywhere has none where it must be; it is checked first.
        let mut reader = Reader::new(NAME, tail);
        reader.take("head", Self::SIZE - MAGIC.len())?;
        reader.magic(MAGIC)?;
        let mut reader = Reader::new(NAME, tail);
        let footer_offset = reader.u64("footer_offset")?;
        reader.crc_of_before("crc")?;
        Ok(Self { footer_offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [SEG-7] [CONV-6]
    #[test]
    fn round_trip_and_every_changed_byte() {
        let trailer = SegmentTrailer { footer_offset: 0x1234 };
        let bytes = trailer.encode();
        assert_eq!((bytes.len(), SegmentTrailer::decode(&bytes)), (SegmentTrailer::SIZE, Ok(trailer)));
        assert_eq!(SegmentTrailer::decode(&[&[9; 100], bytes.as_slice()].concat()), Ok(trailer));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 2;
            assert!(SegmentTrailer::decode(&changed).is_err(), "byte {at}");
            assert!(SegmentTrailer::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(SegmentTrailer::decode(&[0; 16]).is_err());
    }
}
