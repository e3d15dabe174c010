//! The tree over synced frames, and its signed heads.
//!
//! ```text
//! leaf hashes of the directories -> tree -> head -> signed note -> file `checkpoint` -> whoever is told of heads
//! ```
//!
//! Invariants: only synced frames are in the tree, so nothing is signed before it is durable (`[CHK-3]`); a head continues the
//! newest note that was signed, the kept one: what that signs has the same root still. After a rotation the old key signs nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::descriptor::Hash;
use indelible_evidence::key::SigningKey;
use indelible_evidence::merkle::LogTree;

use super::framer::Framer;
use crate::error::{Corruption, Error, FormatContext, IoContext, Result};
use crate::kept::{keep, newest_kept};
use crate::keys::{Rotation, store_rotation};
use crate::world::storage::Storage;

/// Name of the file with the newest checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// A signed note, what it says, and the epoch of the key that signed it.
type SignedHead = (String, Checkpoint, u32);

impl Framer {
    /// The tree over all synced frames, brought up to date from the directories' leaf hashes, and the root that it had over the first
    /// `at` of them, `None` where there are fewer.
    fn tree(&mut self, at: u64) -> Result<(&LogTree, Option<Hash>)> {
        let frames = self.shared.framed.frames.load(Ordering::Acquire);
        let mut tree = self.tree.take().filter(|tree| tree.size() <= at).unwrap_or_default();
        let mut root_at = (tree.size() == at).then(|| tree.root());
        let snapshot = self.shared.published.load();
        for (segment, _) in snapshot.segments() {
            if segment.entry().is_some_and(|entry| entry.first_frame + entry.frames <= tree.size()) {
                continue;
            }
            segment.with_directory(|directory| {
                let from = tree.size().saturating_sub(segment.first_frame) as usize;
                for entry in directory.frames.iter().skip(from) {
                    if tree.size() < frames {
                        tree.push(entry.leaf_hash);
                        if tree.size() == at {
                            root_at = Some(tree.root());
                        }
                    }
                }
            })?;
        }
        if tree.size() != frames {
            return Err(Corruption::at(
                CHECKPOINT,
                0,
                format!("{} frames found where {frames} are synced", tree.size()),
            )
            .into());
        }
        Ok((self.tree.insert(tree), root_at))
    }

    /// Signs the tree over all synced frames and stores the note; the same size is never signed with another root.
    pub(super) fn sign(&mut self) -> Result<String> {
        let signer = self.shared.keys.signer()?;
        self.check_epoch()?;
        let (head, newest) = self.head()?;
        if let Some((note, checkpoint, epoch)) = newest
            && checkpoint.size == head.size
            && epoch == self.shared.keys.trail.read().epoch()
        {
            return Ok(note);
        }
        let note = sign_checkpoint(&head, &signer).map_err(Error::Record)?;
        self.store(note)
    }

    /// Whether the current key may sign alone over the newest frame: no head falls back behind the frames' key epoch ([CHK-9]).
    pub(crate) fn may_sign(&self) -> bool {
        self.shared.keys.can_sign() && self.check_epoch().is_ok()
    }

    fn check_epoch(&self) -> Result<()> {
        let (frames, signer) = (self.key_epoch(), self.shared.keys.trail.read().epoch());
        if frames > signer { Err(Error::RotationOpen { frames, signer }) } else { Ok(()) }
    }

    /// Frames and syncs everything, signs the tree head with the current key and with `new`, which signs from then on.
    pub(crate) fn rotate(&mut self, new: Arc<SigningKey>) -> Result<String> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| {
            self.frame_pending(true)?;
            self.sync_frames()?;
            let old = shared.keys.signer()?;
            let (head, _) = self.head()?;
            let mut trail = shared.keys.trail.read().clone();
            let rotation = Rotation::sign(&head, &old, &new).and_then(|rotation| {
                trail.push(&rotation.to_text())?;
                Ok(rotation)
            });
            let rotation = rotation.map_err(|error| Error::Option { option: "new key", problem: error.to_string() })?;
            // What is shown was kept before, so that a head that was not kept is somebody else's.
            keep(shared.keys.kept.as_ref(), &rotation.note, Some((trail.epoch(), &rotation.to_text())))?;
            store_rotation(shared.storage.as_ref(), trail.epoch(), &rotation)?;
            // From here on the old key signs nothing more, even where the checkpoint file cannot be replaced now.
            *shared.keys.trail.write() = trail;
            *shared.keys.signer.write() = Some(new);
            self.store(rotation.note)
        })
    }

    /// The tree head over all synced frames, and the newest note that was signed, which it continues: the frames that the note signs
    /// still have its root ([CHK-12]).
    fn head(&mut self) -> Result<(Checkpoint, Option<SignedHead>)> {
        let newest = match self.newest_note()? {
            None => None,
            Some(note) => {
                let (newest, epoch) = self.shared.keys.trail.read().open(&note).in_file(CHECKPOINT, 0)?;
                Some((note, newest, epoch))
            }
        };
        let (tree, root_at) = self.tree(newest.as_ref().map_or(0, |(_, newest, _)| newest.size))?;
        let (size, root) = (tree.size(), tree.root());
        if let Some((_, newest, _)) = &newest
            && root_at != Some(newest.root)
        {
            let problem = format!(
                "the newest head signs {} frames with another content than the {size} found; no head is signed over them",
                newest.size
            );
            return Err(Corruption::at(CHECKPOINT, 0, problem).into());
        }
        let origin = self.shared.manifest.get().origin;
        Ok((Checkpoint { origin, size, root }, newest))
    }

    fn store(&mut self, note: String) -> Result<String> {
        keep(self.shared.keys.kept.as_ref(), &note, None)?;
        self.shared.storage.replace(CHECKPOINT, note.as_bytes()).doing("replace", CHECKPOINT)?;
        self.last_checkpoint = Some(note.clone());
        self.shared.keys.tell(&note);
        Ok(note)
    }

    /// The newest note that was signed: this process's, else the kept one, else the directory's.
    fn newest_note(&self) -> Result<Option<String>> {
        if let Some(note) = &self.last_checkpoint {
            return Ok(Some(note.clone()));
        }
        let shown = read_checkpoint(self.shared.storage.as_ref())?;
        let Some(kept) = newest_kept(self.shared.keys.kept.as_ref())? else { return Ok(shown) };
        let trail = self.shared.keys.trail.read();
        // The directory's note of the same head may have cosignatures too.
        let same = shown.as_ref().is_some_and(|shown| trail.open(shown).ok() == trail.open(&kept).ok());
        Ok(if same { shown } else { Some(kept) })
    }
}

/// The note in the checkpoint file, if there is one.
pub(crate) fn read_checkpoint(storage: &dyn Storage) -> Result<Option<String>> {
    match storage.read(CHECKPOINT, 1 << 20) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(note) => Ok(Some(note)),
            Err(_) => Err(Corruption::at(CHECKPOINT, 0, "the checkpoint is not text").into()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("read", CHECKPOINT),
    }
}
