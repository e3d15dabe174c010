//! JSON strings as data: any string that JSON can write, unpaired surrogates included.
//!
//! ```text
//! "a\ud83d\ude00b"  ->  a, U+1F600, b        a pair is one character
//! "a\ud800b"        ->  a \ u d 8 0 0 b      half a pair has no character: its escape stays, as six characters
//! ```
//!
//! A Rust string cannot hold half a surrogate pair, and neither dropping it nor refusing the record is right for
//! evidence. Who needs the exact text looks at the event's original.
//!
//! Invariant: reading borrows from the input wherever the string has no escapes.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, Visitor};

/// A JSON string, decoded; half a surrogate pair stays as its escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The decoded text, owned: a copy only where it had no escapes.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(match std::str::from_utf8(bytes) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(_) => Cow::Owned(spell_surrogates(bytes)),
                })
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Cow::Owned(match std::str::from_utf8(bytes) {
                    Ok(text) => text.to_owned(),
                    Err(_) => spell_surrogates(bytes),
                }))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        // Asked for bytes, the parser gives unpaired surrogates as three bytes each instead of refusing them.
        deserializer.deserialize_bytes(TextVisitor).map(Text)
    }
}

/// Writes each half pair (three bytes, ED A0 80 to ED BF BF) as its escape.
fn spell_surrogates(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    let mut rest = bytes;
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => error,
        };
        let (good, bad) = rest.split_at(error.valid_up_to());
        out.push_str(&String::from_utf8_lossy(good));
        rest = match bad {
            [0xED, high @ 0xA0..=0xBF, low @ 0x80..=0xBF, after @ ..] => {
                let unit = 0xD000 | (u16::from(high & 0x3F) << 6) | u16::from(low & 0x3F);
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
                after
            }
            [_, after @ ..] => {
                out.push(char::REPLACEMENT_CHARACTER);
                after
            }
            [] => return out,
        };
    }
}

/// How many escapes of half a surrogate pair a JSON text has.
pub(crate) fn unpaired_surrogates(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut at, mut count) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'\\')) {
        at += found;
        match escaped_unit(bytes, at) {
            Some(0xD800..=0xDBFF) if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                count += 1;
                at += 6;
            }
            _ => at += 2,
        }
    }
    count
}

/// The code unit of the `\uXXXX` at this place, if there is one.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_pairs_stay_as_their_escape() {
        for (json, text, unpaired) in [
            (r#""plain""#, "plain", 0),
            (r#""a\ud83d\ude00b""#, "a\u{1F600}b", 0),
            (r#""a\ud800b""#, "a\\ud800b", 1),
            (r#""\udfff\ud800""#, "\\udfff\\ud800", 2),
            (r#""\ud800\ud83d\ude00""#, "\\ud800\u{1F600}", 1),
            (r#""\\ud800""#, "\\ud800", 0),
            (r#""\u0000\u001b""#, "\0\u{1b}", 0),
        ] {
            let read: Text<'_> = serde_json::from_str(json).expect(json);
            assert_eq!(read.as_str(), text, "{json}");
            assert_eq!(unpaired_surrogates(json), unpaired, "{json}");
        }
    }

    #[test]
    fn plain_strings_are_borrowed() {
        let read: Text<'_> = serde_json::from_str(r#""plain""#).expect("a string");
        assert!(matches!(read.0, Cow::Borrowed("plain")));
        assert!(serde_json::from_str::<Text<'_>>("12").is_err());
    }
}
