//! Keys of a log: rotating the signing key, and giving or taking the role of authorising deletions.
//!
//! ```text
//! new key file -> key record durable -> head signed by both keys, kept -> the new key signs
//! ```
//!
//! Invariants: whoever has the first verifier key follows every rotation through records and heads that the key before signed. The
//! commit point is the rotation's file: before it the old key signs, whatever else is there, after it the new one. What a crash cut short
//! is finished by the next opening for writing, with the same key. The purge role moves with
//! the signing key where that key has it. Not here: where key files lie (`keys`), what a rotation is (`indelible_evidence::rotation`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_engine::query::View;
use indelible_evidence::key::VerifierKey;
use indelible_evidence::retention::{KeyRecord, Register, Role};
use indelible_evidence::rotation::KeyTrail;
use indelible_evidence::schema::Kind;
use indelible_format::manifest::Manifest;

use crate::error::{Error, Result};
use crate::keys;
use crate::ledger::Ledger;
use crate::reader::LedgerReader;
use crate::retain::records::register;

/// A key that the log has, or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// `checkpoint` signs heads, `purge` authorises deletions.
    pub role: Role,
    /// Counts for each role: the first verifier key has epoch 0.
    pub epoch: u32,
    /// The key.
    pub key: VerifierKey,
    /// Seq of the record that added it; `None` for the first.
    pub added: Option<u64>,
    /// Frames of the head from which on it signs; `None` for keys of the purge role, and for one whose rotation was not finished.
    pub from_frames: Option<u64>,
    /// Whether the key has its role now.
    pub in_force: bool,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Epoch of the new key.
    pub epoch: u32,
    /// The new verifier key.
    pub key: VerifierKey,
    /// Where the new signing key lies.
    pub key_file: PathBuf,
    /// Seq of the key record.
    pub seq: u64,
    /// The head that both keys signed.
    pub note: String,
    /// Whether the purge role moved to the new key.
    pub purge_moved: bool,
}

impl Ledger {
    /// Rotates the signing key: from the head that this makes on, a new key signs. `file` gets it where there is none yet; by default it lies
    /// beside the current one, with its epoch in the name. The old key stays where it is and signs nothing more.
    ///
    /// # Errors
    /// Without a signing key; where `file` holds another log's key, or one that this log had; the disk's own.
    pub fn rotate_key(&self, file: Option<&Path>) -> Result<Rotated> {
        let _one = self.administer();
        self.rotate_key_alone(file)
    }

    /// Carries on a rotation that a crash or a kill cut short: between its key record and its head, or before the purge role moved.
    /// Without the signing key, or where the new key does not lie beside it, it stays as it is; the old key signs on.
    pub(crate) fn finish_rotation(&self) -> Result<()> {
        let Some(own) = self.key_file() else { return Ok(()) };
        let _one = self.administer();
        let trail = self.log().keys();
        let register = self.register()?;
        let epoch = trail.epoch() + 1;
        if let Some(begun) = register.checkpoint_keys().get(epoch as usize) {
            // A file of that name that is no key is somebody else's: it is no reason not to open.
            let key = keys::load(self.world().outside.as_ref(), &keys::of_epoch(&own, epoch), false).ok().flatten();
            if key.is_some_and(|key| key.verifier() == begun.key) {
                self.rotate_key_alone(None)?;
            }
            return Ok(());
        }
        let Some(retired) = trail.epoch().checked_sub(1).and_then(|epoch| trail.key(epoch)) else { return Ok(()) };
        let announced = register.checkpoint_keys().get(trail.epoch() as usize).and_then(|key| key.added);
        // Whoever gave the old key the role again, later, wanted it to have it.
        if register.purge_key(retired).is_some_and(|purge| Some(purge.added) < announced) {
            self.move_purge(&register, retired, trail.current())?;
        }
        Ok(())
    }

    fn rotate_key_alone(&self, file: Option<&Path>) -> Result<Rotated> {
        let refuse = |problem: String| Error::Option { option: "new key", problem };
        let trail = self.log().keys();
        let epoch = trail.epoch() + 1;
        let register = self.register()?;
        let begun = register.checkpoint_keys().get(epoch as usize);
        let own = self.key_file().ok_or_else(|| refuse("the log was opened without its signing key".to_owned()))?;
        let key_file = file.map_or_else(|| keys::of_epoch(&own, epoch), Path::to_owned);
        let origin = self.log().manifest().origin;
        keys::check_private(self.world(), &key_file)?;
        let outside = self.world().outside.as_ref();
        let key = match keys::load(outside, &key_file, begun.is_some())? {
            Some(key) if key.name() == origin => key,
            Some(key) => return Err(refuse(format!("{} is for {}, not {origin}", key_file.display(), key.name()))),
            None => {
                let key = keys::generate(self.world().log.rng.as_ref(), &key_file, &origin)?;
                keys::keep(outside, &key_file, &key)?;
                key
            }
        };
        if let Some(kept) = self.kept_files() {
            kept.also_beside(&key_file)?;
        }
        let verifier = key.verifier();
        let seq = match begun {
            Some(begun) if begun.key == verifier => begun.added.unwrap_or(0),
            Some(begun) => {
                return Err(refuse(format!(
                    "a rotation to {} was begun and not finished: name the file that has that key",
                    begun.key
                )));
            }
            None if trail.epoch_of(&verifier).is_some() => {
                return Err(refuse(format!("{} holds a key that signed for this log before", key_file.display())));
            }
            None => self.put_key(epoch, &verifier, Role::Checkpoint, true)?,
        };
        let note = self.log().rotate_key(Arc::new(key))?;
        self.set_key_file(&key_file);
        self.hand_on(&note)?;
        let purge_moved = self.move_purge(&register, trail.current(), &verifier)?;
        Ok(Rotated { epoch, key: verifier, key_file, seq, note, purge_moved })
    }

    fn move_purge(&self, register: &Register, old: &VerifierKey, new: &VerifierKey) -> Result<bool> {
        let Some(known) = register.purge_key(old) else { return Ok(false) };
        if register.purge_key(new).is_none() {
            let epoch = register.purge_keys().last().map_or(0, |key| key.epoch) + 1;
            self.put_key(epoch, new, Role::Purge, true)?;
        }
        self.put_key(known.epoch, old, Role::Purge, false)?;
        Ok(true)
    }

    /// Gives a key the role of authorising deletions; gives the seq of the record, `None` where it has the role already.
    ///
    /// # Errors
    /// Where the record cannot be stored.
    pub fn grant_purge(&self, key: &VerifierKey) -> Result<Option<u64>> {
        let _one = self.administer();
        self.grant_purge_alone(key)
    }

    pub(crate) fn grant_purge_alone(&self, key: &VerifierKey) -> Result<Option<u64>> {
        let register = self.register()?;
        if register.purge_key(key).is_some() {
            return Ok(None);
        }
        let epoch = register.purge_keys().last().map_or(0, |key| key.epoch) + 1;
        self.put_key(epoch, key, Role::Purge, true).map(Some)
    }

    /// Takes the role of authorising deletions from a key; gives the seq of the record.
    ///
    /// # Errors
    /// Where the key does not have it; where the record cannot be stored.
    pub fn revoke_purge(&self, key: &VerifierKey) -> Result<u64> {
        let _one = self.administer();
        let register = self.register()?;
        let Some(known) = register.purge_key(key) else {
            let problem = format!("{key} does not have the purge role: see `indelible key LOG list`");
            return Err(Error::Option { option: "key", problem });
        };
        self.put_key(known.epoch, key, Role::Purge, false)
    }

    fn put_key(&self, epoch: u32, key: &VerifierKey, role: Role, add: bool) -> Result<u64> {
        let record = KeyRecord { epoch, key: key.clone(), role, add };
        self.put_system(Kind::Key, &record.encode().map_err(indelible_engine::Error::Record)?)
    }

    /// The keys of the log, by role and epoch.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn keys(&self) -> Result<Vec<LogKey>> {
        Ok(list(&self.register()?, &self.log().keys()))
    }
}

impl LedgerReader {
    /// As [`Ledger::keys`].
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn keys(&self) -> Result<Vec<LogKey>> {
        let (manifest, trail) = self.manifest_and_trail()?;
        Ok(list(&register(&self.view()?, &manifest)?, &trail))
    }
}

fn list(register: &Register, trail: &KeyTrail) -> Vec<LogKey> {
    let mut keys = Vec::new();
    for (epoch, key) in (0u32..).zip(register.checkpoint_keys()) {
        let rotation = epoch.checked_sub(1).and_then(|index| trail.rotations().get(index as usize));
        keys.push(LogKey {
            role: Role::Checkpoint,
            epoch,
            key: key.key.clone(),
            added: key.added,
            from_frames: if epoch == 0 { Some(0) } else { rotation.map(|rotation| rotation.checkpoint.size) },
            in_force: epoch == trail.epoch(),
        });
    }
    keys.extend(register.purge_keys().iter().map(|key| LogKey {
        role: Role::Purge,
        epoch: key.epoch,
        key: key.key.clone(),
        added: Some(key.added),
        from_frames: None,
        in_force: key.retired.is_none(),
    }));
    keys
}

/// Checks that every rotation is announced by a key record in a frame that its head covers ([CHK-7]): what the files in
/// the log directory say counts for nothing without it.
pub(crate) fn check_trail(view: &View, manifest: &Manifest, trail: &KeyTrail) -> Result<(), String> {
    if trail.epoch() == 0 {
        return Ok(());
    }
    let register = register(view, manifest).map_err(|error| error.to_string())?;
    for (epoch, rotation) in (1u32..).zip(trail.rotations()) {
        let added = register.checkpoint_keys().get(epoch as usize).filter(|key| key.key == rotation.key);
        let seq = added.and_then(|key| key.added);
        let seq = seq.ok_or_else(|| format!("no key record announces the key of epoch {epoch}, {}", rotation.key))?;
        let frame = view.frame_no_of(seq).map_err(|error| error.to_string())?;
        if frame.is_none_or(|frame| frame >= rotation.checkpoint.size) {
            return Err(format!("the rotation to epoch {epoch} does not cover its key record at seq {seq}"));
        }
    }
    Ok(())
}
