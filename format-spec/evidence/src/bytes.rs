//! A bounded, strict cursor over bytes, and the few ways bytes are appended.
//!
//! Every read names its field, so that an error says what was being read and where. Nothing here allocates from a count
//! that came from the bytes; callers bound counts with [`Reader::left`] first ([CONV-5]).

use crate::error::{FormatError, Problem};

/// Reads little-endian values from a slice, front to back.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    structure: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader over all of `bytes`; errors name `structure`.
    pub fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self { structure, bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Bytes not yet read.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, field: &'static str, n: usize) -> Result<&'a [u8], FormatError> {
        match self.bytes.get(self.at..self.at.saturating_add(n)) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => Err(self.truncated(field, n)),
        }
    }

    #[cold]
    fn truncated(&self, field: &'static str, n: usize) -> FormatError {
        let problem = Problem::Truncated { needed: n as u64, left: self.left() as u64 };
        FormatError::new(self.structure, field, self.at, problem)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], FormatError> {
        let taken = self.take(field, N)?;
        let mut out = [0u8; N];
        out.copy_from_slice(taken);
        Ok(out)
    }

    /// A `u8`.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, FormatError> {
        Ok(self.array::<1>(field)?[0])
    }

    /// A little-endian `u16`.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, FormatError> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    /// A little-endian `u32`.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    /// A little-endian `u64`.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, FormatError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A little-endian `i64`.
    pub fn i64(&mut self, field: &'static str) -> Result<i64, FormatError> {
        Ok(i64::from_le_bytes(self.array(field)?))
    }

    /// A minimal varint ([CONV-1]).
    #[inline]
    pub fn varint(&mut self, field: &'static str) -> Result<u64, FormatError> {
        match self.bytes.get(self.at) {
            // Nearly all have one byte.
            Some(&byte @ 0..0x80) => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(field),
        }
    }

    fn long_varint(&mut self, field: &'static str) -> Result<u64, FormatError> {
        let start = self.at;
        let mut value = 0u64;
        for index in 0..10 {
            let byte = self.u8(field)?;
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(FormatError::invalid(self.structure, field, start, "varint exceeds 64 bits"));
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                if byte == 0 && index > 0 {
                    return Err(FormatError::invalid(self.structure, field, start, "varint is not minimal"));
                }
                return Ok(value);
            }
        }
        Err(FormatError::invalid(self.structure, field, start, "varint is longer than ten bytes"))
    }

    /// `n` reserved bytes, which must be zero ([CONV-3]).
    pub fn zeros(&mut self, field: &'static str, n: usize) -> Result<(), FormatError> {
        let start = self.at;
        if self.take(field, n)?.iter().any(|&byte| byte != 0) {
            return Err(FormatError::invalid(self.structure, field, start, "reserved bytes are not zero"));
        }
        Ok(())
    }

    /// A fixed magic.
    pub fn magic(&mut self, expected: &[u8]) -> Result<(), FormatError> {
        let start = self.at;
        if self.take("magic", expected.len())? != expected {
            return Err(FormatError::new(self.structure, "magic", start, Problem::Magic));
        }
        Ok(())
    }

    /// A `u16` that must be the format version ([CONV-7]).
    pub fn version(&mut self) -> Result<(), FormatError> {
        let start = self.at;
        let found = self.u16("version")?;
        if found != crate::FORMAT_VERSION {
            let problem = Problem::Version { found: found.into(), reads: crate::FORMAT_VERSION.into() };
            return Err(FormatError::new(self.structure, "version", start, problem));
        }
        Ok(())
    }

    /// A `u32` CRC that must be that of all bytes before it in this structure.
    pub fn crc_of_before(&mut self, field: &'static str) -> Result<(), FormatError> {
        let start = self.at;
        let computed = crc32fast::hash(&self.bytes[..start]);
        let found = self.u32(field)?;
        if found != computed {
            return Err(FormatError::new(self.structure, field, start, Problem::Checksum { found, computed }));
        }
        Ok(())
    }

    /// Refuses trailing bytes.
    pub fn end(&self) -> Result<(), FormatError> {
        match self.left() {
            0 => Ok(()),
            extra => {
                let problem = Problem::Trailing { extra: extra as u64 };
                Err(FormatError::new(self.structure, "end", self.at, problem))
            }
        }
    }

    /// An [`Problem::Invalid`] error for a field read earlier at `offset`.
    pub fn invalid(
        &self,
        field: &'static str,
        offset: usize,
        why: impl Into<std::borrow::Cow<'static, str>>,
    ) -> FormatError {
        FormatError::invalid(self.structure, field, offset, why)
    }
}

/// Appends a minimal varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the CRC of everything from `start` to the end of `out`.
pub fn put_crc_since(out: &mut Vec<u8>, start: usize) {
    let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CONV-1]
    #[test]
    fn varints_are_minimal_and_bounded() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut reader = Reader::new("test", &bytes);
            assert_eq!(reader.varint("v"), Ok(value));
            assert_eq!(reader.end(), Ok(()));
        }
        let refused: [&[u8]; 4] = [&[0x80, 0x00], &[0xff; 10], &[0xff; 11], &[0x80]];
        for bytes in refused {
            assert!(Reader::new("test", bytes).varint("v").is_err(), "{bytes:02x?}");
        }
    }

    /// [CONV-3]
    #[test]
    fn reserved_bytes_must_be_zero() {
        assert!(Reader::new("test", &[0, 0, 0]).zeros("r", 3).is_ok());
        assert!(Reader::new("test", &[0, 1, 0]).zeros("r", 3).is_err());
    }
}
