//! Segment files that the manifest does not name: generations before a compaction, or of one that was never finished.
//!
//! Invariant: only whoever holds the writer's lock calls this. A file of a segment that the manifest does not know at all is
//! left alone: it may be the next segment, made and not yet entered.

use indelible_format::manifest::Manifest;
use indelible_format::names::{SEGMENTS_DIR, parse_segment_file_name};

use crate::error::{IoContext, Result};
use crate::world::storage::Storage;
use crate::write::active::poison_on_sync;

/// Removes them and makes that durable; returns how many there were.
pub(crate) fn remove_leftovers(storage: &dyn Storage, manifest: &Manifest) -> Result<usize> {
    let mut removed = 0;
    for file in storage.list(SEGMENTS_DIR).doing("list", SEGMENTS_DIR)? {
        let Some((id, generation)) = parse_segment_file_name(&file) else { continue };
        let named = manifest.segments.iter().find(|entry| entry.id == id);
        if named.is_some_and(|entry| entry.generation != generation) {
            let name = format!("{SEGMENTS_DIR}/{file}");
            storage.remove(&name).doing("remove", &name)?;
            removed += 1;
        }
    }
    if removed > 0 {
        poison_on_sync(storage.sync_dir(SEGMENTS_DIR), SEGMENTS_DIR)?;
    }
    Ok(removed)
}
