//! Reads the manifest of a log directory without opening the log: who it is, which key is its first, which came after.

use std::path::Path;

use indelible_format::manifest::Manifest;

use crate::error::{IoContext, Result};
use crate::keys::{KeyTrail, read_trail};
use crate::world::storage::{Access, DirStorage, Storage};
use crate::write::manifest::load;

/// The manifest of the log at `path`.
///
/// # Errors
/// [`crate::Error::NotALog`], [`crate::Error::Corrupt`], the disk's own.
pub fn read_manifest(path: &Path) -> Result<Manifest> {
    let name = path.display().to_string();
    let storage = DirStorage::open(path, Access::ReadOnly).doing("open", &name)?;
    manifest_of(&storage, &name)
}

/// The signing keys of the log at `path`, from the first on.
///
/// # Errors
/// As [`read_manifest`]; [`crate::Error::Corrupt`] where the rotations do not lead on from the first key.
pub fn read_keys(path: &Path) -> Result<KeyTrail> {
    let name = path.display().to_string();
    let storage = DirStorage::open(path, Access::ReadOnly).doing("open", &name)?;
    keys_of(&storage, &name)
}

/// The manifest of the log in `storage`; `path` is its name in messages.
///
/// # Errors
/// As [`read_manifest`].
pub fn manifest_of(storage: &dyn Storage, path: &str) -> Result<Manifest> {
    load(storage, path)
}

/// The signing keys of the log in `storage`, from the first on; `path` is its name in messages.
///
/// # Errors
/// As [`read_keys`].
pub fn keys_of(storage: &dyn Storage, path: &str) -> Result<KeyTrail> {
    read_trail(storage, &load(storage, path)?)
}
