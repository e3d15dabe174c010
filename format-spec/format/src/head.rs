//! Fixed heads that end with their own checksum: read in one way everywhere.
//!
//! ```text
//! magic | version (where the head has one) | ... | crc over everything before it
//! ```
//!
//! Order of checks: enough bytes, magic, version, checksum, and only then the fields ([CONV-5], [CONV-7]). The version
//! comes before the checksum so that a file of another version is named as such even where its head is laid out
//! differently.

use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::layout::Layout;

/// Whether a head has a `u16` format version after its magic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioned {
    Yes,
    No,
}

/// Checks the head at the front of `bytes` and gives a reader behind its magic (and version), ahead of its fields. Bytes
/// after the head are not looked at.
pub(crate) fn open<'a>(
    name: &'static str,
    layout: &Layout,
    magic: &[u8],
    versioned: Versioned,
    bytes: &'a [u8],
) -> Result<Reader<'a>, FormatError> {
    let head = Reader::new(name, bytes).take("head", layout.size())?;
    let mut reader = Reader::new(name, head);
    reader.magic(magic)?;
    if versioned == Versioned::Yes {
        reader.version()?;
    }
    let mut checked = Reader::new(name, head);
    checked.take("head", layout.size() - 4)?;
    checked.crc_of_before("crc")?;
    Ok(reader)
}

/// Tells bit 0 ("encrypted") of a flags field; every other bit is reserved ([CONV-3]).
pub(crate) fn encrypted_flag(reader: &Reader<'_>, offset: usize, flags: u32) -> Result<bool, FormatError> {
    match flags {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(reader.invalid("flags", offset, format!("unknown flags {flags:#x}"))),
    }
}
