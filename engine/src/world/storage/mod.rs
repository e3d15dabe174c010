//! The one door between the engine and a disk: a log directory with files that are named, read and written by position,
//! synced, renamed, mapped and locked.
//!
//! ```text
//!                   Storage ──open──> StorageFile     read_at, write_at, sync_data, set_len
//!                      │ ├──map───> Mapping           bytes of a sealed file
//!                      │ └─try_lock─> LockGuard       one writer
//!        ┌─────────────┴─────────────┐
//!   DirStorage (file.rs)      SimStorage (sim.rs)
//!   a real directory          memory; crashes, faults and full disks on schedule
//! ```
//!
//! Names are relative to the log directory, with `/` between at most two components: `MANIFEST`,
//! `segments/00000000000000000001-0000.seg`. Anything else is refused before it reaches a disk.
//!
//! What a caller may rely on, with either implementation:
//! - A name survives a crash only after `sync_dir` of its directory, and a directory's own name only after `sync_dir("")`.
//! - Bytes and length survive only after `sync_data` of the file. Until then each 512-byte sector may come back in any of
//!   the states it went through since the last sync, whatever its neighbours do.
//! - A failed sync leaves it unknown what is durable, and a later sync that succeeds says nothing about it.
//! - Directory operations of one directory survive in order, as a prefix; those of two directories are independent. A rename
//!   stays within one directory, so that one sync settles it.
//! - Errors of the disk keep their `raw_os_error`, so that `ENOSPC` and `EIO` can be told apart. They do not name the file:
//!   the caller knows it, and knows what it meant to do.
//!
//! Deliberately not here: buffering, retries, what the files mean, and when to sync.

mod file;
mod lock;
mod map;
mod name;
pub mod sim;
mod sim_content;
mod sim_crash;
mod sim_dir;
mod sim_disk;
mod sim_faults;

#[cfg(test)]
mod sim_oracle;
#[cfg(test)]
mod sim_tests;
#[cfg(test)]
mod suite;

pub use file::{Access, DirStorage};
pub use lock::{LockError, LockGuard};
pub use map::Mapping;

use std::io;
use std::sync::Arc;

/// How [`Storage::open`] opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading only; the file must exist.
    Read,
    /// For reading and writing; the file must exist.
    ReadWrite,
    /// For reading and writing; the file must not exist and is created empty.
    CreateNew,
}

/// The suffix of the file that [`Storage::replace`] writes before it takes the real name. Recovery may remove such files.
pub const REPLACE_SUFFIX: &str = ".tmp";

/// One log directory. See the module for names and for what survives a crash.
pub trait Storage: Send + Sync + 'static {
    /// Opens the file `name`.
    ///
    /// # Errors
    /// `NotFound` or `AlreadyExists` as the mode demands, `InvalidInput` for a bad name or something that is no regular file.
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn StorageFile>>;

    /// Whether anything, a directory included, has this name.
    ///
    /// # Errors
    /// `InvalidInput` for a bad name, or the disk's own error.
    fn exists(&self, name: &str) -> io::Result<bool>;

    /// The names in `dir` (`""` is the log directory) that are not directories, sorted by bytes; without the directory's
    /// own name in front. A missing directory lists as empty. Bytes that are not UTF-8 come back replaced.
    ///
    /// # Errors
    /// `InvalidInput` for a bad name, or the disk's own error.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// The names of the directories in the log directory, sorted by bytes. Bytes that are not UTF-8 come back replaced.
    ///
    /// # Errors
    /// The disk's own.
    fn list_dirs(&self) -> io::Result<Vec<String>>;

    /// Makes the directory `dir` inside the log directory; fine if it exists. Durable after `sync_dir("")`.
    ///
    /// # Errors
    /// `NotADirectory` where a file has the name, or the disk's own error.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// Removes the file `name`. Open handles and mappings keep working.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, or the disk's own error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives the file `from` the name `to`, replacing a file of that name in one step.
    ///
    /// # Errors
    /// `InvalidInput` when the two lie in different directories, `NotFound`, or the disk's own error.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the creations, renames and removals in `dir` durable.
    ///
    /// # Errors
    /// `NotFound`, or the disk's own error: then nothing is known about what is durable.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// The bytes of a sealed file, which nobody may change while they are mapped (see [`Mapping`]).
    ///
    /// # Errors
    /// As [`Storage::open`] for reading.
    fn map(&self, name: &str) -> io::Result<Mapping>;

    /// Takes the exclusive lock `name` (a file, created if missing) without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] when another holder, in this process or another, has it.
    fn try_lock(&self, name: &str) -> Result<LockGuard, LockError>;

    /// Bytes that this process may still write on the device.
    ///
    /// # Errors
    /// The disk's own.
    fn free_bytes(&self) -> io::Result<u64>;

    /// The whole of a small file.
    ///
    /// # Errors
    /// `InvalidData` when it is longer than `bytes_max`: nothing was allocated for it. Else as [`Storage::open`].
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
        let file = self.open(name, OpenMode::Read)?;
        let len = file.len()?;
        match usize::try_from(len) {
            Ok(len) if len <= bytes_max => {
                let mut bytes = vec![0; len];
                file.read_exact_at(&mut bytes, 0)?;
                Ok(bytes)
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{name} has {len} bytes, more than the {bytes_max} that such a file can have"),
            )),
        }
    }

    /// Replaces or creates `name` with these bytes: writes `name.tmp`, syncs it, renames it over `name`, syncs the directory.
    /// After any crash the file is wholly the old one or wholly the new one; after `Ok`, the new one.
    ///
    /// # Errors
    /// The disk's own. An error of the last two steps leaves it unknown which of the two a crash would bring back. The
    /// temporary file is removed if that can be done.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (dir, _) = name::split(name)?;
        let temporary = format!("{name}{REPLACE_SUFFIX}");
        match self.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Gone now, or never there: what an earlier crash left behind is worth nothing.
            _ => {}
        }
        let prepare = || {
            let file = self.open(&temporary, OpenMode::CreateNew)?;
            file.write_at(bytes, 0)?;
            file.sync_data()?;
            self.rename(&temporary, name)
        };
        if let Err(error) = prepare() {
            // Only tidiness, and space on a full disk: the first error is the one to report.
            let _ = self.remove(&temporary);
            return Err(error);
        }
        self.sync_dir(dir)
    }
}

/// One open file. Positions are absolute, there is no cursor, and all methods may be called from several threads.
pub trait StorageFile: Send + Sync {
    /// Fills `buf` from `offset` and gives the number of bytes read: less than asked only at the end of the file.
    ///
    /// # Errors
    /// The disk's own.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, growing the file and filling a gap with zeros.
    ///
    /// # Errors
    /// The disk's own; a prefix of the bytes may have been written, and the length may have grown by it.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the bytes and the length durable, but not the name (see [`Storage::sync_dir`]).
    ///
    /// # Errors
    /// The disk's own: then nothing is known about what is durable, and trying again does not help.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file, or grows it with zeros, to `len` bytes.
    ///
    /// # Errors
    /// The disk's own.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// The disk's own.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// As [`StorageFile::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills all of `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before it, or the disk's own.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let read = self.read_at(buf, offset)?;
        if read == buf.len() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!(
                "the file ends at byte {}, but {} bytes at {offset} were needed",
                offset.saturating_add(read as u64),
                buf.len()
            ),
        ))
    }
}
