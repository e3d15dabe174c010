//! Outputs and keys lie outside of every log: where a file may be written, and with which rights it is made.
//!
//! ```text
//! path -> links followed as far as they exist -> no directory above it is a log, nor the log at hand -> opened, 0600 or 0644
//! ```
//!
//! Invariants: no output is opened before it was looked at here; nobody but the owner may write what this crate writes,
//! whatever the umask of the process says. A second name of a log's file (a hard link) is not recognised. Not here: whether an
//! output is also an input of the same run, which the command knows.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Who may read an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner: events, keys.
    Owner,
    /// Everybody whom the umask lets: signed heads and progress say nothing of events.
    Everybody,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Readers::Owner => 0o600,
            Readers::Everybody => 0o644,
        }
    }
}

/// Refuses a file that lies in a log, or in the directory `log`, which need not hold one yet.
///
/// # Errors
/// [`Error::Inside`].
pub fn check(file: &Path, log: Option<&Path>) -> Result<()> {
    let resolved = resolved(file);
    let own = log.map(resolved_dir);
    let inside = resolved.ancestors().skip(1).find(|dir| own.as_deref() == Some(*dir) || is_log(dir));
    match inside {
        Some(log) => Err(Error::Inside { file: file.to_owned(), log: log.to_owned() }),
        None => Ok(()),
    }
}

/// Opens a file to append to it, made where it is missing.
///
/// # Errors
/// The system's own.
pub fn append(file: &Path, readers: Readers) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).append(true);
    with_mode(&mut options, readers).open(file)
}

/// Opens a file to write it anew, made where it is missing.
///
/// # Errors
/// The system's own.
pub fn create(file: &Path, readers: Readers) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    with_mode(&mut options, readers).open(file)
}

fn with_mode(options: &mut fs::OpenOptions, readers: Readers) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, readers.mode());
    options
}

/// Whether a directory holds a log, or what is left of one.
fn is_log(dir: &Path) -> bool {
    dir.join("MANIFEST").is_file() && ["log.pub", "journal", "segments"].iter().any(|name| dir.join(name).exists())
}

/// Where writing to `file` would lead: links are followed as far as there is something.
fn resolved(file: &Path) -> PathBuf {
    if let Ok(there) = fs::canonicalize(file) {
        return there;
    }
    // A link to something that does not exist yet would make it.
    let file = fs::read_link(file)
        .map_or_else(|_| file.to_owned(), |target| file.parent().unwrap_or(Path::new(".")).join(target));
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    resolved_dir(dir).join(file.file_name().unwrap_or_default())
}

fn resolved_dir(dir: &Path) -> PathBuf {
    fs::canonicalize(dir).or_else(|_| std::path::absolute(dir)).unwrap_or_else(|_| dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_into_a_log_is_seen() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("log/segments")).expect("made");
        fs::write(at("log/MANIFEST"), "x").expect("written");
        fs::create_dir(at("beside")).expect("made");
        std::os::unix::fs::symlink(at("log"), at("link")).expect("linked");
        std::os::unix::fs::symlink(at("log/new"), at("dangling")).expect("linked");
        std::os::unix::fs::symlink("log/MANIFEST", at("relative")).expect("linked");
        for inside in
            ["log/MANIFEST", "log/new", "log/segments/new", "link/new", "dangling", "relative", "beside/../log/new"]
        {
            assert!(matches!(check(&at(inside), None), Err(Error::Inside { .. })), "{inside}");
        }
        for outside in ["new", "beside/new", "beside", "log.pub"] {
            assert!(check(&at(outside), None).is_ok(), "{outside}");
        }
        // A directory that will be a log is one already.
        assert!(check(&at("beside/new"), Some(&at("beside"))).is_err());
        assert!(check(&at("not-yet/key"), Some(&at("not-yet"))).is_err());
    }
}
