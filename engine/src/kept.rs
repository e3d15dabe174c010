//! The newest head that the signer signed, kept outside the log directory before it is written into it.
//!
//! ```text
//! sign      head -> kept, synced -> rotations/, checkpoint
//! opening   checkpoint beyond the kept head     somebody else signed with the key: refused
//!           kept head beyond the checkpoint     written back, where the log still has what it signs; else refused as cut
//!           rotations/ shorter than what is kept   restored
//! ```
//!
//! Invariants: where the directory shows a head, it was kept before; nothing is changed until everything that is refused was looked
//! for. Not here: where the kept head lies (the caller), the signature ([`crate::keys`]). Specified in `format-spec/03-checkpoint.md`.

use std::io;
use std::sync::Arc;

use indelible_evidence::checkpoint::Checkpoint;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::key::VerifierKey;
use indelible_evidence::merkle::LogTree;
use indelible_evidence::rotation::KeyTrail;
use indelible_format::names::rotation_file_name;

use crate::error::{Error, FormatContext, IoContext, Result};
use crate::keys::write_rotation;
use crate::world::storage::Storage;
use crate::write::sign::{CHECKPOINT, read_checkpoint};

/// What errors call the kept head.
const KEPT: &str = "the head kept beside the signing key";

/// Keeps heads and rotations where the signing key lies.
pub trait KeepHeads: Send + Sync {
    /// What was kept so far.
    ///
    /// # Errors
    /// The disk's own.
    fn read(&self) -> io::Result<Kept>;

    /// Keeps a signed head, durably; it takes the place of the one before.
    ///
    /// # Errors
    /// The disk's own.
    fn keep_head(&self, note: &str) -> io::Result<()>;

    /// Keeps the rotation to an epoch, durably.
    ///
    /// # Errors
    /// The disk's own.
    fn keep_rotation(&self, epoch: u32, text: &str) -> io::Result<()>;

    /// Keeps, durably, that a head of `frames` frames is taken for the signer's own on somebody's word ([`Adopt::Unseen`]).
    ///
    /// # Errors
    /// The disk's own.
    fn keep_adoption(&self, frames: u64) -> io::Result<()>;
}

/// Heads and rotations that were kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The newest head.
    pub head: Option<String>,
    /// Rotation files' texts, from epoch 1 on.
    pub rotations: Vec<String>,
}

/// Whether a head of the directory that was not kept is taken for the signer's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Adopt {
    /// It is refused.
    #[default]
    Never,
    /// Yes: the caller compared it with an anchor that covers it.
    Anchored,
    /// Yes, on the caller's word; the keeper is told.
    Unseen,
}

/// How a log is opened with the heads that its signer kept.
#[derive(Clone)]
pub struct KeptHeads {
    /// Where they are kept.
    pub keeper: Arc<dyn KeepHeads>,
    /// Whether a head of the directory that was not kept is taken for the signer's own.
    pub adopt: Adopt,
    /// Whether a log that has lost what the kept head signs is opened all the same.
    pub accept_loss: bool,
    /// The next epoch's key, where it lies beside the current one: it can finish a rotation that was cut short.
    pub successor: Option<VerifierKey>,
}

/// Why a log and the head that its signer kept do not go together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// The directory has a head that was never kept.
    #[error(
        "the log directory has a head of {found} frames, the signer kept one of {kept}: somebody else signed with the key. Keep the directory \
         as evidence, bring back the right copy, and rotate the key (`indelible key LOG rotate`); where it was this log's own signer on another \
         machine, bring its kept head, or say --adopt-head"
    )]
    SignedElsewhere {
        /// Frames that the directory's head signs.
        found: u64,
        /// Frames that the kept head signs.
        kept: u64,
    },
    /// No head was kept, and the directory has one.
    #[error(
        "no head is kept beside the signing key, and the log has one of {found} frames: nothing tells whether it is the newest. Bring the kept head \
         (<log id>.head, it moves with the key), name an anchor that covers it (--anchor), or say --adopt-head"
    )]
    NotKept {
        /// Frames that the directory's head signs.
        found: u64,
    },
    /// The log has less than what was signed.
    #[error(
        "the log was cut: the head kept beside the signing key signs {kept} frames, the log has {found}. Bring the newer copy back; or, to go on \
         without it, run `indelible anchor LOG FILE --accept-loss`, which records the loss in the log"
    )]
    Cut {
        /// Frames that the kept head signs.
        kept: u64,
        /// Frames that the log has.
        found: u64,
    },
    /// The log has another content than what was signed.
    #[error(
        "the log's first {kept} frames are not those that the head kept beside the signing key signs: the log was rewritten, or another copy was \
         continued. Bring the right copy back; or, to go on with this one, run `indelible anchor LOG FILE --accept-loss`, which records the loss in the log"
    )]
    Forked {
        /// Frames that the kept head signs.
        kept: u64,
    },
}

/// What an opening does about heads once nothing is refused.
#[derive(Debug, Default)]
pub(crate) struct Restore {
    /// Rotations that go back into the directory: epoch and text.
    rotations: Vec<(u32, String)>,
    /// The head that goes back into the directory.
    head: Option<String>,
    /// What is adopted and kept: rotations and the head.
    adopted: (Vec<(u32, String)>, Option<String>),
    /// Frames of the adopted head, where nobody but the caller vouches for it.
    unseen: Option<u64>,
}

/// Reads what was kept, and adds to `trail` the rotations that the directory lost.
pub(crate) fn read(heads: &KeptHeads, trail: &mut KeyTrail) -> Result<(Kept, Restore)> {
    let kept = heads.keeper.read().doing("read", KEPT)?;
    let mut restore = Restore::default();
    for (epoch, text) in (1u32..).zip(&kept.rotations) {
        match trail.rotations().get(epoch as usize - 1) {
            Some(found) if found.to_text() == *text => {}
            Some(found) if heads.adopt == Adopt::Never && !heads.accept_loss => {
                let (found, kept) = (found.checkpoint.size, trail.rotations().len() as u64);
                return Err(KeptError::SignedElsewhere { found, kept }.into());
            }
            Some(_) => {}
            None => {
                trail.push(text).in_file(&rotation_file_name(epoch), 0)?;
                restore.rotations.push((epoch, text.clone()));
            }
        }
    }
    Ok((kept, restore))
}

/// Compares the directory's head with the kept one; `root` gives the root over the log's first frames, `None` where there are fewer.
pub(crate) fn judge(
    heads: &KeptHeads,
    storage: &dyn Storage,
    trail: &KeyTrail,
    (kept, restore): (&Kept, &mut Restore),
    frames: u64,
    root: &mut dyn FnMut(u64) -> Result<Option<Hash>>,
) -> Result<()> {
    let note = read_checkpoint(storage)?;
    let open = |note: &String, file| trail.open(note).in_file(file, 0);
    let shown = note.as_ref().map(|note| open(note, CHECKPOINT)).transpose()?;
    let own = kept.head.as_ref().map(|note| open(note, KEPT)).transpose()?;
    if heads.accept_loss {
        return Ok(());
    }
    let more_rotations = trail.epoch() as usize > kept.rotations.len();
    match (&shown, &own) {
        (None, None) if !more_rotations => return Ok(()),
        (_, None) if heads.adopt == Adopt::Never => {
            let found = shown.as_ref().map_or(0, |(head, _)| head.size);
            return Err(KeptError::NotKept { found }.into());
        }
        (Some((found, _)), Some((own, _)))
            if heads.adopt == Adopt::Never && (found.size > own.size || more_rotations) =>
        {
            return Err(KeptError::SignedElsewhere { found: found.size, kept: own.size }.into());
        }
        _ => {}
    }
    let shown_is_newer = match (&shown, &own) {
        (Some((found, _)), Some((own, _))) => found.size > own.size,
        (shown, None) => shown.is_some(),
        (None, Some(_)) => false,
    };
    if heads.adopt != Adopt::Never && (shown_is_newer || more_rotations) {
        let texts = trail.rotations().iter().map(indelible_evidence::rotation::Rotation::to_text);
        restore.adopted = ((1..).zip(texts).skip(kept.rotations.len()).collect(), note.filter(|_| shown_is_newer));
        restore.unseen = (heads.adopt == Adopt::Unseen).then(|| shown.as_ref().map_or(0, |(shown, _)| shown.size));
    }
    let Some((own, epoch)) = own.filter(|_| !shown_is_newer) else { return Ok(()) };
    // The same head, perhaps with cosignatures that the kept one does not have: its root is compared when the next one is signed.
    if shown.is_some_and(|(shown, shown_epoch)| shown == own && shown_epoch == epoch) {
        return Ok(());
    }
    same_log(&own, frames, root)?;
    restore.head.clone_from(&kept.head);
    Ok(())
}

/// The kept head must be of the log as it is now.
fn same_log(own: &Checkpoint, frames: u64, root: &mut dyn FnMut(u64) -> Result<Option<Hash>>) -> Result<()> {
    match root(own.size)? {
        None => Err(KeptError::Cut { kept: own.size, found: frames }.into()),
        Some(root) if root != own.root => Err(KeptError::Forked { kept: own.size }.into()),
        Some(_) => Ok(()),
    }
}

/// Root over the first `size` of these leaf hashes.
pub(crate) fn root_of(leaves: impl Iterator<Item = Hash>, size: u64) -> Option<Hash> {
    let mut tree = LogTree::new();
    leaves.take(usize::try_from(size).unwrap_or(usize::MAX)).for_each(|leaf| tree.push(leaf));
    (tree.size() == size).then(|| tree.root())
}

impl Restore {
    /// Does it: keeps first, then writes into the directory.
    pub(crate) fn carry_out(&self, heads: &KeptHeads, storage: &dyn Storage) -> Result<()> {
        let (rotations, head) = &self.adopted;
        if let Some(frames) = self.unseen {
            heads.keeper.keep_adoption(frames).doing("adopt", KEPT)?;
        }
        for (epoch, text) in rotations {
            heads.keeper.keep_rotation(*epoch, text).doing("adopt", KEPT)?;
        }
        if let Some(note) = head {
            heads.keeper.keep_head(note).doing("adopt", KEPT)?;
        }
        for (epoch, text) in &self.rotations {
            write_rotation(storage, *epoch, text)?;
        }
        match &self.head {
            Some(note) => storage.replace(CHECKPOINT, note.as_bytes()).doing("replace", CHECKPOINT),
            None => Ok(()),
        }
    }
}

/// The kept head, which the next one must continue; none where its loss was accepted.
pub(crate) fn newest_kept(heads: Option<&KeptHeads>) -> Result<Option<String>> {
    match heads.filter(|heads| !heads.accept_loss) {
        Some(heads) => Ok(heads.keeper.read().doing("read", KEPT)?.head),
        None => Ok(None),
    }
}

/// Keeps a head before it is shown.
pub(crate) fn keep(heads: Option<&KeptHeads>, note: &str, rotation: Option<(u32, &str)>) -> Result<()> {
    let Some(heads) = heads else { return Ok(()) };
    if let Some((epoch, text)) = rotation {
        heads.keeper.keep_rotation(epoch, text).doing("replace", KEPT)?;
    }
    heads.keeper.keep_head(note).doing("replace", KEPT)
}

impl From<KeptError> for Error {
    fn from(error: KeptError) -> Self {
        Error::Kept(Box::new(error))
    }
}
