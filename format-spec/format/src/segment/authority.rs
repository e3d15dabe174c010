//! The authority of a rewritten segment: which intent removed what is missing, and the signed head that covered it before.
//!
//! ```text
//! u16 version 1 | u64 seq of the intent | u32 length | note
//! ```
//!
//! Invariant: what decodes encodes to the same bytes. Not here: whether the note is one of this log and covers the intent; that
//! takes its keys and its records. Specified in `format-spec/04-segment.md`.

use crate::layout;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;

const NAME: &str = "authority block";
/// Most bytes of a note ([SEG-21]).
const NOTE_BYTES_MAX: usize = 1 << 20;

/// Under which head a segment was written again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    /// Seq of the intent.
    pub intent: u64,
    /// The signed note that covered the intent before anything was removed.
    pub note: String,
}

impl Authority {
    /// The payload of the block; refuses a note over a mebibyte, or an empty one ([SEG-21]).
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        if self.note.is_empty() || self.note.len() > NOTE_BYTES_MAX {
            let why = format!("{} bytes of note, 1 byte to 1 MiB allowed", self.note.len());
            return Err(FormatError::invalid(NAME, "length", 10, why));
        }
        let mut out = Vec::with_capacity(layout::AUTHORITY_HEAD.size() + self.note.len());
        out.extend_from_slice(&1u16.to_le_bytes());
        out.extend_from_slice(&self.intent.to_le_bytes());
        out.extend_from_slice(&(self.note.len() as u32).to_le_bytes());
        out.extend_from_slice(self.note.as_bytes());
        Ok(out)
    }

    /// Reads a payload, which must end with the note ([SEG-21]).
    pub fn decode(payload: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, payload);
        let version = reader.u16("version")?;
        if version != 1 {
            return Err(reader.invalid("version", 0, format!("version {version}, this reader knows 1")));
        }
        let intent = reader.u64("intent")?;
        let length = reader.u32("length")? as usize;
        if length == 0 || length > NOTE_BYTES_MAX {
            return Err(reader.invalid("length", 10, format!("{length} bytes of note, 1 byte to 1 MiB allowed")));
        }
        let note = reader.take("note", length)?;
        let note = std::str::from_utf8(note).map_err(|_| reader.invalid("note", 14, "the note is not UTF-8"))?;
        let note = note.to_owned();
        let left = payload.len() - layout::AUTHORITY_HEAD.size() - length;
        if left > 0 {
            return Err(reader.invalid("note", 14 + length, format!("{left} bytes follow the note")));
        }
        Ok(Self { intent, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [SEG-21]
    #[test]
    fn one_encoding_and_nothing_behind_it() {
        let authority = Authority { intent: 7, note: "a note\n".to_owned() };
        let bytes = authority.encode().unwrap();
        assert_eq!(Authority::decode(&bytes), Ok(authority.clone()));
        for at in 0..bytes.len() {
            assert!(Authority::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(Authority::decode(&longer).is_err());
        let mut other = bytes.clone();
        other[0] = 2;
        assert!(Authority::decode(&other).is_err());
        let mut no_text = bytes;
        no_text[14] = 0xff;
        assert!(Authority::decode(&no_text).is_err());
        assert!(Authority { intent: 7, note: String::new() }.encode().is_err());
        assert!(Authority { intent: 7, note: "x".repeat(NOTE_BYTES_MAX + 1) }.encode().is_err());
    }
}
