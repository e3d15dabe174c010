//! The anchor: the newest signed head of a log, kept in a file outside its directory.
//!
//! ```text
//! open    anchor file -> is it a head of this log, as the log is now? -> no: refuse, and say that something was lost
//! sign    new head -> lock, compare with what the file holds, swap
//! ```
//!
//! Somebody who can write the log directory can put an old copy of it back, and everything in that copy verifies. The anchor
//! finds that, as far as it lies where they cannot write. Which file is a log's anchor is remembered beside the signing keys.
//!
//! Invariants: the file never goes back to a smaller head but by [`Anchor::replace`]; a head is written whole or not at all.
//! Not here: opening the log (`ledger`), witnesses.

use std::path::{Path, PathBuf};

use indelible_engine::query::View;
use indelible_evidence::LogId;
use indelible_evidence::checkpoint::Checkpoint;
use indelible_evidence::key::VerifierKey;
use indelible_evidence::merkle::LogTree;
use indelible_evidence::rotation::KeyTrail;

use crate::error::{Error, Result};
use crate::kept::continued;
use crate::keys;
use crate::reader::{LedgerReader, ReadOptions};
use crate::rotate::check_trail;
use crate::world::{Access, Machine, Outside, World};

/// Longest anchor file that is read: a note and its cosignatures.
const BYTES_MAX: usize = 1 << 20;

/// What is wrong between a log and its anchor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The log has less than what was anchored.
    #[error(
        "the log is behind its anchor {}: the anchor signs {anchored} frames, the log has {found}. Something that was signed is lost: the log \
         was cut, or an older copy was put in its place. Bring the newer copy back; or, to go on without it, run `indelible anchor LOG --accept-loss`, \
         which records the loss in the log", file.display()
    )]
    Behind {
        /// The anchor file.
        file: PathBuf,
        /// Frames that the anchor signs.
        anchored: u64,
        /// Frames that the log has.
        found: u64,
    },
    /// The log has another content than what was anchored.
    #[error(
        "the log's first {anchored} frames are not those that its anchor {} signs: the log was rewritten, or cut and continued. Bring the right \
         copy back; or, to go on with this one, run `indelible anchor LOG --accept-loss`, which records the loss in the log", file.display()
    )]
    Forked {
        /// The anchor file.
        file: PathBuf,
        /// Frames that the anchor signs.
        anchored: u64,
    },
    /// The file holds something else than a head of this log.
    #[error("the anchor {} holds no signed head of this log: {problem}", file.display())]
    NotAnAnchor {
        /// The anchor file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file that was the log's anchor is gone.
    #[error("the anchor {} is missing: bring it back, or name another one with `indelible anchor LOG FILE`", file.display())]
    Missing {
        /// The anchor file.
        file: PathBuf,
    },
    /// The disk refused.
    #[error("cannot {what} the anchor {}: {source}", file.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// The anchor file, or where it is remembered.
        file: PathBuf,
        /// The disk's own words.
        source: std::io::Error,
    },
    /// The anchor would lie in the directory that it guards.
    #[error("the anchor {} lies inside a log directory: whoever changes the log would change it too; choose another place", file.display())]
    Inside {
        /// The file asked for.
        file: PathBuf,
    },
}

impl From<AnchorError> for Error {
    fn from(error: AnchorError) -> Self {
        Error::Anchor(Box::new(error))
    }
}

/// A log's anchor file.
#[derive(Debug, Clone)]
pub struct Anchor {
    file: PathBuf,
    world: World,
    key: VerifierKey,
    /// Rotations kept beside the signing key, for those that the directory does not have.
    kept: indelible_engine::Kept,
}

impl Anchor {
    /// The anchor in `file` of the log at `log`, on this machine, with this verifier key (text form).
    ///
    /// # Errors
    /// Where the file would lie inside the log directory, the key is none, or there is no such directory.
    pub fn new(file: &Path, log: &Path, key: &str) -> Result<Self> {
        Self::new_in(&World::machine(log, Access::ReadOnly)?, file, key)
    }

    /// As [`Anchor::new`], in any world.
    ///
    /// # Errors
    /// As [`Anchor::new`].
    pub fn new_in(world: &World, file: &Path, key: &str) -> Result<Self> {
        let file = world.outside.absolute(file).map_err(|source| failed("find", file, source))?;
        if world.outside.lies_in(&file, &world.path) {
            return Err(AnchorError::Inside { file }.into());
        }
        let key = VerifierKey::parse(key)
            .map_err(|error| AnchorError::NotAnAnchor { file: file.clone(), problem: error.to_string() })?;
        Ok(Self { file, world: world.clone(), key, kept: indelible_engine::Kept::default() })
    }

    pub(crate) fn with_kept(self, kept: indelible_engine::Kept) -> Self {
        Self { kept, ..self }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The head that the file holds; `None` where there is no file.
    ///
    /// # Errors
    /// Where it holds something else.
    pub fn head(&self) -> Result<Option<Checkpoint>> {
        let not_a_head = |problem: String| AnchorError::NotAnAnchor { file: self.file.clone(), problem };
        let bytes = match self.world.outside.read(&self.file, BYTES_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(not_a_head(error.to_string()).into());
            }
            Err(source) => return Err(failed("read", &self.file, source)),
        };
        let note = String::from_utf8(bytes).map_err(|_| not_a_head("it is not text".to_owned()))?;
        self.parse(&note).map(Some)
    }

    /// Checks that the log still has everything that the anchor signs.
    ///
    /// # Errors
    /// [`AnchorError::Behind`], [`AnchorError::Forked`], [`AnchorError::Missing`], [`AnchorError::NotAnAnchor`].
    pub fn check(&self, view: &View) -> Result<Checkpoint> {
        let head = self.head()?.ok_or_else(|| AnchorError::Missing { file: self.file.clone() })?;
        self.compare(&head, view)?;
        Ok(head)
    }

    /// The keys that may have signed a head, from the log's first.
    fn trail(&self) -> Result<KeyTrail> {
        let trail = continued(self.world.trail()?, &self.kept)?;
        if *trail.first() != self.key {
            let problem = format!("the log's first key is {}, expected {}", trail.first(), self.key);
            return Err(AnchorError::NotAnAnchor { file: self.file.clone(), problem }.into());
        }
        Ok(trail)
    }

    fn compare(&self, head: &Checkpoint, view: &View) -> Result<()> {
        let manifest = self.world.manifest()?;
        check_trail(view, &manifest, &self.trail()?)
            .map_err(|problem| AnchorError::NotAnAnchor { file: self.file.clone(), problem })?;
        let leaves = view.leaf_hashes(head.size)?;
        let (file, anchored, found) = (self.file.clone(), head.size, leaves.len() as u64);
        if found < anchored {
            return Err(AnchorError::Behind { file, anchored, found }.into());
        }
        let mut tree = LogTree::new();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        if tree.root() != head.root {
            return Err(AnchorError::Forked { file, anchored }.into());
        }
        Ok(())
    }

    /// Moves the anchor on to a newer head of the log: compares what the file holds with the log, then swaps.
    ///
    /// A head that the file is beyond already changes nothing. Says whether the file was written.
    ///
    /// # Errors
    /// As [`Anchor::check`], but a missing file is made; the disk's own.
    pub fn advance(&self, note: &str, view: &View) -> Result<bool> {
        let _lock = self.lock()?;
        let newer = self.parse(note)?;
        if let Some(head) = self.head()? {
            self.compare(&head, view)?;
            if head.size >= newer.size {
                return Ok(false);
            }
        }
        self.write(note)?;
        Ok(true)
    }

    /// Moves the anchor on to the newest head that lies in the log directory, if there is one.
    ///
    /// # Errors
    /// As [`Anchor::advance`]; where the log cannot be read.
    pub fn catch_up(&self) -> Result<bool> {
        let reader = LedgerReader::open_in(&self.world, &ReadOptions::default())?;
        match reader.checkpoint()? {
            Some(note) => self.advance(&note, &reader.view()?),
            None => Ok(false),
        }
    }

    /// Puts a head into the file whatever it holds: only where the loss was accepted and recorded.
    ///
    /// # Errors
    /// Where `note` is no head of this log; the disk's own.
    pub fn replace(&self, note: &str) -> Result<()> {
        let _lock = self.lock()?;
        self.parse(note)?;
        self.write(note)
    }

    fn parse(&self, note: &str) -> Result<Checkpoint> {
        let refuse = |error: indelible_evidence::FormatError| AnchorError::NotAnAnchor {
            file: self.file.clone(),
            problem: error.to_string(),
        };
        Ok(self.trail()?.open(note).map_err(refuse)?.0)
    }

    fn write(&self, note: &str) -> Result<()> {
        let written = self.world.outside.replace(&self.file, note.as_bytes());
        written.map_err(|source| failed("write", &self.file, source))
    }

    /// Two processes never compare and swap at the same time.
    fn lock(&self) -> Result<Box<dyn Send>> {
        self.world.outside.lock(&self.file).map_err(|source| failed("lock", &self.file, source))
    }

    /// Body of the record of an accepted loss; `None` where the error is none that can be accepted.
    pub(crate) fn loss(&self, error: &AnchorError) -> Result<Option<String>> {
        let (found, reason) = match *error {
            AnchorError::Behind { found, .. } => (found, "behind"),
            AnchorError::Forked { anchored, .. } => (anchored, "forked"),
            _ => return Ok(None),
        };
        let Some(head) = self.head()? else { return Ok(None) };
        let root: String = head.root.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = serde_json::json!({
            "anchored_frames": head.size, "anchored_root": root, "found_frames": found, "reason": reason,
        });
        Ok(Some(body.to_string()))
    }

    /// Remembers this as the log's anchor, so that every later opening looks at it.
    ///
    /// # Errors
    /// Where there is no place to remember it; the disk's own.
    pub fn remember(&self, log_id: LogId) -> Result<()> {
        let outside = self.world.outside.as_ref();
        let pointer = pointer(outside, log_id)?;
        let written = outside.replace(&pointer, self.file.as_os_str().as_encoded_bytes());
        written.map_err(|source| failed("remember", &pointer, source))
    }
}

/// The anchor file that is remembered for a log on this machine.
///
/// # Errors
/// Where what is remembered cannot be read.
pub fn remembered(log_id: LogId) -> Result<Option<PathBuf>> {
    remembered_in(&Machine, log_id)
}

/// The anchor file that is remembered for a log.
pub(crate) fn remembered_in(outside: &dyn Outside, log_id: LogId) -> Result<Option<PathBuf>> {
    // Without a home there is nothing that could have been remembered.
    let Ok(pointer) = pointer(outside, log_id) else { return Ok(None) };
    let bytes = outside.read(&pointer, BYTES_MAX).map_err(|source| failed("find", &pointer, source))?;
    let not_text = |_| failed("find", &pointer, std::io::ErrorKind::InvalidData.into());
    bytes.map(|bytes| String::from_utf8(bytes).map(PathBuf::from).map_err(not_text)).transpose()
}

fn pointer(outside: &dyn Outside, log_id: LogId) -> Result<PathBuf> {
    Ok(keys::default_in(outside, log_id)?.with_extension("anchor"))
}

fn failed(what: &'static str, file: &Path, source: std::io::Error) -> Error {
    AnchorError::Io { what, file: file.to_owned(), source }.into()
}
