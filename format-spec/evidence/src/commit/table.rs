//! The class table: which positions of a frame have which retention class.
//!
//! ```text
//! classes of the records  7 0 7 7   ->   0: 0010   7: 1101      ascending, disjoint, covering ([COM-2])
//! ```
//!
//! Not here: the times of an entry, which come from hashing (`pipeline`), and its bytes (`descriptor`).

use super::STRUCTURE;
use crate::FRAME_RECORDS_MAX;
use crate::descriptor::{ClassEntry, Descriptor};
use crate::error::FormatError;

/// The table of at most 128 records' classes, times still zero.
pub(super) fn positions_table(classes: impl Iterator<Item = u16>) -> Vec<ClassEntry> {
    let mut table: Vec<ClassEntry> = Vec::with_capacity(4);
    for (position, class) in classes.take(FRAME_RECORDS_MAX).enumerate() {
        let bit = 1u128 << position;
        match table.iter_mut().find(|entry| entry.class == class) {
            Some(entry) => entry.positions |= bit,
            None => table.push(ClassEntry { class, positions: bit, recorded_min: 0, recorded_max: 0, occurred_max: 0 }),
        }
    }
    table.sort_unstable_by_key(|entry| entry.class);
    table
}

/// Refuses a descriptor whose table is not one ([COM-2]); a decoded descriptor always passes.
pub(super) fn check_table(descriptor: &Descriptor) -> Result<(), FormatError> {
    let mut covered = 0u128;
    let mut before = None;
    let count = usize::from(descriptor.count);
    let mut sound = (1..=FRAME_RECORDS_MAX).contains(&count);
    for entry in &descriptor.classes {
        sound &= before.is_none_or(|class| class < entry.class);
        sound &= entry.positions != 0 && covered & entry.positions == 0;
        covered |= entry.positions;
        before = Some(entry.class);
    }
    if sound && covered == descriptor.all_positions() {
        return Ok(());
    }
    Err(FormatError::invalid(STRUCTURE, "classes", 0, "the class table does not cover the frame's positions once each"))
}
