//! The small files that lie outside a log's directory, because whoever can write that directory must not be able to write them.
//!
//! ```text
//! create   NAME must not exist      whole and durable, or not there      signing keys
//! replace  NAME may exist           the old one or the new one           anchor, newest head, what is remembered
//! append   NAME may exist           bytes at the end, durable            heads that are kept
//! ```
//!
//! Invariants: a file is its owner's alone (0600, in directories 0700 where they are made); after any crash a file that was created
//! or replaced is whole. Not here: which files these are and what they say ([`crate::anchor`], `keys`, `heads`).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where keys, anchors and heads lie.
pub trait Outside: Send + Sync + 'static {
    /// The directory for what a user's programs keep for him (`XDG_DATA_HOME`); `None` where there is none.
    fn data_dir(&self) -> Option<PathBuf>;

    /// The same file, named from the root on.
    ///
    /// # Errors
    /// Where the current directory is not known.
    fn absolute(&self, file: &Path) -> io::Result<PathBuf>;

    /// Whether `file` lies in the directory `dir`, or in any log's, or would lie there.
    fn lies_in(&self, file: &Path, dir: &Path) -> bool;

    /// Who may do what with a file: the nine bits of its mode; `None` where it does not exist, or where there is no such thing.
    ///
    /// # Errors
    /// The disk's own.
    fn mode(&self, file: &Path) -> io::Result<Option<u32>>;

    /// The whole of a file; `None` where it does not exist.
    ///
    /// # Errors
    /// `InvalidData` where it is longer than `bytes_max`; the disk's own.
    fn read(&self, file: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;

    /// Creates a file with these bytes, durably; directories on the way are made. Nobody ever sees a part of it.
    ///
    /// # Errors
    /// `AlreadyExists` where there is one, which is left as it is; the disk's own.
    fn create(&self, file: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Replaces or creates a file, durably; directories on the way are made. Nobody ever sees a part of it.
    ///
    /// # Errors
    /// The disk's own. An error of the last step leaves it unknown which of the two a crash would bring back.
    fn replace(&self, file: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes at the end of a file, durably; makes the file where it is missing.
    ///
    /// # Errors
    /// The disk's own; a part of the bytes may have been written.
    fn append(&self, file: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Waits until nobody else holds the lock that belongs to `file`, then holds it until what is returned is dropped.
    ///
    /// # Errors
    /// The disk's own.
    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send>>;

    /// Runs a command with `sh -c` and these bytes on its standard input, for at most `limit`.
    ///
    /// # Errors
    /// How it failed; `TimedOut` where it took too long, and was ended with everything that it started.
    fn run(&self, command: &str, input: &[u8], limit: Duration) -> io::Result<()>;
}
