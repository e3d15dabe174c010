//! The newest head that the signer signed, in a file beside its key.
//!
//! ```text
//! audit.key   <log id>.head   <log id>.1.rotation   <log id>.2.rotation ...
//!             <log id>.adopted   frames of the newest head that was taken for the signer's own on somebody's word
//! ```
//!
//! Invariants: written and synced before the log directory gets the same, so that a head there that is not here was signed by somebody
//! else; whoever moves the key moves these files with it. Where a rotation put the new key into another directory they lie in both.
//! Not here: what is concluded from them (`indelible_engine::KeptError`).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_engine::query::View;
use indelible_engine::{Adopt, KeepHeads, Kept, KeptHeads};
use indelible_evidence::LogId;
use indelible_evidence::merkle::LogTree;
use indelible_evidence::rotation::KeyTrail;
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::keys;
use crate::world::{Outside, World};

/// Longest file that is read: a note and its signatures.
const BYTES_MAX: usize = 1 << 20;

/// The files of one log beside its signing key.
pub(crate) struct KeptFiles {
    outside: Arc<dyn Outside>,
    log_id: LogId,
    /// The directory of the key that signs first; others get what it gets.
    dirs: Mutex<Vec<PathBuf>>,
}

impl KeptFiles {
    /// The files beside a signing key.
    pub(crate) fn beside(outside: &Arc<dyn Outside>, key_file: &Path, log_id: LogId) -> Self {
        let dirs = Mutex::new(vec![directory(key_file)]);
        Self { outside: Arc::clone(outside), log_id, dirs }
    }

    /// From now on the files lie beside this key too.
    pub(crate) fn also_beside(&self, key_file: &Path) -> Result<()> {
        let dir = directory(key_file);
        let mut dirs = self.dirs.lock();
        if !dirs.contains(&dir) {
            let failed = |error: io::Error| unreadable(&self.head(&dir), &error);
            let first = dirs.first().cloned().unwrap_or_default();
            let kept = self.read_in(&first).map_err(failed)?;
            for (epoch, text) in (1..).zip(&kept.rotations) {
                self.outside.replace(&self.rotation(&dir, epoch), text.as_bytes()).map_err(failed)?;
            }
            if let Some(note) = &kept.head {
                self.outside.replace(&self.head(&dir), note.as_bytes()).map_err(failed)?;
            }
            if let Some(frames) = self.text(&self.adoption(&first)).map_err(failed)? {
                self.outside.replace(&self.adoption(&dir), frames.as_bytes()).map_err(failed)?;
            }
            dirs.push(dir);
        }
        Ok(())
    }

    /// What is kept.
    pub(crate) fn kept(&self) -> Result<Kept> {
        let dir = self.dirs.lock().first().cloned().unwrap_or_default();
        self.read_in(&dir).map_err(|error| unreadable(&self.head(&dir), &error))
    }

    /// Frames of the newest head that was adopted unseen, if ever one was.
    pub(crate) fn adopted(&self) -> Result<Option<u64>> {
        let dir = self.dirs.lock().first().cloned().unwrap_or_default();
        let file = self.adoption(&dir);
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let frames =
            self.text(&file).and_then(|text| text.map(|text| text.trim_end().parse()).transpose().map_err(invalid));
        frames.map_err(|error: io::Error| unreadable(&file, &error))
    }

    /// Body of the record of an accepted loss: what the kept head signs and the log does not have.
    pub(crate) fn loss(&self, world: &World, view: &View) -> Result<Option<String>> {
        let kept = self.kept()?;
        let Some(note) = &kept.head else { return Ok(None) };
        let (own, _) = continued(world.trail()?, &kept)?.open(note)?;
        let mut tree = LogTree::new();
        view.leaf_hashes(own.size)?.into_iter().for_each(|leaf| tree.push(leaf));
        let reason = match tree.size() < own.size {
            true => "behind",
            false if tree.root() != own.root => "forked",
            false => return Ok(None),
        };
        let root: String = own.root.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = serde_json::json!({
            "anchored_frames": own.size, "anchored_root": root, "found_frames": tree.size(), "reason": reason,
        });
        Ok(Some(body.to_string()))
    }

    fn head(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.head", self.log_id))
    }

    fn adoption(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.adopted", self.log_id))
    }

    fn rotation(&self, dir: &Path, epoch: u32) -> PathBuf {
        dir.join(format!("{}.{epoch}.rotation", self.log_id))
    }

    fn read_in(&self, dir: &Path) -> io::Result<Kept> {
        let mut rotations = Vec::new();
        while let Some(text) = self.text(&self.rotation(dir, rotations.len() as u32 + 1))? {
            rotations.push(text);
        }
        Ok(Kept { head: self.text(&self.head(dir))?, rotations })
    }

    fn text(&self, file: &Path) -> io::Result<Option<String>> {
        let Some(bytes) = self.outside.read(file, BYTES_MAX)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn replace(&self, name: impl Fn(&Path) -> PathBuf, text: &str) -> io::Result<()> {
        self.dirs.lock().iter().try_for_each(|dir| self.outside.replace(&name(dir), text.as_bytes()))
    }
}

impl KeepHeads for KeptFiles {
    fn read(&self) -> io::Result<Kept> {
        let dir = self.dirs.lock().first().cloned().unwrap_or_default();
        self.read_in(&dir)
    }

    fn keep_head(&self, note: &str) -> io::Result<()> {
        self.replace(|dir| self.head(dir), note)
    }

    fn keep_rotation(&self, epoch: u32, text: &str) -> io::Result<()> {
        self.replace(|dir| self.rotation(dir, epoch), text)
    }

    fn keep_adoption(&self, frames: u64) -> io::Result<()> {
        self.replace(|dir| self.adoption(dir), &format!("{frames}\n"))
    }
}

/// The keys of the log, the directory's and those whose rotation the directory lost or does not have yet.
pub(crate) fn continued(mut trail: KeyTrail, kept: &Kept) -> Result<KeyTrail> {
    for text in kept.rotations.iter().skip(trail.epoch() as usize) {
        trail.push(text)?;
    }
    Ok(trail)
}

/// How the engine opens a log with these files.
pub(crate) fn heads(files: &Arc<KeptFiles>, key_file: &Path, epoch: u32, adopt: Adopt, accept_loss: bool) -> KeptHeads {
    // A file of that name that is no key is somebody else's.
    let next = keys::of_epoch(key_file, epoch + 1);
    let successor = keys::load(files.outside.as_ref(), &next, false).ok().flatten().map(|key| key.verifier());
    let keeper: Arc<dyn KeepHeads> = Arc::clone(files) as Arc<dyn KeepHeads>;
    KeptHeads { keeper, adopt, accept_loss, successor }
}

fn directory(key_file: &Path) -> PathBuf {
    key_file.parent().map(Path::to_owned).unwrap_or_default()
}

fn unreadable(file: &Path, error: &io::Error) -> Error {
    Error::Key { file: file.to_owned(), problem: format!("the kept head cannot be read or written: {error}") }
}
