//! Filters inside bundles: what a row must pass, in bytes that have one form, with its meaning on one record.
//!
//! ```text
//! op u8 | 1 any of: field, n, texts | 2 prefix: field, text | 3 codes: field, n, codes | 4 present: field
//!       | 5 occurred, 6 recorded: flags, times | 7 all, 8 any: n, filters | 9 not: filter
//! ```
//!
//! Invariants: decoding is bounded in depth and in filters ([BND-4]); lists ascend without repeats, so a filter has one
//! encoding but for the order of 7 and 8. Not here: what people write, and how an index answers it.
//! Specified in `format-spec/11-bundle.md`.

use super::Open;
use crate::bytes::{Reader, put_varint};
use crate::error::FormatError;
use crate::record::Record;
use crate::record::Value;
use crate::schema::{Field, FieldType};

/// Most levels of a filter.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Most filters in a filter.
pub const FILTER_NODES_MAX: usize = 4_096;

/// A predicate over records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// The field's text is one of these: ascending, distinct, at least one.
    AnyOf(Field, Vec<String>),
    /// The field's text begins with this.
    Prefix(Field, String),
    /// The field's code is one of these: ascending, distinct, not zero, at least one.
    Codes(Field, Vec<u8>),
    /// The record has the field.
    Present(Field),
    /// Occurred-at in the half-open range, ns.
    Occurred {
        /// First time that passes.
        from: Option<i64>,
        /// First time that no longer passes.
        to: Option<i64>,
    },
    /// Recorded-at in the half-open range, ns.
    Recorded {
        /// First time that passes.
        from: Option<i64>,
        /// First time that no longer passes.
        to: Option<i64>,
    },
    /// All of these; none: every record passes.
    All(Vec<Filter>),
    /// Any of these; none: no record passes.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
}

impl Filter {
    /// Passes every record.
    pub fn everything() -> Self {
        Filter::All(Vec::new())
    }

    /// The texts as a filter has them: ascending, distinct.
    pub fn any_of(field: Field, mut texts: Vec<String>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        Filter::AnyOf(field, texts)
    }

    /// The codes as a filter has them: ascending, distinct.
    pub fn codes(field: Field, mut codes: Vec<u8>) -> Self {
        codes.sort_unstable();
        codes.dedup();
        Filter::Codes(field, codes)
    }

    /// What must be open of a record for the filter to be decided.
    pub fn needs(&self) -> Open {
        match self {
            Filter::AnyOf(field, _) | Filter::Prefix(field, _) | Filter::Codes(field, _) | Filter::Present(field) => {
                Open::group(usize::from(field.spec().group.unwrap_or(0)))
            }
            Filter::Occurred { .. } => Open::group(0),
            Filter::Recorded { .. } => Open::HEADER,
            Filter::All(list) | Filter::Any(list) => {
                list.iter().fold(Open::NOTHING, |open, filter| open.and(filter.needs()))
            }
            Filter::Not(filter) => filter.needs(),
        }
    }

    /// Whether a record passes; what the filter needs must be there.
    ///
    /// # Errors
    /// Where the record's bytes are not canonical.
    pub fn passes(&self, record: &Record) -> Result<bool, FormatError> {
        Ok(match self {
            Filter::AnyOf(field, texts) => match record.groups.value(*field)? {
                Some(Value::Text(text)) => {
                    texts.binary_search_by(|wanted| wanted.as_str().cmp(text.text().as_ref())).is_ok()
                }
                _ => false,
            },
            Filter::Prefix(field, prefix) => match record.groups.value(*field)? {
                Some(Value::Text(text)) => text.text().starts_with(prefix.as_str()),
                _ => false,
            },
            Filter::Codes(field, codes) => match code(record, *field)? {
                Some(code) => codes.contains(&code),
                None => false,
            },
            Filter::Present(Field::KIND) => true,
            Filter::Present(field) => record.groups.value(*field)?.is_some(),
            Filter::Occurred { from, to } => within(record.groups.envelope()?.occurred_at, *from, *to),
            Filter::Recorded { from, to } => within(record.recorded_at, *from, *to),
            Filter::All(list) => {
                for filter in list {
                    if !filter.passes(record)? {
                        return Ok(false);
                    }
                }
                true
            }
            Filter::Any(list) => {
                for filter in list {
                    if filter.passes(record)? {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::Not(filter) => !filter.passes(record)?,
        })
    }

    /// Appends the filter's bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Filter::AnyOf(field, texts) => {
                out.extend_from_slice(&[1, field.id()]);
                put_varint(out, texts.len() as u64);
                texts.iter().for_each(|text| put_bytes(out, text.as_bytes()));
            }
            Filter::Prefix(field, prefix) => {
                out.extend_from_slice(&[2, field.id()]);
                put_bytes(out, prefix.as_bytes());
            }
            Filter::Codes(field, codes) => {
                out.extend_from_slice(&[3, field.id()]);
                put_bytes(out, codes);
            }
            Filter::Present(field) => out.extend_from_slice(&[4, field.id()]),
            Filter::Occurred { from, to } => put_times(out, 5, *from, *to),
            Filter::Recorded { from, to } => put_times(out, 6, *from, *to),
            Filter::All(list) => put_list(out, 7, list),
            Filter::Any(list) => put_list(out, 8, list),
            Filter::Not(filter) => {
                out.push(9);
                filter.put(out);
            }
        }
    }

    /// Reads a filter ([BND-4]).
    ///
    /// # Errors
    /// Where the bytes are no filter, or one beyond the bounds.
    pub fn take(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        take(reader, FILTER_DEPTH_MAX, &mut FILTER_NODES_MAX.clone())
    }

    /// Whether the filter is one that [`Filter::take`] gives back: bounds, lists, fields of the right type.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), FormatError> {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        let mut reader = Reader::new("filter", &bytes);
        Self::take(&mut reader)?;
        reader.end()
    }
}

fn code(record: &Record, field: Field) -> Result<Option<u8>, FormatError> {
    if field == Field::KIND {
        return Ok(Some(record.groups.envelope()?.kind));
    }
    Ok(match record.groups.value(field)? {
        Some(Value::Code(code)) => Some(code),
        _ => None,
    })
}

fn within(time: i64, from: Option<i64>, to: Option<i64>) -> bool {
    from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to)
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_times(out: &mut Vec<u8>, op: u8, from: Option<i64>, to: Option<i64>) {
    out.extend_from_slice(&[op, u8::from(from.is_some()) | u8::from(to.is_some()) << 1]);
    for time in [from, to].into_iter().flatten() {
        out.extend_from_slice(&time.to_le_bytes());
    }
}

fn put_list(out: &mut Vec<u8>, op: u8, list: &[Filter]) {
    out.push(op);
    put_varint(out, list.len() as u64);
    list.iter().for_each(|filter| filter.put(out));
}

fn take(reader: &mut Reader<'_>, depth: usize, left: &mut usize) -> Result<Filter, FormatError> {
    let start = reader.offset();
    let (Some(depth), Some(fewer)) = (depth.checked_sub(1), left.checked_sub(1)) else {
        return Err(reader.invalid("filter", start, "more than 32 levels or 4,096 filters"));
    };
    *left = fewer;
    Ok(match reader.u8("filter op")? {
        1 => {
            let field = take_field(reader, &[FieldType::Text])?;
            Filter::AnyOf(field, take_texts(reader)?)
        }
        2 => Filter::Prefix(take_field(reader, &[FieldType::Text])?, take_text(reader)?),
        3 => {
            let field = take_field(reader, &[FieldType::Code])?;
            let at = reader.offset();
            let codes = take_bytes(reader)?.to_vec();
            let ascending = codes.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
            if !ascending || codes.first().is_none_or(|&code| code == 0) {
                return Err(reader.invalid(
                    "filter codes",
                    at,
                    "codes ascend, are distinct and not zero, at least one",
                ));
            }
            Filter::Codes(field, codes)
        }
        4 => Filter::Present(take_field(reader, &[FieldType::Text, FieldType::Code])?),
        5 => take_times(reader).map(|(from, to)| Filter::Occurred { from, to })?,
        6 => take_times(reader).map(|(from, to)| Filter::Recorded { from, to })?,
        7 => Filter::All(take_list(reader, depth, left)?),
        8 => Filter::Any(take_list(reader, depth, left)?),
        9 => Filter::Not(Box::new(take(reader, depth, left)?)),
        op => return Err(reader.invalid("filter op", start, format!("unknown filter op {op}"))),
    })
}

fn take_list(reader: &mut Reader<'_>, depth: usize, left: &mut usize) -> Result<Vec<Filter>, FormatError> {
    let count = reader.varint("filter count")?;
    let mut list = Vec::new();
    // Each one takes a byte at least and one of what is left, so this ends early for any count.
    for _ in 0..count {
        list.push(take(reader, depth, left)?);
    }
    Ok(list)
}

fn take_field(reader: &mut Reader<'_>, types: &[FieldType]) -> Result<Field, FormatError> {
    let start = reader.offset();
    let id = reader.u8("filter field")?;
    let field = Field::from_id(id).filter(|field| types.contains(&field.spec().field_type));
    field.ok_or_else(|| reader.invalid("filter field", start, format!("no field {id} for this test")))
}

fn take_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], FormatError> {
    let length = reader.varint("filter length")?;
    reader.take("filter value", usize::try_from(length).unwrap_or(usize::MAX))
}

fn take_text(reader: &mut Reader<'_>) -> Result<String, FormatError> {
    let start = reader.offset();
    let text = std::str::from_utf8(take_bytes(reader)?);
    text.map(str::to_owned).map_err(|_| reader.invalid("filter text", start, "not UTF-8"))
}

fn take_texts(reader: &mut Reader<'_>) -> Result<Vec<String>, FormatError> {
    let start = reader.offset();
    let count = reader.varint("filter count")?;
    let mut texts: Vec<String> = Vec::new();
    for _ in 0..count {
        let text = take_text(reader)?;
        if texts.last().is_some_and(|last| *last >= text) {
            return Err(reader.invalid("filter texts", start, "texts ascend and are distinct"));
        }
        texts.push(text);
    }
    if texts.is_empty() {
        return Err(reader.invalid("filter texts", start, "at least one text is needed"));
    }
    Ok(texts)
}

fn take_times(reader: &mut Reader<'_>) -> Result<(Option<i64>, Option<i64>), FormatError> {
    let start = reader.offset();
    let flags = reader.u8("filter flags")?;
    if flags > 3 {
        return Err(reader.invalid("filter flags", start, "unknown flags"));
    }
    let mut time = |bit: u8| if flags & bit == 0 { Ok(None) } else { reader.i64("filter time").map(Some) };
    Ok((time(1)?, time(2)?))
}
