//! Cosignatures of witnesses, verified and kept with the log's newest checkpoint.
//!
//! ```text
//! checkpoint file of the log + the same note with more signature lines -> verified lines of known witnesses -> checkpoint file
//! ```
//!
//! Invariants: only lines that verify under a witness of the policy are kept; the checkpoint itself does not change, and a
//! writer that has the log open is not raced: its lock is needed. Not here: asking witnesses (any transport will do).

use std::path::Path;

use indelible_evidence::witness::{Cosignature, WitnessPolicy};
use indelible_format::names::{CHECKPOINT, LOCK};

use crate::error::{Error, Result};
use crate::reader::{LedgerReader, ReadOptions};
use crate::world::{Access, World};

/// Adds the cosignatures of `cosigned` (the log's newest checkpoint as witnesses gave it back) to the log's own copy, and
/// gives all that it has then. The quorum is not judged here: cosignatures may come one by one.
///
/// # Errors
/// Where the log has no checkpoint or another one, a line of a witness does not verify, or somebody else writes the log.
pub fn add_cosignatures(log: impl AsRef<Path>, cosigned: &str, policy: &WitnessPolicy) -> Result<Vec<Cosignature>> {
    add_cosignatures_in(&World::machine(log, Access::ReadWrite)?, cosigned, policy)
}

/// As [`add_cosignatures`], in any world.
///
/// # Errors
/// As [`add_cosignatures`].
pub fn add_cosignatures_in(world: &World, cosigned: &str, policy: &WitnessPolicy) -> Result<Vec<Cosignature>> {
    let refuse = |problem: String| Error::Option { option: "cosigned checkpoint", problem };
    let invalid = |error: indelible_evidence::FormatError| refuse(error.to_string());
    let io = |what, source| indelible_engine::Error::Io { what, file: CHECKPOINT.to_owned(), source };
    let storage = world.log.storage.as_ref();
    let _lock = storage.try_lock(LOCK).map_err(|_| indelible_engine::Error::Locked)?;
    let reader = LedgerReader::open_in(world, &ReadOptions::default())?;
    let Some(note) = reader.checkpoint()? else {
        return Err(refuse("the log has no checkpoint yet: make one with `indelible checkpoint`".to_owned()));
    };
    let keys = world.trail()?;
    let (own, theirs) = (keys.open(&note).map_err(invalid)?.0, keys.open(cosigned).map_err(invalid)?.0);
    if own != theirs {
        return Err(refuse(format!(
            "it signs {} frames, the log's newest checkpoint {}: have the newest one cosigned",
            theirs.size, own.size
        )));
    }
    let merged = policy.merge(&note, cosigned).map_err(invalid)?;
    if merged != note {
        storage.replace(CHECKPOINT, merged.as_bytes()).map_err(|source| io("replace", source))?;
    }
    policy.cosignatures(&merged).map_err(invalid)
}
