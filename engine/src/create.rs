//! Creating a log: many files, one commit point.
//!
//! ```text
//! lock -> nothing here, or what a creation that was cut short left? -> directories, log.pub  (announced)
//!      -> whatever the caller must keep elsewhere, its signing key above all -> MANIFEST     (the log exists)
//! ```
//!
//! Invariants: a directory with a `MANIFEST` holds a log, one without holds none, whatever else lies in it. The lock is held from
//! the first look to the opened log, so that two who create at the same time never mix their files: the second is refused
//! ([`Error::Locked`]) or finds a log ([`Error::Exists`]). What a crash left before the commit point is taken over or replaced by
//! the next creation; a directory in which anything else lies is refused, files of a log that lost its manifest above all.
//!
//! Not here: the first records ([`crate::Log::create`]; the next opening writes them where that was cut short, `[RCV-7]`), where
//! keys lie (the caller's).

use std::sync::Arc;

use indelible_format::manifest::Manifest;
use indelible_format::names::{JOURNAL_DIR, LOCK, LOG_PUB, MANIFEST, SEGMENTS_DIR};

use crate::error::{Error, IoContext, Result};
use crate::log::{CreateSpec, LogConfig};
use crate::mutant::{Mutant, planted};
use crate::recover::take_lock;
use crate::world::storage::{LockGuard, REPLACE_SUFFIX, Storage};

/// Longest `log.pub` that is read.
const LOG_PUB_BYTES_MAX: usize = 4_096;
/// What the root of a file system has by itself.
const OF_THE_FILE_SYSTEM: &str = "lost+found";

/// A creation that is under way: the directory is locked, and there is no log in it yet.
pub struct Creation {
    storage: Arc<dyn Storage>,
    lock: LockGuard,
    announced: Option<String>,
}

impl std::fmt::Debug for Creation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Creation(announced before: {})", self.announced.is_some())
    }
}

impl Creation {
    /// Locks a directory that is empty, or holds what a creation that was cut short left. `path` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Exists`] where there is a log, [`Error::NotEmpty`] where anything else lies there, [`Error::Locked`] while somebody
    /// else creates a log here; the disk's own.
    pub fn begin(storage: &Arc<dyn Storage>, path: &str) -> Result<Self> {
        // Before the lock too: a look at a foreign directory leaves no lock file in it.
        check_empty(storage.as_ref(), path)?;
        let lock = take_lock(storage.as_ref())?;
        check_empty(storage.as_ref(), path)?;
        let announced = match storage.read(LOG_PUB, LOG_PUB_BYTES_MAX) {
            Ok(bytes) => String::from_utf8(bytes).ok().map(|text| text.trim_end().to_owned()),
            Err(_) => None,
        };
        Ok(Self { storage: Arc::clone(storage), lock, announced })
    }

    /// The verifier key for which an earlier creation was cut short here, if there was one and it came that far.
    pub fn announced(&self) -> Option<&str> {
        self.announced.as_deref()
    }

    /// Makes the directories and `log.pub`, durably: whoever finds them knows for which key a log was to be created.
    ///
    /// # Errors
    /// The disk's own.
    pub fn announce(&mut self, key: &str) -> Result<()> {
        let storage = self.storage.as_ref();
        for dir in [JOURNAL_DIR, SEGMENTS_DIR] {
            storage.create_dir(dir).doing("create", dir)?;
        }
        storage.sync_dir("").doing("sync", "the log directory")?;
        if self.announced.as_deref() != Some(key) {
            storage.replace(LOG_PUB, format!("{key}\n").as_bytes()).doing("write", LOG_PUB)?;
            self.announced = Some(key.to_owned());
        }
        Ok(())
    }

    /// Writes the manifest: from here on the log exists. Gives the lock on, which must be held until it is open.
    pub(crate) fn commit(mut self, config: &LogConfig, spec: &CreateSpec) -> Result<LockGuard> {
        config.options.check()?;
        if !planted(Mutant::ManifestBeforePub) {
            self.announce(&spec.key)?;
        }
        let manifest = Manifest {
            log_id: spec.log_id,
            origin: spec.origin.clone(),
            key: spec.key.clone(),
            created_at: config.world.clock.wall_nanos() as u64,
            encrypted: false,
            revision: 1,
            incarnation: 0,
            closed: None,
            journal_first: 1,
            next_segment: 1,
            segments: Vec::new(),
        };
        let bytes = manifest.encode().map_err(Error::Record)?;
        self.storage.replace(MANIFEST, &bytes).doing("write", MANIFEST)?;
        if planted(Mutant::ManifestBeforePub) {
            self.announce(&spec.key)?;
        }
        Ok(self.lock)
    }
}

/// Refuses a directory in which a log lies, or anything that no creation leaves behind.
fn check_empty(storage: &dyn Storage, path: &str) -> Result<()> {
    if storage.exists(MANIFEST).doing("look for", MANIFEST)? {
        return Err(Error::Exists { path: path.to_owned() });
    }
    // Whoever creates a log at this moment writes its manifest before what is found here, though after the look above.
    let refuse = |found: String| match storage.exists(MANIFEST).doing("look for", MANIFEST)? {
        true => Err(Error::Exists { path: path.to_owned() }),
        false => Err(Error::NotEmpty { path: path.to_owned(), found }),
    };
    for file in storage.list("").doing("list", "the log directory")? {
        let whole = file.strip_suffix(REPLACE_SUFFIX);
        let left = file == LOCK || file == LOG_PUB || whole.is_some_and(|name| name == LOG_PUB || name == MANIFEST);
        if !left {
            return refuse(file);
        }
    }
    for dir in storage.list_dirs().doing("list", "the log directory")? {
        if dir == OF_THE_FILE_SYSTEM {
            continue;
        }
        if dir != JOURNAL_DIR && dir != SEGMENTS_DIR {
            return refuse(dir);
        }
        if let Some(file) = storage.list(&dir).doing("list", &dir)?.first() {
            return refuse(format!("{dir}/{file}"));
        }
    }
    Ok(())
}
