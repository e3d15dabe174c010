//! Rotations of the signing key: from which tree head on another key signs.
//!
//! ```text
//! rotations/<epoch>.note     <new verifier key>
//!                            <checkpoint, signed by the old key and by the new one>
//! log.pub (epoch 0) -> 1 -> 2 -> ... -> current
//! ```
//!
//! Invariants: a trail begins with the log's first key and has no gap; every key's name is the origin; sizes never go back. A
//! retired key's signature counts for nothing beyond the head under which it was retired.
//! Not here: the key records, which must say the same ([`crate::record`]), and the files. Specified in `format-spec/03-checkpoint.md`.

use crate::checkpoint::{Checkpoint, open_checkpoint, sign_checkpoint, signature_line};
use crate::error::FormatError;
use crate::key::{SigningKey, VerifierKey};

/// A rotation, as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The key that signs from here on.
    pub key: VerifierKey,
    /// The note that both keys signed.
    pub note: String,
    /// What it signs; covers the key record.
    pub checkpoint: Checkpoint,
}

impl Rotation {
    /// Makes the rotation from `old` to `new` under a tree head that covers the key record.
    ///
    /// # Errors
    /// Where the keys are the same, or one of them has another name than the origin.
    pub fn sign(checkpoint: &Checkpoint, old: &SigningKey, new: &SigningKey) -> Result<Self, FormatError> {
        let mut note = sign_checkpoint(checkpoint, old)?;
        note.push_str(&signature_line(checkpoint, new)?);
        Self::parse(&format!("{}\n{note}", new.verifier()), &old.verifier())
    }

    /// Reads a rotation file; `old` is the key of the epoch before ([CHK-7]).
    ///
    /// # Errors
    /// Where it is not exactly in this form or one of the two signatures is missing or wrong.
    pub fn parse(text: &str, old: &VerifierKey) -> Result<Self, FormatError> {
        let (key, note) = text.split_once('\n').ok_or_else(|| invalid("key", "no line with the new key"))?;
        let key = VerifierKey::parse(key)?;
        if key == *old {
            return Err(invalid("key", "the new key is the old one"));
        }
        let checkpoint = open_checkpoint(note, old)?;
        open_checkpoint(note, &key)?;
        Ok(Self { key, note: note.to_owned(), checkpoint })
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        format!("{}\n{}", self.key, self.note)
    }
}

/// The signing keys that a log has had, from the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTrail {
    first: VerifierKey,
    rotations: Vec<Rotation>,
    /// Heads of older epochs count for nothing: the key of this one is where the reader's trust begins.
    trusted: u32,
}

impl KeyTrail {
    /// The trail of a log whose key was never rotated.
    pub fn new(first: VerifierKey) -> Self {
        Self { first, rotations: Vec::new(), trusted: 0 }
    }

    /// Adds the next epoch, from its file's text ([CHK-7]).
    ///
    /// # Errors
    /// Where it does not continue the trail.
    pub fn push(&mut self, text: &str) -> Result<(), FormatError> {
        let rotation = Rotation::parse(text, self.current())?;
        if self.rotations.last().is_some_and(|before| before.checkpoint.size > rotation.checkpoint.size) {
            return Err(invalid("size", "smaller than that of the rotation before"));
        }
        if rotation.key == self.first || self.rotations.iter().any(|before| before.key == rotation.key) {
            return Err(invalid("key", "it was the log's key before"));
        }
        self.rotations.push(rotation);
        Ok(())
    }

    /// The first key: the one that `log.pub` holds.
    pub fn first(&self) -> &VerifierKey {
        &self.first
    }

    /// The key that signs now.
    pub fn current(&self) -> &VerifierKey {
        self.rotations.last().map_or(&self.first, |rotation| &rotation.key)
    }

    /// Its epoch; the first key has epoch 0.
    pub fn epoch(&self) -> u32 {
        self.rotations.len() as u32
    }

    /// Rotations by epoch, from epoch 1 on.
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The key of an epoch.
    pub fn key(&self, epoch: u32) -> Option<&VerifierKey> {
        match epoch.checked_sub(1) {
            None => Some(&self.first),
            Some(index) => self.rotations.get(index as usize).map(|rotation| &rotation.key),
        }
    }

    /// Begins trust at a key of any epoch: from then on [`KeyTrail::open`] refuses heads of older ones ([CHK-11]).
    ///
    /// # Errors
    /// Where the log never had the key.
    pub fn trust(&mut self, key: &VerifierKey) -> Result<u32, FormatError> {
        let epoch = self.epoch_of(key);
        self.trusted = epoch.ok_or_else(|| invalid("key", format!("the log never had the key {key}")))?;
        Ok(self.trusted)
    }

    /// Epoch of a key that the log had.
    pub fn epoch_of(&self, key: &VerifierKey) -> Option<u32> {
        (0..=self.epoch()).find(|&epoch| self.key(epoch) == Some(key))
    }

    /// Opens a note that the log's key of its time signed; gives the epoch of that key too ([CHK-8]).
    ///
    /// # Errors
    /// As [`open_checkpoint`]; where the key that signed was not the log's at that size.
    pub fn open(&self, note: &str) -> Result<(Checkpoint, u32), FormatError> {
        let mut refused = None;
        for epoch in (0..=self.epoch()).rev() {
            let Some(key) = self.key(epoch) else { continue };
            match open_checkpoint(note, key) {
                Ok(checkpoint) => {
                    let from = epoch.checked_sub(1).and_then(|index| self.rotations.get(index as usize));
                    let to = self.rotations.get(epoch as usize);
                    if from.is_some_and(|from| checkpoint.size < from.checkpoint.size)
                        || to.is_some_and(|to| checkpoint.size > to.checkpoint.size)
                    {
                        let why = format!("{key} was not the log's key at {} frames", checkpoint.size);
                        return Err(invalid("signature", why));
                    }
                    if epoch < self.trusted {
                        let why =
                            format!("of key epoch {epoch}, older than epoch {}, where trust begins", self.trusted);
                        return Err(invalid("signature", why));
                    }
                    return Ok((checkpoint, epoch));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| invalid("signature", "the log has no key")))
    }
}

/// The epoch rule ([CHK-9]): a head of `size` frames counts only where its newest signer, of epoch `signer`, is the one of whose epoch the
/// last frame is, and where the rotation that brought that key lies at or below the head. Whoever has descriptor `size - 1` asks it.
///
/// # Errors
/// Why the head does not count.
pub fn check_head_epoch(size: u64, signer: u32, frame_epoch: u32, trail: &KeyTrail) -> Result<(), FormatError> {
    if size == 0 {
        return Ok(());
    }
    if signer != frame_epoch {
        let why = format!("of key epoch {signer}, and the last of its {size} frames is of epoch {frame_epoch}");
        return Err(invalid("signature", why));
    }
    let brought = signer.checked_sub(1).and_then(|index| trail.rotations.get(index as usize));
    if signer > 0 && brought.is_none_or(|brought| brought.checkpoint.size > size) {
        return Err(invalid(
            "signature",
            format!("of key epoch {signer}, which no rotation had brought at {size} frames"),
        ));
    }
    Ok(())
}

fn invalid(field: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> FormatError {
    FormatError::invalid("rotation", field, 0, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::generate([seed; 32], "log.example/a").unwrap()
    }

    fn head(size: u64) -> Checkpoint {
        Checkpoint { origin: "log.example/a".into(), size, root: [size as u8; 32] }
    }

    fn trail() -> KeyTrail {
        let mut trail = KeyTrail::new(key(1).verifier());
        for (size, old, new) in [(10, 1, 2), (20, 2, 3)] {
            let rotation = Rotation::sign(&head(size), &key(old), &key(new)).unwrap();
            trail.push(&rotation.to_text()).unwrap();
        }
        trail
    }

    /// [CHK-7]
    #[test]
    fn a_trail_leads_from_the_first_key_to_the_current_one() {
        let trail = trail();
        assert_eq!((trail.epoch(), trail.current(), trail.first()), (2, &key(3).verifier(), &key(1).verifier()));
        assert_eq!(trail.epoch_of(&key(2).verifier()), Some(1));
        let same = Rotation::sign(&head(30), &key(3), &key(3));
        assert!(same.is_err(), "a key does not follow itself");
        let mut other = trail.clone();
        for (size, old, new) in [(30, 2, 4), (19, 3, 4), (30, 3, 1)] {
            let rotation = Rotation::sign(&head(size), &key(old), &key(new)).unwrap();
            assert!(other.push(&rotation.to_text()).is_err(), "{size} {old} {new}");
        }
        let one_signature = format!("{}\n{}", key(4).verifier(), sign_checkpoint(&head(30), &key(3)).unwrap());
        assert!(other.push(&one_signature).is_err());
    }

    /// [CHK-9]
    #[test]
    fn a_head_has_the_epoch_of_its_last_frame() {
        let trail = trail();
        for (size, signer, frame, counts) in
            [(0, 0, 0, true), (5, 0, 0, true), (10, 1, 1, true), (10, 0, 1, false), (15, 0, 1, false)]
                .into_iter()
                .chain([(15, 1, 0, false), (9, 1, 1, false), (20, 2, 2, true), (20, 1, 2, false), (99, 3, 3, false)])
        {
            assert_eq!(check_head_epoch(size, signer, frame, &trail).is_ok(), counts, "{size} {signer} {frame}");
        }
    }

    /// [CHK-11]
    #[test]
    fn trust_begins_at_a_key_of_any_epoch() {
        let mut trail = trail();
        assert_eq!(trail.trust(&key(2).verifier()).ok(), Some(1));
        assert!(trail.open(&sign_checkpoint(&head(7), &key(1)).unwrap()).is_err());
        assert!(trail.open(&sign_checkpoint(&head(15), &key(2)).unwrap()).is_ok());
        assert!(trail.trust(&key(9).verifier()).is_err());
    }

    /// [CHK-8]
    #[test]
    fn a_key_signs_only_in_its_time() {
        let trail = trail();
        for (seed, size, epoch) in [(1, 0, None), (1, 7, Some(0)), (1, 10, Some(0)), (2, 10, Some(1)), (2, 20, Some(1))]
            .into_iter()
            .chain([(3, 20, Some(2)), (3, 99, Some(2)), (1, 11, None), (2, 9, None), (2, 21, None), (3, 19, None)])
            .chain([(4, 20, None)])
        {
            let signed = sign_checkpoint(&head(size), &key(seed)).unwrap_or_default();
            assert_eq!(trail.open(&signed).ok().map(|(_, epoch)| epoch), epoch, "key {seed}, {size} frames");
        }
        let both = trail.rotations()[0].note.clone();
        assert_eq!(trail.open(&both).ok(), Some((head(10), 1)), "the newer key counts");
    }
}
