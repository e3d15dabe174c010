//! A disk in memory that crashes, fails, fills up, rots and lies on command, the same way every time for the same seed.
//!
//! ```text
//! SimStorage ──clone──> another handle of the same disk
//!     │ ├─────fork────> an independent copy, unsynced operations included
//!     │ └─────crash───> an independent disk as the next boot finds it; call it again for another outcome
//!     └─ crash_at(n): from operation n on everything fails, so that a test can stop a program at each of its operations
//! ```
//!
//! What a crash can leave is fixed in `sim_crash.rs` (bytes) and `sim_dir.rs` (names); what else can go wrong in
//! `sim_faults.rs`. A typical search for a bug runs a program with `crash_at(n)` for each n and opens a few `crash()` images
//! of each; a failing case is named by its seed and n.
//!
//! Invariants: as in [`super`]; nothing is random but by the seed. Copies are cheap: pages are shared until written.
//!
//! Deliberately not here: a page cache that forgets, latency, and processes that die while the machine goes on (drop the
//! handles: a simulated process leaves nothing else behind).

pub use super::sim_faults::Fault;

use super::lock::{HeldLock, LockError, LockGuard};
use super::map::Mapping;
use super::sim_crash::Survive;
use super::sim_dir::Node;
use super::sim_disk::{Disk, PowerOff};
use super::{OpenMode, Storage, StorageFile, name};
use crate::world::rng::SplitMix;
use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use std::io;
use std::sync::Arc;

/// What kind of disk it is.
#[derive(Debug, Clone, Default)]
pub struct SimOptions {
    /// Whether a crash can stop a disk in the middle of a 512-byte sector. Off by default: disks in use finish the sector.
    pub tear_sectors: bool,
    /// Size of the disk in bytes, rounded down to blocks of 4096; `None`, the default, is unlimited. Names take no space.
    pub capacity_bytes: Option<u64>,
}

/// A handle of a simulated disk; clones share the disk.
#[derive(Clone)]
pub struct SimStorage {
    disk: Arc<Mutex<Disk>>,
}

impl std::fmt::Debug for SimStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimStorage(after {} operations)", self.op_count())
    }
}

impl SimStorage {
    /// An empty disk. The seed decides everything that [`SimStorage::crash`] and [`Fault::FailSyncPartly`] choose.
    pub fn new(seed: u64, options: SimOptions) -> Self {
        Self::of(Disk::new(SplitMix::new(seed), options.tear_sectors, options.capacity_bytes))
    }

    fn of(disk: Disk) -> Self {
        SimStorage { disk: Arc::new(Mutex::new(disk)) }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock()
    }

    /// The disk as the next boot finds it, with an arbitrary part of what was not synced. Every call draws another outcome
    /// from the seed. This disk goes on as if nothing had happened; the image has no faults, locks or open files, and its
    /// operations count from 0.
    pub fn crash(&self) -> SimStorage {
        let seed = self.disk().rng.next_word();
        self.crash_with(seed)
    }

    /// As [`SimStorage::crash`], with the outcome that belongs to `seed`.
    pub fn crash_with(&self, seed: u64) -> SimStorage {
        let disk = self.disk();
        Self::of(disk.crash(Survive::Chosen { tear_sectors: disk.tear_sectors }, SplitMix::new(seed)))
    }

    /// The next boot when everything made it to the medium, synced or not: an orderly shutdown. What a lost or misdirected
    /// write or a failed sync kept from the medium is missing here too.
    pub fn crash_keep_all(&self) -> SimStorage {
        Self::of(self.disk().crash(Survive::All, SplitMix::new(0)))
    }

    /// The next boot when nothing made it that was not synced.
    pub fn crash_lose_all(&self) -> SimStorage {
        Self::of(self.disk().crash(Survive::Nothing, SplitMix::new(0)))
    }

    /// An independent copy with the same unsynced operations, faults, counters and choices to come, but without locks and
    /// open files.
    pub fn fork(&self) -> SimStorage {
        Self::of(self.disk().fork())
    }

    /// How many operations that change something (creations, writes, cuts, renames, removals, syncs) have run, failed ones
    /// included. Reads do not count.
    pub fn op_count(&self) -> u64 {
        self.disk().power.lock().ops
    }

    /// Switches the power off at operation `at` (compare [`SimStorage::op_count`]): that one and everything after it,
    /// reads included, fails with an error that [`SimStorage::is_crash`] knows.
    pub fn crash_at(&self, at: u64) {
        self.disk().power.lock().off_at = Some(at);
    }

    /// From now on this disk is one of the same machine as `other`: they count their operations together, and lose their power
    /// together. What each keeps of it is its own. A crash image has a power of its own until it shares one again.
    pub fn share_power(&self, other: &SimStorage) {
        let power = Arc::clone(&other.disk().power);
        self.disk().power = power;
    }

    /// Whether this error comes from [`SimStorage::crash_at`].
    pub fn is_crash(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<PowerOff>())
    }

    /// Lets `fault` strike the `nth` operation of its kind from now on (1 is the next) on files whose name begins with
    /// `prefix`. The sync of a directory counts under the prefix of its files.
    pub fn inject(&self, prefix: &str, nth: u64, fault: Fault) {
        self.disk().faults.add(prefix, nth, fault);
    }

    /// How many injected faults have not struck yet: a test that expects one to strike checks that this is 0.
    pub fn faults_waiting(&self) -> usize {
        self.disk().faults.len()
    }

    /// Sets the size of the disk, as [`SimOptions::capacity_bytes`]. What is stored beyond it stays.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity_bytes = bytes;
    }

    /// From now on syncs report success and do nothing, or are honest again; the next honest one catches up.
    pub fn set_lying_syncs(&self, lying: bool) {
        self.disk().lying_syncs = lying;
    }

    /// Rots one bit (0 is the lowest) of a file, on the medium and for readers.
    ///
    /// # Errors
    /// `NotFound`, or `InvalidInput` when the file ends before `offset`.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) -> io::Result<()> {
        let (dir, file) = name::split(name)?;
        self.disk().flip_bit(dir, file, offset, bit)
    }

    fn handle(&self, inode: u64, name: &str, writable: bool) -> SimFile {
        SimFile { disk: self.disk.clone(), inode, name: name.to_owned(), writable }
    }
}

impl Storage for SimStorage {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn StorageFile>> {
        let (dir, file) = name::split(name)?;
        let mut disk = self.disk();
        let inode = match mode {
            OpenMode::Read | OpenMode::ReadWrite => disk.open(dir, file)?,
            OpenMode::CreateNew => disk.create(dir, file)?,
        };
        Ok(Arc::new(self.handle(inode, name, mode != OpenMode::Read)))
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let (dir, file) = name::split(name)?;
        Ok(self.disk().entries(dir)?.is_some_and(|entries| entries.contains_key(file)))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        name::check_dir(dir)?;
        let disk = self.disk();
        let entries = disk.entries(dir)?.into_iter().flatten();
        Ok(entries.filter(|(_, node)| **node != Node::Dir).map(|(name, _)| name.clone()).collect())
    }

    fn list_dirs(&self) -> io::Result<Vec<String>> {
        let disk = self.disk();
        let entries = disk.entries("")?.into_iter().flatten();
        Ok(entries.filter(|(_, node)| **node == Node::Dir).map(|(name, _)| name.clone()).collect())
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        name::check_dir(dir)?;
        self.disk().create_dir(dir)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (dir, file) = name::split(name)?;
        self.disk().remove(dir, file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (dir, from, to) = name::split_rename(from, to)?;
        self.disk().rename(dir, from, to)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        name::check_dir(dir)?;
        self.disk().sync_dir(dir)
    }

    fn map(&self, name: &str) -> io::Result<Mapping> {
        let (dir, file) = name::split(name)?;
        let mut disk = self.disk();
        let inode = disk.open(dir, file)?;
        let bytes = disk.read_all(inode, name);
        disk.close(inode);
        bytes.map(Mapping::from_vec)
    }

    fn try_lock(&self, name: &str) -> Result<LockGuard, LockError> {
        let (dir, file) = name::split(name).map_err(|error| LockError::io(name, error))?;
        let mut disk = self.disk();
        let opened = match disk.open(dir, file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(dir, file),
            other => other,
        };
        let inode = opened.map_err(|error| LockError::io(name, error))?;
        if disk.lock(inode) {
            let (dir, file) = (dir.to_owned(), file.to_owned());
            return Ok(LockGuard::new(SimLock { disk: self.disk.clone(), inode, dir, file }));
        }
        disk.close(inode);
        Err(LockError::Held { name: name.to_owned(), pid: Some(std::process::id()) })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk().free_bytes()
    }
}

/// A lock on a file of a simulated disk.
struct SimLock {
    disk: Arc<Mutex<Disk>>,
    inode: u64,
    dir: String,
    file: String,
}

impl HeldLock for SimLock {
    fn is_current(&self) -> io::Result<bool> {
        let disk = self.disk.lock();
        disk.look()?;
        Ok(disk.node(&self.dir, &self.file) == Some(Node::File(self.inode)))
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        disk.unlock(self.inode);
        disk.close(self.inode);
    }
}

/// An open file of a simulated disk.
struct SimFile {
    disk: Arc<Mutex<Disk>>,
    inode: u64,
    name: String,
    writable: bool,
}

impl SimFile {
    fn check_writable(&self, refusal: Errno) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(refusal.into()) }
    }
}

impl StorageFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.lock().read(self.inode, &self.name, buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable(Errno::BADF)?;
        self.disk.lock().write(self.inode, &self.name, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.lock().sync(self.inode, &self.name)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable(Errno::INVAL)?;
        self.disk.lock().set_len(self.inode, len)
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.lock().len(self.inode)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.disk.lock().close(self.inode);
    }
}
