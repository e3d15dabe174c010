//! Accounts for every name in the log directory ([CONV-8]).
//!
//! Names that belong to no log are breaks; unfinished replacements, cut tails and what a crash left behind are notes.
//! Directories that do not belong to the log are not seen: the storage lists files only.

use indelible_format::names::{
    CHECKPOINT, JOURNAL_DIR, LIVE, LOCK, LOG_PUB, MANIFEST, ROTATIONS_DIR, SEGMENTS_DIR, TMP_SUFFIX, TORN_DIR,
    parse_journal_file_name, parse_rotation_file_name, parse_segment_file_name, parse_torn_file_name,
    segment_file_name,
};
use indelible_format::segment::SegmentHeader;

use super::findings::Findings;
use super::taken::Taken;
use crate::error::{Corruption, IoContext, Result};
use crate::world::storage::{OpenMode, Storage};

/// Checks all names.
pub(super) fn check(storage: &dyn Storage, taken: &Taken, findings: &mut Findings) -> Result<()> {
    let own = [MANIFEST, CHECKPOINT, LOG_PUB, LIVE, LOCK];
    for name in taken.root.iter().filter(|name| !own.contains(&name.as_str())) {
        stranger(name, findings);
    }
    for name in taken.journal_names.iter().filter(|name| parse_journal_file_name(name).is_none()) {
        stranger(&format!("{JOURNAL_DIR}/{name}"), findings);
    }
    for name in taken.rotation_names.iter().filter(|name| parse_rotation_file_name(name).is_none()) {
        stranger(&format!("{ROTATIONS_DIR}/{name}"), findings);
    }
    for name in &taken.torn_names {
        let path = format!("{TORN_DIR}/{name}");
        match parse_torn_file_name(name) {
            Some((file_no, offset)) => {
                findings.note(format!("{path}: bytes that a recovery cut off journal file {file_no} at byte {offset}"));
            }
            None => stranger(&path, findings),
        }
    }
    for name in &taken.segment_names {
        let path = format!("{SEGMENTS_DIR}/{name}");
        match parse_segment_file_name(name) {
            Some((id, generation)) => segment(storage, taken, &path, id, generation, findings)?,
            None => stranger(&path, findings),
        }
    }
    Ok(())
}

fn stranger(path: &str, findings: &mut Findings) {
    if path.ends_with(TMP_SUFFIX) {
        findings.note(format!("{path}: an unfinished replacement, which means nothing; the next opening removes it"));
    } else {
        findings.broken(Corruption::at(path, 0, "the file does not belong to the log"));
    }
}

/// A segment file must be one that the manifest names, or what a crash left behind: the empty beginning of the next one, or
/// another generation of one that is named. A log that was closed cleanly has neither.
fn segment(
    storage: &dyn Storage,
    taken: &Taken,
    path: &str,
    id: u64,
    generation: u32,
    findings: &mut Findings,
) -> Result<()> {
    let manifest = &taken.manifest;
    if manifest.segments.iter().any(|entry| (entry.id, entry.generation) == (id, generation)) {
        return Ok(());
    }
    let is_next = id == manifest.next_segment && generation == 0;
    let length = match storage.open(path, OpenMode::Read) {
        Ok(file) => file.len().doing("measure", path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).doing("open", path),
    };
    if is_next && length <= SegmentHeader::SIZE as u64 {
        findings.note(format!("{path}: an empty segment that a crash left behind; the next opening removes it"));
    } else if is_next && taken.live.is_some() {
        findings.note(format!("{path}: made by the writer while the log was verified; not covered"));
    } else {
        let named = manifest.segments.iter().find(|entry| entry.id == id);
        if let Some(entry) = named.filter(|_| manifest.closed.is_none()) {
            let what = if generation < entry.generation { "superseded" } else { "never finished" };
            findings.note(format!(
                "{path}: a generation that was {what}; compaction removes it when it ends, the next opening where it was \
                 cut short"
            ));
            return Ok(());
        }
        let problem = match named {
            Some(entry) => format!("the manifest names {} instead", segment_file_name(id, entry.generation)),
            None => "the manifest does not name this segment".to_owned(),
        };
        findings.broken(Corruption::at(path, 0, problem).in_segment(id));
    }
    Ok(())
}
