//! Cuts a record's first three groups into its fields' value bytes, without interpreting them.
//!
//! Only what is needed to find where a value ends is read; values are copied as they are, so whatever was committed comes
//! back byte for byte. Group 3 is stored whole and not looked into.

use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::record::EnvelopeHead;

/// Fields of groups 0 to 2, which have ids 0 to 18.
pub(super) const SPLIT_FIELDS: usize = 19;
/// Id of each group's first field; a field's id is this plus its presence bit.
pub(super) const FIRST_FIELD: [u8; 3] = [0, 8, 15];
/// Fields of each group.
pub(super) const FIELD_COUNTS: [u8; 3] = [8, 7, 4];
/// Bits of the fields that are codes, by field id.
pub(super) const CODE_FIELDS: u32 = 1 << 4 | 1 << 5 | 1 << 6;

/// A record's envelope head and its fields' value bytes, empty where a field is absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitRecord<'a> {
    pub(super) head: EnvelopeHead,
    pub(super) values: [&'a [u8]; SPLIT_FIELDS],
}

/// Cuts groups 0, 1 and 2; an empty group 1 or 2 stands for an erased one.
pub(super) fn split<'a>(groups: [&'a [u8]; 3]) -> Result<SplitRecord<'a>, FormatError> {
    let mut values = [&[][..]; SPLIT_FIELDS];
    let head = EnvelopeHead::decode(groups[0])?;
    for (k, bytes) in groups.into_iter().enumerate() {
        if bytes.is_empty() && k > 0 {
            continue;
        }
        let mut reader = Reader::new("record group", bytes);
        if k == 0 {
            reader.take("head", EnvelopeHead::SIZE - 1)?;
        }
        let presence = reader.u8("presence")?;
        let (first, count) = (FIRST_FIELD[k], FIELD_COUNTS[k]);
        if u32::from(presence) >> count != 0 {
            return Err(reader.invalid("presence", 0, format!("unknown presence bits {presence:#04x}")));
        }
        for bit in (0..count).filter(|bit| presence >> bit & 1 == 1) {
            let field = first + bit;
            let value = take_value(&mut reader, bytes, CODE_FIELDS >> field & 1 == 1)?;
            if let Some(slot) = values.get_mut(usize::from(field)) {
                *slot = value;
            }
        }
        reader.end()?;
    }
    Ok(SplitRecord { head, values })
}

fn take_value<'a>(reader: &mut Reader<'a>, bytes: &'a [u8], is_code: bool) -> Result<&'a [u8], FormatError> {
    let start = reader.offset();
    if is_code {
        let code = reader.take("code", 1)?;
        if code == [0] {
            return Err(reader.invalid("code", start, "code 0 is never valid"));
        }
        return Ok(code);
    }
    let prefix = reader.varint("text")?;
    let length = match prefix {
        1 => 16,
        _ if prefix & 1 == 1 => return Err(reader.invalid("text", start, format!("odd text prefix {prefix}"))),
        _ => usize::try_from(prefix >> 1).unwrap_or(usize::MAX),
    };
    reader.take("text", length)?;
    Ok(bytes.get(start..reader.offset()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_evidence::schema::{Field, FieldType};

    #[test]
    fn constants_are_the_schemas() {
        for k in 0..3u8 {
            let fields: Vec<Field> = Field::of_group(k).collect();
            assert_eq!(fields.len(), usize::from(FIELD_COUNTS[usize::from(k)]));
            for field in fields {
                assert_eq!(field.id(), FIRST_FIELD[usize::from(k)] + field.spec().bit);
                let is_code = field.spec().field_type == FieldType::Code;
                assert_eq!(CODE_FIELDS >> field.id() & 1 == 1, is_code, "{field:?}");
            }
        }
    }
}
