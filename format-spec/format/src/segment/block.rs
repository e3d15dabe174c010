//! Blocks: a 32-byte header with its own checksum, then a payload with another.

use crate::head::{self, Versioned};
use crate::layout;
use indelible_evidence::bytes::put_crc_since;
use indelible_evidence::schema::Field;
use indelible_evidence::{FormatError, Problem};

const NAME: &str = "block header";
const MAGIC: &[u8; 4] = b"IBLK";

/// Most bytes of a payload ([SEG-1]).
pub const BLOCK_PAYLOAD_MAX: usize = 16 << 20;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BlockKind {
    /// A term page.
    Terms = 1,
    /// A frame.
    Frame = 2,
    /// An index run.
    Run = 3,
    /// The sorted order of a field's terms.
    Lookup = 4,
    /// The footer.
    Footer = 5,
    /// What a rewritten segment was written under.
    Authority = 6,
}

impl BlockKind {
    /// The kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        let kinds = [Self::Terms, Self::Frame, Self::Run, Self::Lookup, Self::Footer, Self::Authority];
        kinds.into_iter().find(|&kind| kind as u8 == code)
    }
}

/// A block's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// What the block holds.
    pub kind: BlockKind,
    /// Whether the payload (a frame's body) is sealed.
    pub encrypted: bool,
    /// Page number, frame number, first ordinal, field id or 0, by kind.
    pub number: u64,
    /// Payload bytes that follow.
    pub length: u32,
    /// CRC of the payload as stored.
    pub payload_crc: u32,
}

impl BlockHeader {
    /// Size in bytes.
    pub const SIZE: usize = layout::BLOCK_HEADER.size();

    /// The header of a block with this payload; refuses a payload over 16 MiB ([SEG-1]).
    pub fn new(kind: BlockKind, encrypted: bool, number: u64, payload: &[u8]) -> Result<Self, FormatError> {
        if payload.len() > BLOCK_PAYLOAD_MAX {
            let why = format!("{} bytes of payload, at most 16 MiB allowed", payload.len());
            return Err(FormatError::invalid(NAME, "length", 16, why));
        }
        let payload_crc = crc32fast::hash(payload);
        Ok(Self { kind, encrypted, number, length: payload.len() as u32, payload_crc })
    }

    /// Bytes of header and payload together.
    pub fn total(&self) -> u32 {
        self.length + Self::SIZE as u32
    }

    /// The header's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(MAGIC);
        out.push(self.kind as u8);
        out.push(u8::from(self.encrypted));
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.payload_crc.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        put_crc_since(out, start);
    }

    /// Reads the header at the front of `bytes`, which may go on.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = head::open(NAME, &layout::BLOCK_HEADER, MAGIC, Versioned::No, bytes)?;
        let code = reader.u8("kind")?;
        let Some(kind) = BlockKind::from_code(code) else {
            return Err(reader.invalid("kind", 4, format!("unknown block kind {code}")));
        };
        let flags = reader.u8("flags")?;
        let encrypted = head::encrypted_flag(&reader, 5, flags.into())?;
        reader.zeros("reserved", 2)?;
        let number = reader.u64("number")?;
        let fits = match kind {
            BlockKind::Footer | BlockKind::Authority => number == 0,
            BlockKind::Lookup => u8::try_from(number).ok().and_then(Field::from_id).is_some_and(Field::has_terms),
            BlockKind::Run => u32::try_from(number).is_ok(),
            BlockKind::Terms | BlockKind::Frame => true,
        };
        if !fits {
            return Err(reader.invalid("number", 8, format!("number {number} is none of a {kind:?} block")));
        }
        let length = reader.u32("length")?;
        if length as usize > BLOCK_PAYLOAD_MAX {
            return Err(reader.invalid("length", 16, format!("{length} bytes of payload, at most 16 MiB allowed")));
        }
        let payload_crc = reader.u32("payload_crc")?;
        reader.zeros("reserved2", 4)?;
        Ok(Self { kind, encrypted, number, length, payload_crc })
    }
}

/// Appends a block; fails where the payload is over 16 MiB ([SEG-1]).
pub fn put_block(
    out: &mut Vec<u8>,
    kind: BlockKind,
    encrypted: bool,
    number: u64,
    payload: &[u8],
) -> Result<(), FormatError> {
    let header = BlockHeader::new(kind, encrypted, number, payload)?;
    out.reserve(BlockHeader::SIZE + payload.len());
    header.put(out);
    out.extend_from_slice(payload);
    Ok(())
}

/// Checks that `payload`, as stored, is the one that `header` announces.
pub fn check_payload(header: &BlockHeader, payload: &[u8]) -> Result<(), FormatError> {
    let needed = u64::from(header.length);
    let left = payload.len() as u64;
    let problem = if left < needed {
        Problem::Truncated { needed, left }
    } else if left > needed {
        Problem::Trailing { extra: left - needed }
    } else {
        let computed = crc32fast::hash(payload);
        if computed == header.payload_crc {
            return Ok(());
        }
        Problem::Checksum { found: header.payload_crc, computed }
    };
    let structure = match header.kind {
        BlockKind::Terms => "term page",
        BlockKind::Frame => "frame",
        BlockKind::Run => "index run",
        BlockKind::Lookup => "term lookup",
        BlockKind::Footer => "footer",
        BlockKind::Authority => "authority block",
    };
    Err(FormatError::new(structure, "payload", 0, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CONV-3] [CONV-5] [CONV-6]
    #[test]
    fn round_trip_and_every_changed_byte() {
        let mut bytes = Vec::new();
        put_block(&mut bytes, BlockKind::Frame, false, 7, b"payload").unwrap();
        let header = BlockHeader::decode(&bytes).unwrap();
        assert_eq!((header.kind, header.number, header.total()), (BlockKind::Frame, 7, 39));
        assert_eq!(header.encode(), bytes[..BlockHeader::SIZE]);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 2;
            let read = BlockHeader::decode(&changed).and_then(|h| check_payload(&h, &changed[BlockHeader::SIZE..]));
            assert!(read.is_err(), "byte {at}");
            let cut = &bytes[..at];
            let read = BlockHeader::decode(cut).and_then(|h| check_payload(&h, &cut[BlockHeader::SIZE..]));
            assert!(read.is_err(), "cut at {at}");
        }
        assert!(check_payload(&header, b"payload!").is_err());
        assert!(BlockHeader::decode(&[0; 32]).is_err());
    }

    /// [SEG-1]
    #[test]
    fn payloads_over_16_mib_are_refused_both_ways() {
        let payload = vec![0; BLOCK_PAYLOAD_MAX + 1];
        assert!(put_block(&mut Vec::new(), BlockKind::Run, false, 0, &payload).is_err());
        let mut header = BlockHeader::new(BlockKind::Run, false, 0, &payload[1..]).unwrap();
        assert!(BlockHeader::decode(&header.encode()).is_ok());
        header.length += 1;
        assert!(BlockHeader::decode(&header.encode()).is_err());
    }

    #[test]
    fn numbers_must_fit_the_kind() {
        for (kind, number, good) in [
            (BlockKind::Footer, 0, true),
            (BlockKind::Footer, 1, false),
            (BlockKind::Authority, 0, true),
            (BlockKind::Authority, 1, false),
            (BlockKind::Lookup, 3, true),
            (BlockKind::Lookup, 4, false),
            (BlockKind::Lookup, 259, false),
            (BlockKind::Run, 65_536, true),
            (BlockKind::Run, 1 << 32, false),
        ] {
            let header = BlockHeader::new(kind, true, number, b"").unwrap();
            assert_eq!(BlockHeader::decode(&header.encode()).is_ok(), good, "{kind:?} {number}");
        }
        for (at, value) in [(4, 0), (4, 7), (5, 2), (6, 1), (24, 1)] {
            let mut bytes = BlockHeader::new(BlockKind::Terms, false, 0, b"").unwrap().encode();
            bytes.truncate(28);
            bytes[at] = value;
            put_crc_since(&mut bytes, 0);
            assert!(BlockHeader::decode(&bytes).is_err(), "byte {at} = {value}");
        }
    }
}
