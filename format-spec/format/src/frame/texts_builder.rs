//! Gathers the texts of a frame row by row and writes encoding 9: see `texts` for its bytes.
//!
//! ```text
//! group 3 -> cut -> template of this frame, a value for each of its columns      intern, once all rows are there -> put
//! ```
//!
//! What cannot be cut, or would need new terms where there is no room for them, is left to the payload column. Which column
//! a hole gets is decided by what stands before it, so that values of one kind lie together whatever template they are in.

use super::template::{self, Hole, INTEGER, TERM, UUID};
use super::texts::{HOLES_MAX, NAME, ONLY_TEXT, TextColumn, Value, invalid};
use crate::bitpack::{put_packed, width_of};
use crate::segment::TermSink;
use indelible_evidence::FRAME_RECORDS_MAX;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::record::{TextRef, put_text};
use indelible_evidence::schema::Field;

/// Longer texts are left to blobs: cutting them costs more than it saves.
const TEXT_MAX: usize = 2_048;

/// The texts of a frame as they are gathered row by row.
#[derive(Debug, Default)]
pub(super) struct TextsBuilder {
    codes: Vec<u64>,
    templates: Vec<Template>,
    columns: Vec<Values>,
    labels: Vec<Vec<u8>>,
    /// Templates and terms in the record's text encoding, in the order in which they get ordinals: row by row, a template
    /// before the terms in its holes. Until `intern`, templates and columns of terms name them by place.
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
    /// Its place among the terms, and its ordinal once it has one.
    ordinal: u32,
    columns: Vec<u8>,
}

/// Values of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values {
    Integers(Vec<u64>),
    Uuids(Vec<[u8; 16]>),
    Terms(Vec<u64>),
}

impl Values {
    fn of_kind(kind: u8) -> Option<Self> {
        match kind {
            INTEGER => Some(Values::Integers(Vec::with_capacity(FRAME_RECORDS_MAX))),
            UUID => Some(Values::Uuids(Vec::with_capacity(FRAME_RECORDS_MAX))),
            TERM => Some(Values::Terms(Vec::with_capacity(FRAME_RECORDS_MAX))),
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

    /// Takes the rows that are left of a column, in their order: templates, columns and ordinals as they were, numbered anew. `None`
    /// stands for a row whose group 3 is gone.
    pub(super) fn take_left(
        &mut self,
        texts: &TextColumn,
        body: &[u8],
        rows: impl Iterator<Item = Option<usize>>,
    ) -> Result<(), FormatError> {
        let (templates, columns) = texts.counts();
        let (mut new_template, mut new_column) = (vec![None; templates], vec![None::<u8>; columns]);
        for row in rows {
            let found = row.and_then(|row| texts.template_of(body, row).map(|found| (row, found)));
            let Some((row, (old, ordinal, own))) = found else {
                self.codes.push(0);
                continue;
            };
            let known = new_template.get(old).copied().flatten();
            let index = match known {
                Some(index) => index,
                None => {
                    let columns = self.left_columns(texts, body, row, own, &mut new_column)?;
                    self.templates.push(Template { bytes: Vec::new(), ordinal, columns });
                    let index = self.templates.len() - 1;
                    if let Some(place) = new_template.get_mut(old) {
                        *place = Some(index);
                    }
                    index
                }
            };
            self.codes.push(index as u64 + 1);
            for old in own {
                let column = new_column.get(usize::from(*old)).copied().flatten();
                let values = column.and_then(|column| self.columns.get_mut(usize::from(column)));
                match (values, texts.value(body, *old, row)?) {
                    (Some(Values::Integers(values)), Value::Integer(value))
                    | (Some(Values::Terms(values)), Value::Term(value)) => values.push(value),
                    (Some(Values::Uuids(values)), Value::Uuid(uuid)) => values.push(uuid),
                    _ => return Err(invalid("columns", "a hole and its column are of different kinds")),
                }
            }
        }
        Ok(())
    }

    /// The new numbers of a template's columns, given in order of first use.
    fn left_columns(
        &mut self,
        texts: &TextColumn,
        body: &[u8],
        row: usize,
        own: &[u8],
        new_column: &mut [Option<u8>],
    ) -> Result<Vec<u8>, FormatError> {
        let mut columns = Vec::with_capacity(own.len());
        for old in own {
            let Some(place) = new_column.get_mut(usize::from(*old)) else {
                return Err(invalid("columns", "a template names a column that is not there"));
            };
            let number = match *place {
                Some(number) => number,
                None => {
                    let number = self.columns.len() as u8;
                    self.columns.push(match texts.value(body, *old, row)? {
                        Value::Integer(_) => Values::Integers(Vec::new()),
                        Value::Uuid(_) => Values::Uuids(Vec::new()),
                        Value::Term(_) => Values::Terms(Vec::new()),
                    });
                    *place.insert(number)
                }
            };
            columns.push(number);
        }
        Ok(columns)
    }

    /// Gives templates and terms their ordinals, once all rows are there.
    pub(super) fn intern(&mut self, sink: &mut dyn TermSink) -> Result<(), FormatError> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let terms: Vec<&[u8]> =
            starts.zip(&self.ends).map(|(start, &end)| self.arena.get(start..end).unwrap_or_default()).collect();
        self.ordinals.clear();
        sink.intern_all(Field::METADATA, &terms, &mut self.ordinals);
        if self.ordinals.contains(&u32::MAX) {
            return Err(invalid("terms", "a segment has too many terms"));
        }
        let ordinal_of = |place: usize| self.ordinals.get(place).copied().unwrap_or(u32::MAX);
        for template in &mut self.templates {
            template.ordinal = ordinal_of(template.ordinal as usize);
        }
        for column in &mut self.columns {
            if let Values::Terms(values) = column {
                values.iter_mut().for_each(|value| *value = u64::from(ordinal_of(*value as usize)));
            }
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
        let ordinal = self.ends.len() as u32;
        put_text(&mut self.arena, utf8(&self.template).ok()?);
        self.ends.push(self.arena.len());
        self.templates.push(Template { bytes: self.template.clone(), ordinal, columns: own });
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

pub(super) fn put_texts(out: &mut Vec<u8>, codes: &[u64], templates: &[(u32, &[u8])], columns: &[Values]) {
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
