//! A disk whose syncs take their time, over another one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use indelible_engine::world::storage::{LockError, LockGuard, Mapping, OpenMode, Storage, StorageFile};

/// A disk with slow syncs.
#[derive(Clone)]
pub struct Slow {
    disk: Arc<dyn Storage>,
    sync: Duration,
}

struct SlowFile {
    file: Arc<dyn StorageFile>,
    sync: Duration,
}

impl Slow {
    /// `disk`, each of whose file syncs takes `sync`.
    pub fn new(disk: Arc<dyn Storage>, sync: Duration) -> Self {
        Self { disk, sync }
    }
}

impl Storage for Slow {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(SlowFile { file: self.disk.open(name, mode)?, sync: self.sync }))
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.disk.exists(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn list_dirs(&self) -> io::Result<Vec<String>> {
        self.disk.list_dirs()
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn map(&self, name: &str) -> io::Result<Mapping> {
        self.disk.map(name)
    }

    fn try_lock(&self, name: &str) -> Result<LockGuard, LockError> {
        self.disk.try_lock(name)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
}

impl StorageFile for SlowFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        std::thread::sleep(self.sync);
        self.file.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
