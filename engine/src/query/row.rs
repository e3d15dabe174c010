//! One row of a frame while its frame is open: fields read in place, the whole record only where it is wanted.
//!
//! Invariant: [`RowAt::matches`] says what [`Expr::matches`] says of the record that [`RowAt::record`] gives.

use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::{Record, TextRef, Value};
use indelible_evidence::schema::{Field, FieldType};
use indelible_format::frame::{FrameCursor, FrameReader, IdText};
use indelible_format::segment::TermSource;

use super::expr::{Expr, Facts};
use crate::error::{Corruption, FormatContext};
use crate::segment::SegmentTerms;

/// A row of an open frame.
pub(super) struct RowAt<'f, 'c> {
    pub(super) frame: &'f FrameReader<'f>,
    pub(super) cursor: &'c mut FrameCursor<'f>,
    pub(super) terms: &'c SegmentTerms<'f>,
    pub(super) row: usize,
    /// Where the frame lies, for errors.
    pub(super) file: &'f str,
    pub(super) offset: u64,
}

impl RowAt<'_, '_> {
    /// Whether the row's record matches.
    pub(super) fn matches(&self, filter: &Expr) -> Result<bool, Corruption> {
        filter.holds(self).in_file(self.file, self.offset)
    }

    /// Occurred-at, ns.
    pub(super) fn occurred_at(&self) -> Result<i64, Corruption> {
        self.frame.occurred_at(self.row).in_file(self.file, self.offset)
    }

    /// The whole record.
    pub(super) fn record(&mut self) -> Result<Record, Corruption> {
        self.cursor.record(self.row, self.terms).in_file(self.file, self.offset)
    }

    /// The same, in place until the next row is read.
    pub(super) fn record_ref(&mut self) -> Result<RecordRef<'_>, Corruption> {
        self.cursor.record_ref(self.row, self.terms).in_file(self.file, self.offset)
    }
}

impl Facts for RowAt<'_, '_> {
    fn seq(&self) -> u64 {
        self.frame.seq(self.row).unwrap_or(0)
    }

    fn recorded_at(&self) -> Result<i64, FormatError> {
        self.frame.recorded_at(self.row)
    }

    fn occurred_at(&self) -> Result<i64, FormatError> {
        self.frame.occurred_at(self.row)
    }

    fn kind(&self) -> Result<u8, FormatError> {
        self.frame.kind(self.row)
    }

    fn with_value(&self, field: Field, with: &mut dyn FnMut(Option<Value<'_>>) -> bool) -> Result<bool, FormatError> {
        let spec = field.spec();
        if spec.field_type == FieldType::Code {
            let code = self.frame.code(self.row, field)?;
            return Ok(with((code != 0).then_some(Value::Code(code))));
        }
        if field.has_terms() {
            let Some(ordinal) = self.frame.term_ordinal(self.row, field)? else { return Ok(with(None)) };
            let mut value = Vec::with_capacity(64);
            if !self.terms.append_term(field, ordinal, &mut value)? {
                return Err(FormatError::invalid("frame body", "terms", 0, format!("no term {ordinal} of {field:?}")));
            }
            let text = TextRef::take(&mut Reader::new("term", &value), "term")?;
            return Ok(with(Some(Value::Text(text))));
        }
        match self.frame.text2(self.row, field)? {
            Some(IdText::Uuid(uuid)) => Ok(with(Some(Value::Text(TextRef::Uuid(uuid))))),
            Some(IdText::Text(text)) => Ok(with(Some(Value::Text(TextRef::Utf8(&text))))),
            None => Ok(with(None)),
        }
    }
}
