//! The signing keys of a log, from the first to the current one: read from its rotation files, and one more added.
//!
//! ```text
//! MANIFEST (first key) -> rotations/00000001.note -> rotations/00000002.note -> ... -> the key that signs now
//! ```
//!
//! Invariant: a rotation file is whole and synced before the new key signs anything else; whatever the trail says, the key
//! records are what counts, and verification compares the two. Not here: what a rotation is (`indelible_evidence::rotation`).

use indelible_evidence::key::VerifierKey;
pub use indelible_evidence::rotation::{KeyTrail, Rotation};
use indelible_format::manifest::Manifest;
use indelible_format::names::{ROTATIONS_DIR, parse_rotation_file_name, rotation_file_name};

use crate::error::{Corruption, FormatContext, IoContext, Result};
use crate::world::storage::Storage;

/// Longest rotation file that is read.
const BYTES_MAX: usize = 1 << 20;

/// Reads the trail of a log.
pub(crate) fn read_trail(storage: &dyn Storage, manifest: &Manifest) -> Result<KeyTrail> {
    let mut trail = KeyTrail::new(VerifierKey::parse(&manifest.key).in_file("MANIFEST", 0)?);
    let names = storage.list(ROTATIONS_DIR).doing("list", ROTATIONS_DIR)?;
    let mut epochs: Vec<u32> = names.iter().filter_map(|name| parse_rotation_file_name(name)).collect();
    epochs.sort_unstable();
    for (expected, epoch) in (1..).zip(epochs) {
        let name = rotation_file_name(epoch);
        if epoch != expected {
            let problem = format!("the rotation to epoch {expected} is missing");
            return Err(Corruption::at(&name, 0, problem).into());
        }
        let bytes = storage.read(&name, BYTES_MAX).doing("read", &name)?;
        let text = String::from_utf8(bytes).map_err(|_| Corruption::at(&name, 0, "the rotation is not text"))?;
        trail.push(&text).in_file(&name, 0)?;
    }
    Ok(trail)
}

/// Stores the next rotation, whole and synced.
pub(crate) fn store_rotation(storage: &dyn Storage, epoch: u32, rotation: &Rotation) -> Result<()> {
    write_rotation(storage, epoch, &rotation.to_text())
}

/// Stores the text of a rotation file, whole and synced.
pub(crate) fn write_rotation(storage: &dyn Storage, epoch: u32, text: &str) -> Result<()> {
    storage.create_dir(ROTATIONS_DIR).doing("create", ROTATIONS_DIR)?;
    storage.sync_dir("").doing("sync", "the log directory")?;
    let name = rotation_file_name(epoch);
    storage.replace(&name, text.as_bytes()).doing("write", &name)
}
