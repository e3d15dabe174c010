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
//! bases and widths are those needed by [`TextColumn::check`].

use super::columns::PackedAt;
use super::template::{self, Hole, INTEGER, INTEGER_MAX, TERM, UUID};
use crate::FRAME_BYTES_MAX;
use crate::bitpack::{put_packed, width_of};
use crate::bytes::Reader;
use crate::error::FormatError;
use crate::record::{TextRef, put_text, uuid_text};
use crate::schema::Field;
use crate::segment::{TermSink, TermSource};

const NAME: &str = "frame texts";
/// Most holes of a template.
const HOLES_MAX: usize = 64;
/// Longer texts are left to blobs: cutting them costs more than it saves.
const TEXT_MAX: usize = 2_048;
/// Group 3 of a record that has nothing but this field.
const ONLY_TEXT: u8 = 1 << 4;

fn invalid(field: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> FormatError {
    FormatError::invalid(NAME, field, 0, why)
}

/// The texts of a frame as they are gathered row by row.
#[derive(Debug, Default)]
pub(super) struct TextsBuilder {
    codes: Vec<u64>,
    templates: Vec<Template>,
    columns: Vec<Values>,
    labels: Vec<Vec<u8>>,
    /// Values of terms and templates in the record's text encoding; columns of terms hold places in here until `intern`.
    arena: Vec<u8>,
    ends: Vec<usize>,
    template: Vec<u8>,
    value: Vec<u8>,
    ordinals: Vec<u32>,
}

/// A template of the frame.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    ordinal: u32,
    columns: Vec<u8>,
}

/// Values of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    Integers(Vec<u64>),
    Uuids(Vec<[u8; 16]>),
    Terms(Vec<u64>),
}

impl Values {
    fn of_kind(kind: u8) -> Option<Self> {
        match kind {
            INTEGER => Some(Values::Integers(Vec::new())),
            UUID => Some(Values::Uuids(Vec::new())),
            TERM => Some(Values::Terms(Vec::new())),
            _ => None,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Values::Integers(_) => INTEGER,
            Values::Uuids(_) => UUID,
            Values::Terms(_) => TERM,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        let packed = |out: &mut Vec<u8>, values: &[u64], base: u64| {
            let width = width_of(values.iter().map(|value| value - base).max().unwrap_or(0));
            out.push(width);
            put_packed(out, width, values.iter().map(|value| value - base));
        };
        let least = |values: &[u64]| values.iter().copied().min().unwrap_or(0);
        match self {
            Values::Integers(values) => {
                let base = least(values);
                out.extend_from_slice(&base.to_le_bytes());
                packed(out, values, base);
            }
            Values::Terms(values) => {
                let base = least(values);
                out.extend_from_slice(&(base as u32).to_le_bytes());
                packed(out, values, base);
            }
            Values::Uuids(values) => values.iter().for_each(|uuid| out.extend_from_slice(uuid)),
        }
    }
}

impl TextsBuilder {
    /// Begins a frame.
    pub(super) fn clear(&mut self) {
        self.codes.clear();
        self.templates.clear();
        self.columns.clear();
        self.labels.clear();
        self.arena.clear();
        self.ends.clear();
    }

    /// Adds the next row, whose group 3 is `group`; false where the row must go to the payload column instead.
    pub(super) fn push<'a>(
        &mut self,
        group: &'a [u8],
        holes: &mut Vec<Hole<'a>>,
        sink: &dyn TermSink,
    ) -> Result<bool, FormatError> {
        self.codes.push(0);
        let Some((&ONLY_TEXT, value)) = group.split_first() else { return Ok(false) };
        if value.len() > TEXT_MAX {
            return Ok(false);
        }
        let mut reader = Reader::new(NAME, value);
        let Ok(TextRef::Utf8(text)) = TextRef::take(&mut reader, "metadata") else { return Ok(false) };
        if reader.left() > 0 || text.is_empty() || !template::cut(text, &mut self.template, holes) {
            return Ok(false);
        }
        if holes.len() > HOLES_MAX || (!sink.has_room(Field::METADATA) && !self.all_known(holes, sink)) {
            return Ok(false);
        }
        let Some(index) = self.template_index() else { return Ok(false) };
        let Some(template) = self.templates.get(index) else { return Ok(false) };
        for (&column, hole) in template.columns.iter().zip(holes.iter()) {
            match (self.columns.get_mut(usize::from(column)), hole) {
                (Some(Values::Integers(values)), Hole::Integer(value)) => values.push(*value),
                (Some(Values::Uuids(values)), Hole::Uuid(uuid)) => values.push(*uuid),
                (Some(Values::Terms(values)), Hole::Term(term)) => {
                    values.push(self.ends.len() as u64);
                    put_text(&mut self.arena, term);
                    self.ends.push(self.arena.len());
                }
                _ => return Err(invalid("columns", "a hole and its column are of different kinds")),
            }
        }
        if let Some(code) = self.codes.last_mut() {
            *code = index as u64 + 1;
        }
        Ok(true)
    }

    /// Gives templates and terms their ordinals, once all rows are there.
    pub(super) fn intern(&mut self, sink: &mut dyn TermSink) -> Result<(), FormatError> {
        for template in &mut self.templates {
            self.value.clear();
            put_text(&mut self.value, utf8(&template.bytes)?);
            template.ordinal = sink.intern(Field::METADATA, &self.value);
            if template.ordinal == u32::MAX {
                return Err(invalid("terms", "a segment has too many terms"));
            }
        }
        let mut terms: Vec<&[u8]> = Vec::with_capacity(self.ends.len());
        for column in &mut self.columns {
            let Values::Terms(values) = column else { continue };
            terms.clear();
            for &place in values.iter() {
                let place = place as usize;
                let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
                let end = self.ends.get(place).copied().unwrap_or(start);
                terms.push(self.arena.get(start..end).unwrap_or_default());
            }
            self.ordinals.clear();
            sink.intern_all(Field::METADATA, &terms, &mut self.ordinals);
            if self.ordinals.contains(&u32::MAX) {
                return Err(invalid("terms", "a segment has too many terms"));
            }
            values.iter_mut().zip(&self.ordinals).for_each(|(value, &ordinal)| *value = u64::from(ordinal));
        }
        Ok(())
    }

    /// Whether the text that was just cut needs no new term.
    fn all_known(&mut self, holes: &[Hole<'_>], sink: &dyn TermSink) -> bool {
        let mut known = |text: &str| {
            self.value.clear();
            put_text(&mut self.value, text);
            sink.find_term(Field::METADATA, &self.value).is_some()
        };
        utf8(&self.template).is_ok_and(&mut known)
            && holes.iter().all(|hole| !matches!(hole, Hole::Term(term) if !known(term)))
    }

    /// The place in this frame of the template that was just cut; gives its holes columns where it is new. `None` where there
    /// are too many.
    fn template_index(&mut self) -> Option<usize> {
        if let Some(index) = self.templates.iter().position(|known| known.bytes == self.template) {
            return Some(index);
        }
        let mut own: Vec<u8> = Vec::new();
        let marks = self.template.iter().enumerate().filter(|(_, byte)| template::is_mark(**byte));
        let wanted: Vec<(u8, &[u8])> = marks.map(|(at, &kind)| (kind, template::label(&self.template, at))).collect();
        if self.columns.len() + wanted.len() > usize::from(u8::MAX) {
            return None;
        }
        for (kind, label) in wanted {
            let fits = |column: usize| {
                self.labels.get(column).is_some_and(|known| known == label)
                    && self.columns.get(column).map(Values::kind) == Some(kind)
                    && !own.contains(&(column as u8))
            };
            let column = (0..self.columns.len()).find(|&column| fits(column));
            own.push(column.unwrap_or(self.columns.len()) as u8);
            if column.is_none() {
                self.columns.push(Values::of_kind(kind)?);
                self.labels.push(label.to_vec());
            }
        }
        self.templates.push(Template { bytes: self.template.clone(), ordinal: 0, columns: own });
        Some(self.templates.len() - 1)
    }

    /// Appends the column; false, with nothing appended, where no row has a text.
    pub(super) fn put(&self, out: &mut Vec<u8>) -> bool {
        if self.templates.is_empty() {
            return false;
        }
        let templates: Vec<(u32, &[u8])> =
            self.templates.iter().map(|template| (template.ordinal, template.columns.as_slice())).collect();
        put_texts(out, &self.codes, &templates, &self.columns);
        true
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(bytes).map_err(|_| invalid("template", "not cut at characters"))
}

fn put_texts(out: &mut Vec<u8>, codes: &[u64], templates: &[(u32, &[u8])], columns: &[Values]) {
    out.extend_from_slice(&[templates.len() as u8, columns.len() as u8]);
    for (ordinal, own) in templates {
        out.extend_from_slice(&ordinal.to_le_bytes());
        out.push(own.len() as u8);
        out.extend_from_slice(own);
    }
    out.extend(columns.iter().map(Values::kind));
    let width = width_of(templates.len() as u64);
    out.push(width);
    put_packed(out, width, codes.iter().copied());
    columns.iter().for_each(|column| column.put(out));
}

/// A column of texts by place in the body.
#[derive(Debug, Clone)]
pub(super) struct TextColumn {
    codes: PackedAt,
    templates: Vec<(u32, Vec<u8>)>,
    columns: Vec<HoleColumn>,
}

#[derive(Debug, Clone, Copy)]
struct HoleColumn {
    kind: u8,
    base: u64,
    values: PackedAt,
    /// Of UUIDs: where the first lies.
    at: usize,
    /// Rows that have it.
    rows: u128,
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

    /// Whether a row has a text.
    pub(super) fn has(&self, body: &[u8], row: usize) -> bool {
        self.codes.over(body).get(row).is_some_and(|code| code != 0)
    }

    /// Appends group 3 of a row; false where the row has no text. `strict` also checks that the text would be cut just so.
    pub(super) fn put_group(
        &self,
        body: &[u8],
        row: usize,
        terms: &dyn TermSource,
        strict: bool,
        scratch: &mut [Vec<u8>; 3],
        out: &mut Vec<u8>,
    ) -> Result<bool, FormatError> {
        let code = self.codes.over(body).get(row).unwrap_or(0);
        let Some((ordinal, columns)) = (code as usize).checked_sub(1).and_then(|index| self.templates.get(index))
        else {
            return Ok(false);
        };
        let [template, value, text] = scratch;
        template.clear();
        text.clear();
        term_text(terms, *ordinal, value, template)?;
        let mut columns = columns.iter();
        let mut copied = 0;
        for at in 0..template.len() {
            let Some(&mark) = template.get(at).filter(|byte| template::is_mark(**byte)) else { continue };
            text.extend_from_slice(template.get(copied..at).unwrap_or_default());
            copied = at + 1;
            let column = columns.next().and_then(|&column| self.columns.get(usize::from(column)));
            let Some(column) = column.filter(|column| column.kind == mark) else {
                return Err(invalid("template", "its holes are not those of its columns"));
            };
            column.put_text(body, row, terms, value, text)?;
            if text.len() > FRAME_BYTES_MAX {
                return Err(invalid("text", "more than 1,048,576 bytes"));
            }
        }
        text.extend_from_slice(template.get(copied..).unwrap_or_default());
        if columns.next().is_some() {
            return Err(invalid("template", "it has fewer holes than columns"));
        }
        let text = std::str::from_utf8(text).map_err(|_| invalid("text", "not UTF-8"))?;
        if strict {
            check_cut(text, template)?;
        }
        if text.is_empty() || crate::record::parse_uuid(text).is_some() {
            return Err(invalid("text", "it does not belong in this encoding"));
        }
        out.push(ONLY_TEXT);
        put_text(out, text);
        Ok(true)
    }

    /// Checks that the column is what its values encode to ([FRM-13]).
    pub(super) fn check(&self, body: &[u8], data: &[u8], rows: usize) -> Result<(), FormatError> {
        let codes: Vec<u64> = self.codes.over(body).iter().take(rows).collect();
        let columns = self.columns.iter().map(|column| column.values(body)).collect::<Result<Vec<_>, _>>()?;
        let mut again = Vec::with_capacity(data.len());
        let templates: Vec<(u32, &[u8])> =
            self.templates.iter().map(|(ordinal, own)| (*ordinal, own.as_slice())).collect();
        put_texts(&mut again, &codes, &templates, &columns);
        if again != data {
            return Err(invalid("base", "a base or width is not the one needed"));
        }
        Ok(())
    }
}

fn check_cut(text: &str, template: &[u8]) -> Result<(), FormatError> {
    let (mut again, mut holes) = (Vec::with_capacity(template.len()), Vec::new());
    if template::cut(text, &mut again, &mut holes) && again == template {
        return Ok(());
    }
    Err(invalid("template", "the text would be cut into another template"))
}

/// Appends the text of a term of the field.
fn term_text(terms: &dyn TermSource, ordinal: u32, value: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), FormatError> {
    value.clear();
    if !terms.append_term(Field::METADATA, ordinal, value)? {
        return Err(invalid("terms", format!("no term {ordinal} in the segment's term pages")));
    }
    let mut reader = Reader::new(NAME, value);
    match TextRef::take(&mut reader, "term")? {
        TextRef::Utf8(text) if reader.left() == 0 => out.extend_from_slice(text.as_bytes()),
        _ => return Err(invalid("terms", "a UUID is no term of a text")),
    }
    Ok(())
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

    /// The n-th number.
    fn number(&self, body: &[u8], rank: usize) -> Result<u64, FormatError> {
        let max = if self.kind == TERM { u64::from(u32::MAX) } else { INTEGER_MAX };
        match self.values.over(body).get(rank).map(|value| value + self.base) {
            Some(value) if value <= max => Ok(value),
            _ => Err(invalid("packed", "a value is out of range")),
        }
    }

    fn uuid(&self, body: &[u8], rank: usize) -> [u8; 16] {
        body.get(self.at + rank * 16..).and_then(|rest| rest.first_chunk::<16>()).copied().unwrap_or_default()
    }

    fn put_text(
        &self,
        body: &[u8],
        row: usize,
        terms: &dyn TermSource,
        value: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let rank = (self.rows & ((1u128 << (row & 127)) - 1)).count_ones() as usize;
        match self.kind {
            UUID => out.extend_from_slice(uuid_text(&self.uuid(body, rank)).as_bytes()),
            TERM => term_text(terms, self.number(body, rank)? as u32, value, out)?,
            _ => put_decimal(out, self.number(body, rank)?),
        }
        Ok(())
    }

    fn values(&self, body: &[u8]) -> Result<Values, FormatError> {
        let count = self.rows.count_ones() as usize;
        let numbers = || (0..count).map(|rank| self.number(body, rank)).collect::<Result<Vec<_>, _>>();
        Ok(match self.kind {
            UUID => Values::Uuids((0..count).map(|rank| self.uuid(body, rank)).collect()),
            TERM => Values::Terms(numbers()?),
            _ => Values::Integers(numbers()?),
        })
    }
}

fn put_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}
