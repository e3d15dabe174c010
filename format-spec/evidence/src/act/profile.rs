//! Profile acts: what an operator asks of everybody who deletes, always said as a whole.
//!
//! ```text
//! {"purge_head","witness_policy","purge_notice","quorum_admin","quorum_purge","separate","refuse_unmarked","holds_per_key"}
//! ```
//!
//! Invariants of a parsed profile ([ACT-9]): a witness policy is named exactly where heads must be witnessed, quorums are 1 to 5, a notice is at most
//! 366 days, so that no profile makes a log strict for ever. Not here: when a looser profile takes effect (`charter`).

use super::line::{hex, parse_hex};
use crate::descriptor::Hash;
use crate::error::FormatError;
use crate::retention::json::{Object, ObjectWriter};

/// Longest notice, seconds: 366 days.
pub const NOTICE_MAX: u64 = 366 * 86_400;
/// Most keys that a quorum asks for.
pub const QUORUM_MAX: u8 = 5;

/// What the head that publishes a deletion must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PurgeHead {
    /// The log's signature.
    Signed,
    /// The anchor file took it.
    Anchored,
    /// The quorum of the witness policy cosigned it.
    Witnessed,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What the head that publishes a deletion must have.
    pub purge_head: PurgeHead,
    /// SHA-256 of the witness policy, with `witnessed`.
    pub witness_policy: Option<Hash>,
    /// Seconds after which an act relaxes.
    pub purge_notice: u64,
    /// Keys that sign an act of the charter line.
    pub quorum_admin: u8,
    /// Keys that sign an intent.
    pub quorum_purge: u8,
    /// No key has two roles.
    pub separate: bool,
    /// Records written without the key are set aside.
    pub refuse_unmarked: bool,
    /// Most open holds that one key placed.
    pub holds_per_key: u64,
}

impl Default for Profile {
    /// What counts before the first profile act.
    fn default() -> Self {
        Self {
            purge_head: PurgeHead::Signed,
            witness_policy: None,
            purge_notice: 0,
            quorum_admin: 1,
            quorum_purge: 1,
            separate: false,
            refuse_unmarked: false,
            holds_per_key: 1_000,
        }
    }
}

const HEADS: [(PurgeHead, &str); 3] =
    [(PurgeHead::Signed, "signed"), (PurgeHead::Anchored, "anchored"), (PurgeHead::Witnessed, "witnessed")];

impl Profile {
    pub(super) fn take(object: &mut Object) -> Result<Self, FormatError> {
        let head = object.text("purge_head")?;
        let head = HEADS.iter().find(|(_, name)| *name == head).map(|&(head, _)| head);
        let purge_head = head.ok_or_else(|| object.invalid("purge_head", "none of signed, anchored, witnessed"))?;
        let witness_policy = match object.optional_text("witness_policy")? {
            None => None,
            Some(text) => {
                Some(parse_hex(&text).ok_or_else(|| object.invalid("witness_policy", "not 64 hexadecimal digits"))?)
            }
        };
        let profile = Self {
            purge_head,
            witness_policy,
            purge_notice: object.number("purge_notice")?,
            quorum_admin: object.number("quorum_admin")?,
            quorum_purge: object.number("quorum_purge")?,
            separate: object.truth("separate")?,
            refuse_unmarked: object.truth("refuse_unmarked")?,
            holds_per_key: object.number("holds_per_key")?,
        };
        if profile.witness_policy.is_some() != (purge_head == PurgeHead::Witnessed) {
            return Err(object.invalid("witness_policy", "named exactly where heads must be witnessed"));
        }
        if profile.purge_notice > NOTICE_MAX {
            return Err(object.invalid("purge_notice", "at most 366 days"));
        }
        let quorum = 1..=QUORUM_MAX;
        if !quorum.contains(&profile.quorum_admin) || !quorum.contains(&profile.quorum_purge) {
            return Err(object.invalid("quorum_admin", "quorums are 1 to 5"));
        }
        if profile.holds_per_key == 0 {
            return Err(object.invalid("holds_per_key", "at least 1"));
        }
        Ok(profile)
    }

    pub(super) fn encode(&self) -> String {
        let head = HEADS.iter().find(|(head, _)| *head == self.purge_head).map_or("", |(_, name)| name);
        ObjectWriter::new()
            .text("purge_head", head)
            .optional_text("witness_policy", self.witness_policy.map(|hash| hex(&hash)).as_deref())
            .number("purge_notice", self.purge_notice)
            .number("quorum_admin", self.quorum_admin)
            .number("quorum_purge", self.quorum_purge)
            .truth("separate", self.separate)
            .truth("refuse_unmarked", self.refuse_unmarked)
            .number("holds_per_key", self.holds_per_key)
            .end()
    }
}
