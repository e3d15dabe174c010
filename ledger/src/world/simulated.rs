//! The files outside a log's directory on a simulated disk, which loses its power together with the log's.
//!
//! ```text
//! /keys/log.key ──> directory "keys", file "log.key" of a disk of its own;  /data/a/b.key ──> "data-a", "b.key"
//! one power switch: operation n of both disks together is the one that fails, and each keeps what it likes of the rest
//! ```
//!
//! Invariants: as [`Outside`]; every step is an operation of the disk, so that the power can go between any two of them. Not here:
//! commands (there is no shell to simulate), and two directories whose names differ only in `-` and `/`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indelible_engine::world::storage::sim::SimStorage;
use indelible_engine::world::storage::{LockError, OpenMode, Storage};

use super::outside::Outside;

/// Files on a simulated disk.
#[derive(Debug, Clone)]
pub struct SimOutside {
    disk: SimStorage,
}

impl SimOutside {
    /// Files on `disk`, which should share its power switch with the log's ([`SimStorage::share_power`]).
    #[must_use]
    pub fn on(disk: &SimStorage) -> Self {
        Self { disk: disk.clone() }
    }

    /// The name of a file on the disk; its directory is there afterwards, durably.
    fn name(&self, file: &Path, make: bool) -> io::Result<(String, String)> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", file.display()));
        let name = file.file_name().ok_or_else(invalid)?.to_string_lossy().into_owned();
        let parts = file.parent().into_iter().flat_map(Path::components).filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        });
        let dir = parts.collect::<Vec<_>>().join("-");
        if make && !dir.is_empty() && !self.disk.list_dirs()?.contains(&dir) {
            self.disk.create_dir(&dir)?;
            self.disk.sync_dir("")?;
        }
        let whole = if dir.is_empty() { name } else { format!("{dir}/{name}") };
        Ok((dir, whole))
    }
}

impl Outside for SimOutside {
    fn data_dir(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/data"))
    }

    fn absolute(&self, file: &Path) -> io::Result<PathBuf> {
        Ok(Path::new("/").join(file))
    }

    fn lies_in(&self, file: &Path, dir: &Path) -> bool {
        file.starts_with(dir)
    }

    fn mode(&self, file: &Path) -> io::Result<Option<u32>> {
        // A simulated disk has one user.
        Ok(self.read(file, 1 << 20)?.map(|_| 0o600))
    }

    fn read(&self, file: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        match self.disk.read(&self.name(file, false)?.1, bytes_max) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.read(file, usize::MAX)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // The simulated disk has no links; under the caller's lock a replacement is the same.
        self.replace(file, bytes)
    }

    fn replace(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        self.disk.replace(&self.name(file, true)?.1, bytes)
    }

    fn append(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let (dir, name) = self.name(file, true)?;
        let (out, is_new) = match self.disk.open(&name, OpenMode::ReadWrite) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (self.disk.open(&name, OpenMode::CreateNew)?, true)
            }
            opened => (opened?, false),
        };
        out.write_at(bytes, out.len()?)?;
        out.sync_data()?;
        if is_new { self.disk.sync_dir(&dir) } else { Ok(()) }
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send>> {
        let name = format!("{}.lock", self.name(file, true)?.1);
        loop {
            match self.disk.try_lock(&name) {
                Ok(lock) => return Ok(Box::new(lock)),
                Err(LockError::Io { source, .. }) => return Err(source),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    fn run(&self, command: &str, _: &[u8], _: Duration) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("a simulated machine runs no commands: {command}")))
    }
}
