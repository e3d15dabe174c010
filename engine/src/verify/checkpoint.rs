//! The signed tree head: signature, then size and root against the frames.

use indelible_evidence::checkpoint::Checkpoint;
use indelible_evidence::rotation::{KeyTrail, check_head_epoch};
use indelible_format::names::{CHECKPOINT, rotation_file_name};

use super::chain::Fold;
use super::findings::Findings;
use super::taken::Taken;
use crate::error::{Corruption, FormatContext};

/// Opens the checkpoint with the log's key ([CHK-1], [CHK-2], [CHK-8]); `None` where there is none that holds.
pub(super) fn open(taken: &Taken, keys: Option<&KeyTrail>, findings: &mut Findings) -> Option<(Checkpoint, u32)> {
    let Some(bytes) = &taken.checkpoint else {
        findings.note("there is no checkpoint: nothing was signed, so nothing but the hash chain binds the frames");
        return None;
    };
    let note = match std::str::from_utf8(bytes) {
        Ok(note) => note,
        Err(error) => {
            findings.broken(Corruption::at(CHECKPOINT, error.valid_up_to() as u64, "the checkpoint is not text"));
            return None;
        }
    };
    let keys = keys?;
    let (checkpoint, epoch) = findings.ok(keys.open(note).in_file(CHECKPOINT, 0))?;
    if epoch < keys.epoch() {
        findings.note(format!(
            "the checkpoint is one of key epoch {epoch}, the log is at {}: it was older before a crash, or put back",
            keys.epoch()
        ));
    }
    if checkpoint.origin != taken.manifest.origin {
        let problem = format!("the origin is {:?}, the manifest's is {:?}", checkpoint.origin, taken.manifest.origin);
        findings.broken(Corruption::at(CHECKPOINT, 0, problem));
        return None;
    }
    Some((checkpoint, epoch))
}

/// Compares the heads under which keys were rotated with the frames that were found ([CHK-7]).
pub(super) fn compare_rotations(keys: Option<&KeyTrail>, fold: &Fold, findings: &mut Findings) {
    for (epoch, rotation) in (1..).zip(keys.map_or(&[][..], KeyTrail::rotations)) {
        let Checkpoint { size, root, .. } = &rotation.checkpoint;
        let problem = match fold.root_at(*size) {
            None if fold.is_tainted() => continue,
            None => format!("{size} frames are signed, {} are there", fold.frames()),
            Some((found, tainted)) if found == *root || tainted => continue,
            Some(_) => format!("another root is signed for {size} frames than theirs"),
        };
        findings.broken(Corruption::at(&rotation_file_name(epoch), 0, problem));
    }
}

/// Asks the epoch rule ([CHK-9]): no head is signed by a key that is older than the frames under it.
pub(super) fn check_epoch(
    signed: Option<&(Checkpoint, u32)>,
    keys: Option<&KeyTrail>,
    fold: &Fold,
    findings: &mut Findings,
) {
    let (Some((signed, epoch)), Some(keys)) = (signed, keys) else { return };
    if let Some(frame_epoch) = fold.key_epoch_at(signed.size)
        && let Err(error) = check_head_epoch(signed.size, *epoch, frame_epoch, keys)
    {
        findings.broken(Corruption::at(CHECKPOINT, 0, error.to_string()));
    }
}

/// Compares size and root with the frames that were found ([CHK-6], [COM-4]).
pub(super) fn compare(taken: &Taken, signed: Option<&Checkpoint>, fold: &Fold, findings: &mut Findings) {
    let Some(signed) = signed else { return };
    match fold.root_at(signed.size) {
        None if fold.is_tainted() => findings.note(format!(
            "the checkpoint over {} frames could not be compared: frames that it covers are damaged or missing",
            signed.size
        )),
        None => {
            let problem = format!("{} frames are signed, {} are there", signed.size, fold.frames());
            findings.broken(Corruption::at(CHECKPOINT, 0, problem).over(fold.next_seq(), fold.next_seq()));
        }
        Some((root, _)) if root == signed.root => {
            if signed.size < fold.frames() && taken.live.is_none() {
                let beyond = fold.frames() - signed.size;
                findings.note(format!(
                    "the checkpoint signs {} of {} frames; the last {beyond} are bound by the hash chain alone, \
                     or an older checkpoint was put back",
                    signed.size,
                    fold.frames()
                ));
            }
        }
        Some((_, true)) => findings.note(format!(
            "the root over the {} frames that the checkpoint signs differs, as it must after the damage",
            signed.size
        )),
        Some((_, false)) => {
            let problem = format!("another root is signed for {} frames than theirs", signed.size);
            findings.broken(Corruption::at(CHECKPOINT, 0, problem));
        }
    }
}
