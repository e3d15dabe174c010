//! The manifest on disk and in memory: every change is a new revision, replaced atomically before the change counts.

use std::sync::Arc;

use indelible_format::manifest::Manifest;
use parking_lot::Mutex;

use crate::error::{Error, FormatContext, IoContext, Result};
use crate::world::storage::Storage;

/// Name of the file.
pub(crate) const MANIFEST: &str = "MANIFEST";
/// Longest manifest that is read: the format's own bound and its head.
const BYTES_MAX: usize = (64 << 20) + 64;

/// Reads the manifest of a log directory.
pub(crate) fn load(storage: &dyn Storage, path: &str) -> Result<Manifest> {
    match storage.read(MANIFEST, BYTES_MAX) {
        Ok(bytes) => Ok(Manifest::decode(&bytes).in_file(MANIFEST, 0)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::NotALog { path: path.to_owned() }),
        Err(error) => Err(error).doing("read", MANIFEST),
    }
}

/// The manifest of a log that is being written.
pub(crate) struct ManifestStore {
    storage: Arc<dyn Storage>,
    manifest: Mutex<Manifest>,
}

impl ManifestStore {
    pub(crate) fn new(storage: Arc<dyn Storage>, manifest: Manifest) -> Self {
        Self { storage, manifest: Mutex::new(manifest) }
    }

    /// A copy of the manifest as it is on disk.
    pub(crate) fn get(&self) -> Manifest {
        self.manifest.lock().clone()
    }

    /// The log's id, which never changes.
    pub(crate) fn get_log_id(&self) -> indelible_evidence::LogId {
        self.manifest.lock().log_id
    }

    /// Replaces the manifest by what `change` makes of it. A failure leaves it unknown which of the two is on disk, so it
    /// poisons, except where the disk was full before anything was renamed.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Manifest)) -> Result<()> {
        let mut current = self.manifest.lock();
        let mut next = current.clone();
        change(&mut next);
        next.revision += 1;
        let bytes = next.encode().map_err(Error::Record)?;
        match self.storage.replace(MANIFEST, &bytes) {
            Ok(()) => {
                *current = next;
                Ok(())
            }
            Err(error) => {
                let error = Error::Io { what: "replace", file: MANIFEST.to_owned(), source: error };
                if error.is_disk_full() { Err(error) } else { Err(Error::Poisoned { reason: error.to_string() }) }
            }
        }
    }
}
