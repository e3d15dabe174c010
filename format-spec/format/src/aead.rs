//! Sealed payloads: XChaCha20-Poly1305 with a random nonce, bound to their place in the log.
//!
//! ```text
//! nonce 24 | ciphertext | tag 16          associated data: 64 bytes naming log, file, block, seqs
//! ```
//!
//! Invariants: nonces are random and come from the caller, who owns the randomness; a payload opens only under the
//! associated data it was sealed with ([ENC-1]). The 32-byte data key is the AEAD key itself. Not here: where keys are
//! kept. Specified in `format-spec/09-encryption.md`.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroize;

use crate::layout;
use crate::segment::BlockKind;
use indelible_evidence::LogId;
use indelible_evidence::bytes::Reader;
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::{FormatError, Problem};

const MAGIC: &[u8; 8] = b"INDELAAD";
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes that sealing adds: nonce and tag.
pub const OVERHEAD: usize = NONCE_LEN + 16;

/// Key of one segment generation or journal file; wiped when dropped, never shown.
#[derive(Clone)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A key of 32 random bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// The place a payload is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssociatedData {
    /// The log.
    pub log_id: LogId,
    /// Segment id, or journal file number.
    pub file_id: u64,
    /// Generation of the segment; [`AssociatedData::JOURNAL`] for a journal.
    pub generation: u32,
    /// Block kind; 0 for a journal group.
    pub kind: u32,
    /// Block number; for a journal group the offset of its header in its file.
    pub number: u64,
    /// First seq of the frame or group; for other blocks of the segment.
    pub first_seq: u64,
    /// Records of the frame or group; 0 for other blocks.
    pub count: u32,
}

impl AssociatedData {
    /// Stands for the generation where the file is a journal.
    pub const JOURNAL: u32 = u32::MAX;

    /// Place of a frame's body.
    pub fn frame(descriptor: &Descriptor, segment_id: u64, generation: u32) -> Self {
        Self {
            log_id: descriptor.log_id,
            file_id: segment_id,
            generation,
            kind: BlockKind::Frame as u32,
            number: descriptor.frame_no,
            first_seq: descriptor.first_seq,
            count: u32::from(descriptor.count),
        }
    }

    /// The 64 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(layout::ASSOCIATED_DATA.size());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.log_id.0);
        out.extend_from_slice(&self.file_id.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out
    }
}

/// Seals `plain` under `key` for the place `ad`. `nonce` must be fresh random bytes for every call.
pub fn seal(key: &DataKey, nonce: &[u8; NONCE_LEN], ad: &AssociatedData, plain: &[u8]) -> Result<Vec<u8>, FormatError> {
    let cipher = XChaCha20Poly1305::new(&key.0.into());
    let payload = Payload { msg: plain, aad: &ad.encode() };
    let sealed = cipher
        .encrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| FormatError::invalid("sealed payload", "ciphertext", 0, "too long to seal"))?;
    let mut out = Vec::with_capacity(NONCE_LEN + sealed.len());
    out.extend_from_slice(nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal`] made; `Problem::Sealed` where key, place or bytes are not those it was sealed with ([ENC-1]).
pub fn open(key: &DataKey, ad: &AssociatedData, sealed: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut reader = Reader::new("sealed payload", sealed);
    let nonce = reader.array::<NONCE_LEN>("nonce")?;
    let ciphertext = reader.take("ciphertext", reader.left())?;
    let cipher = XChaCha20Poly1305::new(&key.0.into());
    cipher
        .decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: &ad.encode() })
        .map_err(|_| FormatError::new("sealed payload", "ciphertext", NONCE_LEN, Problem::Sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> AssociatedData {
        AssociatedData { log_id: LogId([1; 16]), file_id: 2, generation: 3, kind: 2, number: 4, first_seq: 5, count: 6 }
    }

    /// [ENC-1]
    #[test]
    fn opens_only_where_it_was_sealed() {
        let (key, ad) = (DataKey::new([9; 32]), place());
        assert_eq!(ad.encode().len(), layout::ASSOCIATED_DATA.size());
        let sealed = seal(&key, &[5; NONCE_LEN], &ad, b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(open(&key, &ad, &sealed).unwrap(), b"plain");
        let elsewhere = [
            AssociatedData { log_id: LogId([2; 16]), ..ad },
            AssociatedData { file_id: 9, ..ad },
            AssociatedData { generation: 9, ..ad },
            AssociatedData { kind: 3, ..ad },
            AssociatedData { number: 9, ..ad },
            AssociatedData { first_seq: 9, ..ad },
            AssociatedData { count: 9, ..ad },
        ];
        for other in elsewhere {
            assert_eq!(open(&key, &other, &sealed).unwrap_err().problem, Problem::Sealed, "{other:?}");
        }
        assert!(open(&DataKey::new([8; 32]), &ad, &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&key, &ad, &changed).is_err(), "byte {at}");
            assert!(open(&key, &ad, &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(format!("{key:?}"), "DataKey(..)");
    }
}
