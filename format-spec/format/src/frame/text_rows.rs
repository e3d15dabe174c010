//! All texts of encoding 9 of one frame, row after row, with everything checked that a single row is read without.
//!
//! ```text
//! TextColumn -> numbers of every column -> templates, each checked and cut into pieces once -> group 3 of every row
//! ```
//!
//! That a text would be cut just so is decided by its template and its values, each by itself: see `template::is_template`.
//! So a template is looked at once a frame and not once a row ([FRM-13], [FRM-14]).

use super::arena::Arena;
use super::rows::{Term, fetch};
use super::template::{self, TERM, UUID};
use super::texts::{HOLES_MAX, ONLY_TEXT, TextColumn, decimal, invalid, text_bytes};
use crate::bitpack::width_of;
use crate::segment::TermSource;
use indelible_evidence::FRAME_BYTES_MAX;
use indelible_evidence::FormatError;
use indelible_evidence::record::{parse_uuid, uuid_chars};
use indelible_evidence::schema::Field;

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
    text: Arena,
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
                    let own = columns
                        .next()
                        .filter(|&&own| column.columns.get(usize::from(own)).is_some_and(|column| column.kind == byte));
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

    /// The terms in all holes, by the place of their ordinals among the numbers, each fit for its hole ([FRM-14]).
    pub(super) fn fetch_terms<'t, T: TermSource + ?Sized>(
        &self,
        column: &TextColumn,
        terms: &'t T,
    ) -> Result<Vec<Term<'t>>, FormatError> {
        let mut fetched: Vec<Term<'t>> = Vec::with_capacity(self.numbers.len());
        let mut room = FRAME_BYTES_MAX;
        let ends = self.starts.iter().skip(1).copied().chain([self.numbers.len()]);
        for ((hole, &start), end) in column.columns.iter().zip(&self.starts).zip(ends) {
            fetched.resize(start, Term::Borrowed(&[]));
            let ordinals = self.numbers.get(start..end).unwrap_or_default();
            if hole.kind == TERM {
                fetched.extend(fetch(Field::METADATA, ordinals.iter().map(|&n| Some(n as u32)), terms, &mut room)?);
            }
        }
        Ok(fetched)
    }

    /// Appends group 3 of a row; false where the row has no text. `terms` are those of [`TextRows::fetch_terms`].
    pub(super) fn put_group(
        &mut self,
        column: &TextColumn,
        body: &[u8],
        row: usize,
        terms: &[Term<'_>],
        out: &mut Arena,
    ) -> Result<bool, FormatError> {
        let code = self.codes.get(row).copied().unwrap_or(0);
        let Some(pieces) = (code as usize).checked_sub(1).and_then(|index| self.templates.get(index)) else {
            return Ok(false);
        };
        let text = &mut self.text;
        text.clear();
        let mut from = pieces.start;
        for &(to, own) in &pieces.holes {
            text.put(self.literals.get(from..to).unwrap_or_default());
            from = to;
            let Some(hole) = column.columns.get(usize::from(own)) else { continue };
            let rank = (hole.rows & ((1u128 << (row & 127)) - 1)).count_ones() as usize;
            if hole.kind == UUID {
                text.put(&uuid_chars(&hole.uuid(body, rank)));
                continue;
            }
            let start = self.starts.get(usize::from(own)).copied().unwrap_or(usize::MAX);
            let place = start.saturating_add(rank);
            if hole.kind != TERM {
                let number = self.numbers.get(place).copied().unwrap_or(u64::MAX);
                let (digits, from) = decimal(number);
                text.put(digits.get(from..).unwrap_or_default());
                continue;
            }
            let term = terms.get(place).and_then(|value| text_bytes(value));
            let fits = term.is_some_and(template::is_term);
            text.put(term.unwrap_or_default());
            if !fits || text.len() > FRAME_BYTES_MAX {
                return Err(invalid("text", "a term that does not fit its hole, or more than 1,048,576 bytes"));
            }
        }
        text.put(self.literals.get(from..pieces.end).unwrap_or_default());
        let text = std::str::from_utf8(text.bytes()).map_err(|_| invalid("text", "not UTF-8"))?;
        if text.is_empty() || parse_uuid(text).is_some() {
            return Err(invalid("text", "it does not belong in this encoding"));
        }
        out.push(ONLY_TEXT);
        let mut prefix = (text.len() as u64) << 1;
        while prefix >= 0x80 {
            out.push((prefix as u8 & 0x7f) | 0x80);
            prefix >>= 7;
        }
        out.push(prefix as u8);
        out.put(text.as_bytes());
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
    match text_bytes(&value) {
        Some(text) => Ok(with(text)),
        None => Err(invalid("terms", "a term that is no text, or a UUID")),
    }
}
