//! A log in a real directory.
//!
//! ```text
//! DirStorage ── fd of the log directory ── openat/renameat/unlinkat ──> files 0600, directories 0700
//!                     └─ sub-directory: opened for each operation, never through a symbolic link
//! ```
//!
//! Invariants: everything is relative to the directory's file descriptor, so renaming or moving the log under a running
//! process is harmless. No name is followed through a symbolic link, nothing but a regular file is opened (a FIFO cannot
//! block us), and no descriptor survives an `exec`. Read-only access refuses every change before it reaches the disk.
//!
//! Deliberately not here: retries of a sync (promise 2 of the design), direct I/O, and preallocation.

use super::lock::{HeldLock, LockError, LockGuard};
use super::map::Mapping;
use super::{OpenMode, Storage, StorageFile, name};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// What [`DirStorage::open`] may do with the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read and write; the directory is created, durably, if it is missing. Its parent must exist.
    Create,
    /// Read and write; the directory must exist.
    ReadWrite,
    /// Read; every operation that would change the directory fails with `EROFS`.
    ReadOnly,
}

/// A log directory on a real disk.
#[derive(Debug)]
pub struct DirStorage {
    root: OwnedFd,
    writable: bool,
}

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIR_MODE: Mode = Mode::RWXU;
const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Opening a FIFO or a device of that name must not block; on a regular file the flag means nothing.
const FILE_FLAGS: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl DirStorage {
    /// Opens the directory at `path`. The path itself may lead through symbolic links.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `PermissionDenied` and whatever else the system says about the path.
    pub fn open(path: impl AsRef<Path>, access: Access) -> io::Result<Self> {
        let path = path.as_ref();
        if access == Access::Create {
            match rustix::fs::mkdir(path, DIR_MODE) {
                Ok(()) => sync_parent(path)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let root = rustix::fs::open(path, DIR_FLAGS, Mode::empty())?;
        Ok(DirStorage { root, writable: access != Access::ReadOnly })
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::ROFS.into()) }
    }

    /// Runs `act` with a descriptor of `dir`.
    fn in_dir<T>(&self, dir: &str, act: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        if dir.is_empty() {
            return act(self.root.as_fd());
        }
        let fd = rustix::fs::openat(&self.root, dir, DIR_FLAGS | OFlags::NOFOLLOW, Mode::empty())?;
        act(fd.as_fd())
    }

    /// Opens a regular file; anything else of that name is refused.
    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let (dir, file) = name::split(name)?;
        self.in_dir(dir, |fd| {
            let opened = File::from(rustix::fs::openat(fd, file, flags | FILE_FLAGS, FILE_MODE)?);
            if opened.metadata()?.is_file() {
                return Ok(opened);
            }
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is not a regular file")))
        })
    }
}

/// Makes the entry of a directory just created durable in its parent.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fd = rustix::fs::open(parent, DIR_FLAGS, Mode::empty())?;
    Ok(rustix::fs::fsync(fd)?)
}

/// The names in a directory whose kind is wanted, sorted, without the two that every directory has.
fn entries(fd: BorrowedFd<'_>, wanted: impl Fn(FileType) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    // A descriptor of its own: the position of a directory stream belongs to the open file description.
    for entry in rustix::fs::Dir::read_from(fd)? {
        let entry = entry?;
        let file = entry.file_name();
        let kind = match entry.file_type() {
            // Some file systems do not say; a file that vanished meanwhile is not listed.
            FileType::Unknown => match rustix::fs::statat(fd, file, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            },
            known => known,
        };
        let name = file.to_string_lossy();
        if wanted(kind) && name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

impl Storage for DirStorage {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn StorageFile>> {
        let flags = match mode {
            OpenMode::Read => OFlags::RDONLY,
            OpenMode::ReadWrite => OFlags::RDWR,
            OpenMode::CreateNew => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        };
        if mode != OpenMode::Read {
            self.check_writable()?;
        }
        Ok(Arc::new(RealFile { file: self.open_file(name, flags)? }))
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let (dir, file) = name::split(name)?;
        let found = self.in_dir(dir, |fd| Ok(rustix::fs::statat(fd, file, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        name::check_dir(dir)?;
        match self.in_dir(dir, |fd| entries(fd, |kind| kind != FileType::Directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    fn list_dirs(&self) -> io::Result<Vec<String>> {
        self.in_dir("", |fd| entries(fd, |kind| kind == FileType::Directory))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        name::check_dir(dir)?;
        self.check_writable()?;
        if dir.is_empty() {
            return Ok(());
        }
        match rustix::fs::mkdirat(&self.root, dir, DIR_MODE) {
            Ok(()) => Ok(()),
            // Opening it says whether it is a directory that can be used.
            Err(Errno::EXIST) => self.in_dir(dir, |_| Ok(())),
            Err(error) => Err(error.into()),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (dir, file) = name::split(name)?;
        self.check_writable()?;
        self.in_dir(dir, |fd| Ok(rustix::fs::unlinkat(fd, file, AtFlags::empty())?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (dir, from, to) = name::split_rename(from, to)?;
        self.check_writable()?;
        self.in_dir(dir, |fd| Ok(rustix::fs::renameat(fd, from, fd, to)?))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        name::check_dir(dir)?;
        self.check_writable()?;
        self.in_dir(dir, |fd| Ok(rustix::fs::fsync(fd)?))
    }

    fn map(&self, name: &str) -> io::Result<Mapping> {
        Mapping::of_sealed(&self.open_file(name, OFlags::RDONLY)?)
    }

    fn try_lock(&self, name: &str) -> Result<LockGuard, LockError> {
        self.check_writable().map_err(|error| LockError::io(name, error))?;
        let (dir, file) = name::split(name).map_err(|error| LockError::io(name, error))?;
        loop {
            let locked =
                self.open_file(name, OFlags::RDWR | OFlags::CREATE).map_err(|error| LockError::io(name, error))?;
            match rustix::fs::flock(&locked, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    return Err(LockError::Held { name: name.to_owned(), pid: stored_pid(&locked) });
                }
                Err(Errno::INTR) => continue,
                Err(error) => return Err(LockError::io(name, error)),
            }
            let held = self
                .in_dir(dir, |fd| Ok(FileLock { dir: fd.try_clone_to_owned()?, name: file.to_owned(), file: locked }))
                .map_err(|error| LockError::io(name, error))?;
            // Between opening and locking, the file may have been replaced: then the lock is on a file that nobody else sees.
            if held.is_current().map_err(|error| LockError::io(name, error))? {
                held.announce();
                return Ok(LockGuard::new(held));
            }
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// A locked file and where its name lies. Dropping it releases the lock.
struct FileLock {
    dir: OwnedFd,
    name: String,
    file: File,
}

impl FileLock {
    /// Leaves the process id for the message of whoever is refused. Failing to do so does not weaken the lock.
    fn announce(&self) {
        let _ = self.file.set_len(0);
        let _ = self.file.write_all_at(std::process::id().to_string().as_bytes(), 0);
    }
}

impl HeldLock for FileLock {
    fn is_current(&self) -> io::Result<bool> {
        let held = rustix::fs::fstat(&self.file)?;
        match rustix::fs::statat(&self.dir, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // A closed log keeps no trace of who had it open, so its files depend on its records alone.
        let _ = self.file.set_len(0);
        // A child that another thread has forked and that runs no program yet has this descriptor too: closing ours alone would
        // leave the lock with it for a moment, and whoever opens the log next would be refused.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// The process id in a lock file, if it looks like one.
fn stored_pid(file: &File) -> Option<u32> {
    let mut digits = [0; 10];
    let len = file.read_at(&mut digits, 0).ok()?;
    std::str::from_utf8(digits.get(..len)?).ok()?.parse().ok()
}

/// An open file of a real directory.
struct RealFile {
    file: File,
}

impl StorageFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        // Goes on after a short write, so that a full disk reports its own error and not a short count.
        self.file.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.file)?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
