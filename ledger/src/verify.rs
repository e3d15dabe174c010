//! Verification of a log directory: whole, streaming, without opening the log for writing.

use std::path::Path;
use std::sync::Arc;

use indelible_engine::storage::{Access, DirStorage, Storage};
pub use indelible_engine::verify::{Progress, VerifyOptions, VerifyReport};

use crate::error::Result;

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
    Ok(indelible_engine::verify::verify(&storage, options, progress)?)
}
