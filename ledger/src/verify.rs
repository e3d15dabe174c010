//! Verification of a log directory: whole, streaming, without opening the log for writing.

use std::path::{Path, PathBuf};

pub use indelible_engine::verify::{Progress, VerifyOptions, VerifyReport};

use indelible_engine::Corruption;
use indelible_evidence::merkle::LogTree;
use indelible_evidence::retention::UNKNOWNS;
use indelible_format::names::{CHECKPOINT, ROTATIONS_DIR};

use crate::anchor::{self, Anchor};
use crate::error::{Error, Result};
use crate::kept::{KeptFiles, continued};
use crate::keys;
use crate::reader::{LedgerReader, ReadOptions};
use crate::rotate::check_trail;
use crate::world::{Access, World};

/// Verifies the log at `path`: every record, frame, chain value, checkpoint, derived structure and file, as `options` say.
/// Never stops at the first break: [`VerifyReport::breaks`] has at least the first of every damaged file.
///
/// # Errors
/// Where there is no log, or it cannot be read at all. Damage is not an error but a break in the report.
pub fn verify(
    path: impl AsRef<Path>,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<VerifyReport> {
    verify_in(&World::machine(path, Access::ReadOnly)?, options, progress)
}

/// As [`verify`], in any world.
///
/// # Errors
/// As [`verify`].
pub fn verify_in(world: &World, options: &VerifyOptions, progress: &mut dyn FnMut(&Progress)) -> Result<VerifyReport> {
    let mut report = indelible_engine::verify::verify(&world.log.storage, options, progress)?;
    if report.is_intact() && !options.quick {
        audit(world, &mut report)?;
    }
    Ok(report)
}

/// Heads that the verifying machine knows from outside the log directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownHeads {
    /// The signing key's file: what is kept beside it is compared. Default: the one in the user's data directory.
    pub key_file: Option<PathBuf>,
    /// The anchor. Default: the one remembered for the log.
    pub anchor_file: Option<PathBuf>,
}

/// As [`verify`], on a machine that knows heads of the log: what the head kept beside the signing key, and the anchor, sign must still be
/// there, and the directory's head must be one that was kept.
///
/// # Errors
/// As [`verify`]; where kept head or anchor cannot be read.
pub fn verify_known(
    path: impl AsRef<Path>,
    options: &VerifyOptions,
    known: &KnownHeads,
    progress: &mut dyn FnMut(&Progress),
) -> Result<VerifyReport> {
    let world = World::machine(path, Access::ReadOnly)?;
    let mut report = verify_in(&world, options, progress)?;
    if !report.is_intact() {
        return Ok(report);
    }
    let (manifest, outside) = (world.manifest()?, world.outside.as_ref());
    let key_file = known.key_file.clone().or_else(|| keys::default_in(outside, manifest.log_id).ok());
    let files = key_file.map(|file| KeptFiles::beside(&world.outside, &file, manifest.log_id));
    if let Some(frames) = files.as_ref().map(KeptFiles::adopted).transpose()?.flatten() {
        report.notes.push(format!(
            "the head of {frames} frames was taken for the signer's own on somebody's word (--adopt-head): nothing kept on this machine \
             tells whether newer ones were signed before, or somebody else signed it"
        ));
    }
    let kept = files.as_ref().map(KeptFiles::kept).transpose()?;
    if let Some(kept) = kept.clone().filter(|kept| kept.head.is_some() || known.key_file.is_some()) {
        compare_kept(&world, &kept, &mut report)?;
    }
    let remembered = || anchor::remembered_in(outside, manifest.log_id);
    if let Some(file) = known.anchor_file.clone().map_or_else(remembered, |file| Ok(Some(file)))? {
        let anchor = Anchor::new_in(&world, &file, &manifest.key)?.with_kept(kept.unwrap_or_default());
        let view = LedgerReader::open_in(&world, &ReadOptions::default())?.view()?;
        match anchor.check(&view) {
            Ok(head) => report.notes.push(format!("the anchor {} signs {} frames of it", file.display(), head.size)),
            Err(Error::Anchor(error)) => report.breaks.push(Corruption::at(CHECKPOINT, 0, error.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

fn compare_kept(world: &World, kept: &indelible_engine::Kept, report: &mut VerifyReport) -> Result<()> {
    let Some(note) = &kept.head else {
        report.notes.push("no head is kept beside the signing key".to_owned());
        return Ok(());
    };
    let own = match continued(world.trail()?, kept).and_then(|trail| Ok(trail.open(note)?)) {
        Ok((own, _)) => own,
        Err(error) => {
            let problem = format!("the head kept beside the signing key is none of this log: {error}");
            report.breaks.push(Corruption::at(CHECKPOINT, 0, problem));
            return Ok(());
        }
    };
    let shown = report.checkpoint.map_or(0, |(size, _)| size);
    if shown > own.size {
        let problem =
            format!("{shown} frames are signed, the signer kept {}: somebody else signed with the key", own.size);
        report.breaks.push(Corruption::at(CHECKPOINT, 0, problem));
        return Ok(());
    }
    let leaves = LedgerReader::open_in(world, &ReadOptions::default())?.view()?.leaf_hashes(own.size)?;
    let mut tree = LogTree::new();
    leaves.into_iter().for_each(|leaf| tree.push(leaf));
    if tree.size() < own.size {
        let problem = format!("the log was cut: the kept head signs {} frames, it has {}", own.size, tree.size());
        report.breaks.push(Corruption::at(CHECKPOINT, 0, problem));
    } else if tree.root() != own.root {
        let problem = format!("the kept head signs another content of the first {} frames", own.size);
        report.breaks.push(Corruption::at(CHECKPOINT, 0, problem));
    } else if shown < own.size {
        report.notes.push(format!(
            "the head kept beside the signing key signs {} frames as they are here, the log's own checkpoint {shown}: it is an older one, or \
             was taken away; the next opening with the key writes it again",
            own.size
        ));
    }
    Ok(())
}

/// What records of an intact log must say of the rest: rotations are announced by key records, and what is gone went by deletions
/// that were authorised, published and legitimate.
fn audit(world: &World, report: &mut VerifyReport) -> Result<()> {
    let reader = LedgerReader::open_in(world, &ReadOptions::default())?;
    let (manifest, trail) = reader.manifest_and_trail()?;
    if let Err(problem) = check_trail(&reader.view()?, &manifest, &trail) {
        report.breaks.push(Corruption::at(ROTATIONS_DIR, 0, problem));
    }
    let audit = reader.audit_deletions()?;
    for finding in &audit.findings {
        report.breaks.push(Corruption::at("deletions", 0, finding));
    }
    if audit.more > 0 {
        report.notes.push(format!("{} more findings about deletions", audit.more));
    }
    let removed = audit.stats();
    if removed.deletions > 0 && audit.findings.is_empty() {
        let many = if removed.deletions == 1 { "deletion" } else { "deletions" };
        report.notes.push(format!(
            "{} records were removed by {} {many}, each authorised, published before it was carried out, and within its policies; \
             what that cannot show: {}",
            removed.records,
            removed.deletions,
            UNKNOWNS.join("; ")
        ));
    }
    for entry in audit.deletions.iter().filter(|entry| entry.done.is_none()) {
        let intent = entry.intent;
        report.notes.push(match (entry.abandoned, entry.published) {
            (Some(seq), _) => format!("the deletion announced at seq {intent} was given up at seq {seq}: it removed nothing"),
            (None, Some(frames)) => format!(
                "the deletion announced at seq {intent} is carried out under the head of {frames} frames, DONE not recorded yet"
            ),
            (None, None) => format!("the deletion announced at seq {intent} is not carried out"),
        });
    }
    Ok(())
}
