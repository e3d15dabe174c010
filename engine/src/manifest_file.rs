//! Reads the manifest of a log directory without opening the log: who it is, and which key is its first.

use std::path::Path;

use indelible_format::manifest::Manifest;

use crate::error::{IoContext, Result};
use crate::storage::{Access, DirStorage};
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
