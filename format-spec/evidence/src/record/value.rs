//! The fields of a group, one after the other, each with its value.
//!
//! Iteration is strict: presence bits without a field, a zero code, or bytes after the last value are errors.

use super::{EnvelopeHead, TextRef};
use crate::bytes::Reader;
use crate::error::FormatError;
use crate::schema::{Field, FieldType};

/// A field's value as it stands in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// An enumeration's code, not zero.
    Code(u8),
    /// Text.
    Text(TextRef<'a>),
    /// Bytes of any kind.
    Bytes(&'a [u8]),
    /// Proof of a side effect.
    Proof(ProofRef<'a>),
}

/// Proof of a side effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofRef<'a> {
    /// Kind code, not zero.
    pub kind: u8,
    /// The evidence itself, as text.
    pub data: Option<TextRef<'a>>,
    /// Where it can be found.
    pub url: Option<TextRef<'a>>,
    /// Hash of it.
    pub hash: Option<TextRef<'a>>,
    /// When it was captured, ns since 1970.
    pub captured_at: Option<i64>,
}

/// Iterates over the present fields of a group.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    reader: Reader<'a>,
    group: u8,
    presence: u8,
    bit: u8,
    failed: bool,
}

/// The fields of group `group`, which must not be empty.
pub fn fields_of(group: u8, bytes: &[u8]) -> Result<Fields<'_>, FormatError> {
    let mut reader = Reader::new(group_name(group), bytes);
    if group == 0 {
        EnvelopeHead::decode(bytes)?;
        reader.take("head", EnvelopeHead::SIZE - 1)?;
    }
    let start = reader.offset();
    let presence = reader.u8("presence")?;
    let known = (0..8).fold(0u8, |bits, bit| bits | u8::from(Field::at_bit(group, bit).is_some()) << bit);
    if presence & !known != 0 {
        return Err(reader.invalid("presence", start, format!("unknown presence bits {presence:#04x}")));
    }
    Ok(Fields { reader, group, presence, bit: 0, failed: false })
}

/// Reads a whole group strictly and throws the values away.
pub fn check_group(group: u8, bytes: &[u8]) -> Result<(), FormatError> {
    for item in fields_of(group, bytes)? {
        item?;
    }
    Ok(())
}

fn group_name(group: u8) -> &'static str {
    match group {
        0 => "group 0 (envelope)",
        1 => "group 1 (identity)",
        2 => "group 2 (correlation)",
        _ => "group 3 (payload)",
    }
}

impl<'a> Fields<'a> {
    #[inline]
    fn take_value(&mut self, field: Field) -> Result<Value<'a>, FormatError> {
        let name = field.name();
        match field.spec().field_type {
            FieldType::Code => take_code(&mut self.reader, name).map(Value::Code),
            FieldType::Text => TextRef::take(&mut self.reader, name).map(Value::Text),
            FieldType::Bytes => {
                let length = self.reader.varint(name)?;
                self.reader.take(name, usize::try_from(length).unwrap_or(usize::MAX)).map(Value::Bytes)
            }
            FieldType::Proof => take_proof(&mut self.reader).map(Value::Proof),
        }
    }

    #[inline]
    fn step(&mut self) -> Result<Option<(Field, Value<'a>)>, FormatError> {
        while self.bit < 8 {
            let bit = self.bit;
            self.bit += 1;
            if self.presence >> bit & 1 == 0 {
                continue;
            }
            let field = Field::at_bit(self.group, bit)
                .ok_or_else(|| self.reader.invalid("presence", 0, "unknown presence bit"))?;
            return self.take_value(field).map(|value| Some((field, value)));
        }
        self.reader.end().map(|()| None)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(Field, Value<'a>), FormatError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let stepped = self.step().transpose();
        self.failed = !matches!(stepped, Some(Ok(_)));
        stepped
    }
}

fn take_code(reader: &mut Reader<'_>, name: &'static str) -> Result<u8, FormatError> {
    let start = reader.offset();
    match reader.u8(name)? {
        0 => Err(reader.invalid(name, start, "code 0 is never valid")),
        code => Ok(code),
    }
}

fn take_proof<'a>(reader: &mut Reader<'a>) -> Result<ProofRef<'a>, FormatError> {
    let kind = take_code(reader, "proof kind")?;
    let start = reader.offset();
    let presence = reader.u8("proof presence")?;
    if presence & 0xf0 != 0 {
        return Err(reader.invalid("proof presence", start, "unknown presence bits"));
    }
    let mut text = |bit: u8, name| match presence >> bit & 1 {
        0 => Ok(None),
        _ => TextRef::take(reader, name).map(Some),
    };
    let (data, url, hash) = (text(0, "proof data")?, text(1, "proof url")?, text(2, "proof hash")?);
    let captured_at = if presence & 8 == 0 { None } else { Some(reader.i64("proof captured_at")?) };
    Ok(ProofRef { kind, data, url, hash, captured_at })
}
