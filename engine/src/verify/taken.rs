//! What is read before anything is checked, in an order that makes sense beside a live writer.
//!
//! ```text
//! names -> checkpoint, live -> manifest -> journal files opened, lengths noted -> (segments, later)
//! ```
//!
//! Invariant: evidence that something was durable is read before the thing itself, so that a writer which goes on meanwhile
//! can only have made more of it. A manifest that changed while the journal was opened makes it all start again.

use std::io::ErrorKind;
use std::sync::Arc;

use indelible_format::live::Live;
use indelible_format::manifest::Manifest;
use indelible_format::names::{
    CHECKPOINT, JOURNAL_DIR, LIVE, LOG_PUB, MANIFEST, ROTATIONS_DIR, SEGMENTS_DIR, TORN_DIR, journal_file_name,
    parse_journal_file_name, parse_rotation_file_name, rotation_file_name,
};

use super::findings::Findings;
use crate::error::{Corruption, Error, FormatContext, IoContext, Result};
use crate::segment::Blocks;
use crate::world::storage::{OpenMode, Storage, StorageFile};

/// Longest manifest that is read.
const MANIFEST_BYTES_MAX: usize = (64 << 20) + 64;
/// Longest checkpoint, key or live file that is read.
const SMALL_BYTES_MAX: usize = 1 << 20;
/// How often a writer may get in between before what there is must do.
const TRIES: usize = 20;

/// A journal file, opened.
pub(super) struct JournalFile {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) file: Arc<dyn StorageFile>,
    /// Length when it was opened: what comes later is a writer's.
    pub(super) length: u64,
}

/// A log directory as it was found.
pub(super) struct Taken {
    pub(super) manifest: Manifest,
    /// Names in the log directory, and in its directories without their prefix.
    pub(super) root: Vec<String>,
    pub(super) journal_names: Vec<String>,
    pub(super) segment_names: Vec<String>,
    pub(super) torn_names: Vec<String>,
    pub(super) rotation_names: Vec<String>,
    /// Rotations by epoch, as far as their files can be read.
    pub(super) rotations: Vec<(String, Vec<u8>)>,
    /// The checkpoint file, where there is one.
    pub(super) checkpoint: Option<Vec<u8>>,
    /// The file `log.pub`, where there is one.
    pub(super) log_pub: Option<Vec<u8>>,
    /// Set where a writer may be at work: the log is not closed and has a valid live file of its incarnation.
    pub(super) live: Option<Live>,
    /// Every journal file, ascending.
    pub(super) journal: Vec<JournalFile>,
    /// Bytes of the segments that the manifest names, as far as they are known.
    segment_bytes: u64,
}

impl Taken {
    /// Reads it; `None` where there is no manifest to go by, which is then taken down as damage.
    pub(super) fn take(storage: &dyn Storage, findings: &mut Findings) -> Result<Option<Taken>> {
        let mut tries = 0;
        loop {
            tries += 1;
            let Some((taken, changed)) = Self::attempt(storage, findings)? else { return Ok(None) };
            if changed && tries < TRIES {
                continue;
            }
            taken.note_live(storage, findings);
            return if taken.manifest.encrypted {
                Err(Error::Encrypted("the log is encrypted: this version cannot verify its records"))
            } else {
                Ok(Some(taken))
            };
        }
    }

    fn attempt(storage: &dyn Storage, findings: &mut Findings) -> Result<Option<(Taken, bool)>> {
        let root = storage.list("").doing("list", "the log directory")?;
        let [journal_names, segment_names, torn_names, rotation_names] = {
            let list = |dir| storage.list(dir).doing("list", dir);
            [list(JOURNAL_DIR)?, list(SEGMENTS_DIR)?, list(TORN_DIR)?, list(ROTATIONS_DIR)?]
        };
        let checkpoint = read_optional(storage, CHECKPOINT, SMALL_BYTES_MAX)?;
        let live = read_optional(storage, LIVE, SMALL_BYTES_MAX)?;
        let Some(bytes) = read_optional(storage, MANIFEST, MANIFEST_BYTES_MAX)? else {
            if journal_names.is_empty() && segment_names.is_empty() {
                return Err(Error::NotALog { path: "the directory".to_owned() });
            }
            findings.broken(Corruption::at(
                MANIFEST,
                0,
                "the file is missing, though there are journal or segment files",
            ));
            return Ok(None);
        };
        let Some(manifest) = findings.ok(Manifest::decode(&bytes).in_file(MANIFEST, 0)) else { return Ok(None) };
        let journal = open_journal(storage, &journal_names)?;
        let live = live.and_then(|bytes| Live::decode(&bytes).ok());
        let live = live.filter(|live| {
            manifest.closed.is_none() && live.log_id == manifest.log_id && live.incarnation == manifest.incarnation
        });
        let segment_bytes = manifest.segments.iter().map(|entry| segment_length(storage, entry)).sum();
        let rotations = read_rotations(storage, &rotation_names)?;
        let log_pub = read_optional(storage, LOG_PUB, SMALL_BYTES_MAX)?;
        let changed = read_optional(storage, MANIFEST, MANIFEST_BYTES_MAX)?.as_ref() != Some(&bytes);
        let taken = Taken {
            manifest,
            root,
            journal_names,
            segment_names,
            torn_names,
            rotation_names,
            rotations,
            checkpoint,
            log_pub,
            live,
            journal,
            segment_bytes,
        };
        Ok(Some((taken, changed)))
    }

    /// Says what the live file means here; a half-written one is read again first, because it is rewritten in place.
    fn note_live(&self, storage: &dyn Storage, findings: &mut Findings) {
        if !self.root.iter().any(|name| name == LIVE) {
            return;
        }
        if self.live.is_some() {
            findings.note(
                "a live file is there: a writer is at work or was killed; what it appends meanwhile is not covered",
            );
            return;
        }
        let read = || read_optional(storage, LIVE, SMALL_BYTES_MAX).ok().flatten().map(|bytes| Live::decode(&bytes));
        let mut read_again = (0..TRIES).filter_map(|_| read());
        match read_again.find(|read| read.is_ok()) {
            Some(_) => findings.note("a live file is left over from an earlier writer; the next opening replaces it"),
            None => findings.note("the live file is damaged: it is never evidence, and the next opening replaces it"),
        }
    }

    /// Bytes of all segment and journal files.
    pub(super) fn file_bytes(&self) -> u64 {
        self.segment_bytes + self.journal.iter().map(|file| file.length).sum::<u64>()
    }
}

fn segment_length(storage: &dyn Storage, entry: &indelible_format::manifest::SegmentEntry) -> u64 {
    if entry.length > 0 {
        return entry.length;
    }
    let name = indelible_format::names::segment_file_name(entry.id, entry.generation);
    let file = storage.open(&name, OpenMode::Read);
    file.map(Blocks::File).ok().and_then(|blocks| blocks.len(&name).ok()).unwrap_or(0)
}

/// Opens every journal file, so that one which the writer removes meanwhile can still be read.
fn open_journal(storage: &dyn Storage, names: &[String]) -> Result<Vec<JournalFile>> {
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| parse_journal_file_name(name)).collect();
    numbers.sort_unstable();
    let mut files = Vec::with_capacity(numbers.len());
    for number in numbers {
        let name = journal_file_name(number);
        match storage.open(&name, OpenMode::Read) {
            Ok(file) => {
                let length = file.len().doing("measure", &name)?;
                files.push(JournalFile { number, name, file, length });
            }
            // The writer removed it since the names were read, because everything in it is framed.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).doing("open", &name),
        }
    }
    Ok(files)
}

fn read_rotations(storage: &dyn Storage, names: &[String]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut epochs: Vec<u32> = names.iter().filter_map(|name| parse_rotation_file_name(name)).collect();
    epochs.sort_unstable();
    let mut rotations = Vec::with_capacity(epochs.len());
    for epoch in epochs {
        let name = rotation_file_name(epoch);
        if let Some(bytes) = read_optional(storage, &name, SMALL_BYTES_MAX)? {
            rotations.push((name, bytes));
        }
    }
    Ok(rotations)
}

/// A small file; `None` where there is none. One that is too long is cut, so that its decoder refuses it.
fn read_optional(storage: &dyn Storage, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>> {
    match storage.read(name, bytes_max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Some(Vec::new())),
        Err(error) => Err(error).doing("read", name),
    }
}
