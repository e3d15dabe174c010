//! Where the signing key lies: outside the log directory, readable by its owner alone. Both are checked before a key is used.
//!
//! ```text
//! named by the caller (after rotations: NAME.EPOCH.key beside it)  |  $XDG_DATA_HOME/indelible/keys/<log id>.key  |  $HOME/.local/share/indelible/keys/<log id>.key
//! ```

use std::path::{Path, PathBuf};

use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::rotation::KeyTrail;

use crate::error::{Error, Result};
use crate::world::{Machine, Outside, Rng, World};

/// Longest key file that is read: one line of text.
const BYTES_MAX: usize = 4_096;

/// The default place of a log's signing key on this machine.
///
/// # Errors
/// [`Error::Key`] where neither `XDG_DATA_HOME` nor `HOME` says where the user's data lies.
pub fn default_key_file(log_id: LogId) -> Result<PathBuf> {
    default_in(&Machine, log_id)
}

/// The default place of a log's signing key.
pub(crate) fn default_in(outside: &dyn Outside, log_id: LogId) -> Result<PathBuf> {
    let dir = outside.data_dir().ok_or_else(|| Error::Key {
        file: PathBuf::new(),
        problem: "neither XDG_DATA_HOME nor HOME is set, so there is no default place: name a key file".to_owned(),
    })?;
    Ok(dir.join("indelible/keys").join(format!("{log_id}.key")))
}

/// The place of the key of an epoch beside a key file: `audit.key` -> `audit.1.key`, `audit.1.key` -> `audit.2.key`.
pub(crate) fn of_epoch(file: &Path, epoch: u32) -> PathBuf {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let base = match stem.rsplit_once('.') {
        Some((base, number)) if !base.is_empty() && number.parse::<u32>().is_ok() => base.to_owned(),
        _ => stem,
    };
    let extension = file.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    file.with_file_name(format!("{base}.{epoch}{extension}"))
}

/// The current signing key, from `file` or, where that holds an older one of the log, from the place of the current epoch beside it.
/// Gives the key and where it lies; `None` where there is no file and `required` is not set.
pub(crate) fn load_current(
    outside: &dyn Outside,
    file: &Path,
    required: bool,
    trail: &KeyTrail,
) -> Result<Option<(SigningKey, PathBuf)>> {
    let Some(key) = load(outside, file, required)? else { return Ok(None) };
    if trail.epoch_of(&key.verifier()).is_some_and(|epoch| epoch < trail.epoch()) {
        let newer = of_epoch(file, trail.epoch());
        if let Some(current) = load(outside, &newer, false)? {
            return Ok(Some((current, newer)));
        }
    }
    Ok(Some((key, file.to_owned())))
}

/// A new signing key, which lies nowhere yet.
pub(crate) fn generate(rng: &dyn Rng, file: &Path, origin: &str) -> Result<SigningKey> {
    let mut seed = zeroize::Zeroizing::new([0u8; 32]);
    rng.fill(seed.as_mut());
    SigningKey::generate(*seed, origin)
        .map_err(|error| Error::Key { file: file.to_owned(), problem: error.to_string() })
}

/// Writes a signing key to a file that must not exist, readable by its owner alone, whole and durable or not at all.
pub(crate) fn keep(outside: &dyn Outside, file: &Path, key: &SigningKey) -> Result<()> {
    let text = zeroize::Zeroizing::new(format!("{}\n", key.to_text().as_str()));
    outside
        .create(file, text.as_bytes())
        .map_err(|error| Error::Key { file: file.to_owned(), problem: format!("cannot be created: {error}") })
}

/// Refuses a key that others than its owner may read or change, or that lies where the log lies: whoever can take the key there
/// can sign for the log. Of a file that is not there yet only the place counts.
pub(crate) fn check_private(world: &World, file: &Path) -> Result<()> {
    let refuse = |problem: String| Err(Error::Key { file: file.to_owned(), problem });
    if world.outside.lies_in(file, &world.path) {
        return refuse(format!(
            "it lies in a log, so whoever can change that can sign what was changed: keep the key out of {}, and name its place \
             with --sign-key",
            world.path.display()
        ));
    }
    let mode =
        world.outside.mode(file).map_err(|error| Error::Key { file: file.to_owned(), problem: error.to_string() })?;
    match mode {
        Some(mode) if mode & 0o077 != 0 => refuse(format!(
            "others than its owner can read or change it (mode {mode:04o}), so its signature proves nothing: run \
             `chmod 600 {}`, and rotate the key where somebody else may have read it (`indelible key LOG rotate`)",
            file.display()
        )),
        _ => Ok(()),
    }
}

/// Reads a signing key. `None` where the file is not there and `required` is not set.
pub(crate) fn load(outside: &dyn Outside, file: &Path, required: bool) -> Result<Option<SigningKey>> {
    let refuse = |problem: String| Error::Key { file: file.to_owned(), problem };
    match outside.read(file, BYTES_MAX) {
        Ok(Some(bytes)) => {
            let bytes = zeroize::Zeroizing::new(bytes);
            let text = std::str::from_utf8(&bytes).map_err(|_| refuse("it is not text".to_owned()))?;
            SigningKey::from_text(text).map(Some).map_err(|error| refuse(error.to_string()))
        }
        Ok(None) if !required => Ok(None),
        Ok(None) => Err(refuse("cannot be read: there is no such file".to_owned())),
        Err(error) => Err(refuse(format!("cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_later_epochs_lie_beside_the_first() {
        for (file, epoch, expected) in [
            ("d/audit.key", 1, "d/audit.1.key"),
            ("d/audit.1.key", 2, "d/audit.2.key"),
            ("key", 1, "key.1"),
            ("d/0f-3e.key", 12, "d/0f-3e.12.key"),
        ] {
            assert_eq!(of_epoch(Path::new(file), epoch), Path::new(expected));
        }
    }
}
