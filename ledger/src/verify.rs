//! Verification of a log directory: whole, streaming, without opening the log for writing.

use std::path::Path;
use std::sync::Arc;

use indelible_engine::storage::{Access, DirStorage, Storage};
pub use indelible_engine::verify::{Progress, VerifyOptions, VerifyReport};

use indelible_engine::Corruption;
use indelible_format::names::ROTATIONS_DIR;

use crate::error::Result;
use crate::reader::{LedgerReader, ReadOptions};
use crate::rotate::check_trail;

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
    let path = path.as_ref();
    let named = |source| indelible_engine::Error::Io { what: "open", file: path.display().to_string(), source };
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(path, Access::ReadOnly).map_err(named)?);
    let mut report = indelible_engine::verify::verify(&storage, options, progress)?;
    if report.is_intact() && !options.quick {
        audit(path, &mut report)?;
    }
    Ok(report)
}

/// What records of an intact log must say of the rest: rotations are announced by key records.
fn audit(path: &Path, report: &mut VerifyReport) -> Result<()> {
    let reader = LedgerReader::open(path, &ReadOptions::default())?;
    let (manifest, trail) = reader.manifest_and_trail()?;
    if let Err(problem) = check_trail(&reader.view()?, &manifest, &trail) {
        report.breaks.push(Corruption::at(ROTATIONS_DIR, 0, problem));
    }
    Ok(())
}
