//! Verification of a log directory: whole, streaming, without opening the log for writing.

use std::path::Path;

pub use indelible_engine::verify::{Progress, VerifyOptions, VerifyReport};

use indelible_engine::Corruption;
use indelible_evidence::retention::UNKNOWNS;
use indelible_format::names::ROTATIONS_DIR;

use crate::error::Result;
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
