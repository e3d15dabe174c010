//! Text values: UTF-8 with a varint prefix, or a UUID in sixteen bytes.
//!
//! ```text
//! even p | p/2 bytes of UTF-8          1 | 16 bytes of a lower-case hyphenated UUID
//! ```
//!
//! Invariant: a text has one encoding ([REC-5]); which one is decided by its bytes alone.

use std::borrow::Cow;

use crate::bytes::{Reader, put_varint};
use crate::error::FormatError;

/// Characters of a UUID's text.
const UUID_CHARS: usize = 36;

/// A text value as it stands in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRef<'a> {
    /// Any text that is not a lower-case UUID.
    Utf8(&'a str),
    /// A UUID.
    Uuid([u8; 16]),
}

impl<'a> TextRef<'a> {
    /// Reads a text value ([REC-4] to [REC-6]).
    #[inline]
    pub fn take(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, FormatError> {
        let start = reader.offset();
        let prefix = reader.varint(field)?;
        if prefix == 1 {
            return Ok(TextRef::Uuid(reader.array(field)?));
        }
        if prefix & 1 == 1 {
            return Err(reader.invalid(field, start, format!("odd text prefix {prefix}")));
        }
        let bytes = reader.take(field, usize::try_from(prefix >> 1).unwrap_or(usize::MAX))?;
        match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() != UUID_CHARS || parse_uuid(text).is_none() => Ok(TextRef::Utf8(text)),
            Ok(_) => Err(reader.invalid(field, start, "a lower-case UUID must be in its 16-byte form")),
            Err(why) => Err(reader.invalid(field, start, format!("text is not UTF-8: {why}"))),
        }
    }

    /// The text.
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            TextRef::Utf8(text) => Cow::Borrowed(text),
            TextRef::Uuid(uuid) => Cow::Owned(uuid_text(uuid)),
        }
    }
}

/// Appends a text value in its one encoding.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    match parse_uuid(text) {
        Some(uuid) => {
            out.push(1);
            out.extend_from_slice(&uuid);
        }
        None => {
            put_varint(out, (text.len() as u64) << 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// The sixteen bytes of a lower-case hyphenated UUID text (8-4-4-4-12); `None` for any other text.
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes: &[u8; UUID_CHARS] = text.as_bytes().try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|&at| bytes[at] != b'-') {
        return None;
    }
    let mut uuid = [0u8; 16];
    let mut bad = 0u8;
    for (out, at) in uuid.iter_mut().zip(PAIRS) {
        let (high, low) = (HEX[bytes[at] as usize], HEX[bytes[at + 1] as usize]);
        bad |= high | low;
        *out = (high << 4) | (low & 0x0f);
    }
    (bad & 0xf0 == 0).then_some(uuid)
}

/// Where the two digits of each byte stand in a UUID's text.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Value of a lower-case hexadecimal digit, 0xff for anything else.
const HEX: [u8; 256] = {
    let mut table = [0xffu8; 256];
    let mut digit = 0u8;
    while digit < 16 {
        let ascii = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        table[ascii as usize] = digit;
        digit += 1;
    }
    table
};

/// The two digits of every byte.
const DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

/// The characters of the lower-case hyphenated text of a UUID.
pub fn uuid_chars(uuid: &[u8; 16]) -> [u8; UUID_CHARS] {
    let mut text = [b'-'; UUID_CHARS];
    for (byte, at) in uuid.iter().zip(PAIRS) {
        let [high, low] = DIGITS[usize::from(*byte)];
        text[at] = high;
        text[at + 1] = low;
    }
    text
}

/// The lower-case hyphenated text of a UUID.
pub fn uuid_text(uuid: &[u8; 16]) -> String {
    String::from_utf8(uuid_chars(uuid).to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_text(&mut bytes, text);
        let mut reader = Reader::new("test", &bytes);
        assert_eq!(TextRef::take(&mut reader, "t").unwrap().text(), text);
        reader.end().unwrap();
        bytes
    }

    /// [REC-5]
    #[test]
    fn lower_case_uuids_and_only_they_take_sixteen_bytes() {
        assert_eq!(round_trip("0195f3a2-0000-7abc-8def-001122334455").len(), 17);
        for text in ["", "acme", "0195F3A2-0000-7abc-8def-001122334455", "0195f3a2-0000-7abc-8def-00112233445g"] {
            assert_eq!(round_trip(text).len(), text.len() + 1, "{text}");
        }
        let mut spelled = vec![72];
        spelled.extend_from_slice(b"0195f3a2-0000-7abc-8def-001122334455");
        assert!(TextRef::take(&mut Reader::new("test", &spelled), "t").is_err());
    }

    /// [REC-4] [REC-6]
    #[test]
    fn odd_prefixes_and_bad_utf8_are_refused() {
        let refused: [&[u8]; 4] = [&[3, b'a'], &[2, 0xff], &[1, 0, 0], &[8, b'a']];
        for bytes in refused {
            assert!(TextRef::take(&mut Reader::new("test", bytes), "t").is_err(), "{bytes:02x?}");
        }
    }
}
