//! Cut tails: what recoveries kept aside in `torn/`. They hold bytes of records, so a removal may have to take them along.
//!
//! Invariant: a tail goes only where it is named; what an unfinished replacement left beside them means nothing and goes along.

use indelible_format::names::{TMP_SUFFIX, TORN_DIR, parse_torn_file_name, torn_file_name};

use crate::error::{IoContext, Result};
use crate::world::storage::{OpenMode, Storage};
use crate::write::active::poison_on_sync;

/// A journal tail that a recovery cut off. Its recovery record says when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornFile {
    /// Number of the journal file that it was cut off.
    pub journal_file: u64,
    /// Offset in that file.
    pub offset: u64,
    /// Bytes that were cut.
    pub bytes: u64,
}

/// The tails that are there, ascending.
pub(crate) fn torn_files(storage: &dyn Storage) -> Result<Vec<TornFile>> {
    let mut found = Vec::new();
    for file in storage.list(TORN_DIR).doing("list", TORN_DIR)? {
        let Some((journal_file, offset)) = parse_torn_file_name(&format!("{TORN_DIR}/{file}")) else { continue };
        let name = torn_file_name(journal_file, offset);
        let bytes = storage.open(&name, OpenMode::Read).and_then(|file| file.len()).doing("measure", &name)?;
        found.push(TornFile { journal_file, offset, bytes });
    }
    found.sort_by_key(|torn| (torn.journal_file, torn.offset));
    Ok(found)
}

/// Removes these tails and makes that durable; one that is gone already is no error.
pub(crate) fn remove_torn(storage: &dyn Storage, which: &[TornFile]) -> Result<()> {
    let mut names: Vec<String> = which.iter().map(|torn| torn_file_name(torn.journal_file, torn.offset)).collect();
    let unfinished = storage.list(TORN_DIR).doing("list", TORN_DIR)?.into_iter();
    names.extend(unfinished.filter(|name| name.ends_with(TMP_SUFFIX)).map(|name| format!("{TORN_DIR}/{name}")));
    if names.is_empty() {
        return Ok(());
    }
    for name in names {
        match storage.remove(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).doing("remove", &name),
            _ => {}
        }
    }
    poison_on_sync(storage.sync_dir(TORN_DIR), TORN_DIR)
}
