//! Encoding 9: texts that share templates, their values in columns of their own.
//!
//! ```text
//! templates t u8 | columns c u8 | t x: ordinal u32, holes h u8, h x column u8 | c x kind u8
//! width u8 | packed code of every row: 0 absent, else template + 1
//! c x column over the rows whose template has it:
//!   1 integers  base u64 | width u8 | packed        2 uuids  16 per row        3 terms  base u32 | width u8 | packed ordinals
//! ```
//!
//! A row is read without inflating anything: template and terms come from the segment's term pages of the field.
//!
//! Invariants of an opened column ([FRM-13]): templates and columns are numbered in order of first use and all are used; a
//! template has a column once. That a template's holes are of its columns' kinds is checked when a text is rebuilt; that
//! bases and widths are those needed, and that texts are cut just so, where all rows are read (`text_rows`).

use super::columns::PackedAt;
use super::template::{self, INTEGER, INTEGER_MAX, TERM, UUID};
use crate::bitpack::width_of;
use crate::segment::TermSource;
use indelible_evidence::FRAME_BYTES_MAX;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::record::{TextRef, put_text, uuid_chars};
use indelible_evidence::schema::Field;

pub(super) const NAME: &str = "frame texts";
/// Most holes of a template.
pub(super) const HOLES_MAX: usize = 64;
/// Group 3 of a record that has nothing but this field.
pub(super) const ONLY_TEXT: u8 = 1 << 4;

pub(super) fn invalid(field: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> FormatError {
    FormatError::invalid(NAME, field, 0, why)
}

/// What a text is put together in.
#[derive(Debug, Default)]
pub(super) struct TextBuffers {
    template: Vec<u8>,
    text: Vec<u8>,
    /// Of the row, by hole.
    numbers: Vec<u64>,
}

/// A column of texts by place in the body.
#[derive(Debug, Clone)]
pub(super) struct TextColumn {
    pub(super) codes: PackedAt,
    /// Ordinal and columns of each.
    pub(super) templates: Vec<(u32, Vec<u8>)>,
    pub(super) columns: Vec<HoleColumn>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct HoleColumn {
    pub(super) kind: u8,
    pub(super) base: u64,
    pub(super) values: PackedAt,
    /// Of UUIDs: where the first lies.
    at: usize,
    /// Rows that have it.
    pub(super) rows: u128,
}

/// What a row has in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Integer(u64),
    Uuid([u8; 16]),
    /// Ordinal of a term.
    Term(u64),
}

impl TextColumn {
    /// Opens the data of a column of `rows` values, which begins at `at` in the body ([FRM-13]).
    pub(super) fn open(data: &[u8], at: usize, rows: usize) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, data);
        let count = usize::from(reader.u8("templates")?);
        let columns = usize::from(reader.u8("columns")?);
        if count == 0 || count > rows {
            return Err(reader.invalid("templates", 0, format!("{count} templates of {rows} rows")));
        }
        let mut templates: Vec<(u32, Vec<u8>)> = Vec::with_capacity(count);
        let mut known = 0u8;
        for _ in 0..count {
            let start = reader.offset();
            let ordinal = reader.u32("ordinal")?;
            let holes = usize::from(reader.u8("holes")?);
            let own = reader.take("columns", holes)?;
            for (place, &column) in own.iter().enumerate() {
                if column > known || own.iter().take(place).any(|&before| before == column) {
                    return Err(reader.invalid("columns", start, "not numbered by first use, or twice in a template"));
                }
                known = known.max(column.saturating_add(1));
            }
            if holes > HOLES_MAX || templates.iter().any(|(before, _)| *before == ordinal) {
                return Err(reader.invalid("ordinal", start, "a template twice, or one with more than 64 holes"));
            }
            templates.push((ordinal, own.to_vec()));
        }
        if usize::from(known) != columns {
            return Err(reader.invalid("columns", 1, format!("{columns} columns, {known} used")));
        }
        let kinds = reader.take("kinds", columns)?;
        let width = reader.u8("width")?;
        if width != width_of(count as u64) {
            return Err(reader.invalid("width", 0, format!("codes of {width} bits for {count} templates")));
        }
        let codes = PackedAt::take(&mut reader, at, rows, width, 8)?;
        let rows_of = rows_of_templates(&codes, data, at, rows, count)?;
        let mut column = Self { codes, templates, columns: Vec::with_capacity(columns) };
        for (number, &kind) in (0u8..).zip(kinds) {
            let having = column.templates.iter().zip(&rows_of).filter(|((_, own), _)| own.contains(&number));
            let rows = having.fold(0u128, |rows, (_, of_template)| rows | of_template);
            column.columns.push(HoleColumn::open(&mut reader, at, kind, rows)?);
        }
        reader.end()?;
        Ok(column)
    }

    /// Appends group 3 of a row; false where the row has no text. That the text would be cut just so is checked where all rows
    /// are read (`text_rows`).
    pub(super) fn put_group<T: TermSource + ?Sized>(
        &self,
        body: &[u8],
        row: usize,
        terms: &T,
        scratch: &mut TextBuffers,
        out: &mut Vec<u8>,
    ) -> Result<bool, FormatError> {
        let code = self.codes.over(body).get(row).unwrap_or(0);
        let Some((ordinal, columns)) = (code as usize).checked_sub(1).and_then(|index| self.templates.get(index))
        else {
            return Ok(false);
        };
        let TextBuffers { template, text, numbers } = scratch;
        numbers.clear();
        // First all numbers, then the terms: what lies far away is waited for together.
        for column in columns.iter().filter_map(|&column| self.columns.get(usize::from(column))) {
            numbers.push(column.number(body, column.rank(row))?);
        }
        template.clear();
        text.clear();
        put_term(terms, *ordinal, template)?;
        let mut left = template.as_slice();
        let mut columns = columns.iter().zip(numbers.iter());
        while let Some(at) = template::first_mark(left) {
            let (before, rest) = left.split_at_checked(at).unwrap_or((left, &[]));
            text.extend_from_slice(before);
            let Some((&mark, behind)) = rest.split_first() else { break };
            left = behind;
            let column = columns.next().and_then(|(&own, &number)| Some((self.columns.get(usize::from(own))?, number)));
            let Some((column, number)) = column.filter(|(column, _)| column.kind == mark) else {
                return Err(invalid("template", "its holes are not those of its columns"));
            };
            column.put_text(body, row, number, terms, text)?;
            if text.len() > FRAME_BYTES_MAX {
                return Err(invalid("text", "more than 1,048,576 bytes"));
            }
        }
        text.extend_from_slice(left);
        if columns.next().is_some() {
            return Err(invalid("template", "it has fewer holes than columns"));
        }
        let text = std::str::from_utf8(text).map_err(|_| invalid("text", "not UTF-8"))?;
        if text.is_empty() || indelible_evidence::record::parse_uuid(text).is_some() {
            return Err(invalid("text", "it does not belong in this encoding"));
        }
        out.push(ONLY_TEXT);
        put_text(out, text);
        Ok(true)
    }

    /// Calls `visit` with the ordinal of every template and every term.
    pub(super) fn each_term(&self, body: &[u8], mut visit: impl FnMut(u64)) {
        self.templates.iter().for_each(|(ordinal, _)| visit(u64::from(*ordinal)));
        for column in self.columns.iter().filter(|column| column.kind == TERM) {
            column.values.over(body).iter().for_each(|value| visit(value + column.base));
        }
    }

    /// Place and ordinal of a row's template and its holes' columns; `None` where the row has no text.
    pub(super) fn template_of(&self, body: &[u8], row: usize) -> Option<(usize, u32, &[u8])> {
        let index = (self.codes.over(body).get(row)? as usize).checked_sub(1)?;
        self.templates.get(index).map(|(ordinal, own)| (index, *ordinal, own.as_slice()))
    }

    /// Number of templates and of columns.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.templates.len(), self.columns.len())
    }

    /// Kind of a column and the value that a row has in it.
    pub(super) fn value(&self, body: &[u8], column: u8, row: usize) -> Result<Value, FormatError> {
        let Some(column) = self.columns.get(usize::from(column)) else {
            return Err(invalid("columns", "a template names a column that is not there"));
        };
        let rank = column.rank(row);
        Ok(match column.kind {
            UUID => Value::Uuid(column.uuid(body, rank)),
            TERM => Value::Term(column.number(body, rank)?),
            _ => Value::Integer(column.number(body, rank)?),
        })
    }
}

/// Appends the text of a term of the field; whether it is UTF-8 is seen where the whole text is.
fn put_term<T: TermSource + ?Sized>(terms: &T, ordinal: u32, out: &mut Vec<u8>) -> Result<(), FormatError> {
    let mut is_text = true;
    let found = terms.with_term(Field::METADATA, ordinal, &mut |value| match text_bytes(value) {
        Some(text) => out.extend_from_slice(text),
        None => is_text = false,
    })?;
    if !found {
        return Err(invalid("terms", format!("term {ordinal} is void or not in the segment's term pages")));
    }
    if is_text { Ok(()) } else { Err(invalid("terms", "a term that is no text, or a UUID")) }
}

/// The bytes of a text that is no UUID, from its one encoding; they may still not be UTF-8. The length of most has one byte.
pub(super) fn text_bytes(value: &[u8]) -> Option<&[u8]> {
    match value.split_first() {
        Some((&prefix, text)) if prefix & 0x81 == 0 && text.len() == usize::from(prefix >> 1) && text.len() < 36 => {
            Some(text)
        }
        _ => {
            let mut reader = Reader::new(NAME, value);
            match TextRef::take(&mut reader, "term") {
                Ok(TextRef::Utf8(text)) if reader.left() == 0 => Some(text.as_bytes()),
                _ => None,
            }
        }
    }
}

/// Rows of each template; codes must be used in order of first use, and all.
fn rows_of_templates(
    codes: &PackedAt,
    data: &[u8],
    at: usize,
    rows: usize,
    count: usize,
) -> Result<Vec<u128>, FormatError> {
    let packed = codes.before(at).over(data);
    let mut rows_of = Vec::with_capacity(count);
    for (row, code) in packed.iter().take(rows.min(128)).enumerate() {
        let Some(index) = (code as usize).checked_sub(1) else { continue };
        if index == rows_of.len() && index < count {
            rows_of.push(0u128);
        }
        match rows_of.get_mut(index) {
            Some(of_template) => *of_template |= 1 << row,
            None => return Err(invalid("codes", format!("code {code} before those below it"))),
        }
    }
    if rows_of.len() != count {
        return Err(invalid("codes", format!("{} templates used of {count}", rows_of.len())));
    }
    Ok(rows_of)
}

impl HoleColumn {
    fn open(reader: &mut Reader<'_>, at: usize, kind: u8, rows: u128) -> Result<Self, FormatError> {
        let count = rows.count_ones() as usize;
        let start = reader.offset();
        let base = match kind {
            INTEGER => reader.u64("base")?,
            TERM => u64::from(reader.u32("base")?),
            UUID => 0,
            _ => return Err(reader.invalid("kinds", start, format!("unknown kind {kind}"))),
        };
        if base > INTEGER_MAX {
            return Err(reader.invalid("base", start, "more than eighteen digits"));
        }
        if kind == UUID {
            let place = at + reader.offset();
            reader.take("uuids", count * 16)?;
            return Ok(Self { kind, base, values: PackedAt::none(), at: place, rows });
        }
        let width = reader.u8("width")?;
        let values = PackedAt::take(reader, at, count, width, if kind == TERM { 32 } else { 60 })?;
        Ok(Self { kind, base, values, at: 0, rows })
    }

    /// How many rows before this one have the column.
    fn rank(&self, row: usize) -> usize {
        (self.rows & ((1u128 << (row & 127)) - 1)).count_ones() as usize
    }

    pub(super) fn largest(&self) -> u64 {
        if self.kind == TERM { u64::from(u32::MAX) } else { INTEGER_MAX }
    }

    /// The n-th number; 0 of UUIDs.
    fn number(&self, body: &[u8], rank: usize) -> Result<u64, FormatError> {
        if self.kind == UUID {
            return Ok(0);
        }
        match self.values.over(body).get(rank).map(|value| value + self.base) {
            Some(value) if value <= self.largest() => Ok(value),
            _ => Err(invalid("packed", "a value is out of range")),
        }
    }

    pub(super) fn uuid(&self, body: &[u8], rank: usize) -> [u8; 16] {
        body.get(self.at + rank * 16..).and_then(|rest| rest.first_chunk::<16>()).copied().unwrap_or_default()
    }

    fn put_text<T: TermSource + ?Sized>(
        &self,
        body: &[u8],
        row: usize,
        number: u64,
        terms: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        match self.kind {
            UUID => out.extend_from_slice(&uuid_chars(&self.uuid(body, self.rank(row)))),
            TERM => put_term(terms, number as u32, out)?,
            _ => put_decimal(out, number),
        }
        Ok(())
    }
}

fn put_decimal(out: &mut Vec<u8>, value: u64) {
    let (digits, from) = decimal(value);
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// The decimal digits of a number, and where they begin.
pub(super) fn decimal(mut value: u64) -> ([u8; 20], usize) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 {
            return (digits, at);
        }
    }
}
