//! A position in a result: the last row of a page, bound to the query it came from.
//!
//! ```text
//! text: 52 lower-case hexadecimal digits of  version 1, order 1, filter crc 4, occurred-at 8, seq 8, crc 4
//! ```
//!
//! Keyset, not offset: it names a row, so rows that arrive or are removed never shift it.

use indelible_evidence::bytes::{Reader, put_crc_since};

use super::{Order, Query};
use crate::error::{Error, Result};

const VERSION: u8 = 1;

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    order: u8,
    filter: u32,
    pub(crate) occurred_at: i64,
    pub(crate) seq: u64,
}

fn order_code(order: Order) -> u8 {
    match order {
        Order::Newest => 1,
        Order::Oldest => 2,
        Order::Time => 3,
    }
}

/// Accidental mixing-up of cursors is what this finds; a cursor grants nothing.
fn filter_crc(query: &Query) -> u32 {
    crc32fast::hash(format!("{:?}", query.filter).as_bytes())
}

impl Cursor {
    /// After the row of this occurred-at and seq.
    pub(super) fn after(query: &Query, (occurred_at, seq): (i64, u64)) -> Self {
        Self { order: order_code(query.order), filter: filter_crc(query), occurred_at, seq }
    }

    pub(super) fn check(&self, query: &Query) -> Result<()> {
        if self.order != order_code(query.order) {
            return Err(Error::Cursor("it belongs to another order: repeat the query it came from"));
        }
        if self.filter != filter_crc(query) {
            return Err(Error::Cursor("it belongs to another filter: repeat the query it came from"));
        }
        Ok(())
    }

    /// The cursor that this text shows.
    ///
    /// # Errors
    /// [`Error::Cursor`] where it is not one, whole.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || Error::Cursor("it is not a cursor, or not a whole one: copy it exactly as it was printed");
        let digits = text.as_bytes();
        if digits.len() != 52 {
            return Err(refused());
        }
        let mut bytes = Vec::with_capacity(26);
        for pair in digits.chunks_exact(2) {
            let pair = std::str::from_utf8(pair).map_err(|_| refused())?;
            if pair.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(refused());
            }
            bytes.push(u8::from_str_radix(pair, 16).map_err(|_| refused())?);
        }
        Self::decode(&bytes).map_err(|_| refused())
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Self, indelible_evidence::FormatError> {
        let mut reader = Reader::new("cursor", bytes);
        let version = reader.u8("version")?;
        if version != VERSION {
            return Err(reader.invalid("version", 0, "unknown version"));
        }
        let cursor = Self {
            order: reader.u8("order")?,
            filter: reader.u32("filter")?,
            occurred_at: reader.i64("occurred_at")?,
            seq: reader.u64("seq")?,
        };
        reader.crc_of_before("crc")?;
        reader.end()?;
        Ok(cursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = vec![VERSION, self.order];
        bytes.extend_from_slice(&self.filter.to_le_bytes());
        bytes.extend_from_slice(&self.occurred_at.to_le_bytes());
        bytes.extend_from_slice(&self.seq.to_le_bytes());
        put_crc_since(&mut bytes, 0);
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text_and_a_changed_one_does_not() {
        let cursor = Cursor { order: 1, filter: 7, occurred_at: -5, seq: u64::MAX };
        let text = cursor.to_string();
        assert_eq!(Cursor::parse(&text).expect("own text"), cursor);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(Cursor::parse(std::str::from_utf8(&changed).expect("ascii")).is_err(), "digit {at}");
        }
        assert!(Cursor::parse(&text[..50]).is_err());
        assert!(Cursor::parse(&text.to_uppercase()).is_err());
    }
}
