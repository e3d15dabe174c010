//! Puts new generations in the place of old ones, all of them at once.
//!
//! ```text
//! directory synced -> asked again -> manifest replaced -> snapshot published -> old files unlinked -> directory synced
//! ```
//!
//! Invariants: the manifest never names a file that is not durable, and no file goes before a manifest without it is durable.
//! Old files are mapped by then, so that views which hold them go on.

use std::sync::Arc;

use indelible_format::manifest::SegmentEntry;
use indelible_format::names::SEGMENTS_DIR;

use super::Prune;
use crate::error::{IoContext, Result};
use crate::mutant::{Mutant, planted};
use crate::segment::Segment;
use crate::write::active::poison_on_sync;
use crate::write::shared::Shared;

/// A new generation that is written and synced.
pub(super) struct New {
    pub(super) old: Arc<Segment>,
    pub(super) entry: SegmentEntry,
    pub(super) segment: Arc<Segment>,
}

/// Makes the new generations the log's.
pub(super) fn swap(shared: &Shared, made: &[New], prune: &dyn Prune) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    let storage = shared.storage.as_ref();
    if !planted(Mutant::CompactNoDirectorySync) {
        poison_on_sync(storage.sync_dir(SEGMENTS_DIR), SEGMENTS_DIR)?;
    }
    prune.confirm()?;
    if planted(Mutant::OldUnlinkedEarly) {
        unlink(shared, made)?;
    }
    shared.compactions.check()?;
    shared.manifest.update(|manifest| {
        for new in made {
            if let Some(place) = manifest.segments.iter_mut().find(|entry| entry.id == new.entry.id) {
                *place = new.entry.clone();
            }
        }
    })?;
    shared.published.update(|snapshot| {
        for segment in Arc::make_mut(&mut snapshot.sealed) {
            if let Some(new) = made.iter().find(|new| new.entry.id == segment.id) {
                *segment = Arc::clone(&new.segment);
            }
        }
    });
    if !planted(Mutant::OldUnlinkedEarly) {
        unlink(shared, made)?;
    }
    Ok(())
}

fn unlink(shared: &Shared, made: &[New]) -> Result<()> {
    for new in made {
        shared.storage.remove(&new.old.name).doing("remove", &new.old.name)?;
    }
    poison_on_sync(shared.storage.sync_dir(SEGMENTS_DIR), SEGMENTS_DIR)
}
