//! Lines of a text that is signed: each a word, a space and a value that has one form.
//!
//! ```text
//! Lines("log 0195...\nrole admin\n...") -> take("log"), take("role"), ... -> end()
//! ```
//!
//! Invariants: lines stand in one order, each once, none left over; numbers have no leading zero, hashes are 64 lower-case
//! hexadecimal digits. Not here: which lines there are (`text`, `statement`).

use crate::LogId;
use crate::descriptor::Hash;
use crate::error::FormatError;
use crate::merkle::empty_root;
use crate::record::uuid_text;

use super::text::Base;

/// Reads lines one after the other.
pub(super) struct Lines<'a> {
    structure: &'static str,
    rest: &'a str,
}

impl<'a> Lines<'a> {
    /// The lines after the first one, which must be `first`.
    pub(super) fn new(structure: &'static str, text: &'a str, first: &'static str) -> Result<Self, FormatError> {
        let rest = text.strip_prefix(first).and_then(|rest| rest.strip_prefix('\n'));
        let rest =
            rest.ok_or_else(|| FormatError::invalid(structure, "first line", 0, format!("not exactly {first:?}")))?;
        Ok(Self { structure, rest })
    }

    /// The value of the next line, which must begin with `word` and a space.
    pub(super) fn take(&mut self, word: &'static str) -> Result<&'a str, FormatError> {
        let (line, rest) = self.line(word)?;
        let value = line.strip_prefix(word).and_then(|value| value.strip_prefix(' '));
        let value = value.ok_or_else(|| self.invalid(word, "this line is missing here"))?;
        self.rest = rest;
        Ok(value)
    }

    /// The last line, whole.
    pub(super) fn body(mut self) -> Result<&'a str, FormatError> {
        let (line, rest) = self.line("body")?;
        self.rest = rest;
        if self.rest.is_empty() { Ok(line) } else { Err(self.invalid("end", "a line follows the body")) }
    }

    fn line(&self, word: &'static str) -> Result<(&'a str, &'a str), FormatError> {
        self.rest.split_once('\n').ok_or_else(|| self.invalid(word, "the line is missing or not ended"))
    }

    pub(super) fn number(&mut self, word: &'static str) -> Result<u64, FormatError> {
        let value = self.take(word)?;
        number(value).ok_or_else(|| self.invalid(word, "not a decimal number of 64 bits without leading zeros"))
    }

    pub(super) fn hash(&mut self, word: &'static str) -> Result<Hash, FormatError> {
        let value = self.take(word)?;
        parse_hex(value).ok_or_else(|| self.invalid(word, "not 64 lower-case hexadecimal digits"))
    }

    pub(super) fn log(&mut self) -> Result<LogId, FormatError> {
        let value = self.take("log")?;
        let hex: String = value.chars().filter(|&c| c != '-').collect();
        let id = parse_hex_array::<16>(&hex).filter(|id| uuid_text(id) == value);
        id.map(LogId).ok_or_else(|| self.invalid("log", "not a log id as lower-case UUID text"))
    }

    pub(super) fn base(&mut self) -> Result<Base, FormatError> {
        let value = self.take("base")?;
        let base = value.split_once(' ').and_then(|(size, root)| Some((number(size)?, parse_hex(root)?)));
        let (size, root) = base.ok_or_else(|| self.invalid("base", "not a size and a root in hexadecimal"))?;
        if size == 0 && root != empty_root() {
            return Err(self.invalid("base", "not the root of the empty tree"));
        }
        Ok(Base { size, root })
    }

    pub(super) fn invalid(&self, word: &'static str, why: &'static str) -> FormatError {
        FormatError::invalid(self.structure, word, 0, why)
    }
}

/// A decimal number in its one form.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// 32 bytes as 64 lower-case hexadecimal digits.
pub(super) fn parse_hex(text: &str) -> Option<Hash> {
    parse_hex_array(text)
}

/// `N` bytes as lower-case hexadecimal digits.
pub(super) fn parse_hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(lower) {
        return None;
    }
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
