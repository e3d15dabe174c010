//! Names of files in a log directory, relative to it, `/` between directory and file.
//!
//! ```text
//! MANIFEST  checkpoint  log.pub  live  lock
//! rotations/EEEEEEEE.note
//! journal/NNNNNNNNNNNNNNNN.jnl  segments/NNNNNNNNNNNNNNNN-GGGGGGGG.seg  torn/NNNNNNNNNNNNNNNN-OOOOOOOOOOOOOOOO.cut
//! ```
//!
//! Numbers are lower-case hexadecimal of fixed width, so a name has one spelling and names sort as their numbers do.
//! Parsing accepts names with or without their directory. Specified in `format-spec/00-conventions.md`.

/// The list of segments.
pub const MANIFEST: &str = "MANIFEST";
/// Newest signed tree head.
pub const CHECKPOINT: &str = "checkpoint";
/// First verifier key.
pub const LOG_PUB: &str = "log.pub";
/// Where readers in other processes may read to.
pub const LIVE: &str = "live";
/// Locked by the one writer.
pub const LOCK: &str = "lock";
/// Directory of journal files.
pub const JOURNAL_DIR: &str = "journal";
/// Directory of segment files.
pub const SEGMENTS_DIR: &str = "segments";
/// Directory of bytes that recovery cut off.
pub const TORN_DIR: &str = "torn";
/// Directory of rotations of the signing key.
pub const ROTATIONS_DIR: &str = "rotations";
/// Suffix of unfinished replacements, which mean nothing.
pub const TMP_SUFFIX: &str = ".tmp";

/// Name of a segment file.
pub fn segment_file_name(id: u64, generation: u32) -> String {
    format!("{SEGMENTS_DIR}/{id:016x}-{generation:08x}.seg")
}

/// Name of a journal file.
pub fn journal_file_name(file_no: u64) -> String {
    format!("{JOURNAL_DIR}/{file_no:016x}.jnl")
}

/// Name of the file that keeps what was cut off journal file `file_no` from `offset` on.
pub fn torn_file_name(file_no: u64, offset: u64) -> String {
    format!("{TORN_DIR}/{file_no:016x}-{offset:016x}.cut")
}

/// Name of the file of the rotation to the key of `epoch`.
pub fn rotation_file_name(epoch: u32) -> String {
    format!("{ROTATIONS_DIR}/{epoch:08x}.note")
}

/// Epoch of a rotation file's name; `None` for any other name.
pub fn parse_rotation_file_name(name: &str) -> Option<u32> {
    u32::try_from(hex(stem(name, ROTATIONS_DIR, ".note")?, 8)?).ok()
}

/// Segment id and generation of a segment file's name; `None` for any other name.
pub fn parse_segment_file_name(name: &str) -> Option<(u64, u32)> {
    let (id, generation) = stem(name, SEGMENTS_DIR, ".seg")?.split_once('-')?;
    Some((hex(id, 16)?, u32::try_from(hex(generation, 8)?).ok()?))
}

/// Number of a journal file's name; `None` for any other name.
pub fn parse_journal_file_name(name: &str) -> Option<u64> {
    hex(stem(name, JOURNAL_DIR, ".jnl")?, 16)
}

/// Journal number and offset of a torn file's name; `None` for any other name.
pub fn parse_torn_file_name(name: &str) -> Option<(u64, u64)> {
    let (file_no, offset) = stem(name, TORN_DIR, ".cut")?.split_once('-')?;
    Some((hex(file_no, 16)?, hex(offset, 16)?))
}

fn stem<'a>(name: &'a str, dir: &str, suffix: &str) -> Option<&'a str> {
    let file = name.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
    file.strip_suffix(suffix)
}

fn hex(digits: &str, width: usize) -> Option<u64> {
    let good = digits.len() == width && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if good { u64::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CONV-8]
    #[test]
    fn names_have_one_spelling() {
        let segment = segment_file_name(0x1f, 2);
        assert_eq!(segment, "segments/000000000000001f-00000002.seg");
        assert_eq!(parse_segment_file_name(&segment), Some((0x1f, 2)));
        assert_eq!(parse_segment_file_name("000000000000001f-00000002.seg"), Some((0x1f, 2)));
        assert_eq!(parse_journal_file_name(&journal_file_name(u64::MAX)), Some(u64::MAX));
        assert_eq!(parse_torn_file_name(&torn_file_name(3, 4096)), Some((3, 4096)));
        assert_eq!(parse_rotation_file_name(&rotation_file_name(0x1f)), Some(0x1f));
        let others =
            ["1f-2.seg", "segments/000000000000001F-00000002.seg", "000000000000001f.seg", "x.jnl", "", "é.cut"];
        for name in others {
            assert_eq!(parse_segment_file_name(name), None, "{name}");
            assert_eq!(parse_journal_file_name(name), None, "{name}");
            assert_eq!(parse_torn_file_name(name), None, "{name}");
            assert_eq!(parse_rotation_file_name(name), None, "{name}");
        }
        assert_eq!(parse_journal_file_name("journal/+000000000000001.jnl"), None);
    }
}
