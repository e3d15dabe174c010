//! Verify: whether a directory is what its signer signed, for the machine that keeps a head and for somebody who does not.
//!
//! ```text
//! heads: each counts, each is of this log, none beyond the kept one ──> effective head ──> acts under it ──> files against records
//!        └──────────── shared with the opening ─────────────────────────────────────────┘   └── verify's own work
//! ```
//!
//! Findings come only from what is under the head, or from what only restricts: an ABANDON or a DONE that is durable counts.
//! Not here: writing anything; what the next opening does about a tail.

use super::history::{Facts, ITEMS};
use super::record::{Body, HistoryId, RecordId};
use super::rules::Mutant;
use super::state::{Authority, Directory, File, Head, Kept, Keys, State, World};

/// Why a log is broken, or why an opening refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// No head anywhere.
    NoHead,
    /// A head whose signer may not sign over its last frame.
    HeadDoesNotCount,
    /// A head that covers records which this log does not have.
    HeadOfAnotherLog,
    /// A head beyond the kept one: somebody else signed it with the key.
    HeadSignedElsewhere,
    /// Frames of epoch 1 under a head, and no rotation note that leads there.
    NoRotationNote,
    /// An act under the head that fails its checks.
    ActUnderHead,
    /// A part is there though a DONE says that it went.
    ThereThoughDone,
    /// A file of generation 0 is not what its root says.
    ContentDiffers,
    /// A part is gone, and no intent under a head that its file names says so.
    GoneWithoutAuthority,
    /// A part is gone by an intent that was abandoned.
    GoneThoughAbandoned,
    /// A deletion was carried out in part.
    InPart,
}

impl World {
    /// Whether a head's signer may sign over its last frame: the epoch rule, and the rotation note as its one exception.
    fn counts(&self, head: Head) -> bool {
        match head.keys {
            Keys::One(epoch) => epoch == self.facts(head.history).epoch || self.search.is(Mutant::OldKeySigns),
            Keys::Both => self.facts(head.history).epoch == 1,
        }
    }

    /// The longer of two heads.
    fn larger(&self, one: Option<Head>, other: Option<Head>) -> Option<Head> {
        match (one, other) {
            (Some(a), Some(b)) if self.histories.length(a.history) < self.histories.length(b.history) => Some(b),
            (Some(a), _) => Some(a),
            (None, b) => b,
        }
    }

    /// What the signer keeps, as far as anybody reads it.
    pub(super) fn kept_of(&self, state: &State) -> Kept {
        if self.search.is(Mutant::NoKeptHead) { Kept { head: None, note: None } } else { state.kept }
    }

    /// The effective head: the largest of the directory's and the kept ones, each of this log, and none in the directory
    /// beyond the kept one, which somebody else would have signed with the key.
    pub(super) fn effective_head(&self, state: &State) -> Result<Head, Finding> {
        let (directory, kept) = (&state.directory, self.kept_of(state));
        for head in [directory.checkpoint, directory.note, kept.head, kept.note].into_iter().flatten() {
            if !self.counts(head) {
                return Err(Finding::HeadDoesNotCount);
            }
            if !self.histories.begins_with(directory.log, head.history) {
                return Err(Finding::HeadOfAnotherLog);
            }
        }
        let theirs = self.larger(directory.checkpoint, directory.note);
        let own = self.larger(kept.head, kept.note);
        let length = |head: Option<Head>| head.map_or(0, |head| self.histories.length(head.history));
        if length(theirs) > length(own) && !self.search.is(Mutant::NoKeptHead) {
            return Err(Finding::HeadSignedElsewhere);
        }
        let head = self.larger(own, theirs).ok_or(Finding::NoHead)?;
        let led_there = kept.note.or(directory.note).is_some() || self.search.is(Mutant::OldKeySigns);
        if self.facts(head.history).epoch == 1 && !led_there {
            return Err(Finding::NoRotationNote);
        }
        if !self.facts(head.history).valid {
            return Err(Finding::ActUnderHead);
        }
        Ok(head)
    }

    /// Verify on the signer's machine.
    pub fn verify(&self, state: &State) -> Result<(), Finding> {
        let head = self.effective_head(state)?;
        // Beyond the head, what is valid and only restricts: an ABANDON or DONE there ends the intent at once.
        let valid_to = self.facts(state.directory.log).valid_to;
        let facts = self.facts(valid_to);
        for item in ITEMS {
            let done = facts.done[usize::from(item)];
            match state.directory.files[usize::from(item)] {
                File::Whole if done.is_some() && !self.search.is(Mutant::DoneNotAskedFor) => {
                    return Err(Finding::ThereThoughDone);
                }
                File::Whole => {}
                File::Damaged => return Err(Finding::ContentDiffers),
                File::Gone(authority) => self.rightly_gone(item, authority, valid_to, head)?,
            }
        }
        if self.in_part(&state.directory, facts) { Err(Finding::InPart) } else { Ok(()) }
    }

    /// Whether a part went by an intent under the head that its file names, and that intent was not abandoned (rule 4).
    fn rightly_gone(
        &self,
        item: u8,
        authority: Option<Authority>,
        valid_to: HistoryId,
        head: Head,
    ) -> Result<(), Finding> {
        let authority = authority.ok_or(Finding::GoneWithoutAuthority)?;
        let at = self.place_of(valid_to, authority.intent).ok_or(Finding::GoneWithoutAuthority)?;
        let named =
            matches!(self.histories.record(authority.intent).body, Body::Intent(items) if items & 1 << item != 0);
        if !named || !self.covered(authority, at, head) {
            return Err(Finding::GoneWithoutAuthority);
        }
        let facts = self.facts(valid_to);
        let open = facts.open.is_some_and(|(intent, _)| intent == authority.intent);
        let done = facts.done[usize::from(item)] == Some(authority.intent);
        if open || done || self.search.is(Mutant::VerifyForgetsAbandon) {
            return Ok(());
        }
        Err(Finding::GoneThoughAbandoned)
    }

    /// Whether the head that a file names counts, is of this log, is not newer than the effective head, and covers the intent,
    /// which ends the history `at`.
    pub(super) fn covered(&self, authority: Authority, at: HistoryId, effective: Head) -> bool {
        if self.search.is(Mutant::GoneRestsOnTail) {
            return true;
        }
        if self.search.is(Mutant::FilesNameNoHead) {
            return self.histories.begins_with(effective.history, at);
        }
        let in_log = self.histories.begins_with(effective.history, authority.head.history)
            || self.search.is(Mutant::FileHeadBeyondKept);
        self.counts(authority.head) && in_log && self.histories.begins_with(authority.head.history, at)
    }

    /// Whether some files of the open intent were replaced and some were not.
    pub(super) fn in_part(&self, directory: &Directory, facts: &Facts) -> bool {
        let gone = directory.gone() & facts.planned;
        gone != 0 && gone != facts.planned
    }

    /// The beginning of a history that ends with this record, where it stands in it.
    pub(super) fn place_of(&self, history: HistoryId, record: RecordId) -> Option<HistoryId> {
        let mut at = history;
        while at != 0 {
            if self.histories.last(at) == record {
                return Some(at);
            }
            at = self.histories.parent(at);
        }
        None
    }

    /// Whether somebody without a kept head, who trusts the key of `anchor` and later ones, accepts the directory's head.
    pub fn outsider_accepts(&self, directory: &Directory, anchor: u8) -> bool {
        let Some(head) = directory.checkpoint else {
            return false;
        };
        let facts = self.facts(head.history);
        let trusted = match head.keys {
            Keys::One(epoch) => epoch >= anchor,
            Keys::Both => true,
        };
        // Who trusts epoch 0 needs a rotation note to be led to epoch 1.
        let led_there = anchor == 1
            || facts.epoch == 0
            || head.keys == Keys::One(0)
            || directory
                .note
                .is_some_and(|note| self.counts(note) && self.histories.begins_with(head.history, note.history));
        trusted
            && led_there
            && self.counts(head)
            && facts.valid
            && self.histories.begins_with(directory.log, head.history)
    }
}

impl Directory {
    /// Items whose file is of a later generation.
    pub fn gone(&self) -> u8 {
        ITEMS
            .into_iter()
            .filter(|&i| matches!(self.files[usize::from(i)], File::Gone(_)))
            .fold(0, |mask, i| mask | 1 << i)
    }
}
