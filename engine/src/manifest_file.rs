//! Reads the manifest of a log directory without opening the log: who it is, which key is its first, which came after.

use std::path::Path;

use indelible_format::manifest::Manifest;

use crate::error::{IoContext, Result};
use crate::keys::{KeyTrail, read_trail};
use crate::world::storage::{Access, DirStorage};
use crate::write::manifest::load;

/// The manifest of the log at `path`.
///
/// # Errors
/// [`crate::Error::NotALog`], [`crate::Error::Corrupt`], the disk's own.
pub fn read_manifest(path: &Path) -> Result<Manifest> {
    let name = path.display().to_string();
    let storage = DirStorage::open(path, Access::ReadOnly).doing("open", &name)?;
    load(&storage, &name)
}

/// The signing keys of the log at `path`, from the first on.
///
/// # Errors
/// As [`read_manifest`]; [`crate::Error::Corrupt`] where the rotations do not lead on from the first key.
pub fn read_keys(path: &Path) -> Result<KeyTrail> {
    let name = path.display().to_string();
    let storage = DirStorage::open(path, Access::ReadOnly).doing("open", &name)?;
    read_trail(&storage, &load(&storage, &name)?)
}
