//! All rows of a frame at once: column after column into buffers that are used again, everything checked on the way.
//!
//! ```text
//! FrameReader -> values of every column (strict) -> groups of all rows, one behind the other: | row 0: 0 1 2 3 | row 1: ...
//! ```
//!
//! Gives what a [`FrameCursor`](super::FrameCursor) gives row by row, which is the oracle in tests, in a fraction of the time
//! and without an allocation a row. Invariant: after an error nothing of a frame can be taken out.

use std::borrow::Cow;

use super::arena::Arena;
use super::check::ColumnValuesOf;
use super::read::FrameReader;
use super::split::{CODE_FIELDS, FIELD_COUNTS, FIRST_FIELD};
use super::text_rows::TextRows;
use super::{NAME, Slot};
use crate::segment::TermSource;
use indelible_evidence::FRAME_BYTES_MAX;
use indelible_evidence::FormatError;
use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::{GROUPS, SCHEMA};
use indelible_evidence::schema::{Field, Kind};

/// The records of one frame, read at once; buffers are used again for the next.
#[derive(Debug, Default)]
pub struct FrameRows {
    columns: ColumnValuesOf,
    texts: TextRows,
    bytes: Arena,
    /// By row: where it begins, and where each of its groups ends.
    ends: Vec<[u32; GROUPS + 1]>,
    /// By row.
    heads: Vec<Head>,
}

/// What a record has besides its groups.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    seq: u64,
    class: u16,
}

/// The value of a term in the record's text encoding.
pub(super) type Term<'t> = Cow<'t, [u8]>;

/// Fields of groups 0 and 1.
const TERM_FIELDS: usize = 15;

/// The terms that a frame names.
struct Terms<'t> {
    by_field: [Vec<Term<'t>>; TERM_FIELDS],
    /// Of metadata, as `TextRows` numbers them.
    of_texts: Vec<Term<'t>>,
}

/// Fetches terms one after the other, so that those that lie far away are waited for together. Fails where one is missing, or
/// where they have more bytes than there is `room`: a few bytes of ordinals cannot make gigabytes of records.
pub(super) fn fetch<'t, T: TermSource + ?Sized>(
    field: Field,
    ordinals: impl ExactSizeIterator<Item = Option<u32>>,
    terms: &'t T,
    room: &mut usize,
) -> Result<Vec<Term<'t>>, FormatError> {
    let mut fetched = Vec::with_capacity(ordinals.len());
    for ordinal in ordinals {
        let Some(ordinal) = ordinal else {
            fetched.push(Cow::Borrowed(&[][..]));
            continue;
        };
        let Some(term) = terms.term(field, ordinal)?.filter(|term| !term.is_empty()) else {
            let why = format!("no term {ordinal} of {} in the segment's term pages", field.name());
            return Err(FormatError::invalid(NAME, "terms", 0, why));
        };
        let Some(left) = room.checked_sub(term.len()) else {
            return Err(FormatError::invalid(NAME, "terms", 0, "more than 1,048,576 bytes of groups"));
        };
        *room = left;
        fetched.push(term);
    }
    std::hint::black_box(fetched.iter().fold(0u8, |sum, term| sum ^ term.first().copied().unwrap_or(0)));
    Ok(fetched)
}

impl FrameRows {
    /// Without buffers; they grow with the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads and checks a whole frame ([`FrameReader::check`]) and rebuilds the groups of all its rows; inflates every block
    /// once.
    ///
    /// # Errors
    /// [`FormatError`] where a column, a term or a group is not in its one encoding, or groups exceed 1 MiB.
    pub fn read<T: TermSource + ?Sized>(&mut self, frame: &FrameReader<'_>, terms: &T) -> Result<(), FormatError> {
        self.ends.clear();
        self.heads.clear();
        self.bytes.clear();
        self.columns.read(frame, &mut self.texts)?;
        if let Some(column) = &frame.texts {
            self.texts.open_templates(column, terms)?;
        }
        let read = self.put_rows(frame, terms);
        if read.is_err() {
            self.ends.clear();
        }
        read
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The record of a row; `None` past the last.
    pub fn record(&self, row: usize) -> Option<RecordRef<'_>> {
        let &[start, a, b, c, d] = self.ends.get(row)?;
        let head = self.heads.get(row)?;
        let group = |from: u32, to: u32| self.bytes.bytes().get(from as usize..to as usize).unwrap_or_default();
        Some(RecordRef {
            seq: head.seq,
            recorded_at: self.recorded_at().get(row).copied().unwrap_or_default(),
            class: head.class,
            groups: [group(start, a), group(a, b), group(b, c), group(c, d)],
        })
    }

    /// Every record by position, `None` where removed; `frame` is the one that was read.
    pub fn by_position(&self, frame: &FrameReader<'_>) -> Vec<Option<RecordRef<'_>>> {
        let count = u32::from(frame.descriptor().count);
        (0..count).map(|position| self.record(frame.row_of_position(position)?)).collect()
    }

    /// Canonical bytes of all groups together.
    pub fn canonical_len(&self) -> usize {
        self.bytes.len()
    }

    /// When the log took each row's record, ns since 1970.
    pub fn recorded_at(&self) -> &[i64] {
        self.columns.numbers(Slot::RECORDED_AT)
    }

    /// Time the caller claims of each row's record, ns since 1970.
    pub fn occurred_at(&self) -> &[i64] {
        self.columns.numbers(Slot::OCCURRED_AT)
    }

    /// Codes of a code field (or `Field::KIND`), or ordinals of a term field plus one, of each row, 0 where absent; empty where
    /// the frame has no such column.
    pub fn keys(&self, field: Field) -> &[i64] {
        self.columns.numbers(Slot::of(field))
    }

    /// UUIDs of a field of group 2 of each row, and the rows that have one; `None` where the frame holds texts of it, or
    /// nothing.
    pub fn uuids(&self, field: Field) -> Option<(&[[u8; 16]], u128)> {
        self.columns.uuids(Slot::of(field))
    }

    fn put_rows<T: TermSource + ?Sized>(&mut self, frame: &FrameReader<'_>, terms: &T) -> Result<(), FormatError> {
        let mut blobs = frame.cursor();
        let terms = Terms {
            by_field: self.fetch_terms(terms)?,
            of_texts: frame.texts.as_ref().map_or(Ok(Vec::new()), |column| self.texts.fetch_terms(column, terms))?,
        };
        for row in 0..frame.rows() {
            let Some(position) = frame.position_of_row(row) else { break };
            let start = self.bytes.len();
            let mut ends = [start as u32; GROUPS + 1];
            for (k, end) in ends.iter_mut().skip(1).enumerate() {
                if frame.removed_positions(k) >> position & 1 == 0 {
                    match k {
                        0 | 1 => self.put_term_group(k, row, &terms)?,
                        2 => self.put_id_group(&mut blobs, row)?,
                        _ => self.put_payload(frame, &mut blobs, row, &terms.of_texts)?,
                    }
                }
                *end = self.bytes.len() as u32;
            }
            if self.bytes.len() > FRAME_BYTES_MAX {
                return Err(FormatError::invalid(NAME, "columns", 0, "more than 1,048,576 bytes of groups"));
            }
            let class = frame.descriptor.classes.iter().find(|entry| entry.positions >> position & 1 == 1);
            self.ends.push(ends);
            self.heads.push(Head {
                seq: frame.descriptor.first_seq + u64::from(position),
                class: class.map_or(0, |entry| entry.class),
            });
        }
        Ok(())
    }

    /// Values of the terms of groups 0 and 1, by field id and row; empty where absent.
    fn fetch_terms<'t, T: TermSource + ?Sized>(
        &self,
        terms: &'t T,
    ) -> Result<[Vec<Term<'t>>; TERM_FIELDS], FormatError> {
        let mut fetched = std::array::from_fn(|_| Vec::new());
        let mut room = FRAME_BYTES_MAX;
        for (field, values) in Field::all().zip(&mut fetched).filter(|(field, _)| field.has_terms()) {
            let ordinals = self.columns.numbers(Slot::of(field)).iter().map(|&key| (key as u32).checked_sub(1));
            *values = fetch(field, ordinals, terms, &mut room)?;
        }
        Ok(fetched)
    }

    fn put_term_group(&mut self, k: usize, row: usize, terms: &Terms<'_>) -> Result<(), FormatError> {
        let Self { columns, bytes, .. } = self;
        if k == 0 {
            let (kind, schema) = (columns.number(Slot::KIND, row), columns.number(Slot::SCHEMA, row));
            if Kind::from_code(kind as u8).is_none() || schema != i64::from(SCHEMA) {
                let why = format!("unknown record kind {kind} in schema {schema}");
                return Err(FormatError::invalid(NAME, "kind", 0, why));
            }
            let [a, b, c, d, e, f, g, h] = columns.number(Slot::OCCURRED_AT, row).to_le_bytes();
            bytes.put(&[kind as u8, schema as u8, a, b, c, d, e, f, g, h]);
        }
        let presence_at = bytes.len();
        bytes.push(0);
        let mut presence = 0u8;
        for bit in 0..FIELD_COUNTS[k] {
            let id = FIRST_FIELD[k] + bit;
            let value = columns.number(Slot(id), row);
            if value == 0 {
                continue;
            }
            presence |= 1 << bit;
            if CODE_FIELDS >> id & 1 == 1 {
                bytes.push(value as u8);
                continue;
            }
            let term = terms.by_field.get(usize::from(id)).and_then(|values| values.get(row));
            bytes.put(term.map_or(&[], |term| term));
        }
        bytes.set(presence_at, presence);
        Ok(())
    }

    fn put_id_group(&mut self, blobs: &mut super::FrameCursor<'_>, row: usize) -> Result<(), FormatError> {
        let Self { columns, bytes, .. } = self;
        let presence_at = bytes.len();
        bytes.push(0);
        let mut presence = 0u8;
        for bit in 0..FIELD_COUNTS[2] {
            let slot = Slot(FIRST_FIELD[2] + bit);
            if let Some((uuids, present)) = columns.uuids(slot) {
                if present >> row & 1 == 0 {
                    continue;
                }
                let uuid = uuids.get(row).copied().unwrap_or_default();
                bytes.push(1);
                bytes.put(&uuid);
            } else if !columns.has(slot, row) || !put_some(bytes, blobs.text2_bytes(bit, row)?) {
                continue;
            }
            presence |= 1 << bit;
        }
        bytes.set(presence_at, presence);
        Ok(())
    }

    fn put_payload(
        &mut self,
        frame: &FrameReader<'_>,
        blobs: &mut super::FrameCursor<'_>,
        row: usize,
        terms: &[Term<'_>],
    ) -> Result<(), FormatError> {
        if let Some(column) = &frame.texts
            && self.texts.put_group(column, &frame.body, row, terms, &mut self.bytes)?
        {
            return Ok(());
        }
        self.bytes.put(blobs.checked_payload(row)?);
        Ok(())
    }
}

/// Appends a piece, if there is one.
fn put_some(bytes: &mut Arena, piece: Option<&[u8]>) -> bool {
    if let Some(piece) = piece {
        bytes.put(piece);
    }
    piece.is_some()
}
