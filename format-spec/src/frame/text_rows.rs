//! All texts of encoding 9 of one frame, row after row, with everything checked that a single row is read without.
//!
//! ```text
//! TextColumn -> numbers of every column -> templates, each checked and cut into pieces once -> group 3 of every row
//! ```
//!
//! That a text would be cut just so is decided by its template and its values, each by itself: see `template::is_template`.
//! So a template is looked at once a frame and not once a row ([FRM-13], [FRM-14]).

use super::template::{self, TERM, UUID};
use super::texts::{HOLES_MAX, NAME, ONLY_TEXT, TextColumn, invalid, put_decimal};
use crate::FRAME_BYTES_MAX;
use crate::bitpack::width_of;
use crate::bytes::Reader;
use crate::error::FormatError;
use crate::record::{TextRef, put_text, uuid_chars};
use crate::schema::Field;
use crate::segment::TermSource;

/// The texts of one frame; buffers are used again for the next.
#[derive(Debug, Default)]
pub(super) struct TextRows {
    codes: Vec<u64>,
    /// Numbers of all columns, one column behind the other, and where each begins.
    numbers: Vec<u64>,
    starts: Vec<usize>,
    /// Templates without their marks, and where each ends.
    literals: Vec<u8>,
    templates: Vec<Pieces>,
    text: Vec<u8>,
}

/// A template as pieces of `literals`: before the first hole, between holes, behind the last.
#[derive(Debug, Default)]
struct Pieces {
    start: usize,
    /// Where the piece before each hole ends, and the column of the hole.
    holes: Vec<(usize, u8)>,
    end: usize,
}

impl TextRows {
    /// Reads codes and numbers of a column of `rows` rows, whose bases and widths must be those needed ([FRM-13]). Gives the
    /// rows that have a text.
    pub(super) fn read(&mut self, column: &TextColumn, body: &[u8]) -> Result<u128, FormatError> {
        self.codes.clear();
        column.codes.over(body).unpack(&mut self.codes);
        self.numbers.clear();
        self.starts.clear();
        for hole in &column.columns {
            let start = self.numbers.len();
            self.starts.push(start);
            if hole.kind == UUID {
                continue;
            }
            let packed = hole.values.over(body);
            packed.unpack(&mut self.numbers);
            let own = self.numbers.get_mut(start..).unwrap_or_default();
            let (least, most) = own.iter().fold((u64::MAX, 0), |(least, most), &n| (least.min(n), most.max(n)));
            if least != 0 || width_of(most) != packed.width() {
                return Err(invalid("base", "a base or width is not the one needed"));
            }
            // Base and values have at most 60 bits.
            if hole.base + most > hole.largest() {
                return Err(invalid("packed", "a value is out of range"));
            }
            own.iter_mut().for_each(|number| *number += hole.base);
        }
        Ok(self.codes.iter().enumerate().fold(0, |bits, (row, &code)| bits | u128::from(code != 0) << row))
    }

    /// Fetches the templates and checks each against its columns and by itself ([FRM-14]).
    pub(super) fn open_templates<T: TermSource + ?Sized>(
        &mut self,
        column: &TextColumn,
        terms: &T,
    ) -> Result<(), FormatError> {
        self.literals.clear();
        self.templates.truncate(column.templates.len());
        self.templates.resize_with(column.templates.len(), Pieces::default);
        for (pieces, (ordinal, columns)) in self.templates.iter_mut().zip(&column.templates) {
            pieces.start = self.literals.len();
            pieces.holes.clear();
            let mut columns = columns.iter();
            let literals = &mut self.literals;
            let sound = with_term(terms, *ordinal, |bytes| {
                for &byte in bytes {
                    if !template::is_mark(byte) {
                        literals.push(byte);
                        continue;
                    }
                    let own = columns.next().filter(|&&own| {
                        column.columns.get(usize::from(own)).is_some_and(|column| column.kind == byte)
                    });
                    let Some(&own) = own else { return false };
                    pieces.holes.push((literals.len(), own));
                }
                columns.next().is_none() && template::is_template(bytes)
            })?;
            pieces.end = self.literals.len();
            if !sound || pieces.holes.len() > HOLES_MAX {
                return Err(invalid("template", "its holes are not those of its columns, or no text is cut into it"));
            }
        }
        Ok(())
    }

    /// Appends group 3 of a row; false where the row has no text.
    pub(super) fn put_group<T: TermSource + ?Sized>(
        &mut self,
        column: &TextColumn,
        body: &[u8],
        row: usize,
        terms: &T,
        out: &mut Vec<u8>,
    ) -> Result<bool, FormatError> {
        let code = self.codes.get(row).copied().unwrap_or(0);
        let Some(pieces) = (code as usize).checked_sub(1).and_then(|index| self.templates.get(index)) else {
            return Ok(false);
        };
        let text = &mut self.text;
        text.clear();
        let mut from = pieces.start;
        for &(to, own) in &pieces.holes {
            text.extend_from_slice(self.literals.get(from..to).unwrap_or_default());
            from = to;
            let Some(hole) = column.columns.get(usize::from(own)) else { continue };
            let rank = (hole.rows & ((1u128 << (row & 127)) - 1)).count_ones() as usize;
            if hole.kind == UUID {
                text.extend_from_slice(&uuid_chars(&hole.uuid(body, rank)));
                continue;
            }
            let start = self.starts.get(usize::from(own)).copied().unwrap_or(usize::MAX);
            let number = self.numbers.get(start.saturating_add(rank)).copied().unwrap_or(u64::MAX);
            if hole.kind != TERM {
                put_decimal(text, number);
                continue;
            }
            let fits = with_term(terms, number as u32, |term| {
                text.extend_from_slice(term);
                template::is_term(term)
            })?;
            if !fits || text.len() > FRAME_BYTES_MAX {
                return Err(invalid("text", "a term that does not fit its hole, or more than 1,048,576 bytes"));
            }
        }
        text.extend_from_slice(self.literals.get(from..pieces.end).unwrap_or_default());
        // Pieces, terms and numbers are whole characters each, so this is a formality.
        let text = std::str::from_utf8(text).map_err(|_| invalid("text", "not UTF-8"))?;
        if text.is_empty() {
            return Err(invalid("text", "it does not belong in this encoding"));
        }
        let start = out.len();
        out.push(ONLY_TEXT);
        put_text(out, text);
        if out.get(start + 1) == Some(&1) {
            return Err(invalid("text", "it does not belong in this encoding"));
        }
        Ok(true)
    }
}

/// Calls `with` on the text of a term of the field.
fn with_term<T: TermSource + ?Sized, R>(
    terms: &T,
    ordinal: u32,
    with: impl FnOnce(&[u8]) -> R,
) -> Result<R, FormatError> {
    let Some(value) = terms.term(Field::METADATA, ordinal)? else {
        return Err(invalid("terms", format!("no term {ordinal} in the segment's term pages")));
    };
    let mut reader = Reader::new(NAME, &value);
    match TextRef::take(&mut reader, "term")? {
        TextRef::Utf8(text) if reader.left() == 0 => Ok(with(text.as_bytes())),
        _ => Err(invalid("terms", "a UUID is no term of a text")),
    }
}
